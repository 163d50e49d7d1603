"""The ledger's hours row by row, for exports: a few thousand rows at a time, however long the window is.

Money is in whole nano-USD, hours are Unix seconds of their start. `hours` of an argument are starts of hours whose rows
are added up: one, or those of a day.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import NamedTuple, Protocol

import msgspec

from kube_cost_aggregator.history.store import Money, ObjectKind

_NS_PER_HOUR = 3600 * 10**9

PODS_AT_A_TIME = 1024
"""Numbers of pods that a page spans: it has no more rows, and a few MB hold them."""


class PodSpan(NamedTuple):
    """What a pod cost in some hours, its part of volumes in `money.storage`.

    `labels` are `name=value`, line by line.
    """

    pod_id: int
    uid: str
    namespace: str
    name: str
    workload_kind: str
    workload: str
    labels: str
    node_id: int
    node: str
    money: Money
    seconds: float
    estimated_seconds: float


class PodPage(NamedTuple):
    """Some pods in the order of their numbers, and from which number on there are more; None: there are none."""

    rows: list[PodSpan]
    more_from: int | None


class VolumePart(NamedTuple):
    """What a pod paid of a volume."""

    pod_id: int
    uid: str
    namespace: str
    name: str
    workload_kind: str
    workload: str
    labels: str
    object_id: int
    nano: int


class VolumePage(NamedTuple):
    """Parts of volumes, likewise."""

    rows: list[VolumePart]
    more_from: int | None


class NodeSpan(NamedTuple):
    """What a node cost in some hours. `saved` is what spot saved of all of it.

    `network` is what it sent beside its pods, `pods_network` what these sent; neither is in `paid`.
    """

    node_id: int
    uid: str
    name: str
    instance_type: str
    capacity_type: str
    paid: int
    saved: int
    network: int
    seconds: float
    estimated_seconds: float
    system: Money
    idle: Money
    pods_network: int


class ObjectSpan(NamedTuple):
    """What something that costs by its mere being cost one owner in some hours; `pods` of it is for pods to pay."""

    object_id: int
    uid: str
    kind: ObjectKind
    own_namespace: str
    name: str
    storage_class: str
    namespace: str
    claim: str
    paid: int
    pods: int
    seconds: float
    estimated_seconds: float


class NamespaceHour(NamedTuple):
    """What a namespace cost in an hour."""

    hour: int
    namespace: str
    money: Money


class CapacityHour(NamedTuple):
    """What nodes of a capacity type cost in an hour."""

    hour: int
    capacity_type: str
    paid: int


class NamespaceBase(NamedTuple):
    """What a namespace had cost when a window began, and what its counters show now, which they never fall below.

    `counters` are by resource, `counter` is of all, `savings_counter` of what spot saved.
    """

    namespace: str
    money: Money
    counters: Money
    counter: int
    savings_counter: int


class KeptFrom(NamedTuple):
    """The first hours of which there is all of pods, and of what isn't by pod."""

    pods: int
    namespaces: int


class _Settled(msgspec.Struct, array_like=True):
    """What both a node's and an object's state begin with; the rest is skipped."""

    number: int
    uid: str
    name: str
    settled_through_ns: int


_SETTLED = msgspec.msgpack.Decoder(_Settled)


def unsettled_hour(states: Iterable[bytes]) -> int | None:
    """Return the hour that isn't settled to its end, by the states of all nodes and objects; None without any."""
    through_ns = min((_SETTLED.decode(state).settled_through_ns for state in states), default=None)
    return None if through_ns is None else through_ns // _NS_PER_HOUR * 3600


class HourRows(Protocol):
    """Reads committed hours."""

    async def settled_until(self) -> int | None:
        """Return the hour that isn't settled to its end for all nodes and objects; None where there are neither."""
        ...

    async def kept_from(self) -> KeptFrom | None:
        """Return from which hour on there is everything; None without any hour."""
        ...

    async def pods(self, *, hours: Sequence[int], first: int = 0) -> PodPage:
        """Return a page of pods, from the number `first` on."""
        ...

    async def volume_parts(self, *, hour: int, first: int = 0) -> VolumePage:
        """Return a page of what pods paid of volumes in an hour, from the pod of the number `first` on."""
        ...

    async def nodes(self, *, hours: Sequence[int]) -> list[NodeSpan]:
        """Return nodes in the order of their numbers."""
        ...

    async def objects(self, *, hours: Sequence[int]) -> list[ObjectSpan]:
        """Return objects by owner, in the order of their numbers."""
        ...

    async def namespaces(self, *, start: int, end: int) -> list[NamespaceHour]:
        """Return the hours of namespaces from `start` up to `end` by hour and name."""
        ...

    async def capacities(self, *, start: int, end: int) -> list[CapacityHour]:
        """Return what nodes cost by hour and capacity type."""
        ...

    async def namespaces_before(self, start: int) -> list[NamespaceBase]:
        """Return all namespaces as they were when the hour `start` began."""
        ...

    async def capacities_before(self, start: int) -> dict[str, int]:
        """Return what nodes had cost by then, by capacity type."""
        ...


async def all_pods(rows: HourRows, hours: Sequence[int]) -> AsyncIterator[list[PodSpan]]:
    """Yield all pods of some hours, page by page."""
    first: int | None = 0
    while first is not None:
        page = await rows.pods(hours=hours, first=first)
        yield page.rows
        first = page.more_from


async def all_volume_parts(rows: HourRows, hour: int) -> AsyncIterator[list[VolumePart]]:
    """Yield all parts of volumes of an hour, page by page."""
    first: int | None = 0
    while first is not None:
        page = await rows.volume_parts(hour=hour, first=first)
        yield page.rows
        first = page.more_from
