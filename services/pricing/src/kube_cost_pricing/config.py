"""What the pricing service can be told."""

from typing import Annotated

import msgspec

from kube_cost_common.runtime.lifecycle import ServiceConfig

_Rate = Annotated[float, msgspec.Meta(ge=0)]
_Seconds = Annotated[float, msgspec.Meta(gt=0)]


class PricingConfig(ServiceConfig, frozen=True, kw_only=True):
    """Settings from the environment: `KUBE_COST_` and the field's name in capitals."""

    nats_url: str = "nats://nats:4222"
    """Where the bus is; more than one URL, separated by commas, for a cluster."""

    nats_inbox_prefix: str = "_INBOX"
    """Subjects that answers come on; each user of the bus has its own."""

    nats_tls_ca_file: str = ""
    """PEM file of the authorities that may sign the bus's certificate."""

    nats_nkey_seed_file: str = ""
    """File with this service's nkey seed; empty is no authentication."""

    listen_host: str = "0.0.0.0"  # noqa: S104 - the kubelet's probes come from outside the pod
    """Address that /healthz and /readyz are served on."""

    listen_port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 8080
    """Port of the same; 0 takes a free one."""

    custom_prices_file: str = ""
    """YAML file with the user's own prices (see custom/document.py); empty is none."""

    custom_prices_check_seconds: _Seconds = 1.0
    """How often that file is read; a change counts at the second reading that finds it."""

    currency_rates: str = ""
    """USD that one unit of another currency costs: `EUR=1.08,GBP=1.27`. A price in a currency without a rate is
    refused.
    """

    default_usd_per_vcpu_hour: _Rate = 0.031611
    """For machines whose price nobody knows: GCP's n1 core in us-central1, as OpenCost has it. 0 switches it off."""

    default_usd_per_gib_hour: _Rate = 0.004237
    """The same per GiB of memory."""

    default_usd_per_gpu_hour: _Rate = 0.95
    """The same per GPU."""

    prices_check_seconds: _Seconds = 15.0
    """How often all prices are looked at though nothing is known to have changed."""


def currency_rates(text: str) -> dict[str, float]:
    """Return the USD per unit of each currency in `EUR=1.08,GBP=1.27`; raise ValueError, which says what is wrong."""
    rates: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        code, _, number = (piece.strip() for piece in part.partition("="))
        try:
            rate = float(number)
        except ValueError:
            rate = 0.0
        if not (len(code) == 3 and code.isascii() and code.isalpha() and code.isupper() and 0 < rate < float("inf")):
            raise ValueError(f"{part!r} is no rate; expected three capitals and the USD for one, like EUR=1.08")
        if code == "USD" or code in rates:
            raise ValueError(f"{part!r}: {code} has its rate already")
        rates[code] = rate
    return rates
