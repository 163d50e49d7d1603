"""The cluster's money at the last rendering: what the families of namespaces say, for who doesn't read metrics."""

from collections.abc import Mapping
from typing import NamedTuple

from kube_cost_aggregator.history.store import NO_MONEY, Money
from kube_cost_aggregator.state.rates import NodeRate


class NamespaceMoney(NamedTuple):
    """A namespace's money in nano-USD, in the order of the namespace families."""

    namespace: str
    hourly: int
    daily: int
    today: int
    month_to_date: int
    total: int
    savings_total: int
    savings_hourly: int
    money: Money = NO_MONEY
    """The hourly rate by what it is for."""


class Overview(NamedTuple):
    """All namespaces, the pseudo-namespaces last; nodes by name; what everything costs, in nano-USD per hour."""

    namespaces: tuple[NamespaceMoney, ...]
    nodes: Mapping[str, NodeRate]
    paid: int
