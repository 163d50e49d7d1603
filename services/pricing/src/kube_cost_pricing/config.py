"""What the pricing service can be told."""

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

    prices_check_seconds: PositiveSeconds = 15.0
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
