"""Charges in FOCUS 1.3, an hour at a time, split over pods: docs/exports.md says how, under each AllocatedMethodId.

Nodes, what they send, and volumes are split; the rows of each add up to what it cost, to the nano-USD. Load balancers
and the control plane are whole charges.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from itertools import groupby
from typing import NamedTuple

from kube_cost_aggregator.history.hours import (
    HourRows,
    NodeSpan,
    ObjectSpan,
    PodSpan,
    VolumePart,
    all_pods,
    all_volume_parts,
)
from kube_cost_aggregator.history.store import Money
from kube_cost_aggregator.outputs.csv_text import Cell
from kube_cost_aggregator.outputs.exports.focus_columns import (
    Charge,
    Payer,
    amount_cells,
    cells_text,
    charge_cells,
    hours_of,
    tags_text,
)
from kube_cost_aggregator.outputs.exports.shares import ONE, Shares, decimal
from kube_cost_aggregator.state.totals import CLUSTER, IDLE, SYSTEM
from kube_cost_common.domain.nodes import SPOT

COMPUTE_METHOD = "kube-cost-compute-1"
TRAFFIC_METHOD = "kube-cost-traffic-1"
VOLUME_METHOD = "kube-cost-volume-1"


class Row(NamedTuple):
    """A row: what it has of its charge, as CSV, once for all of its rows, and what is its own."""

    charge: str
    cells: tuple[Cell, ...]

    def line(self) -> str:
        """Return it as CSV, with its end."""
        return f"{self.charge},{cells_text(self.cells)}\r\n"


Wanted = Callable[[str], bool]
"""Whether a namespace is asked for."""

_UNSPECIFIED = "unspecified"
"""The SKU of a machine or a volume that says no type or class."""


class _Allocated:
    """Who a row is for: a pod, a claim, or no resource, under a namespace."""

    def __init__(self, namespace: str, *, uid: str = "", name: str = "", labels: str = "", **tags: str) -> None:
        self.namespace = namespace
        self.cells: tuple[Cell, ...] = (
            uid or None,
            (name or uid) or None,
            tags_text({"namespace": namespace, **tags}, labels),
        )

    @classmethod
    def pod(cls, pod: PodSpan | VolumePart) -> "_Allocated":
        return cls(
            pod.namespace,
            uid=pod.uid,
            name=pod.name,
            labels=pod.labels,
            workload_kind=pod.workload_kind,
            workload=pod.workload,
        )


class _Split:
    """A charge that is given out row by row."""

    def __init__(self, charge: Charge, payer: Payer) -> None:
        self._charge = cells_text(charge_cells(charge, payer))
        self._ratios = Shares(whole=ONE, of=charge.paid)
        self._quantities = Shares(whole=charge.quantity, of=charge.listed)

    def row(self, to: _Allocated, parts: Mapping[str, int], *, saved: int = 0) -> Row:
        """Return the row of who owes these nano-USD by what they are measured by."""
        elements = ",".join(
            f'{{"AllocatedRatio":{decimal(self._ratios.take(nano))},"UsageUnit":"{unit}"}}'
            for unit, nano in parts.items()
        )
        paid = sum(parts.values())
        amounts = amount_cells(paid=paid, listed=paid + saved, quantity=self._quantities.take(paid + saved))
        return Row(self._charge, (*amounts, f'{{"Elements":[{elements}]}}', *to.cells))


class _Node:
    """A node's hour, while its pods go by."""

    def __init__(self, node: NodeSpan, hour: int, payer: Payer) -> None:
        self._node = node
        self._pods_savings = 0
        sku = node.instance_type or _UNSPECIFIED
        spot = node.capacity_type == SPOT
        self._compute = _Split(
            Charge(
                kind="node",
                hour=hour,
                resource_id=node.uid,
                resource_name=node.name,
                sku=sku,
                sku_price=f"{sku}/{node.capacity_type or 'on_demand'}",
                description=f"{sku} node, {'spot' if spot else 'on demand'}",
                paid=node.paid,
                listed=node.paid + node.saved,
                quantity=hours_of(node.seconds),
                dynamic=spot,
                method=COMPUTE_METHOD,
                tags={"instance_type": node.instance_type, "capacity_type": node.capacity_type},
            ),
            payer,
        )
        sent = node.network + node.pods_network
        self._traffic = sent and _Split(
            Charge(
                kind="traffic",
                hour=hour,
                resource_id=node.uid,
                resource_name=node.name,
                sku="traffic",
                sku_price="traffic",
                description="Traffic of a node, by the configured shares of where it goes",
                paid=sent,
                listed=sent,
                quantity=hours_of(node.seconds),
                method=TRAFFIC_METHOD,
                tags={},
            ),
            payer,
        )

    def pod(self, pod: PodSpan) -> Iterator[tuple[str, Row]]:
        """Yield the rows of a pod, each with its namespace."""
        parts, savings, sent = _by_unit(pod.money), pod.money.savings, pod.money.network
        self._pods_savings += savings
        if not parts and not savings and not sent:
            return
        to = _Allocated.pod(pod)
        if parts or savings:
            yield pod.namespace, self._compute.row(to, parts or {"CPU": 0}, saved=savings)
        if self._traffic and sent:
            yield pod.namespace, self._traffic.row(to, {"B": sent})

    def rest(self) -> Iterator[tuple[str, Row]]:
        """Yield what no pod has."""
        node = self._node
        if system := _by_unit(node.system):
            yield SYSTEM, self._compute.row(_Allocated(SYSTEM), system)
        idle = _by_unit(node.idle) or {"CPU": 0}
        yield IDLE, self._compute.row(_Allocated(IDLE), idle, saved=node.saved - self._pods_savings)
        if self._traffic and node.network:
            yield CLUSTER, self._traffic.row(_Allocated(CLUSTER), {"B": node.network})


async def focus_rows(rows: HourRows, *, hour: int, payer: Payer, wanted: Wanted) -> AsyncIterator[list[Row]]:
    """Yield the rows of an hour, some thousands at a time, of the namespaces that are wanted.

    They are made in a thread: the event loop has scrapes to answer.
    """
    nodes = {node.node_id: _Node(node, hour, payer) for node in await rows.nodes(hours=[hour])}
    async for pods in all_pods(rows, [hour]):
        yield await asyncio.to_thread(_pod_rows, pods, nodes, wanted)
    yield [row for node in nodes.values() for namespace, row in node.rest() if wanted(namespace)]
    objects = await rows.objects(hours=[hour])
    yield [
        row
        for one in objects
        if one.kind != "volume" and one.paid
        for namespace, row in _whole(one, hour, payer)
        if wanted(namespace)
    ]
    by_volume = groupby((one for one in objects if one.kind == "volume"), lambda one: one.object_id)
    owned = {number: list(owners) for number, owners in by_volume}
    volumes = {number: owners for number, owners in owned.items() if any(one.paid for one in owners)}
    splits = {number: _volume(owners, hour, payer) for number, owners in volumes.items()}
    async for parts in all_volume_parts(rows, hour):
        yield await asyncio.to_thread(_part_rows, parts, splits, wanted)
    yield list(_unmounted(volumes, splits, wanted))


def _pod_rows(pods: Iterable[PodSpan], nodes: Mapping[int, _Node], wanted: Wanted) -> list[Row]:
    # A node that isn't among them has been settled since they were read; its pods come with it the next time.
    return [
        row
        for pod in pods
        if pod.node_id in nodes
        for namespace, row in nodes[pod.node_id].pod(pod)
        if wanted(namespace)
    ]


def _part_rows(parts: Iterable[VolumePart], splits: Mapping[int, _Split], wanted: Wanted) -> list[Row]:
    made = [
        (part.namespace, splits[part.object_id].row(_Allocated.pod(part), {"Hours": part.nano}))
        for part in parts
        if part.nano and part.object_id in splits
    ]
    return [row for namespace, row in made if wanted(namespace)]


def _unmounted(volumes: Mapping[int, list[ObjectSpan]], splits: Mapping[int, _Split], wanted: Wanted) -> Iterator[Row]:
    for number, owners in volumes.items():
        for owner in owners:
            left = owner.paid - owner.pods
            if not left:
                continue
            claim = f"{owner.namespace}/{owner.claim}" if owner.claim else ""
            to = _Allocated(owner.namespace, uid=claim, name=owner.claim, persistentvolumeclaim=owner.claim)
            row = splits[number].row(to, {"Hours": left})
            if wanted(owner.namespace):
                yield row


def _volume(owners: list[ObjectSpan], hour: int, payer: Payer) -> _Split:
    first, paid = owners[0], sum(owner.paid for owner in owners)
    sku = first.storage_class or _UNSPECIFIED
    charge = Charge(
        kind="volume",
        hour=hour,
        resource_id=first.uid,
        resource_name=first.name,
        sku=sku,
        sku_price=sku,
        description=f"{sku} volume",
        paid=paid,
        listed=paid,
        quantity=hours_of(sum(owner.seconds for owner in owners)),
        method=VOLUME_METHOD,
        tags={"storage_class": first.storage_class},
    )
    return _Split(charge, payer)


def _whole(one: ObjectSpan, hour: int, payer: Payer) -> Iterator[tuple[str, Row]]:
    balancer = one.kind == "load_balancer"
    charge = Charge(
        kind=one.kind,
        hour=hour,
        resource_id=one.uid,
        resource_name=f"{one.own_namespace}/{one.name}" if balancer else one.name or one.uid,
        sku=one.kind,
        sku_price=one.kind,
        description="Load balancer of a Service" if balancer else "Kubernetes control plane",
        paid=one.paid,
        listed=one.paid,
        quantity=hours_of(one.seconds),
        tags={"namespace": one.namespace, **({"service": one.name} if balancer else {})},
    )
    amounts = amount_cells(paid=one.paid, listed=one.paid, quantity=charge.quantity)
    yield one.namespace, Row(cells_text(charge_cells(charge, payer)), (*amounts, None, None, None, None))


def _by_unit(money: Money) -> dict[str, int]:
    parts = {"CPU": money.cpu, "Memory": money.memory, "GPU": money.gpu}
    return {unit: nano for unit, nano in parts.items() if nano}
