"""Facts, samples and prices of one small node, made by hand, and a store in memory that can refuse."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kube_cost_aggregator.history.store import Batch, LedgerState, Retention, StoreError
from kube_cost_aggregator.state.facts import NodeFacts, Owner, PodFacts
from kube_cost_common.domain.resources import BYTES_PER_GIB, Resources
from kube_cost_common.messages.prices import PriceRecord, Shape
from kube_cost_common.messages.usage import ROOT_KUBEPODS, PodUsage, RootUsage, UsageSample

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 3600 * SECOND
START = 1_800_000_000 // 3600 * HOUR
"""A full hour."""

LABELS = {
    "node.kubernetes.io/instance-type": "m5.xlarge",
    "topology.kubernetes.io/region": "us-east-1",
    "topology.kubernetes.io/zone": "us-east-1a",
}


def node_facts(uid: str = "node-uid", name: str = "n1", **changes: Any) -> NodeFacts:
    """4 vCPU and 16 GiB, all of it for pods."""
    facts: dict[str, Any] = {
        "created_ns": START,
        "provider_id": "aws:///us-east-1a/i-1",
        "labels": LABELS,
        "capacity": Resources(4.0, 16.0),
        "allocatable": Resources(4.0, 16.0),
    }
    return NodeFacts(uid=uid, name=name, **{**facts, **changes})


def pod_facts(uid: str = "pod-uid", **changes: Any) -> PodFacts:
    """1 vCPU and 4 GiB, bound when the node began."""
    facts: dict[str, Any] = {
        "usage_uid": uid,
        "namespace": "shop",
        "name": f"name-of-{uid}",
        "node_name": "n1",
        "created_ns": START,
        "bound_ns": START,
        "finished_ns": None,
        "vcpu_request": 1.0,
        "memory_gib_request": 4.0,
        "owner": Owner("ReplicaSet", "web-1", "rs-uid"),
    }
    return PodFacts(uid=uid, **{**facts, **changes})


def price_record(usd: float = 0.4, **changes: Any) -> PriceRecord:
    """0.4 USD an hour for an m5.xlarge on demand."""
    fields: dict[str, Any] = {
        "provider": "aws",
        "region": "us-east-1",
        "zone": "",
        "kind": "instance",
        "sku": "m5.xlarge",
        "os": "linux",
        "capacity": "on_demand",
        "usd": usd,
        "list_usd": usd,
        "unit": "hour",
        "currency": "USD",
        "shape": Shape(4.0, 16.0),
        "weights": None,
        "tiers": [],
        "source": "api",
        "fetched_at_ns": START,
        "effective_from_ns": START,
    }
    return PriceRecord(**{**fields, **changes})


def used(uid: str = "pod-uid", **changes: Any) -> PodUsage:
    """A pod's totals: nothing used since the node began."""
    fields: dict[str, Any] = {
        "namespace": "shop",
        "name": f"name-of-{uid}",
        "since_ns": START + SECOND,
        "last_ns": START + MINUTE,
        "ended": False,
        "cpu_seconds": 0.0,
        "memory_byte_seconds": 0.0,
    }
    return PodUsage(uid=uid, **{**fields, **changes})


@dataclass
class FakeKernel:
    """A node's agent with pods that use constant amounts; its samples are whole minutes of its own clock.

    `pods` maps uids to vCPUs and GiB. `clock_ahead_ns` is how far the agent's clock is off.
    """

    node: str = "n1"
    session: str = "0" * 16
    boot_id: str = "boot"
    clock_ahead_ns: int = 0
    pods: dict[str, tuple[float, float]] = field(default_factory=dict)
    began_ns: int = START
    seq: int = 0
    sampled_ns: int = START
    _cpu: dict[str, float] = field(default_factory=dict)
    _memory: dict[str, float] = field(default_factory=dict)
    _since: dict[str, int] = field(default_factory=dict)
    _root: float = 0.0

    def restart_agent(self, at_ns: int, session: str) -> None:
        """The agent begins anew; the kernel goes on."""
        self.run_to(at_ns)
        self.session, self.seq, self.sampled_ns = session, 0, at_ns
        self._memory.clear()
        self._since = dict.fromkeys(self._since, at_ns)

    def boot(self, at_ns: int, session: str) -> None:
        """The kernel begins anew."""
        self.restart_agent(at_ns, session)
        self.boot_id = f"boot of {session}"
        self._cpu.clear()
        self._root = 0.0

    def run_to(self, at_ns: int) -> None:
        """Let the pods use what they use until then."""
        seconds = (at_ns - self.began_ns) / SECOND
        for uid, (vcpu, gib) in self.pods.items():
            self._since.setdefault(uid, self.began_ns)
            self._cpu[uid] = self._cpu.get(uid, 0.0) + vcpu * seconds
            self._memory[uid] = self._memory.get(uid, 0.0) + gib * BYTES_PER_GIB * seconds
            self._root += vcpu * seconds
        self.began_ns = at_ns

    def sample(self, end_ns: int, *, ended: Mapping[str, int] | None = None) -> UsageSample:
        """The sample that ends at `end_ns` of true time; `ended` are pods that were last read before."""
        self.run_to(end_ns)
        ahead = self.clock_ahead_ns
        pods = [
            PodUsage(
                uid=uid,
                namespace="shop",
                name=f"name-of-{uid}",
                since_ns=self._since[uid] + ahead,
                last_ns=(ended or {}).get(uid, end_ns) + ahead,
                ended=uid in (ended or {}),
                cpu_seconds=cpu,
                memory_byte_seconds=self._memory.get(uid, 0.0),
            )
            for uid, cpu in self._cpu.items()
        ]
        sample = UsageSample(
            sent_at_ns=end_ns + ahead,
            cluster="default",
            node=self.node,
            boot_id=self.boot_id,
            session=self.session,
            seq=self.seq,
            start_ns=self.sampled_ns + ahead,
            end_ns=end_ns + ahead,
            roots=[RootUsage(name=ROOT_KUBEPODS, cpu_seconds=self._root, memory_byte_seconds=0.0)],
            pods=pods,
        )
        self.seq += 1
        self.sampled_ns = end_ns
        return sample

    def forget(self, uid: str) -> None:
        """A pod isn't listed any more."""
        for known in (self.pods, self._cpu, self._memory, self._since):
            known.pop(uid, None)


class MemoryStore:
    """Keeps the batches it was given. It refuses the next `refusals` of them."""

    def __init__(self, *, refusals: int = 0, state: LedgerState | None = None) -> None:
        self.refusals = refusals
        self.batches: list[Batch] = []
        self._state = state

    async def load(
        self,
        *,
        now_ns: int,
        month_start: int,  # noqa: ARG002 - the protocol's
        hours_from: int = 0,  # noqa: ARG002 - likewise
    ) -> LedgerState:
        """Return what it was made with, or an empty ledger that begins now."""
        return self._state or LedgerState(
            started_at_ns=now_ns,
            stream=None,
            nodes=[],
            open_pods=[],
            next_pod_id=1,
            next_node_id=1,
            namespace_totals={},
            namespace_days={},
            counters={},
        )

    async def commit(self, batch: Batch) -> None:
        """Keep a batch, or refuse it."""
        if self.refusals:
            self.refusals -= 1
            raise StoreError("can't write the ledger: disk full")
        self.batches.append(batch)

    async def tidy(self, *, now: int, settled_through: int, retention: Retention) -> bool:
        raise NotImplementedError
