"""`/api/v1/savings`: what spot saves, and what more of it would."""

from typing import Annotated, NamedTuple

import msgspec

from kube_cost_aggregator.history.store import NamespaceTotal
from kube_cost_aggregator.outputs.amounts import current_nodes, node_amounts
from kube_cost_aggregator.outputs.answers.answer import Answer, Endpoint, Known
from kube_cost_aggregator.outputs.answers.fields import (
    Listing,
    Time,
    Usd,
    UsdPerHour,
    UsdPerMonth,
    time_of,
    usd,
    usd_of,
)
from kube_cost_aggregator.outputs.answers.formats import FORMAT
from kube_cost_aggregator.outputs.answers.listing import LIMIT, Keys, arranged, meant, names, sort_by
from kube_cost_aggregator.outputs.parameter_kinds import Decimal
from kube_cost_aggregator.outputs.parameters import Asked, Parameter
from kube_cost_aggregator.state.totals import IDLE
from kube_cost_common.domain.money import HOURS_PER_MONTH
from kube_cost_common.domain.spot import TARGET_SHARE, potential_savings, spot_share


class NamespaceSavings(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What spot has saved a namespace since the ledger began, and saves it now; below 0 where spot is dearer.

    `__idle__` has that of what no pod has.
    """

    namespace: str
    saved_usd: Usd
    saved_usd_per_hour: UsdPerHour


class SavingsAnswer(Listing, frozen=True, kw_only=True):
    """What spot saves, of all that are meant, and what it would save the whole cluster at another share of it.

    Shares are of nodes by their on-demand price. `potential_…` is what a share of `spot_share` would save more than
    today's: (spot_share − spot_share_now) × on demand × (1 − spot ÷ on demand). It is null where no
    on-demand node has a known spot price.
    """

    history_start: Time | None
    saved_usd: Usd
    saved_usd_per_hour: UsdPerHour
    spot_share: float
    spot_share_now: Annotated[float | None, msgspec.Meta(description="Null while no node has a known on-demand price")]
    potential_usd_per_hour: UsdPerHour | None
    potential_usd_per_month: UsdPerMonth | None
    namespaces: list[NamespaceSavings]


class _Row(NamedTuple):
    namespace: str
    saved: int
    hourly: int


_KEYS: Keys[_Row] = {
    "namespace": lambda row: row.namespace,
    "saved_usd": lambda row: row.saved,
    "saved_usd_per_hour": lambda row: row.hourly,
}

NAMESPACE = names("namespace", "Namespaces")
SPOT_SHARE = Parameter(
    name="spot_share",
    kind=Decimal(0, 1),
    default=str(TARGET_SHARE),
    about="The part of nodes, by their on-demand price, that could run on spot: what it would save is the potential.",
)
SORT = sort_by(_KEYS, "-saved_usd")

_NO_TOTAL = NamespaceTotal()


def _answer(asked: Asked, known: Known) -> Answer:
    patterns, share = asked.all(NAMESPACE), asked.one(SPOT_SHARE)
    hourly = _hourly(known)
    totals = known.totals.namespaces
    rows = [
        _Row(name, totals.get(name, _NO_TOTAL).savings_counter, hourly.get(name, 0))
        for name in sorted(known.rates.namespaces | totals.keys() | hourly.keys())
        if meant(patterns, name)
    ]
    shown, left_out = arranged(rows, _KEYS, asked.one(SORT), asked)
    nodes = [rate.spot_prices for rate in known.rates.nodes.values()]
    now = spot_share(nodes)
    comparable = any(node.on_demand is not None and node.spot is not None for node in nodes if not node.is_spot)
    potential = potential_savings(nodes, target_share=share) if comparable else None
    body = SavingsAnswer(
        **known.head,
        left_out=left_out,
        history_start=time_of(known.totals.started_at_ns),
        saved_usd=usd(sum(row.saved for row in rows)),
        saved_usd_per_hour=usd(sum(row.hourly for row in rows)),
        spot_share=share,
        spot_share_now=None if now is None else round(now, 6),
        potential_usd_per_hour=usd_of(potential),
        potential_usd_per_month=None if potential is None else usd_of(potential * HOURS_PER_MONTH),
        namespaces=[],
    )
    lines = [
        NamespaceSavings(namespace=name, saved_usd=usd(saved), saved_usd_per_hour=usd(rate))
        for name, saved, rate in shown
    ]
    return Answer(body, lines)


def _hourly(known: Known) -> dict[str, int]:
    """Return what spot saves each namespace now, in nano-USD per hour."""
    saved = {IDLE: 0}
    for rate in current_nodes(known.rates.nodes.values()).values():
        amounts = node_amounts(rate)
        saved[IDLE] += amounts.unallocated_savings
        for pod in amounts.pods.values():
            saved[pod.pod.namespace] = saved.get(pod.pod.namespace, 0) + pod.savings
    return saved


SAVINGS = Endpoint(
    name="savings",
    summary="What spot has saved, saves now, and would save at another share of nodes",
    parameters=(SPOT_SHARE, NAMESPACE, SORT, LIMIT, FORMAT),
    body=SavingsAnswer,
    answer=_answer,
)
