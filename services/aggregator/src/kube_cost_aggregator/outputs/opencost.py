"""The prices of nodes and volumes under OpenCost's names, for dashboards that were made for it. Off unless configured.

Names, labels and units: https://opencost.io/docs/integrations/metrics.
"""

from collections.abc import Callable, Iterable

from kube_cost_aggregator.outputs.chunks import Block, Chunk
from kube_cost_aggregator.outputs.family import NONE, USD_PER_HOUR, Family
from kube_cost_aggregator.outputs.text import Namer, header, number, usd
from kube_cost_aggregator.state.rates import NodeRate, Rates, VolumeRate
from kube_cost_common.domain.nodes import SPOT
from kube_cost_common.domain.resources import BYTES_PER_GIB

Values = dict[tuple[str, ...], str]

_NODE = ("instance", "node", "instance_type", "region", "provider_id", "arch")
_VOLUME = ("volumename", "persistentvolume", "provider_id")
_NOW = "OpenCost's name; the price that is used here, at most 5 s old."


class OpenCostSeries:
    """Keeps the chunks of these families."""

    def __init__(self, *, cluster: str) -> None:
        self._nodes = [(Block(Namer(family, cluster=cluster)), family, told) for family, told in _node_families()]
        self._volumes = Family(
            name="pv_hourly_cost",
            type="gauge",
            unit=USD_PER_HOUR,
            labels=_VOLUME,
            help=f"USD per hour of a GiB of the volume. {_NOW}",
        )
        self._volume_block = Block(Namer(self._volumes, cluster=cluster))

    def take(self, rates: Rates) -> list[tuple[tuple[str, str], Chunk]]:
        """Return header and series of each family, under the family's name and a key."""
        nodes = sorted(rates.nodes.values(), key=lambda node: node.facts.name)
        keyed: list[tuple[tuple[str, str], Chunk]] = []
        for block, family, told in self._nodes:
            values = {_labels(node): text for node in nodes if (text := told(node)) is not None}
            keyed += _keyed(family, block.update(values))
        return keyed + _keyed(self._volumes, self._volume_block.update(_per_gib(rates.volumes.values())))


def _node_families() -> list[tuple[Family, Callable[[NodeRate], str | None]]]:
    def family(name: str, help_text: str, unit: str = USD_PER_HOUR) -> Family:
        return Family(name=name, type="gauge", unit=unit, labels=_NODE, help=f"{help_text} {_NOW}")

    return [
        (family("node_cpu_hourly_cost", "USD per hour of a vCPU of the node."), lambda node: _unit(node, 0)),
        (family("node_ram_hourly_cost", "USD per hour of a GiB of the node's memory."), lambda node: _unit(node, 1)),
        (family("node_gpu_hourly_cost", "USD per hour of a GPU of the node, 0 without."), lambda node: _unit(node, 2)),
        (family("node_total_hourly_cost", "USD per hour of the node."), _whole),
        (family("kubecost_node_is_spot", "1 for a spot node, else 0.", NONE), _is_spot),
    ]


def _keyed(family: Family, chunk: Chunk) -> list[tuple[tuple[str, str], Chunk]]:
    head = Chunk(header(family.name, family.type, family.help), 0)
    return [((family.name, "#"), head), *([((family.name, ""), chunk)] if chunk.text else [])]


def _labels(node: NodeRate) -> tuple[str, ...]:
    facts, identity = node.facts, node.identity
    return facts.name, facts.name, identity.instance_type, identity.region, facts.provider_id, identity.arch


def _unit(node: NodeRate, resource: int) -> str | None:
    if node.price is None:
        return None
    return usd(node.price.unit_prices[resource] if node.price.shape[resource] else 0.0)


def _whole(node: NodeRate) -> str | None:
    return None if node.price is None else usd(node.price.usd_per_hour)


def _is_spot(node: NodeRate) -> str:
    return number(float(node.identity.capacity_type == SPOT))


def _per_gib(volumes: Iterable[VolumeRate]) -> Values:
    return {
        (volume.facts.name,) * len(_VOLUME): usd(volume.usd_per_hour * BYTES_PER_GIB / volume.facts.capacity_bytes)
        for volume in sorted(volumes, key=lambda one: one.facts.name)
        if volume.usd_per_hour is not None and volume.facts.capacity_bytes
    }
