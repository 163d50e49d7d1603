from datetime import UTC, datetime
from fractions import Fraction

import pytest

from kube_cost_simulator.costs.sustained_use import INSTANCE_TYPE, with_sustained_use
from kube_cost_simulator.history import History, NodeHistory, NodePrice
from kube_cost_simulator.scenario import GIB, CapacityType, Resources, Shape, Weights
from kube_cost_simulator.truth import Sample, settle

HOUR_NS = 3_600_000_000_000
DAY_NS = 24 * HOUR_NS


def at(month: int, day: int) -> int:
    """A day of 2027 in UTC, Unix nanoseconds."""
    return int(datetime(2027, month, day, tzinfo=UTC).timestamp()) * 1_000_000_000


def node(
    machine_type: str, created_ns: int, *prices: NodePrice, capacity_type: CapacityType = "on_demand"
) -> NodeHistory:
    return NodeHistory(
        name="n",
        uid="node",
        capacity_type=capacity_type,
        shape=Shape(Fraction(4), Fraction(16)),
        allocatable=Resources(4000, 16 * GIB),
        weights=Weights(Fraction(1), Fraction("0.25"), Fraction(0)),
        created_ns=created_ns,
        deleted_ns=None,
        prices=list(prices) or [NodePrice(created_ns, Fraction(1), None)],
        labels={INSTANCE_TYPE: machine_type},
    )


def paid(of: NodeHistory, start_ns: int, end_ns: int) -> Fraction:
    """USD of a stretch of a node's time."""
    history = with_sustained_use(History(started_ns=start_ns, through_ns=end_ns, nodes=[of]))
    return sum(settle(history, {"node": [Sample(start_ns, end_ns)]}).nodes.values(), Fraction(0))


@pytest.mark.parametrize("month", [2, 4, 5])
@pytest.mark.parametrize(
    ("machine_type", "share"), [("n1-standard-4", 70), ("custom-4-16384", 70), ("n2-standard-4", 80), ("e2-small", 100)]
)
def test_a_whole_month_has_all_of_the_discount(month: int, machine_type: str, share: int) -> None:
    """To the last bit."""
    start_ns, end_ns = at(month, 1), at(month + 1, 1)
    hours = (end_ns - start_ns) // HOUR_NS
    assert paid(node(machine_type, start_ns - DAY_NS), start_ns, end_ns) == Fraction(share * hours, 100)


def test_hours_are_counted_from_a_nodes_creation_and_anew_each_month() -> None:
    """From April 20th it has 7.5 days at the full price and 3.5 at 80 %; then May begins, with 7.75 days."""
    usd = paid(node("n1-standard-4", at(4, 20)), at(4, 20), at(5, 9))
    assert usd == 24 * (Fraction(15, 2) + Fraction(4, 5) * Fraction(7, 2) + Fraction(31, 4) + Fraction(4, 5) / 4)


def test_a_price_that_changes_is_cheaper_too() -> None:
    """By the hours that were run by then."""
    prices = (NodePrice(at(4, 1), Fraction(1), None), NodePrice(at(4, 17), Fraction(2), None))
    assert paid(node("n1-standard-4", at(4, 1), *prices), at(4, 16), at(4, 18)) == 24 * (
        Fraction(3, 5) + Fraction(6, 5)
    )


def test_spot_nodes_pay_what_they_paid() -> None:
    """Their prices stay, the one to compare with too."""
    spot = node("n1-standard-4", at(4, 1), NodePrice(at(4, 1), Fraction(1), Fraction(1, 4)), capacity_type="spot")
    history = History(through_ns=at(5, 1), nodes=[spot])
    assert with_sustained_use(history).nodes == [spot]
