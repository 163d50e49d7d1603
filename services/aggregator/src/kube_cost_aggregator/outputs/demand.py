"""Tells pricing which prices the cluster needs."""

from collections.abc import Collection, Iterator
from typing import NoReturn

from structlog.typing import FilteringBoundLogger

from kube_cost_aggregator.state.inventory import Inventory
from kube_cost_aggregator.state.places import Place
from kube_cost_aggregator.state.prices import CONTROL_PLANE_SKU, PriceBook, PriceShelf
from kube_cost_aggregator.state.sized_pods import place_of, sizing
from kube_cost_aggregator.state.volumes import by_name, identify_volume
from kube_cost_common.domain.nodes import price_zone
from kube_cost_common.messages.codec import encode
from kube_cost_common.messages.names import demand_key
from kube_cost_common.messages.prices import (
    CONTROL_PLANE,
    INSTANCE,
    LOAD_BALANCER,
    NETWORK,
    ON_DEMAND,
    POD_MEMORY,
    POD_VCPU,
    SPOT,
    VOLUME,
    VOLUME_IOPS,
    VOLUME_THROUGHPUT,
    PriceDemand,
    PriceRequest,
    Shape,
)
from kube_cost_common.runtime.bus import Bus
from kube_cost_common.runtime.clock import Clock
from kube_cost_common.runtime.health import Counters
from kube_cost_common.runtime.kv import KvBucket
from kube_cost_common.runtime.periodic import every

PERIOD_SECONDS = 1.0
REPEAT_SECONDS = 60.0
"""The demand is written again after so long, should the bucket have been lost."""


def demand_of(
    cluster: str, inventory: Inventory, book: PriceBook, network_classes: Collection[str] = ()
) -> PriceDemand:
    """Return the distinct prices that the cluster needs, in a stable order; of traffic for the classes named."""
    requests: dict[tuple[str, ...], PriceRequest] = {}
    for request in (
        *_of_nodes(inventory, book),
        *_of_volumes(inventory),
        *_of_the_cluster(inventory),
        *_of_traffic(inventory, network_classes),
    ):
        key = _order(request)
        # Kernels of one type of machine report a little less or more: the largest, whoever comes and goes.
        if key not in requests or _size(request) > _size(requests[key]):
            requests[key] = request
    return PriceDemand(cluster=cluster, requests=[requests[key] for key in sorted(requests)])


def _of_nodes(inventory: Inventory, book: PriceBook) -> Iterator[PriceRequest]:
    for node in inventory.nodes.values():
        sold = sizing(node)
        if sold is not None:
            place = place_of(node, sold, inventory.region())
            yield from (_regional(place, kind, sold) for kind in (POD_VCPU, POD_MEMORY))
            continue
        identity, facts = node.identity, node.facts
        labels = book.node_labels(facts, identity)
        for capacity in (ON_DEMAND, SPOT):
            yield PriceRequest(
                provider=identity.provider,
                region=identity.region,
                zone=price_zone(
                    provider=identity.provider, region=identity.region, zone=identity.zone, capacity_type=capacity
                ),
                kind=INSTANCE,
                sku=identity.instance_type,
                os=identity.os,
                capacity=capacity,
                shape=Shape(vcpu=facts.capacity.vcpu, memory_gib=facts.capacity.memory_gib, gpus=facts.capacity.gpus),
                labels=labels,
            )


def _of_volumes(inventory: Inventory) -> Iterator[PriceRequest]:
    classes, region = by_name(inventory.storage_classes.values()), inventory.region()
    for volume in inventory.volumes.values():
        identity = identify_volume(volume, classes, region)
        place = Place(identity.provider, identity.region, managed=False)
        yield _regional(place, VOLUME, identity.sku)
        if identity.iops:
            yield _regional(place, VOLUME_IOPS, identity.sku)
        if identity.mib_per_second:
            yield _regional(place, VOLUME_THROUGHPUT, identity.sku)


def _of_the_cluster(inventory: Inventory) -> Iterator[PriceRequest]:
    place = inventory.place()
    if inventory.service_lives.known:
        yield _regional(place, LOAD_BALANCER, "")
    if place.managed:
        yield _regional(place, CONTROL_PLANE, CONTROL_PLANE_SKU)


def _of_traffic(inventory: Inventory, classes: Collection[str]) -> Iterator[PriceRequest]:
    if classes:
        for provider, region in {(node.identity.provider, node.identity.region) for node in inventory.nodes.values()}:
            for sku in classes:
                yield _regional(Place(provider, region, managed=False), NETWORK, sku)


def _regional(place: Place, kind: str, sku: str) -> PriceRequest:
    return PriceRequest(provider=place.provider, region=place.region, zone="", kind=kind, sku=sku, os="", capacity="")


class DemandPublisher:
    """Writes the demand into its bucket whenever it changes."""

    def __init__(
        self,
        *,
        cluster: str,
        inventory: Inventory,
        shelf: PriceShelf,
        network_classes: Collection[str] = (),
        bus: Bus,
        bucket: KvBucket,
        clock: Clock,
        log: FilteringBoundLogger,
        counters: Counters,
    ) -> None:
        self._cluster = cluster
        self._inventory = inventory
        self._shelf = shelf
        self._network_classes = network_classes
        self._bus = bus
        self._bucket = bucket
        self._clock = clock
        self._log = log
        self._counters = counters
        self._asked_for: list[object] = []
        self._demand: PriceDemand | None = None
        self._written: PriceDemand | None = None
        self._written_at = float("-inf")

    @property
    def now(self) -> PriceDemand | None:
        """The last demand that was looked up, about a second ago; None before the first."""
        return self._demand

    async def run(self) -> NoReturn:
        """Keep the bucket up to date for ever."""
        await every(
            PERIOD_SECONDS,
            self._round,
            name="price demand",
            clock=self._clock,
            log=self._log,
            on_error=lambda _: self._counters.add("kube_cost_errors_total", component="aggregator", error_type="bus"),
        )

    async def _round(self) -> None:
        demand = self._now()
        stale = self._clock.monotonic() - self._written_at > REPEAT_SECONDS
        if not demand.requests or (demand == self._written and not stale):
            return
        await self._bus.wait_connected()
        await self._bucket.put(demand_key(self._cluster), encode(demand))
        self._written, self._written_at = demand, self._clock.monotonic()

    def _now(self) -> PriceDemand:
        """Return the demand of now, made anew only where something that it is made of is another object."""
        inventory, book = self._inventory, self._shelf.book
        made_of: list[object] = [book.wanted_labels]
        made_of += [one for node in inventory.nodes.values() for one in (node.facts, node.ended_ns)]
        made_of += [*inventory.volumes.values(), *inventory.storage_classes.values()]
        made_of.append(bool(inventory.service_lives.known))
        if self._demand is None or made_of != self._asked_for:
            self._demand, self._asked_for = demand_of(self._cluster, inventory, book, self._network_classes), made_of
        return self._demand


def _size(request: PriceRequest) -> tuple[float, ...]:
    shape = request.shape
    return (shape.vcpu, shape.memory_gib, shape.gpus) if shape is not None else ()


def _order(request: PriceRequest) -> tuple[str, ...]:
    labels = [part for pair in sorted(request.labels.items()) for part in pair]
    return (
        request.provider,
        request.region,
        request.zone,
        request.kind,
        request.sku,
        request.os,
        request.capacity,
        *labels,
    )
