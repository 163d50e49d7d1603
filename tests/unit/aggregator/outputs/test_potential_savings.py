"""What more spot would save, as it is shown."""

from dataclasses import replace

import pytest

from harness.costs import Shown, node_rate, rates_of
from kube_cost_aggregator.state.rates import NodeRate

NAME = "kube_cost_spot_potential_savings_hourly_usd"


def shown(*nodes: NodeRate) -> float:
    (line,) = (line for line in Shown(rates=rates_of(*nodes)).text().splitlines() if line.startswith(f"{NAME} "))
    return float(line.rpartition(" ")[2])


def test_it_is_70_percent_of_what_spot_takes_off() -> None:
    """Of a node on demand."""
    assert shown(node_rate(usd_per_hour=0.1, on_demand=0.1, spot=0.03)) == pytest.approx(0.7 * 0.07)


def test_what_sustained_use_takes_off_is_not_saved_again() -> None:
    """The node pays 0.06 of 0.1 already, which is what its price on demand goes on to show."""
    cheaper = replace(node_rate(usd_per_hour=0.06, on_demand=0.06, spot=0.03), on_demand_usd_per_hour=0.1)
    assert shown(cheaper) == pytest.approx(0.7 * 0.03)


def test_a_spot_node_counts_at_its_price_on_demand() -> None:
    """By the list; so does one that has no price of its own yet."""
    labels = {"karpenter.sh/capacity-type": "spot"}
    on_demand = node_rate("a", usd_per_hour=0.1, on_demand=0.1, spot=0.03)
    spot = node_rate("b", usd_per_hour=0.03, on_demand=0.1, spot=0.03, labels=labels)
    unpriced = node_rate("c", usd_per_hour=None, on_demand=0.1, labels=labels)
    assert shown(on_demand, spot) == pytest.approx((0.7 * 0.2 - 0.1) * 0.7)
    assert shown(on_demand, replace(on_demand, facts=replace(on_demand.facts, uid="d", name="d")), unpriced) == (
        pytest.approx((0.7 * 0.3 - 0.1) * 0.7)
    )
