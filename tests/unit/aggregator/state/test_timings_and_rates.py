"""How long passes took, and what everything costs now."""

import pytest

from harness.bench import USD, Bench
from harness.records import MINUTE, START, FakeKernel, node_facts, pod_facts
from kube_cost_aggregator.state.prices import instance_key
from kube_cost_aggregator.state.rates import WAITING, RateBoard
from kube_cost_aggregator.state.timings import Timings
from kube_cost_common.messages.prices import ON_DEMAND, Unpriced


def test_quantiles_are_of_the_durations_observed() -> None:
    """None before the first; number and sum are of all."""
    timings = Timings()
    assert timings.summary() == ({}, 0, 0.0)
    for number in range(1, 101):
        timings.observe(number / 100)
    quantiles, passes, total = timings.summary()
    assert quantiles == {0.5: 0.51, 0.9: 0.91, 0.99: 1.0}
    assert passes == 100
    assert total == pytest.approx(50.5)


def test_quantiles_are_of_the_last_thousand() -> None:
    """So that a slow start is forgotten."""
    timings = Timings()
    for _ in range(10):
        timings.observe(99.0)
    for _ in range(1000):
        timings.observe(1.0)
    assert timings.summary().quantiles[0.99] == 1.0
    assert timings.summary().passes == 1010


class TestRates:
    def test_they_add_up_to_the_nodes_price(self) -> None:
        """Pods by request before there is usage, and by the greater of both after."""
        bench = Bench()
        board = RateBoard(inventory=bench.inventory, now_ns=lambda: START)
        bench.inventory.put_pod(pod_facts())
        before = board.refresh(bench.shelf.book).nodes["node-uid"]
        bench.take(FakeKernel(pods={"pod-uid": (2.0, 6.0)}).sample(START + MINUTE))
        after = board.refresh(bench.shelf.book).nodes["node-uid"]
        for rate in (before, after):
            assert sum(pod.usd.total for pod in rate.pods) + rate.system.total + rate.idle.total == pytest.approx(USD)
        assert after.pods[0].usd.cpu == pytest.approx(2 * before.pods[0].usd.cpu)

    def test_a_node_that_has_not_changed_keeps_its_snapshot(self) -> None:
        """So that only what changed is rendered anew."""
        bench = Bench(nodes=(node_facts(), node_facts("other", "n2")))
        board = RateBoard(inventory=bench.inventory, now_ns=lambda: START)
        before = board.refresh(bench.shelf.book).nodes
        bench.inventory.put_pod(pod_facts(), START)
        after = board.refresh(bench.shelf.book).nodes
        assert after["other"] is before["other"]
        assert after["node-uid"] is not before["node-uid"]

    def test_a_node_without_a_price_says_why(self) -> None:
        """Its pods have no dollars rather than none."""
        bench = Bench(priced=False)
        bench.inventory.put_pod(pod_facts())
        rate = RateBoard(inventory=bench.inventory, now_ns=lambda: START).refresh(bench.shelf.book).nodes["node-uid"]
        assert (rate.price, rate.unpriced_reason, rate.pods) == (None, WAITING, ())

    def test_why_a_node_has_no_price_is_pricings_word(self) -> None:
        """The code is for the metric, the sentence for people."""
        bench = Bench(priced=False)
        key = instance_key(bench.inventory.nodes["node-uid"].identity, ON_DEMAND)
        why = Unpriced(key=key, code="currency", reason="a price in CNY, for which no rate is configured")
        bench.shelf.replace({}, frozenset(), {key: why})
        rate = RateBoard(inventory=bench.inventory, now_ns=lambda: START).refresh(bench.shelf.book).nodes["node-uid"]
        assert (rate.unpriced_reason, rate.unpriced_detail) == ("currency", why.reason)

    def test_what_has_ended_costs_nothing_now(self) -> None:
        """Though it may still be settled."""
        bench = Bench(nodes=(node_facts(), node_facts("other", "n2")))
        board = RateBoard(inventory=bench.inventory, now_ns=lambda: START)
        bench.inventory.put_pod(pod_facts())
        bench.inventory.end_pod("pod-uid", START + MINUTE)
        bench.inventory.end_node("other", START + MINUTE)
        rates = board.refresh(bench.shelf.book)
        assert set(rates.nodes) == {"node-uid"}
        assert rates.nodes["node-uid"].pods == ()

    def test_usage_alone_is_no_haste(self) -> None:
        """Without it the rates of what is new are there, and the usage of a sample with the next whole refresh."""
        bench = Bench(nodes=(node_facts(), node_facts("other", "n2")))
        board = RateBoard(inventory=bench.inventory, now_ns=lambda: START)
        bench.inventory.put_pod(pod_facts())
        before = board.refresh(bench.shelf.book).nodes
        bench.take(FakeKernel(pods={"pod-uid": (2.0, 6.0)}).sample(START + MINUTE))
        bench.inventory.put_pod(pod_facts("new", node_name="n2"), START + MINUTE)
        hasty = board.refresh_pods(bench.shelf.book).nodes
        assert hasty["node-uid"] is before["node-uid"]
        assert [pod.uid for pod in hasty["other"].pods] == ["new"]
        whole = board.refresh(bench.shelf.book).nodes
        assert whole["node-uid"].pods[0].usd.cpu == pytest.approx(2 * before["node-uid"].pods[0].usd.cpu)

    def test_what_changes_while_rates_are_prepared_is_in_them(self) -> None:
        """A node that was made ready and has a new pod, one that ended since, and prices that are others by then."""
        bench = Bench(nodes=(node_facts(), node_facts("other", "n2")))
        board = RateBoard(inventory=bench.inventory, now_ns=lambda: START)
        for _ in board.prepare(bench.shelf.book, usage=True):
            assert not board.now.nodes
        bench.inventory.put_pod(pod_facts(), START)
        bench.inventory.end_node("other", START + MINUTE)
        bench.price(usd=2 * USD)
        rates = board.refresh(bench.shelf.book)
        assert set(rates.nodes) == {"node-uid"}
        node = rates.nodes["node-uid"]
        assert [pod.uid for pod in node.pods] == ["pod-uid"]
        assert node.price is not None
        assert node.price.usd_per_hour == 2 * USD

    def test_a_pod_whose_rate_is_the_same_keeps_its_snapshot(self) -> None:
        """So that only the new pod's line is written; with another workload or price it is another one."""
        bench = Bench()
        board = RateBoard(inventory=bench.inventory, now_ns=lambda: START)
        bench.inventory.put_pod(pod_facts())
        (before,) = board.refresh(bench.shelf.book).nodes["node-uid"].pods
        bench.inventory.put_pod(pod_facts("new"), START)
        after, _ = board.refresh(bench.shelf.book).nodes["node-uid"].pods
        assert after is before
        bench.inventory.pods["pod-uid"].workload = "another"
        bench.inventory.mark("node-uid")
        renamed, _ = board.refresh(bench.shelf.book).nodes["node-uid"].pods
        assert renamed.workload == "another"
        bench.price(usd=2 * USD)
        dearer, _ = board.refresh(bench.shelf.book).nodes["node-uid"].pods
        assert dearer.usd.total == pytest.approx(2 * renamed.usd.total)
