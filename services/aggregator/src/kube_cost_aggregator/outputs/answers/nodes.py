"""`/api/v1/nodes`: what each node costs, by which price, and who has it."""

from typing import NamedTuple

import msgspec

from kube_cost_aggregator.outputs.amounts import NodeAmounts, current_nodes, node_amounts
from kube_cost_aggregator.outputs.answers.answer import Answer, Endpoint, Known
from kube_cost_aggregator.outputs.answers.fields import Listing, Seconds, Time, UsdPerHour, time_of, usd, usd_of
from kube_cost_aggregator.outputs.answers.formats import FORMAT
from kube_cost_aggregator.outputs.answers.listing import LIMIT, Keys, arranged, meant, names, sort_by
from kube_cost_aggregator.outputs.parameters import Asked
from kube_cost_aggregator.outputs.reasons import sentence
from kube_cost_aggregator.state.rates import NodeRate
from kube_cost_common.domain.money import NS_PER_SECOND


class NodeLine(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A node. Its price is what it pays now: pods + system + idle. Without one its amounts are null, and why is said.

    `list_usd_per_hour` is that price before discounts; `on_demand_…` and `spot_…` are those of its type in its place,
    whichever it pays. `traffic_…` is for what it sends beside its pods, and isn't in its price.
    """

    node: str
    node_pool: str
    provider: str
    instance_type: str
    region: str
    zone: str
    capacity_type: str
    pods: int | None
    usd_per_hour: UsdPerHour | None
    pods_usd_per_hour: UsdPerHour | None
    system_usd_per_hour: UsdPerHour | None
    idle_usd_per_hour: UsdPerHour | None
    traffic_usd_per_hour: UsdPerHour | None
    list_usd_per_hour: UsdPerHour | None
    on_demand_usd_per_hour: UsdPerHour | None
    spot_usd_per_hour: UsdPerHour | None
    price_source: str | None
    price_estimated: bool
    price_fetched_at: Time | None
    price_age_seconds: Seconds | None
    unpriced_reason: str | None
    unpriced_detail: str | None


class NodesAnswer(Listing, frozen=True, kw_only=True):
    """Nodes; `total_usd_per_hour` is of all that are meant, those that `limit` leaves out among them."""

    total_usd_per_hour: UsdPerHour
    unpriced: int
    nodes: list[NodeLine]


class _Row(NamedTuple):
    rate: NodeRate
    amounts: NodeAmounts

    @property
    def priced(self) -> NodeAmounts | None:
        """The amounts, None where there is no price."""
        return self.amounts if self.rate.price is not None else None


_KEYS: Keys[_Row] = {
    "node": lambda row: row.rate.facts.name,
    "usd_per_hour": lambda row: row.priced.paid if row.priced else None,
    "idle_usd_per_hour": lambda row: row.priced.idle if row.priced else None,
    "pods": lambda row: len(row.rate.pods) if row.priced else None,
}

NODE = names("node", "Nodes")
NODE_POOL = names("node_pool", "Node pools")
SORT = sort_by(_KEYS, "-usd_per_hour")


def _answer(asked: Asked, known: Known) -> Answer:
    wanted, pools = asked.all(NODE), asked.all(NODE_POOL)
    rows = [
        _Row(rate, node_amounts(rate))
        for name, rate in sorted(current_nodes(known.rates.nodes.values()).items())
        if meant(wanted, name) and meant(pools, rate.identity.node_pool)
    ]
    shown, left_out = arranged(rows, _KEYS, asked.one(SORT), asked)
    body = NodesAnswer(
        **known.head,
        left_out=left_out,
        total_usd_per_hour=usd(sum(row.amounts.paid for row in rows)),
        unpriced=sum(row.priced is None for row in rows),
        nodes=[],
    )
    return Answer(body, [_line(row, known) for row in shown])


def _line(row: _Row, known: Known) -> NodeLine:
    rate, priced = row.rate, row.priced
    identity, price = rate.identity, rate.price
    record = known.book.node_record(rate.facts, identity) if price is not None else None
    return NodeLine(
        node=rate.facts.name,
        node_pool=identity.node_pool,
        provider=identity.provider,
        instance_type=identity.instance_type,
        region=identity.region,
        zone=identity.zone,
        capacity_type=identity.capacity_type,
        pods=len(rate.pods) if priced else None,
        usd_per_hour=usd(priced.paid) if priced else None,
        pods_usd_per_hour=usd(priced.paid - priced.system - priced.idle) if priced else None,
        system_usd_per_hour=usd(priced.system) if priced else None,
        idle_usd_per_hour=usd(priced.idle) if priced else None,
        traffic_usd_per_hour=usd(priced.network) if priced else None,
        list_usd_per_hour=usd_of(record.list_usd) if record else None,
        on_demand_usd_per_hour=usd_of(rate.on_demand_usd_per_hour),
        spot_usd_per_hour=usd_of(rate.spot_usd_per_hour),
        price_source=price.source if price else None,
        price_estimated=price.estimated if price else False,
        price_fetched_at=time_of(record.fetched_at_ns) if record else None,
        price_age_seconds=age_seconds(record.fetched_at_ns, known.now_ns) if record else None,
        unpriced_reason=rate.unpriced_reason if price is None else None,
        unpriced_detail=sentence(rate.unpriced_reason, rate.unpriced_detail) if price is None else None,
    )


def age_seconds(at_ns: int, now_ns: int) -> float:
    """Return how long ago something was, in seconds; never below 0, though clocks may differ."""
    return round(max(0, now_ns - at_ns) / NS_PER_SECOND, 3)


NODES = Endpoint(
    name="nodes",
    summary="What nodes cost, by which price, and how much of each pods have",
    parameters=(NODE, NODE_POOL, SORT, LIMIT, FORMAT),
    body=NodesAnswer,
    answer=_answer,
)
