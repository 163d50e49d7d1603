"""What the pricing service can be told."""

from pathlib import Path
from typing import Annotated

import msgspec

from kube_cost_common.runtime.mesh import DefaultPriceConfig, PositiveSeconds


class PricingConfig(DefaultPriceConfig, frozen=True, kw_only=True):
    """Settings from the environment: `KUBE_COST_` and the field's name in capitals."""

    custom_prices_file: str = ""
    """YAML file with the user's own prices (see custom/document.py); empty is none."""

    custom_prices_check_seconds: PositiveSeconds = 1.0
    """How often that file is read; a change counts at the second reading that finds it."""

    currency_rates: str = ""
    """USD that one unit of another currency costs: `EUR=1.08,GBP=1.27`. A price in a currency without a rate is
    refused.
    """

    price_apis: str = "auto"
    """Clouds whose price APIs are asked: `auto` is all that nodes and volumes are of, `none` is none (offline: the
    shipped price table alone), or a list like `aws,gcp`.
    """

    discounts: str = ""
    """Percent off list prices on demand, by provider and by family of machines: `aws=5,aws/m5=12,gcp=10`."""

    instance_price_ttl_seconds: PositiveSeconds = 3600.0
    """How long an on-demand price of an API is good for before it is asked again."""

    spot_price_ttl_seconds: PositiveSeconds = 300.0
    """Likewise a spot price."""

    storage_price_ttl_seconds: PositiveSeconds = 86_400.0
    """Likewise a volume's price."""

    network_price_ttl_seconds: PositiveSeconds = 3600.0
    """Likewise a price of traffic, load balancers and the control plane."""

    price_api_calls_per_minute: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100
    """The most calls to one provider in any 60 s, retries included. The first minute of a process has none."""

    price_api_timeout_seconds: PositiveSeconds = 60.0
    """How long one call may take."""

    azure_endpoint: str = ""
    """Where the Retail Prices API is instead of https://prices.azure.com."""

    azure_subscription_id: str = ""
    """The subscription whose price sheet overrides list prices; empty is list prices alone."""

    azure_offer_id: str = ""
    """The offer of the price sheet's lines to take, such as `MS-AZR-0017P`; empty is all."""

    azure_arm_endpoint: str = ""
    """Where Azure Resource Manager is instead of https://management.azure.com."""

    gcp_endpoint: str = ""
    """Where the Cloud Billing Catalog is instead of cloudbilling.googleapis.com."""

    gcp_api_key_file: str = ""
    """File with an API key for it; empty is the pod's own credentials (Workload Identity)."""

    aws_endpoint_region: str = ""
    """Region of the Price List endpoint instead of us-east-1: eu-central-1, ap-south-1, or cn-northwest-1 for China."""

    aws_pricing_endpoint: str = ""
    """URL of the Price List API where it isn't AWS's own, as in a private network."""

    aws_ec2_endpoint: str = ""
    """URL of the EC2 API of all regions, likewise."""

    prices_check_seconds: PositiveSeconds = 15.0
    """How often all prices are looked at though nothing is known to have changed."""

    def cloud_settings(self, provider: str) -> dict[str, object]:
        """Return what isn't at its default of a cloud's own settings, by the names that they have there."""
        values: dict[str, dict[str, object]] = {
            "azure": {
                "endpoint": self.azure_endpoint,
                "subscription_id": self.azure_subscription_id,
                "offer_id": self.azure_offer_id,
                "arm_endpoint": self.azure_arm_endpoint,
            },
            "gcp": {
                "endpoint": self.gcp_endpoint,
                "api_key_file": Path(self.gcp_api_key_file) if self.gcp_api_key_file else None,
            },
            "aws": {
                "pricing_region": self.aws_endpoint_region,
                "pricing_endpoint": self.aws_pricing_endpoint,
                "ec2_endpoint": self.aws_ec2_endpoint,
            },
        }
        return {name: value for name, value in values[provider].items() if value}


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
