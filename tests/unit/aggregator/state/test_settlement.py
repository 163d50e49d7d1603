"""What is decided at the edges: docs/architecture.md, "Edges, decided"."""

import pytest

from harness.bench import CPU_USD, DEFAULTS, USD, Bench
from harness.records import MINUTE, SECOND, START, FakeKernel, node_facts, pod_facts
from kube_cost_aggregator.state.prices import instance_key
from kube_cost_aggregator.state.rates import RateBoard
from kube_cost_aggregator.state.settlement import Outcome
from kube_cost_common.domain.nodes import ON_DEMAND
from kube_cost_common.messages.prices import Unpriced


def minute(number: float) -> int:
    """That many minutes after the start, Unix nanoseconds."""
    return START + round(number * MINUTE)


@pytest.fixture
def bench() -> Bench:
    """One node with a pod that requests 1 vCPU and 4 GiB, from the start."""
    bench = Bench()
    bench.inventory.put_pod(pod_facts())
    return bench


@pytest.fixture
def kernel() -> FakeKernel:
    """The pod uses 2 vCPUs and 6 GiB."""
    return FakeKernel(pods={"pod-uid": (2.0, 6.0)})


def test_a_sample_is_settled_to_its_end(bench: Bench, kernel: FakeKernel) -> None:
    """The pod is charged what it used, since that is more than its request, and all adds up."""
    assert bench.take(kernel.sample(minute(1))) is Outcome.SETTLED
    assert bench.through == 60
    assert bench.vcpus(60) == pytest.approx(2)
    assert bench.gib(60) == pytest.approx(6)
    assert abs(bench.paid - USD * 1e9 / 60) <= 1
    bench.check()


def test_a_sample_of_a_node_that_no_watch_told_of_is_left_to_the_caller(bench: Bench) -> None:
    """Nothing is booked for it."""
    assert bench.take(FakeKernel(node="other").sample(minute(1))) is Outcome.UNKNOWN_NODE
    assert not bench.ledger.batch.node_hours


class TestSilentAgent:
    def test_is_waited_for_ten_minutes(self, bench: Bench, kernel: FakeKernel) -> None:
        """Until then its time stays open."""
        bench.take(kernel.sample(minute(1)))
        bench.wait(minute(1), minute(11))
        assert bench.through == 60

    def test_is_then_settled_by_requests(self, bench: Bench, kernel: FakeKernel) -> None:
        """The time is marked estimated, and goes as far as ten minutes ago."""
        bench.take(kernel.sample(minute(1)))
        bench.wait(minute(1), minute(13))
        assert bench.through == 180
        assert bench.estimated_seconds == bench.pod().estimated_seconds == 120
        assert bench.vcpus(180) == pytest.approx((2 * 60 + 1 * 120) / 180)
        bench.check()

    def test_has_gauges_by_requests_from_then_on(self, bench: Bench, kernel: FakeKernel) -> None:
        """What was used ten minutes ago says nothing of now; with its next sample usage is back."""
        board = RateBoard(inventory=bench.inventory, now_ns=lambda: START)

        def vcpus() -> float:
            (node,) = board.refresh(bench.shelf.book).nodes.values()
            return node.pods[0].usd.cpu / CPU_USD

        for number in (1, 2):
            bench.take(kernel.sample(minute(number)))
        bench.wait(minute(2), minute(11.9))
        assert vcpus() == pytest.approx(2)
        bench.wait(minute(12), minute(13))
        assert vcpus() == pytest.approx(1)
        bench.take(kernel.sample(minute(14)))
        assert vcpus() == pytest.approx(2)

    def test_is_waited_for_anew_when_the_bus_was_away(self, bench: Bench, kernel: FakeKernel) -> None:
        """What agents had to keep meanwhile has time to come."""
        bench.take(kernel.sample(minute(1)))
        bench.wait(minute(1), minute(8))
        bench.settlement.catch_up(minute(9), connected=False, drained=False)
        bench.wait(minute(10), minute(19))
        assert bench.through == 60
        bench.wait(minute(20), minute(20))
        assert bench.through == 600

    def test_waits_for_what_is_on_the_bus(self, bench: Bench, kernel: FakeKernel) -> None:
        """While samples wait to be settled nobody is silent, and a moment without any ends the wait."""
        bench.take(kernel.sample(minute(1)))
        bench.wait(minute(1), minute(30), drained=False)
        assert bench.through == 60
        bench.wait(minute(30), minute(30))
        assert bench.through == 20 * 60

    def test_that_speaks_late_only_moves_its_baselines(self, bench: Bench, kernel: FakeKernel) -> None:
        """A sample that ends before the cursor changes no money."""
        bench.take(kernel.sample(minute(1)))
        bench.wait(minute(1), minute(15))
        before = bench.pod()
        assert bench.take(kernel.sample(minute(2))) is Outcome.LATE
        assert bench.pod() == before
        assert bench.state().pods["pod-uid"].cpu_seconds == pytest.approx(240)

    def test_that_straddles_the_cursor_is_charged_for_the_open_part(self, bench: Bench, kernel: FakeKernel) -> None:
        """By its average: what was settled by request stays so."""
        bench.take(kernel.sample(minute(1)))
        bench.wait(minute(1), minute(15))
        before = bench.pod()
        assert bench.take(kernel.sample(minute(7))) is Outcome.SETTLED
        assert bench.pod().seconds - before.seconds == 120
        more = (bench.pod().cpu - before.cpu) / before.cpu
        assert more == pytest.approx(2 * 120 / (2 * 60 + 1 * 240), rel=1e-6)
        bench.check()


class TestFirstAndLast:
    def test_minutes_before_the_agent_are_settled_by_requests(self, bench: Bench) -> None:
        """They are marked estimated; a pod older than the agent's session has no CPU of a known age yet."""
        kernel = FakeKernel(pods={"pod-uid": (2.0, 6.0)})
        kernel.restart_agent(minute(3), "1" * 16)
        bench.take(kernel.sample(minute(4)))
        assert bench.through == 240
        assert bench.estimated_seconds == 180
        assert bench.vcpus(240) == pytest.approx(1)
        assert bench.gib(240) == pytest.approx((4 * 180 + 6 * 60) / 240)
        bench.take(kernel.sample(minute(5)))
        assert bench.vcpus(300) == pytest.approx((240 + 2 * 60) / 300)

    def test_an_agent_that_has_run_for_long_has_an_average_memory(self, bench: Bench) -> None:
        """Its integral goes back far beyond the first sample that is heard."""
        kernel = FakeKernel(pods={"pod-uid": (2.0, 6.0)})
        for number in range(1, 60):
            kernel.sample(minute(number))
        bench.take(kernel.sample(minute(60)))
        assert bench.gib(3600) == pytest.approx((4 * 59 + 6) / 60)

    def test_minutes_of_a_node_are_settled_by_requests(self, bench: Bench, kernel: FakeKernel) -> None:
        """From its last sample to its deletion, after a minute; then the ledger is done with it."""
        bench.take(kernel.sample(minute(2)))
        bench.inventory.end_node("node-uid", minute(2.5))
        bench.wait(minute(2.5), minute(3.4))
        assert bench.through == 120
        bench.wait(minute(3.5), minute(3.5))
        assert abs(bench.paid - USD * 1e9 * 2.5 / 60) <= 1
        assert bench.pod().seconds == 150
        assert not bench.ledger.nodes
        assert bench.ledger.batch.gone_nodes == {"node-uid"}
        assert bench.ledger.batch.nodes["node-uid"].node_id == 1
        assert [row.end_ns for row in bench.ledger.batch.pods.values()] == [minute(2.5)]
        bench.check()

    def test_sample_beyond_a_nodes_end_is_charged_to_its_end(self, bench: Bench, kernel: FakeKernel) -> None:
        """A node's deletion ends all of its cost."""
        bench.inventory.end_node("node-uid", minute(1.5))
        bench.take(kernel.sample(minute(2)))
        bench.wait(minute(3), minute(3))
        assert abs(bench.paid - USD * 1e9 * 1.5 / 60) <= 1
        assert not bench.inventory.nodes
        assert not bench.inventory.pods

    def test_a_node_that_is_done_with_does_not_come_back(self, bench: Bench, kernel: FakeKernel) -> None:
        """A stale list that has it again isn't believed: its time would be paid twice."""
        bench.take(kernel.sample(minute(2)))
        bench.inventory.end_node("node-uid", minute(2))
        bench.wait(minute(3), minute(3))
        bench.inventory.replace_nodes([node_facts()], minute(4))
        assert not bench.inventory.nodes


class TestSessions:
    def test_an_agent_begun_anew_leaves_the_kernels_cpu(self, bench: Bench, kernel: FakeKernel) -> None:
        """Over the gap CPU is by the kernel's totals and memory by request; the gap is estimated."""
        bench.take(kernel.sample(minute(1)))
        kernel.restart_agent(minute(3), "1" * 16)
        bench.take(kernel.sample(minute(4)))
        assert bench.vcpus(240) == pytest.approx(2)
        assert bench.gib(240) == pytest.approx((6 * 60 + 4 * 120 + 6 * 60) / 240)
        assert bench.estimated_seconds == 120
        bench.check()

    def test_a_kernel_booted_anew_counts_from_nothing(self, bench: Bench, kernel: FakeKernel) -> None:
        """Even where its totals are greater by then than those of the kernel before."""
        bench.take(kernel.sample(minute(1)))
        kernel.boot(minute(1.5), "2" * 16)
        bench.take(kernel.sample(minute(4)))
        assert bench.vcpus(240) == pytest.approx((120 + 300) / 240)

    def test_totals_that_fell_are_counted_from_nothing(self, bench: Bench, kernel: FakeKernel) -> None:
        """A cgroup that was made anew has used what it says."""
        bench.take(kernel.sample(minute(5)))
        kernel.forget("pod-uid")
        kernel.pods["pod-uid"] = (1.5, 6.0)
        bench.take(kernel.sample(minute(6)))
        assert bench.vcpus(360) == pytest.approx((2 * 300 + 1.5 * 60) / 360)

    def test_a_lost_sample_loses_no_usage(self, bench: Bench, kernel: FakeKernel) -> None:
        """Totals of the next one cover its time."""
        bench.take(kernel.sample(minute(1)))
        kernel.sample(minute(2))
        bench.take(kernel.sample(minute(3)))
        assert bench.vcpus(180) == pytest.approx(2)
        assert bench.gib(180) == pytest.approx(6)
        assert bench.estimated_seconds == 0

    def test_a_repeated_sample_changes_nothing(self, bench: Bench, kernel: FakeKernel) -> None:
        """Nor does one that comes after a later one."""
        first, second = kernel.sample(minute(1)), kernel.sample(minute(2))
        bench.take(second)
        before = bench.pod()
        assert [bench.take(sample) for sample in (second, first)] == [Outcome.REPEATED] * 2
        assert bench.pod() == before
        assert bench.through == 120

    def test_a_sample_of_an_agent_that_another_followed_is_not_a_baseline(
        self, bench: Bench, kernel: FakeKernel
    ) -> None:
        """Else the time between them would be charged twice."""
        bench.take(kernel.sample(minute(1)))
        old = kernel.sample(minute(2))
        kernel.restart_agent(minute(2), "1" * 16)
        bench.take(kernel.sample(minute(3)))
        assert bench.take(old) is Outcome.LATE
        bench.take(kernel.sample(minute(4)))
        assert bench.vcpus(240) == pytest.approx(2)


class TestClocks:
    @pytest.mark.parametrize("ahead_ns", [90 * SECOND, -11 * MINUTE])
    def test_an_agents_clock_may_be_wrong(self, bench: Bench, ahead_ns: int) -> None:
        """Its samples are brought to the bus's clock."""
        kernel = FakeKernel(pods={"pod-uid": (2.0, 6.0)}, clock_ahead_ns=ahead_ns)
        for number in (1, 2, 3):
            assert bench.take(kernel.sample(minute(number)), ahead_ns=ahead_ns) is Outcome.SETTLED
            assert bench.through == 60 * number
        assert bench.vcpus(180) == pytest.approx(2)

    def test_a_sample_that_was_long_on_its_way_does_not_move_the_clock(self, bench: Bench, kernel: FakeKernel) -> None:
        """The node isn't settled into the future by it, but for the drift that is allowed."""
        bench.take(kernel.sample(minute(1)))
        bench.take(kernel.sample(minute(2)), delay_ns=3 * MINUTE)
        assert bench.through == pytest.approx(120, abs=0.1)
        bench.take(kernel.sample(minute(3)))
        assert bench.through == 180
        assert bench.vcpus(180) == pytest.approx(2, rel=1e-3)

    def test_a_first_sample_that_was_long_on_its_way_loses_nothing(self, bench: Bench, kernel: FakeKernel) -> None:
        """Its time seems later than it was; all is charged once in the end."""
        bench.take(kernel.sample(minute(1)), delay_ns=2 * MINUTE)
        for number in range(2, 6):
            bench.take(kernel.sample(minute(number)))
        assert bench.through == 300
        assert abs(bench.paid - USD * 1e9 * 300 / 3600) <= 1
        bench.check()


class TestPrices:
    def test_a_node_without_a_price_waits(self) -> None:
        """Its first price reaches back over all that isn't settled, and no usage is lost."""
        bench, kernel = Bench(priced=False), FakeKernel(pods={"pod-uid": (2.0, 6.0)})
        bench.inventory.put_pod(pod_facts())
        for number in (1, 2, 3):
            assert bench.take(kernel.sample(minute(number))) is Outcome.UNPRICED
        bench.price(since_ns=minute(3.5))
        assert bench.take(kernel.sample(minute(4))) is Outcome.SETTLED
        assert abs(bench.paid - USD * 1e9 * 240 / 3600) <= 1
        assert bench.vcpus(240) == pytest.approx((1 * 60 + 2 * 180) / 240)

    def test_a_node_waits_ten_minutes_at_most(self) -> None:
        """Then the default is assumed, and marked as an estimate."""
        bench, kernel = Bench(priced=False, defaults=DEFAULTS), FakeKernel()
        bench.take(kernel.sample(minute(1)))
        bench.wait(minute(1), minute(10.9))
        assert bench.take(kernel.sample(minute(10.9))) is Outcome.UNPRICED
        bench.wait(minute(11), minute(11))
        assert bench.take(kernel.sample(minute(12))) is Outcome.SETTLED
        assert abs(bench.paid - (4 * 0.03 + 16 * 0.004) * 1e9 * 12 / 60) <= 1
        assert bench.estimated_seconds == 720

    def test_a_price_in_a_currency_without_a_rate_is_waited_for(self) -> None:
        """No default is assumed for it: it stays unpriced, and the first price reaches back."""
        bench, kernel = Bench(priced=False, defaults=DEFAULTS), FakeKernel()
        (node,) = bench.inventory.nodes.values()
        key = instance_key(node.identity, ON_DEMAND)
        bench.shelf.replace({}, frozenset(), {key: Unpriced(key, "currency", "a price in CNY")})
        bench.take(kernel.sample(minute(1)))
        bench.wait(minute(1), minute(12))
        assert bench.take(kernel.sample(minute(12))) is Outcome.UNPRICED
        bench.price()
        assert bench.take(kernel.sample(minute(13))) is Outcome.SETTLED
        assert abs(bench.paid - USD * 1e9 * 13 / 60) <= 1

    def test_a_node_that_ends_unpriced_is_given_up(self) -> None:
        """Where no default may be assumed either, after the same wait."""
        bench = Bench(priced=False)
        bench.inventory.end_node("node-uid", minute(2))
        bench.wait(minute(2), minute(11))
        assert bench.ledger.nodes
        bench.wait(minute(12), minute(12))
        assert not bench.ledger.nodes
        assert not bench.inventory.nodes

    def test_a_price_holds_from_its_moment_on(self, bench: Bench, kernel: FakeKernel) -> None:
        """Within an interval too."""
        bench.price(0.8, minute(0.5))
        bench.take(kernel.sample(minute(1)))
        assert abs(bench.paid - (0.4 * 30 + 0.8 * 30) * 1e9 / 3600) <= 1


def test_names_of_nodes_come_back() -> None:
    """A sample is its own node's by its time, though another one has the name by now."""
    bench = Bench()
    bench.inventory.put_pod(pod_facts())
    old, new = FakeKernel(pods={"pod-uid": (2.0, 6.0)}), FakeKernel(session="1" * 16, pods={"new-pod": (1.0, 1.0)})
    bench.take(old.sample(minute(1)))
    bench.inventory.end_node("node-uid", minute(2.2))
    bench.inventory.put_node(node_facts("second", created_ns=minute(3)), minute(3))
    bench.inventory.put_pod(pod_facts("new-pod", bound_ns=minute(3), created_ns=minute(3)), minute(3))
    assert bench.take(old.sample(minute(2))) is Outcome.SETTLED
    assert bench.state("node-uid").settled_through_ns == minute(2)
    new.began_ns = new.sampled_ns = minute(3)
    assert bench.take(new.sample(minute(4))) is Outcome.SETTLED
    bench.wait(minute(4), minute(4))
    assert bench.pod("pod-uid").seconds == pytest.approx(132)
    assert bench.pod("new-pod").seconds == 60
    bench.check()


class TestPods:
    def test_a_pod_told_of_after_its_first_sample_becomes_the_apis(self, kernel: FakeKernel) -> None:
        """One row: until then by its usage and estimated, from then on by request or usage, under its workload."""
        bench = Bench()
        bench.take(kernel.sample(minute(1)))
        bench.inventory.put_pod(pod_facts(vcpu_request=3.0), minute(1.5))
        bench.take(kernel.sample(minute(2)))
        assert bench.pods == ["pod-uid"]
        assert bench.pod().seconds == pytest.approx(120)
        assert bench.pod().estimated_seconds == pytest.approx(60)
        assert bench.vcpus(120) == pytest.approx((2 + 3) / 2, rel=0.01)
        (row,) = bench.ledger.batch.pods.values()
        assert (row.workload_kind, row.workload, row.vcpu_request) == ("ReplicaSet", "web-1", 3.0)

    def test_a_static_pod_told_of_late_is_one_pod(self) -> None:
        """The API's mirror of it has another uid than the kubelet's."""
        bench, kernel = Bench(), FakeKernel(pods={"hash": (2.0, 6.0)})
        bench.take(kernel.sample(minute(1)))
        bench.inventory.put_pod(pod_facts("mirror", usage_uid="hash"), minute(1.5))
        bench.take(kernel.sample(minute(2)))
        bench.take(kernel.sample(minute(3)))
        assert bench.pods == ["mirror"]
        assert bench.pod("mirror").seconds == pytest.approx(180)
        bench.check()

    def test_a_pod_that_is_charged_to_its_end_is_not_taken_up_again(self, bench: Bench, kernel: FakeKernel) -> None:
        """Though its cgroup outlives it, and samples list it as ended for a while."""
        bench.inventory.end_pod("pod-uid", minute(0.9))
        bench.take(kernel.sample(minute(1)))
        bench.take(kernel.sample(minute(2)))
        bench.take(kernel.sample(minute(3), ended={"pod-uid": minute(2.5)}))
        assert bench.pods == ["pod-uid"]
        assert bench.pod().seconds == pytest.approx(54)
        kernel.forget("pod-uid")
        bench.take(kernel.sample(minute(4)))
        assert bench.state().charged == []

    def test_a_pod_made_anew_under_its_name_is_another_pod(self, bench: Bench, kernel: FakeKernel) -> None:
        """A StatefulSet's: each has its own time."""
        bench.inventory.put_pod(pod_facts(name="db-0"), START)
        bench.inventory.end_pod("pod-uid", minute(1.5))
        bench.inventory.put_pod(pod_facts("second", name="db-0", bound_ns=minute(1.6)), minute(1.6))
        bench.take(kernel.sample(minute(1)))
        bench.take(kernel.sample(minute(2)))
        assert bench.pod("pod-uid").seconds == pytest.approx(90)
        assert bench.pod("second").seconds == pytest.approx(24)
        bench.check()

    def test_a_pod_that_a_list_lacks_goes_on_while_samples_say(self, bench: Bench, kernel: FakeKernel) -> None:
        """The list was made after the samples that wait: it ends when they say, and is one pod."""
        bench.take(kernel.sample(minute(1)))
        bench.inventory.replace_pods([], bench.settlement.last_seen_ns)
        bench.take(kernel.sample(minute(2)))
        bench.take(kernel.sample(minute(3)))
        bench.take(kernel.sample(minute(4), ended={"pod-uid": minute(3.5)}))
        assert bench.pods == ["pod-uid"]
        assert bench.pod().seconds == pytest.approx(210)
        assert bench.pod().estimated_seconds == 0

    def test_a_pod_that_a_list_and_the_samples_lack_ended_when_it_was_last_seen(
        self, bench: Bench, kernel: FakeKernel
    ) -> None:
        """Nothing says that it lived longer."""
        bench.take(kernel.sample(minute(1)))
        bench.inventory.replace_pods([], bench.settlement.last_seen_ns)
        kernel.forget("pod-uid")
        bench.take(kernel.sample(minute(2)))
        assert bench.pod().seconds == 60
        assert not bench.inventory.pods

    def test_cpu_of_the_unread_seconds_is_the_ended_pods(self, bench: Bench, kernel: FakeKernel) -> None:
        """What the kernel counted for all pods and no pod shows."""
        bench.take(kernel.sample(minute(1)))
        kernel.run_to(minute(1.5))
        shown = kernel._cpu["pod-uid"]
        kernel.run_to(minute(1.55))
        kernel.pods.clear()
        kernel._cpu["pod-uid"] = shown
        bench.inventory.end_pod("pod-uid", minute(1.55))
        bench.take(kernel.sample(minute(2), ended={"pod-uid": minute(1.5)}))
        assert bench.vcpus(93) == pytest.approx(2)
