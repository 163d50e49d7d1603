"""Settings from the environment."""

import pytest

from kube_cost_common.runtime.config import ConfigError, load
from kube_cost_pricing.config import PricingConfig, currency_rates


def test_defaults_need_no_environment() -> None:
    """Without any variable the service has a bus to look for and no custom prices."""
    config = load(PricingConfig, {})
    assert (config.nats_url, config.custom_prices_file) == ("nats://nats:4222", "")
    assert config.default_usd_per_vcpu_hour == 0.031611


def test_the_default_rates_can_be_switched_off() -> None:
    """0 is no rate; a negative one is a fault that names its variable."""
    assert load(PricingConfig, {"KUBE_COST_DEFAULT_USD_PER_VCPU_HOUR": "0"}).default_usd_per_vcpu_hour == 0
    with pytest.raises(ConfigError, match="KUBE_COST_DEFAULT_USD_PER_GPU_HOUR"):
        load(PricingConfig, {"KUBE_COST_DEFAULT_USD_PER_GPU_HOUR": "-1"})


@pytest.mark.parametrize(
    ("text", "rates"), [("", {}), ("EUR=1.08", {"EUR": 1.08}), (" EUR = 1.08 , CNY=0.14,", {"EUR": 1.08, "CNY": 0.14})]
)
def test_currency_rates(text: str, rates: dict[str, float]) -> None:
    """Rates are USD per unit, separated by commas."""
    assert currency_rates(text) == rates


@pytest.mark.parametrize("text", ["EUR", "EUR=", "eur=1", "EURO=1", "EUR=0", "EUR=-1", "EUR=nan", "EUR=inf", "1=EUR"])
def test_a_rate_that_is_none_is_named(text: str) -> None:
    """A malformed rate is refused with the part at fault."""
    with pytest.raises(ValueError, match="expected three capitals and the USD for one"):
        currency_rates(text)


@pytest.mark.parametrize("text", ["USD=1", "EUR=1,EUR=2"])
def test_a_currency_has_one_rate(text: str) -> None:
    """A second rate, or one for the dollar itself, is refused."""
    with pytest.raises(ValueError, match="has its rate already"):
        currency_rates(text)
