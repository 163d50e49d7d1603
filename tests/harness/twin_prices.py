"""Price records of all that a simulated cluster pays for, as pricing would publish them."""

from collections.abc import Mapping
from fractions import Fraction

from kube_cost_aggregator.state.inventory import Inventory
from kube_cost_aggregator.state.places import Place
from kube_cost_aggregator.state.prices import CONTROL_PLANE_SKU, Since, instance_key, place_key, volume_key
from kube_cost_aggregator.state.sized_pods import place_of, sizing
from kube_cost_aggregator.state.volumes import by_name, identify_volume
from kube_cost_common.domain.nodes import identify
from kube_cost_common.messages.prices import (
    CONTROL_PLANE,
    DISK_MONTH,
    LOAD_BALANCER,
    NETWORK,
    ON_DEMAND,
    POD_MEMORY,
    POD_VCPU,
    SPOT,
    VOLUME,
    VOLUME_IOPS,
    VOLUME_THROUGHPUT,
    PriceRecord,
    Shape,
    Tier,
    Weights,
)
from kube_cost_simulator.cluster import SimulatedCluster
from kube_cost_simulator.prices import Prices, VolumePrice
from kube_cost_simulator.scenario import NodeFact

Records = dict[str, tuple[Since, ...]]


def price_records(cluster: SimulatedCluster, nodes: Mapping[str, NodeFact], inventory: Inventory) -> Records:
    """Each price key's records since the cluster began; `nodes` are the scenario's by name."""
    records = _of_nodes(cluster, nodes)
    records |= _of_volumes(cluster.history.prices, inventory)
    records |= _of_places(cluster.history.prices, inventory)
    return records


def _of_nodes(cluster: SimulatedCluster, nodes: Mapping[str, NodeFact]) -> Records:
    records: dict[str, list[Since]] = {}
    for node in cluster.history.nodes:
        fact = nodes.get(node.name)
        if fact is None:  # made for a pod that is paid by its own size
            continue
        identity = identify(provider_id=fact.provider_id, labels=fact.labels)
        shape = Shape(vcpu=float(fact.shape.vcpu), memory_gib=float(fact.shape.memory_gib), gpus=float(fact.shape.gpus))
        weights = Weights(float(fact.weights.cpu), float(fact.weights.memory), float(fact.weights.gpu))
        for price in node.prices:
            for capacity, usd in ((ON_DEMAND, price.on_demand_usd_per_hour), (SPOT, price.spot_usd_per_hour)):
                if usd is not None:
                    record = _record(usd, "hour", price.from_ns, shape=shape, weights=weights)
                    listed = records.setdefault(instance_key(identity, capacity), [])
                    if (since := Since(price.from_ns, record)) not in listed:
                        listed.append(since)
    return {key: tuple(listed) for key, listed in records.items()}


def _of_volumes(prices: Prices, inventory: Inventory) -> Records:
    records: Records = {}
    classes, region = by_name(inventory.storage_classes.values()), inventory.region()
    for volume in inventory.volumes.values():
        price = prices.volumes.get(volume.storage_class)
        if price is not None:
            identity = identify_volume(volume, classes, region)
            for kind, record in _of_volume(price).items():
                records[volume_key(identity, kind)] = (Since(0, record),)
    return records


def _of_volume(price: VolumePrice) -> dict[str, PriceRecord]:
    if price.tiers:
        starts = [0, *(tier.up_to_gib for tier in price.tiers)]
        tiers = [
            Tier(float(start), float(tier.usd_per_month)) for start, tier in zip(starts, price.tiers, strict=False)
        ]
        return {VOLUME: _record(price.tiers[0].usd_per_month, DISK_MONTH, tiers=tiers)}
    speed = price.usd_per_mib_per_second_month
    return {
        VOLUME: _record(price.usd_per_gib_month, "gib_month"),
        VOLUME_IOPS: _record(
            price.usd_per_iops_month, "iops_month", tiers=_beyond(price.free_iops, price.usd_per_iops_month)
        ),
        VOLUME_THROUGHPUT: _record(speed, "mibps_month", tiers=_beyond(price.free_mib_per_second, speed)),
    }


def _beyond(free: int, usd: Fraction) -> list[Tier]:
    return [Tier(0.0, 0.0), Tier(float(free), float(usd))] if free else [Tier(0.0, float(usd))]


def _of_places(prices: Prices, inventory: Inventory) -> Records:
    place = inventory.place()
    hourly = {LOAD_BALANCER: prices.load_balancer_usd_per_hour, CONTROL_PLANE: prices.control_plane_usd_per_hour}
    skus = {CONTROL_PLANE: CONTROL_PLANE_SKU}
    records: Records = {
        place_key(place, kind, skus.get(kind, "")): (Since(0, _record(usd, "hour")),)
        for kind, usd in hourly.items()
        if usd
    }
    for provider, region in {(node.identity.provider, node.identity.region) for node in inventory.nodes.values()}:
        here = Place(provider, region, managed=False)
        for sku, usd in prices.network.usd_per_gib.items():
            records[place_key(here, NETWORK, sku)] = (Since(0, _record(usd, "gib")),)
    for node in inventory.nodes.values():
        sold = sizing(node)
        if sold is not None and sold in prices.pod_sizes:
            size, there = prices.pod_sizes[sold], place_of(node, sold, inventory.region())
            gb_per_gib = Fraction(1) if sold == "fargate" else Fraction(2**30, 10**9)
            records[place_key(there, POD_VCPU, sold)] = (Since(0, _record(size.usd_per_vcpu_hour, "vcpu_hour")),)
            records[place_key(there, POD_MEMORY, sold)] = (
                Since(0, _record(size.usd_per_gb_hour * gb_per_gib, "gib_hour")),
            )
    return records


def _record(
    usd: Fraction,
    unit: str,
    from_ns: int = 0,
    *,
    shape: Shape | None = None,
    weights: Weights | None = None,
    tiers: list[Tier] | None = None,
) -> PriceRecord:
    return PriceRecord(
        provider="",
        region="",
        zone="",
        kind="",
        sku="",
        os="",
        capacity="",
        usd=float(usd),
        list_usd=float(usd),
        unit=unit,
        currency="USD",
        shape=shape,
        weights=weights,
        tiers=tiers or [],
        source="api",
        fetched_at_ns=from_ns,
        effective_from_ns=from_ns,
    )
