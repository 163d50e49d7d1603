"""Records as JSON values and back; fractions are strings."""

from fractions import Fraction
from typing import Any

from kube_cost_simulator.prices import DiskTier, NetworkPrice, PodSizePrice, Prices, VolumePrice
from kube_cost_simulator.records import (
    NamespaceHistory,
    NamespaceState,
    NodeHistory,
    NodePrice,
    PodHistory,
    ServiceHistory,
    ServiceState,
    VolumeHistory,
    VolumeState,
)
from kube_cost_simulator.reservation import ContainerRequests, PodRequests
from kube_cost_simulator.scenario import Resources, Shape, Weights
from kube_cost_simulator.usage import Rates, UsageTimeline

Json = dict[str, Any]


def _amounts(resources: Resources | None) -> list[Any] | None:
    if resources is None:
        return None
    return [resources.cpu_millicores, resources.memory_bytes, resources.gpus, resources.devices]


def _resources(amounts: list[Any]) -> Resources:
    cpu_millicores, memory_bytes, gpus, devices = amounts
    return Resources(cpu_millicores, memory_bytes, gpus, tuple((name, units) for name, units in devices))


def node_to_json(node: NodeHistory) -> Json:
    """A node."""
    return {
        "name": node.name,
        "uid": node.uid,
        "capacity_type": node.capacity_type,
        "shape": [str(part) for part in (node.shape.vcpu, node.shape.memory_gib, node.shape.gpus)],
        "allocatable": _amounts(node.allocatable),
        "weights": [str(part) for part in (node.weights.cpu, node.weights.memory, node.weights.gpu)],
        "created_ns": node.created_ns,
        "deleted_ns": node.deleted_ns,
        "prices": [
            [
                price.from_ns,
                str(price.on_demand_usd_per_hour),
                None if price.spot_usd_per_hour is None else str(price.spot_usd_per_hour),
            ]
            for price in node.prices
        ],
        "labels": dict(node.labels),
        "agent": node.agent,
        "pod_sized": node.pod_sized,
        "system_rates": node.system_rates,
    }


def node_from_json(node: Json) -> NodeHistory:
    """A node again."""
    return NodeHistory(
        name=node["name"],
        uid=node["uid"],
        capacity_type=node["capacity_type"],
        shape=Shape(*map(Fraction, node["shape"])),
        allocatable=_resources(node["allocatable"]),
        weights=Weights(*map(Fraction, node["weights"])),
        created_ns=node["created_ns"],
        deleted_ns=node["deleted_ns"],
        prices=[
            NodePrice(from_ns, Fraction(on_demand), None if spot is None else Fraction(spot))
            for from_ns, on_demand, spot in node["prices"]
        ],
        labels=node["labels"],
        agent=node["agent"],
        pod_sized=node["pod_sized"],
        system_rates=Rates(*node["system_rates"]),
    )


def pod_to_json(pod: PodHistory) -> Json:
    """A pod."""
    usage = pod.usage
    return {
        "uid": pod.uid,
        "namespace": pod.namespace,
        "name": pod.name,
        "node_uid": pod.node_uid,
        "bound_ns": pod.bound_ns,
        "ended_ns": pod.ended_ns,
        "requests": [_requests_to_json(requests) for requests in pod.requests],
        "usage": None if usage is None else [usage.start_ns, usage.end_ns, usage.phases, usage.pauses],
        "workload": pod.workload,
        "labels": dict(pod.labels),
        "claims": pod.claims,
        "host_network": pod.host_network,
    }


def pod_from_json(pod: Json) -> PodHistory:
    """A pod again."""
    usage = None
    if pod["usage"] is not None:
        start_ns, end_ns, phases, pauses = pod["usage"]
        usage = UsageTimeline(
            start_ns,
            tuple((length, Rates(*rates)) for length, rates in phases),
            end_ns,
            tuple((from_ns, to_ns) for from_ns, to_ns in pauses),
        )
    kind, workload = pod["workload"]
    return PodHistory(
        uid=pod["uid"],
        namespace=pod["namespace"],
        name=pod["name"],
        node_uid=pod["node_uid"],
        bound_ns=pod["bound_ns"],
        requests=[_requests_from_json(requests) for requests in pod["requests"]],
        ended_ns=pod["ended_ns"],
        usage=usage,
        workload=(kind, workload),
        labels=pod["labels"],
        claims=tuple(pod["claims"]),
        host_network=pod["host_network"],
    )


def _requests_to_json(requests: PodRequests) -> Json:
    return {
        "from_ns": requests.from_ns,
        "containers": [
            [container.name, _amounts(container.spec), _amounts(container.status), container.init, container.sidecar]
            for container in requests.containers
        ],
        "pod_level": _amounts(requests.pod_level),
        "overhead": _amounts(requests.overhead),
    }


def _requests_from_json(requests: Json) -> PodRequests:
    pod_level = requests["pod_level"]
    return PodRequests(
        from_ns=requests["from_ns"],
        containers=tuple(
            ContainerRequests(name, _resources(spec), None if status is None else _resources(status), init, sidecar)
            for name, spec, status, init, sidecar in requests["containers"]
        ),
        pod_level=None if pod_level is None else _resources(pod_level),
        overhead=_resources(requests["overhead"]),
    )


def volume_to_json(volume: VolumeHistory) -> Json:
    """A volume."""
    states = [[state.from_ns, str(state.gib), state.claim] for state in volume.states]
    return {**vars(volume), "states": states}


def volume_from_json(volume: Json) -> VolumeHistory:
    """A volume again."""
    states = [
        VolumeState(from_ns, Fraction(gib), None if claim is None else (claim[0], claim[1]))
        for from_ns, gib, claim in volume["states"]
    ]
    return VolumeHistory(**{**volume, "states": states})


def service_to_json(service: ServiceHistory) -> Json:
    """A Service."""
    return {**vars(service), "states": [[state.from_ns, state.has_load_balancer] for state in service.states]}


def service_from_json(service: Json) -> ServiceHistory:
    """A Service again."""
    return ServiceHistory(**{**service, "states": [ServiceState(*state) for state in service["states"]]})


def namespace_to_json(namespace: NamespaceHistory) -> Json:
    """A namespace."""
    states = [[state.from_ns, dict(state.labels), dict(state.annotations)] for state in namespace.states]
    return {**vars(namespace), "states": states}


def namespace_from_json(namespace: Json) -> NamespaceHistory:
    """A namespace again."""
    return NamespaceHistory(**{**namespace, "states": [NamespaceState(*state) for state in namespace["states"]]})


def prices_to_json(prices: Prices) -> Json:
    """What things besides machines cost."""
    return {
        "volumes": {
            name: {
                "usd_per_gib_month": str(price.usd_per_gib_month),
                "free_iops": price.free_iops,
                "usd_per_iops_month": str(price.usd_per_iops_month),
                "free_mib_per_second": price.free_mib_per_second,
                "usd_per_mib_per_second_month": str(price.usd_per_mib_per_second_month),
                "tiers": [[tier.up_to_gib, str(tier.usd_per_month)] for tier in price.tiers],
            }
            for name, price in prices.volumes.items()
        },
        "usd_per_gib_sent": {name: str(usd) for name, usd in prices.network.usd_per_gib.items()},
        "shares_of_bytes_sent": {name: str(share) for name, share in prices.network.shares.items()},
        "load_balancer": str(prices.load_balancer_usd_per_hour),
        "control_plane": str(prices.control_plane_usd_per_hour),
        "pod_sizes": {
            sizing: [str(price.usd_per_vcpu_hour), str(price.usd_per_gb_hour)]
            for sizing, price in prices.pod_sizes.items()
        },
    }


def prices_from_json(prices: Json) -> Prices:
    """What things besides machines cost, again."""
    return Prices(
        volumes={name: _volume_price(price) for name, price in prices["volumes"].items()},
        network=NetworkPrice(_fractions(prices["usd_per_gib_sent"]), _fractions(prices["shares_of_bytes_sent"])),
        load_balancer_usd_per_hour=Fraction(prices["load_balancer"]),
        control_plane_usd_per_hour=Fraction(prices["control_plane"]),
        pod_sizes={sizing: PodSizePrice(*map(Fraction, price)) for sizing, price in prices["pod_sizes"].items()},
    )


def _fractions(texts: Json) -> dict[str, Fraction]:
    return {name: Fraction(text) for name, text in texts.items()}


def _volume_price(price: Json) -> VolumePrice:
    return VolumePrice(
        usd_per_gib_month=Fraction(price["usd_per_gib_month"]),
        free_iops=price["free_iops"],
        usd_per_iops_month=Fraction(price["usd_per_iops_month"]),
        free_mib_per_second=price["free_mib_per_second"],
        usd_per_mib_per_second_month=Fraction(price["usd_per_mib_per_second_month"]),
        tiers=tuple(DiskTier(up_to, Fraction(usd)) for up_to, usd in price["tiers"]),
    )
