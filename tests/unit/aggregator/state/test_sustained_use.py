"""Google's sustained use in the aggregator: for which prices, and gauges and ledger alike."""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import pytest

from harness.bench import Bench
from harness.records import HOUR, MINUTE, SECOND, node_facts, pod_facts, price_record
from kube_cost_aggregator.state.facts import NodeFacts
from kube_cost_aggregator.state.prices import PriceBook, Since, instance_key
from kube_cost_aggregator.state.rates import NodeRate, RateBoard
from kube_cost_aggregator.state.sustained_use import NextSteps
from kube_cost_common.domain.nodes import ON_DEMAND, SPOT, identify
from kube_cost_common.domain.sustained_use import UP_TO_20_PERCENT, UP_TO_30_PERCENT
from kube_cost_common.domain.unit_prices import Quarters
from kube_cost_common.messages.prices import PriceRecord, Shape, Weights

DAY = 24 * HOUR
APRIL = int(datetime(2027, 4, 1, tzinfo=UTC).timestamp()) * SECOND
MAY = APRIL + 30 * DAY
USD = 0.4


def google(
    machine_type: str = "n1-standard-4", *, created_ns: int = APRIL, labels: Mapping[str, str] = MappingProxyType({})
) -> NodeFacts:
    """A node in us-central1."""
    return node_facts(
        created_ns=created_ns,
        provider_id="gce://project/us-central1-a/n1",
        labels={
            "node.kubernetes.io/instance-type": machine_type,
            "topology.kubernetes.io/region": "us-central1",
            "topology.kubernetes.io/zone": "us-central1-a",
            **labels,
        },
    )


def quarters(facts: NodeFacts, record: PriceRecord, *, capacity: str = ON_DEMAND, on: bool = True) -> Quarters:
    """What a node's price says is paid in each quarter of a month."""
    identity = identify(provider_id=facts.provider_id, labels=facts.labels)
    key = instance_key(identity, capacity)
    (change,) = PriceBook({key: [Since(APRIL, record)]}, sustained_use=on).node_timeline(facts, identity)
    return change.price.quarters


class TestWhichPrices:
    @pytest.mark.parametrize("source", ["api", "snapshot"])
    def test_list_prices_of_google_have_it(self, source: str) -> None:
        """By the family of the machine."""
        assert quarters(google(), price_record(source=source)) == UP_TO_30_PERCENT
        assert quarters(google("n2d-standard-4"), price_record(source=source)) == UP_TO_20_PERCENT
        assert quarters(google("e2-standard-4"), price_record(source=source)) == ()

    @pytest.mark.parametrize("source", ["custom", "bill", "estimate"])
    def test_what_is_paid_already_has_not(self, source: str) -> None:
        """Nor what is only guessed."""
        assert quarters(google(), price_record(source=source)) == ()

    def test_it_is_not_given_beside_another_discount(self) -> None:
        """A configured percentage says what is paid."""
        assert quarters(google(), price_record(0.36, list_usd=0.4)) == ()

    def test_spot_has_not(self) -> None:
        """It is cheap enough."""
        facts = google(labels={"cloud.google.com/gke-spot": "true"})
        assert quarters(facts, price_record(), capacity=SPOT) == ()

    def test_other_clouds_have_not(self) -> None:
        """Whatever their machines are called."""
        assert quarters(node_facts(labels={"node.kubernetes.io/instance-type": "n1-x"}), price_record()) == ()

    def test_it_can_be_switched_off(self) -> None:
        """For accounts that don't have it."""
        assert quarters(google(), price_record(), on=False) == ()

    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({"weights": Weights(0.05, 0.005, 0.0)}, (1.0, 0.86, 0.72, 0.58)),  # 0.28 of 0.4 USD is the machine
            ({"weights": None}, ()),
            ({"weights": Weights(0.05, 0.005, 0.0), "shape": None}, ()),
            ({"weights": Weights(0.09, 0.005, 0.0)}, ()),  # no prices of this machine
        ],
    )
    def test_a_licence_is_never_cheaper(self, changes: dict[str, Any], expected: Quarters) -> None:
        """Of Windows cores and memory alone are, and nothing where nobody says which part these are."""
        record = price_record(**{"shape": Shape(4.0, 16.0), **changes})
        assert quarters(google(labels={"kubernetes.io/os": "windows"}), record) == pytest.approx(expected)


class Clock:
    def __init__(self) -> None:
        self.at_ns = APRIL

    def now_ns(self) -> int:
        return self.at_ns


class Month:
    """A node of Google's, its gauges, and the ledger that settles it by requests."""

    def __init__(self, facts: NodeFacts) -> None:
        self.bench = Bench(nodes=(facts,), priced=False)
        self.clock = Clock()
        self.board = RateBoard(inventory=self.bench.inventory, now_ns=self.clock.now_ns)
        self.bench.price(USD, APRIL)
        self.bench.inventory.put_pod(pod_facts(created_ns=facts.created_ns, bound_ns=facts.created_ns))

    def rate(self, at_ns: int) -> NodeRate:
        """What the node costs at a moment."""
        self.clock.at_ns = at_ns
        return self.board.refresh(self.bench.shelf.book).nodes["node-uid"]

    def settle(self, through_ns: int) -> None:
        """Settle what is older than the patience."""
        for now_ns in (through_ns, through_ns + 10 * MINUTE):
            self.bench.settlement.catch_up(now_ns, connected=True, drained=True)


def usd_now(rate: NodeRate) -> float:
    assert rate.price is not None
    assert sum(pod.usd.total for pod in rate.pods) + rate.system.total + rate.idle.total == pytest.approx(
        rate.price.usd_per_hour, rel=1e-12
    )
    return rate.price.usd_per_hour


@pytest.mark.parametrize(("machine_type", "share"), [("n1-standard-4", 0.7), ("n2-standard-4", 0.8), ("e2-small", 1)])
def test_a_whole_month_in_the_ledger(machine_type: str, share: float) -> None:
    """It is paid to the nano-USD an hour, all of it is given out, and no spot has saved anything."""
    month = Month(google(machine_type))
    month.settle(MAY)
    assert abs(month.bench.paid - share * USD * 720 * 1e9) <= 720 / 2
    assert month.bench.pod().savings == 0
    assert sum(row.saved for row in month.bench.ledger.batch.node_hours.values()) == 0
    month.bench.check()


def test_gauges_are_what_is_settled() -> None:
    """Before and after each step, over the month's end, of the node and of its pod."""
    month = Month(google(created_ns=APRIL + 5 * DAY + 1234 * SECOND))
    steps = [month.bench.inventory.nodes["node-uid"].facts.created_ns + number * 15 * DAY // 2 for number in (1, 2, 3)]
    found = []
    for step_ns in (*steps, MAY):
        for start_ns, end_ns in ((step_ns - HOUR, step_ns), (step_ns, step_ns + HOUR)):
            rate = month.rate(start_ns)
            found.append(usd_now(rate) / USD)
            month.settle(start_ns)
            paid, pod = month.bench.paid, month.bench.pod().total
            month.settle(end_ns)
            assert month.bench.paid - paid == pytest.approx(usd_now(rate) * 1e9, abs=2)
            assert month.bench.pod().total - pod == pytest.approx(rate.pods[0].usd.total * 1e9, abs=2)
    assert found == pytest.approx([1.0, 0.8, 0.8, 0.6, 0.6, 0.4, 0.4, 1.0])
    month.bench.check()


def test_a_node_changes_its_rate_when_its_step_comes() -> None:
    """Though nothing else of it has changed; until then it keeps its snapshot, and the price on demand stays listed."""
    month = Month(google())
    first = month.rate(APRIL)
    assert month.rate(APRIL + 7 * DAY) is first
    later = month.rate(APRIL + 8 * DAY)
    assert (usd_now(later), later.on_demand_usd_per_hour, later.unallocated_savings) == (0.8 * USD, USD, 0.0)
    assert later.pods[0].savings == 0.0
    assert later.pods[0].usd.total == pytest.approx(0.8 * first.pods[0].usd.total)
    assert month.rate(APRIL + 9 * DAY) is later
    assert usd_now(month.rate(MAY)) == USD


class TestNextSteps:
    def test_each_is_due_once(self) -> None:
        """At its moment, not before."""
        steps = NextSteps()
        assert list(steps.due(9)) == []
        steps.note("a", 10)
        steps.note("b", 20)
        assert list(steps.due(9)) == []
        assert list(steps.due(10)) == ["a"]
        assert list(steps.due(19)) == []
        assert list(steps.due(30)) == ["b"]
        assert list(steps.due(40)) == []

    def test_what_is_gone_is_not_due(self) -> None:
        """Nor what has no steps any more."""
        steps = NextSteps()
        steps.note("a", 10)
        steps.note("a", None)
        steps.note("b", None)
        assert list(steps.due(10)) == []
