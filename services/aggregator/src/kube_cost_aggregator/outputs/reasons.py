"""Why something has no price, in sentences."""

from collections.abc import Mapping

from kube_cost_aggregator.state.rates import WAITING

REASONS: Mapping[str, str] = {
    WAITING: "no price has arrived yet",
    "no_price": "no source has a price",
    "no_region": "the node names no region",
    "no_instance_type": "the node names no instance type",
    "ambiguous": "the provider has several prices, and nothing tells them apart",
    "currency": "the price is in a currency without a configured rate",
    "implausible": "the price was too far from what it can be, and is not believed",
    "not_positive": "the price was not above 0",
    "not_finite": "the price was no number",
    "api_waiting": "the provider's API has not answered yet",
    "api_failing": "the provider's API does not answer",
}
"""By the code that pricing gives."""


def sentence(code: str, detail: str = "") -> str:
    """Return what is said of it: what pricing says, else what its code means."""
    return detail or REASONS.get(code, code)
