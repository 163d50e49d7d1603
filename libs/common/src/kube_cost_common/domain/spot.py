"""What more spot would save."""

from collections.abc import Iterable
from typing import NamedTuple

TARGET_SHARE = 0.7
"""The part of machines, by their on-demand price, that is taken to be able to run on spot."""


class PricedNode(NamedTuple):
    """A node's prices in USD per hour, None where unknown, and whether it is a spot node."""

    is_spot: bool
    on_demand: float | None
    spot: float | None


def potential_savings(nodes: Iterable[PricedNode], *, target_share: float = TARGET_SHARE) -> float:
    """Return USD per hour that a spot share of `target_share` would save more than today's, never below 0.

    `(target − share) × on demand × (1 − spot ÷ on demand)`: share and on-demand spend are those of all nodes whose
    on-demand price is known, at that price; the ratio is that of the on-demand nodes of which both prices are known, in
    their own zone. Nothing is claimed where no on-demand node has both.
    """
    spend = spend_on_spot = 0.0
    both = spot_of_both = 0.0
    for node in nodes:
        if node.on_demand is None:
            continue
        spend += node.on_demand
        if node.is_spot:
            spend_on_spot += node.on_demand
        elif node.spot is not None:
            both += node.on_demand
            spot_of_both += node.spot
    if not spend or not both:
        return 0.0
    return max(0.0, target_share * spend - spend_on_spot) * max(0.0, 1.0 - spot_of_both / both)


def spot_share(nodes: Iterable[PricedNode]) -> float | None:
    """Return the part of nodes that is spot, by their on-demand price; None where nobody knows one."""
    known = [node for node in nodes if node.on_demand is not None]
    spend = sum(node.on_demand or 0.0 for node in known)
    return sum(node.on_demand or 0.0 for node in known if node.is_spot) / spend if spend else None
