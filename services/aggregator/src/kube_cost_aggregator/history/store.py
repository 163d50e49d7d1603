"""What the ledger keeps, and what any keeper of it can do. Money is in whole nano-USD, hours in Unix seconds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import add, sub
from typing import Literal, NamedTuple, Protocol

import msgspec


class StoreError(Exception):
    """The history can't be read or written; says what was tried and why it failed."""


class Money(NamedTuple):
    """Nano-USD by what they are for, and what spot saved.

    `shared` is what sharing moved: more for who takes a part of what is shared, less for what is shared, 0 in all.
    """

    cpu: int = 0
    memory: int = 0
    gpu: int = 0
    savings: int = 0
    storage: int = 0
    network: int = 0
    load_balancer: int = 0
    control_plane: int = 0
    shared: int = 0

    @property
    def total(self) -> int:
        """What was paid: all but the savings."""
        return sum(self) - self.savings

    def plus(self, other: "Money") -> "Money":
        """Return the sum of both, field by field."""
        return Money(*map(add, self, other))

    def minus(self, other: "Money") -> "Money":
        """Return the difference, field by field."""
        return Money(*map(sub, self, other))

    def highest(self, other: "Money") -> "Money":
        """Return the greater of both, field by field."""
        return Money(*map(max, self, other))


NO_MONEY = Money()


class Traffic(NamedTuple):
    """Bytes sent and received, read and written, and block device operations of both kinds."""

    transmit_bytes: int = 0
    receive_bytes: int = 0
    read_bytes: int = 0
    write_bytes: int = 0
    operations: int = 0

    def plus(self, other: "Traffic") -> "Traffic":
        """Return the sum of both, field by field."""
        return Traffic(*map(add, self, other))


NO_TRAFFIC = Traffic()


class PodTotals(msgspec.Struct, array_like=True, gc=False):
    """What a pod's sample said last: the baseline of the next difference. None: the agent didn't say."""

    cpu_seconds: float
    memory_byte_seconds: float
    transmit_bytes: int | None = None
    receive_bytes: int | None = None
    read_bytes: int | None = None
    write_bytes: int | None = None
    operations: int | None = None
    gpu_seconds: float | None = None


class Running(msgspec.Struct, array_like=True, gc=False):
    """The exact running amounts of a row that may still grow, in USD, and the seconds it covers.

    Of a whole node only `cpu` is used, for all that was paid, and `network`, for what no pod sent.
    """

    cpu: float = 0.0
    memory: float = 0.0
    gpu: float = 0.0
    savings: float = 0.0
    seconds: float = 0.0
    estimated_seconds: float = 0.0
    network: float = 0.0


class RunningHour(msgspec.Struct, array_like=True):
    """One hour of one node that may still grow: each pod's amounts by its id, and the node's own.

    `hour` is its start in Unix seconds. `pods_nano` and `pods_savings_nano` are the sums of the pods' rounded amounts.
    The `savings` of `idle` are those of system and idle together.
    """

    hour: int
    node: Running
    system: Running
    idle: Running
    pods: dict[int, Running]
    pods_nano: int = 0
    pods_savings_nano: int = 0


class NodeRecord(msgspec.Struct, array_like=True, frozen=True):
    """What the cluster said of a node, for the time after a restart at which it may be gone."""

    created_ns: int
    provider_id: str
    labels: dict[str, str]
    capacity: tuple[float, float, float]
    allocatable: tuple[float, float, float]


class PendingPod(msgspec.Struct, array_like=True, frozen=True, kw_only=True):
    """A pod of which something isn't settled yet that `PodRow` doesn't hold: its start, its end, what it requested.

    `requests` are (since, vCPUs, GiB, GPUs) in order of time. `pod_id` is None where it has no row yet.
    """

    pod_id: int | None
    uid: str
    usage_uid: str
    namespace: str
    name: str
    workload_kind: str
    workload: str
    start_ns: int
    end_ns: int | None
    requests: list[tuple[int, float, float, float]]
    estimated: bool
    extends: bool
    claims: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()


class NodeState(msgspec.Struct, kw_only=True, array_like=True):
    """All that the next settlement of a node starts from. Times are Unix nanoseconds of the bus's clock.

    `baseline_end_ns` is the end of the last sample whose totals are `pods` and `root_cpu_seconds`; None before the
    first. `clock_offset_ns` is what is added to the agent's stamps. `charged` are the pods, by the agent's uid, that
    are charged to their end though the last sample still lists them. Fields are only appended, with defaults.
    """

    node_id: int
    uid: str
    name: str
    settled_through_ns: int
    session: str = ""
    seq: int = -1
    clock_offset_ns: int = 0
    baseline_end_ns: int | None = None
    root_cpu_seconds: float | None = None
    pods: dict[str, PodTotals] = {}
    hours: list[RunningHour] = []
    ended_ns: int | None = None
    instance_type: str = ""
    capacity_type: str = ""
    boot_id: str = ""
    charged: list[str] = []
    pending: list[PendingPod] = []
    record: NodeRecord | None = None
    end_extends: bool = False
    transmit_bytes: int | None = None
    node_pool: str = ""


class PodRow(msgspec.Struct, frozen=True, kw_only=True):
    """Who a pod is, and what is needed to go on charging it after a restart.

    `end_ns` is None until it is charged to its end. `claims` are the names of those that it mounts, line by line;
    `labels` likewise those that are kept, `name=value`.
    """

    pod_id: int
    uid: str
    usage_uid: str
    namespace: str
    name: str
    node_id: int
    workload_kind: str
    workload: str
    start_ns: int
    end_ns: int | None
    vcpu_request: float
    memory_gib_request: float
    gpus: float
    claims: str = ""
    labels: str = ""


class PodHour(NamedTuple):
    """A row of a pod's hour, as it is now."""

    money: Money
    seconds: float
    estimated_seconds: float


class NodeHour(NamedTuple):
    """A row of a node's hour, as it is now. `system` and `idle` hold their part of the node's price.

    `network` is what it sent beside its pods.
    """

    paid: int
    saved: int
    system: Money
    idle: Money
    seconds: float
    estimated_seconds: float
    network: int = 0


ObjectKind = Literal["volume", "load_balancer", "control_plane"]


class ObjectRow(NamedTuple):
    """Who something is that costs by its mere being: a volume, the load balancer of a Service, the control plane."""

    object_id: int
    uid: str
    kind: ObjectKind
    namespace: str
    name: str
    storage_class: str


class ObjectHour(msgspec.Struct, array_like=True, gc=False):
    """What an object costs in an hour for one owner, in exact USD; `hour` is its start in Unix seconds.

    The owner is a namespace, or a pseudo-namespace, and for a volume the claim in it. `pods` have their parts by their
    number in the ledger, and `pods_nano` is the sum of those rounded.
    """

    hour: int
    namespace: str
    claim: str
    usd: float = 0.0
    seconds: float = 0.0
    estimated_seconds: float = 0.0
    pods: dict[int, float] = {}
    pods_nano: int = 0


class ObjectState(msgspec.Struct, kw_only=True, array_like=True):
    """All that the next settlement of an object starts from. Fields are only appended, with defaults."""

    object_id: int
    uid: str
    kind: ObjectKind
    settled_through_ns: int
    hours: list[ObjectHour] = []


class ObjectCost(NamedTuple):
    """A row of an object's hour, as it is now: nano-USD in all and of the pods."""

    paid: int
    pods: int
    seconds: float
    estimated_seconds: float


class PriceChangeRow(NamedTuple):
    """From `since_ns` (Unix nanoseconds) on a price held, in USD per unit, by its key and what that is of.

    `list_usd` is what it is before discounts. What is sold in tiers has its first one's price.
    """

    price_key: str
    since_ns: int
    provider: str
    region: str
    zone: str
    kind: str
    sku: str
    os: str
    capacity_type: str
    usd: float
    list_usd: float
    unit: str
    source: str


@dataclass(frozen=True, slots=True)
class NamespaceTotal:
    """The running totals of a namespace since the ledger began.

    `counter`, `savings_counter` and `resource_counters` are what is exposed: the highest the totals have been, since
    rounding to whole nano-USD can lower what idle has by a few, and a counter that dips is a reset to Prometheus.
    """

    money: Money = NO_MONEY
    counter: int = 0
    savings_counter: int = 0
    resource_counters: Money = NO_MONEY


class StreamCursor(NamedTuple):
    """Where the usage stream is settled to: its creation time, since a stream made anew counts anew, and a sequence.

    `stored_at_ns` is when the message of that sequence was stored, by which one that a server gave again after a crash
    is known; None in a ledger of an older version. Times are Unix nanoseconds of the server.
    """

    created_ns: int
    sequence: int
    stored_at_ns: int | None = None


@dataclass(slots=True)
class Batch:
    """What one transaction writes. Rows replace what was there; `namespace_hours` are added to it.

    `object_hours` are by hour, object, namespace and claim; `pod_volume_hours`, in nano-USD, by hour, pod and volume;
    `price_changes` by key and since when.
    """

    stream: StreamCursor | None = None
    nodes: dict[str, NodeState] = field(default_factory=dict)
    gone_nodes: set[str] = field(default_factory=set)
    pods: dict[int, PodRow] = field(default_factory=dict)
    pod_hours: dict[tuple[int, int], PodHour] = field(default_factory=dict)
    node_hours: dict[tuple[int, int], NodeHour] = field(default_factory=dict)
    namespace_hours: dict[tuple[int, str], Money] = field(default_factory=dict)
    namespace_totals: dict[str, NamespaceTotal] = field(default_factory=dict)
    counters: dict[str, int | float] = field(default_factory=dict)
    objects: dict[int, ObjectRow] = field(default_factory=dict)
    object_states: dict[str, ObjectState] = field(default_factory=dict)
    gone_objects: set[str] = field(default_factory=set)
    object_hours: dict[tuple[int, int, str, str], ObjectCost] = field(default_factory=dict)
    pod_volume_hours: dict[tuple[int, int, int], int] = field(default_factory=dict)
    namespace_traffic: dict[str, Traffic] = field(default_factory=dict)
    price_changes: dict[tuple[str, int], PriceChangeRow] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether there is anything to write."""
        return bool(
            self.stream is not None
            or self.nodes
            or self.gone_nodes
            or self.pods
            or self.namespace_totals
            or self.counters
            or self.object_states
            or self.gone_objects
            or self.price_changes
        )


@dataclass(frozen=True, kw_only=True)
class LedgerState:
    """What the ledger starts from. `namespace_days` holds nano-USD by namespace and Unix day, of this month on.

    `gone_nodes` are the uids of the nodes that were settled to their end.
    """

    started_at_ns: int
    stream: StreamCursor | None
    nodes: list[NodeState]
    open_pods: list[PodRow]
    next_pod_id: int
    next_node_id: int
    namespace_totals: dict[str, NamespaceTotal]
    namespace_days: dict[tuple[str, int], int]
    counters: Mapping[str, int | float]
    gone_nodes: frozenset[str] = frozenset()
    objects: list[ObjectState] = field(default_factory=list)
    next_object_id: int = 1
    namespace_traffic: Mapping[str, Traffic] = field(default_factory=dict)
    hours: Mapping[tuple[int, str], tuple[int, int]] = field(default_factory=dict)
    """What each namespace cost, and what of it sharing moved, in nano-USD by hour; of the last hours."""


class PodsHour(NamedTuple):
    """What a workload's pods with the same labels cost in an hour, volumes included; `labels` as in `PodRow`."""

    hour: int
    namespace: str
    workload_kind: str
    workload: str
    labels: str
    nano: int


class Retention(NamedTuple):
    """How many days hours of pods, hours of all else, and days are kept; 0 is for ever."""

    pod_hours_days: int = 0
    namespace_hours_days: int = 0
    days_days: int = 0


class Store(Protocol):
    """A keeper of the ledger. One writer at a time; reads don't wait for it."""

    async def load(self, *, now_ns: int, month_start: int, hours_from: int = 0) -> LedgerState:
        """Return what was committed; `now_ns` becomes the ledger's beginning where there is none yet.

        `month_start` and `hours_from` are Unix seconds from which on days and hours are wanted.
        """
        ...

    async def commit(self, batch: Batch) -> None:
        """Write a batch in one transaction; raise StoreError, and have written nothing, where that fails.

        A cancellation doesn't leave it open whether it is written: it comes at the caller's next await.
        """
        ...

    async def tidy(self, *, now: int, settled_through: int, retention: Retention) -> bool:
        """Add up a day that is settled, or forget an hour that is old; say whether there may be more to do.

        Times are Unix seconds. Raises StoreError.
        """
        ...


class HourReader(Protocol):
    """A reader of the ledger's hours."""

    async def pods_by_hour(self, *, start: int, end: int) -> list[PodsHour]:
        """Return what pods cost in each hour from `start` up to `end`; lines of one hour and workload may be two."""
        ...

    async def namespaces_by_hour(self, *, start: int, end: int) -> dict[tuple[int, str], int]:
        """Return what namespaces cost in each hour from `start` up to `end`, in nano-USD by hour and namespace."""
        ...
