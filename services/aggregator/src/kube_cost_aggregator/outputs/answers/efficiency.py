"""`/api/v1/efficiency`: how much of what is reserved is used, and what the rest costs."""

from typing import NamedTuple

import msgspec

from kube_cost_aggregator.outputs.answers.answer import Answer, Endpoint, Known
from kube_cost_aggregator.outputs.answers.fields import Amounts, Listing, Ratios, UsdPerHour, usd, usd_of
from kube_cost_aggregator.outputs.answers.formats import FORMAT
from kube_cost_aggregator.outputs.answers.listing import LIMIT, Keys, arranged, meant, names, sort_by
from kube_cost_aggregator.outputs.parameter_kinds import Choice
from kube_cost_aggregator.outputs.parameters import Asked, Parameter
from kube_cost_aggregator.outputs.use_sums import Owned, add_up, sum_of
from kube_cost_aggregator.state.rates import Use
from kube_cost_common.domain.money import to_nano
from kube_cost_common.domain.resources import Resources

_DECIMALS = 6
"""Of amounts and ratios: a millionth of a vCPU is less than is measured."""


class EfficiencyLine(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the pods of a workload or a namespace use of what they reserve, as far as their usage is known.

    `efficiency` is used ÷ reserved. `wasted_…` is what is reserved and not used, `above_…` what is used beyond what is
    reserved, pod by pod. By namespace a line has no workload.
    """

    namespace: str
    workload_kind: str | None
    workload: str | None
    used: Amounts
    reserved: Amounts
    efficiency: Ratios
    wasted_usd_per_hour: UsdPerHour
    above_usd_per_hour: UsdPerHour


class EfficiencyAnswer(Listing, frozen=True, kw_only=True):
    """Workloads or namespaces; the totals are of all that are meant, those that `limit` leaves out among them."""

    by: str
    wasted_usd_per_hour: UsdPerHour
    above_usd_per_hour: UsdPerHour
    lines: list[EfficiencyLine]


class _Row(NamedTuple):
    owned: Owned
    use: Use


_KEYS: Keys[_Row] = {
    "namespace": lambda row: row.owned[0],
    "workload": lambda row: row.owned[2],
    "wasted_usd_per_hour": lambda row: row.use.wasted,
    "above_usd_per_hour": lambda row: row.use.above,
    "efficiency_vcpu": lambda row: _ratios(row.use).vcpu,
    "efficiency_memory_gib": lambda row: _ratios(row.use).memory_gib,
    "efficiency_gpus": lambda row: _ratios(row.use).gpus,
}

BY = Parameter(name="by", kind=Choice(("workload", "namespace")), default="workload", about="What a line is of.")
NAMESPACE = names("namespace", "Namespaces")
WORKLOAD = names("workload", "Workloads by name, whatever their kind")
SORT = sort_by(_KEYS, "-wasted_usd_per_hour")


def _answer(asked: Asked, known: Known) -> Answer:
    namespaces, workloads, by = asked.all(NAMESPACE), asked.all(WORKLOAD), asked.one(BY)
    used: dict[str, dict[Owned, Use]] = {}
    for _ in add_up(known.rates.nodes.values(), used):
        pass  # in a thread nobody waits for a turn
    meant_uses = [
        (owned, use)
        for namespace, uses in sorted(used.items())
        if meant(namespaces, namespace)
        for owned, use in sorted(uses.items(), key=lambda one: one[0])
        if meant(workloads, owned[2])
    ]
    uses_of: dict[Owned, list[Use]] = {}
    for owned, use in meant_uses:
        uses_of.setdefault(owned if by == "workload" else (owned[0], "", ""), []).append(use)
    rows = [_Row(owned, sum_of(uses)) for owned, uses in uses_of.items()]
    shown, left_out = arranged(rows, _KEYS, asked.one(SORT), asked)
    body = EfficiencyAnswer(
        **known.head,
        left_out=left_out,
        by=by,
        wasted_usd_per_hour=usd(sum(to_nano(row.use.wasted) for row in rows)),
        above_usd_per_hour=usd(sum(to_nano(row.use.above) for row in rows)),
        lines=[],
    )
    return Answer(body, [_line(row) for row in shown])


def _line(row: _Row) -> EfficiencyLine:
    namespace, kind, workload = row.owned
    return EfficiencyLine(
        namespace=namespace,
        workload_kind=kind or None,
        workload=workload or None,
        used=_amounts(row.use.used),
        reserved=_amounts(row.use.reserved),
        efficiency=_ratios(row.use),
        wasted_usd_per_hour=usd_of(row.use.wasted) or "",
        above_usd_per_hour=usd_of(row.use.above) or "",
    )


def _amounts(amounts: Resources) -> Amounts:
    return Amounts(*(round(amount, _DECIMALS) for amount in amounts))


def _ratios(use: Use) -> Ratios:
    pairs = zip(use.used, use.reserved, strict=True)
    return Ratios(*(round(used / reserved, _DECIMALS) if reserved > 0 else None for used, reserved in pairs))


EFFICIENCY = Endpoint(
    name="efficiency",
    summary="How much of what workloads or namespaces reserve they use, and what the rest costs",
    parameters=(BY, NAMESPACE, WORKLOAD, SORT, LIMIT, FORMAT),
    body=EfficiencyAnswer,
    answer=_answer,
)
