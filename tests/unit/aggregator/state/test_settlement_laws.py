"""Whatever happens to a node, its pods, its agent and the aggregator: laws that hold."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness.bench import USD, Bench
from harness.records import MINUTE, SECOND, START, FakeKernel, node_facts, pod_facts
from kube_cost_aggregator.state.facts import PodFacts
from kube_cost_aggregator.state.inventory import Inventory
from kube_cost_aggregator.state.restart import restore
from kube_cost_aggregator.state.settlement import Patience, Settlement

STEPS = (
    "bind",
    "resize",
    "succeed",
    "delete",
    "vanish",
    "sample",
    "lost sample",
    "repeated sample",
    "agent begins anew",
    "kernel boots",
    "silence",
    "aggregator begins anew",
    "relist",
)

Steps = Sequence[tuple[str, int, int]]


class Life:
    """One node's, as its steps have it. `at_ns` is now; `bound` and `ended` are when the API's pods were and had."""

    def __init__(self) -> None:
        self.bench = Bench()
        self.kernel = FakeKernel()
        self.at_ns = START
        self.api: dict[str, PodFacts] = {}
        self.bound: dict[str, int] = {}
        self.gone: dict[str, int] = {}
        self.sessions = 0
        self.through_ns = START

    def step(self, what: str, number: int, seconds: int) -> None:
        """Let some time pass, and then that happen to the pod with that number."""
        self.at_ns += seconds * SECOND
        uid = f"pod-{number}"
        if what in {"bind", "resize", "succeed", "delete", "vanish"}:
            self._pod(what, uid)
        elif what == "silence":
            self.bench.wait(self.at_ns, self.at_ns + 12 * MINUTE)
            self.at_ns += 12 * MINUTE
        elif what == "aggregator begins anew":
            self._begin_anew()
        elif what == "relist":
            self._relist()
        else:
            self._agent(what)

    def _pod(self, what: str, uid: str) -> None:
        pod = self.api.get(uid)
        if what == "bind":
            if uid in self.bound:
                return
            pod = pod_facts(uid, created_ns=self.at_ns, bound_ns=self.at_ns)
            self.bound[uid] = self.at_ns
            self.kernel.run_to(self.at_ns)
            self.kernel.pods[uid] = (0.7, 3.0)
        elif pod is None:
            return
        elif what == "resize":
            pod = replace(pod, vcpu_request=3.0 - pod.vcpu_request)
        else:
            self.kernel.run_to(self.at_ns)
            if self.kernel.pods.pop(uid, None):
                self.gone[uid] = self.at_ns
            if what == "succeed":
                pod = replace(pod, terminated=True, finished_ns=pod.finished_ns or self.at_ns)
            else:
                del self.api[uid]
                if what == "delete":  # else nobody hears of it before the next list
                    self.bench.inventory.end_pod(uid, self.at_ns)
                return
        self.api[uid] = pod
        self.bench.inventory.put_pod(pod, self.at_ns)

    def _agent(self, what: str) -> None:
        if self.at_ns <= self.kernel.sampled_ns:
            return
        if what in {"agent begins anew", "kernel boots"}:
            self.sessions += 1
            begin = self.kernel.boot if what == "kernel boots" else self.kernel.restart_agent
            begin(self.at_ns, f"{self.sessions:016x}")
            return
        gone = {uid: at_ns for uid, at_ns in self.gone.items() if uid in self.kernel._cpu}
        sample = self.kernel.sample(self.at_ns, ended=gone)
        if what != "lost sample":
            self.bench.take(sample)
        if what == "repeated sample":
            self.bench.take(sample, delay_ns=5 * SECOND)
        for uid in gone:
            self.kernel.forget(uid)

    def _begin_anew(self) -> None:
        bench = self.bench
        bench.settlement.catch_up(self.at_ns, connected=False, drained=False)  # it is committed every few seconds
        rows = [row for row in bench.ledger.batch.pods.values() if row.end_ns is None]
        bench.inventory = Inventory(changed=lambda: None)
        restore(bench.inventory, bench.ledger, rows)
        bench.settlement = Settlement(
            inventory=bench.inventory, ledger=bench.ledger, prices=bench.shelf, patience=Patience()
        )
        self._relist()

    def _relist(self) -> None:
        self.bench.inventory.replace_nodes([node_facts()], self.at_ns)
        self.bench.inventory.replace_pods(list(self.api.values()), self.bench.settlement.last_seen_ns)

    def check(self) -> None:
        """Assert what holds at any time."""
        bench = self.bench
        bench.check()
        state = bench.ledger.nodes.get("node-uid")
        if state is not None:
            assert self.through_ns <= state.settled_through_ns <= self.at_ns
            self.through_ns = state.settled_through_ns
        settled_seconds = (self.through_ns - START) / SECOND
        assert abs(bench.paid - USD * 1e9 * settled_seconds / 3600) <= 1 + len(bench.ledger.batch.node_hours)
        assert len(set(bench.pods)) == len(bench.pods), "a pod has two rows"
        for uid in bench.pods:
            assert bench.pod(uid).seconds <= (self.at_ns - self.bound[uid]) / SECOND + 1e-6

    def end(self) -> None:
        """Let the node be deleted, and wait until it is settled."""
        self.at_ns += SECOND
        self.bench.inventory.end_node("node-uid", self.at_ns)
        end_ns = self.at_ns
        self.at_ns += 2 * MINUTE
        self.bench.wait(self.at_ns, self.at_ns)
        self.through_ns = end_ns


steps = st.tuples(st.sampled_from(STEPS), st.integers(0, 3), st.integers(0, 100))


@given(st.lists(steps, max_size=30))
@settings(max_examples=100)
@example([("bind", 0, 0), ("sample", 0, 60), ("vanish", 0, 10), ("relist", 0, 1), ("sample", 0, 60)])
def test_no_time_is_lost_and_none_is_paid_twice(happening: Steps) -> None:
    """The node pays its price for its whole life, all of it is given out, and nothing is left behind at its end."""
    life = Life()
    for what, number, seconds in happening:
        life.step(what, number, seconds)
        life.check()
    life.end()
    life.check()
    assert not life.bench.ledger.nodes
    assert not life.bench.inventory.nodes
    assert not life.bench.inventory.pods
    assert all(row.end_ns is not None for row in life.bench.ledger.batch.pods.values())


@given(st.lists(steps, max_size=20))
@settings(max_examples=40)
def test_a_pod_that_is_heard_of_is_charged_no_less_than_its_request(happening: Steps) -> None:
    """From its binding to its end, where its events were heard and there is room: nothing else is promised to it."""
    life = Life()
    life.step("bind", 9, 0)
    for what, number, seconds in happening:
        life.step(what, number, seconds)
    life.end()
    lived = (life.at_ns - 2 * MINUTE - START) / SECOND
    assert abs(life.bench.pod("pod-9").seconds - lived) < 1e-6
    assert life.bench.vcpus(lived, "pod-9") >= 4 / 9 - 1e-6  # of 4 vCPUs, with four others that request 2 each
