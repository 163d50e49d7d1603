"""What workloads have cost."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from kubectl_cost.client.server import Query
from kubectl_cost.report import Column
from kubectl_cost.tables.costs import AVERAGE, BY_RESOURCE, HOURS, PODS, SPOT, CostQuestion
from kubectl_cost.tables.efficiencies import COLUMNS, efficiencies

_MORE = (PODS, AVERAGE, *BY_RESOURCE[:5], SPOT, HOURS, *COLUMNS)


def workloads_asked(names: Sequence[str], options: Mapping[str, Any], scope: Query, *, kind: str = "") -> CostQuestion:
    """Return the question for workloads of a kind, or of all; a name may have its kind before it: `Job/train`."""
    pairs = [(before if slash else "", after) for before, slash, after in (_split(name) for name in names)]
    wanted = {before.casefold() for before, _ in pairs}

    def meant(line: Mapping[str, Any]) -> bool:
        return kind in {"", line["workload_kind"]} and (
            not wanted or "" in wanted or line["workload_kind"].casefold() in wanted
        )

    kinds = [] if kind else [Column("KIND", "workload_kind")]
    return CostQuestion(
        kind=f"{kind or 'Workload'}Costs",
        by="workload",
        window=options["window"],
        columns=[Column("NAMESPACE", "namespace"), *kinds, Column(kind.upper() or "NAME", "workload")],
        more=_MORE,
        query=[*(("workload", after) for _, after in pairs), *scope],
        monthly=options["monthly"],
        sort=options["sort_by"],
        limit=options["limit"],
        keep=meant if kind or wanted - {""} else None,
        beside=partial(efficiencies, by="workload"),
    )


def _split(name: str) -> tuple[str, str, str]:
    before, slash, after = name.partition("/")
    return (before, slash, after) if slash else ("", "", name)
