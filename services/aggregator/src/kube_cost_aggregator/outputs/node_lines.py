"""The lines of one node in each of the node families."""

from collections.abc import Callable, Mapping

from kube_cost_aggregator.outputs.amounts import NodeAmounts
from kube_cost_aggregator.outputs.cost_families import NODE_FAMILIES
from kube_cost_aggregator.outputs.text import Namer, usd
from kube_cost_aggregator.state.rates import NodeRate
from kube_cost_common.domain.money import format_usd
from kube_cost_common.domain.unit_prices import NodePrice

FAMILIES_OF_A_NODE = tuple(family.name for family in NODE_FAMILIES)

_Priced = Callable[[NodePrice, NodeAmounts], str]

_OF_PRICE: Mapping[str, _Priced] = {
    "kube_cost_node_hourly_usd": lambda _, amounts: format_usd(amounts.paid),
    "kube_cost_node_idle_hourly_usd": lambda _, amounts: format_usd(amounts.idle),
    "kube_cost_node_system_hourly_usd": lambda _, amounts: format_usd(amounts.system),
    "kube_cost_node_cpu_hourly_usd": lambda price, _: usd(price.unit_prices.vcpu),
    "kube_cost_node_memory_hourly_usd": lambda price, _: usd(price.unit_prices.memory_gib),
    "kube_cost_node_gpu_hourly_usd": lambda price, _: usd(price.unit_prices.gpu) if price.shape.gpus else "",
}
"""Values that a node has once it has a price."""


class NodeLines:
    """Writes them, with the label `cluster` where the cluster has a name."""

    def __init__(self, *, cluster: str) -> None:
        self._namers = [Namer(family, cluster=cluster) for family in NODE_FAMILIES]
        self._prefixes: dict[str, tuple[dict[str, str], list[str]]] = {}

    def write(self, rate: NodeRate, amounts: NodeAmounts) -> tuple[str, ...]:
        """Return a line for each of the families, empty where the node has no such series."""
        return tuple(
            f"{prefix}{value}\n" if (value := _value(family, rate, amounts)) else ""
            for family, prefix in zip(FAMILIES_OF_A_NODE, self._prefixes_of(rate), strict=True)
        )

    def forget(self, name: str) -> None:
        """Drop what is kept of a node that is gone."""
        self._prefixes.pop(name, None)

    def _prefixes_of(self, rate: NodeRate) -> list[str]:
        labels = _labels(rate)
        known = self._prefixes.get(rate.facts.name)
        if known is None or known[0] != labels:
            prefixes = [namer.prefix([labels[label] for label in namer.family.labels]) for namer in self._namers]
            known = self._prefixes[rate.facts.name] = (labels, prefixes)
        return known[1]


def _value(family: str, rate: NodeRate, amounts: NodeAmounts) -> str:
    match family:
        case "kube_cost_node_info":
            return "1"
        case "kube_cost_node_on_demand_hourly_usd":
            return _if_known(rate.on_demand_usd_per_hour)
        case "kube_cost_node_spot_hourly_usd":
            return _if_known(rate.spot_usd_per_hour)
        case _:
            return _OF_PRICE[family](rate.price, amounts) if rate.price is not None else ""


def _if_known(usd_per_hour: float | None) -> str:
    return "" if usd_per_hour is None else usd(usd_per_hour)


def _labels(rate: NodeRate) -> dict[str, str]:
    source = "" if rate.price is None else rate.price.source
    return {"node": rate.facts.name, **rate.identity._asdict(), "price_source": source}
