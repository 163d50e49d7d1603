"""How `/api/v1/costs` is asked."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from kube_cost_aggregator.history.queries import GROUP_COLUMNS, CostFilter, CostQuery, Grouping
from kube_cost_aggregator.outputs.answers.formats import FORMAT
from kube_cost_aggregator.outputs.parameter_kinds import (
    LABEL_NAME,
    Choice,
    LabelIs,
    LabelPattern,
    NamePattern,
    Pattern,
    Sort,
    ValueRefusedError,
    Whole,
    WindowText,
    shown,
)
from kube_cost_aggregator.outputs.parameters import Asked, Parameter, ParameterError
from kube_cost_aggregator.outputs.windows import DAY, HOUR, Window

_STEPS = {"1h": HOUR, "1d": DAY}
_LABEL = "label:"
_NAMED: tuple[Grouping, ...] = tuple(group for group in GROUP_COLUMNS if group != "label")

MAX_LINES = 100_000
SERIES = 100
"""So many pods or workloads have series when nobody says how many."""

MAX_SERIES = 1_000


class GroupedBy(NamedTuple):
    """What a line is of; `label` is the name of the label, where that is it."""

    group: Grouping
    label: str = ""

    @property
    def text(self) -> str:
        """How it is asked for."""
        return f"{_LABEL}{self.label}" if self.label else self.group


@dataclass(frozen=True)
class GroupingText:
    """One of the groupings, or `label:` and the name of a label."""

    def read(self, text: str, _now_ns: int) -> GroupedBy:
        """Return the grouping."""
        for group in _NAMED:
            if group == text:
                return GroupedBy(group)
        name = text.removeprefix(_LABEL)
        if name == text or not LABEL_NAME.fullmatch(name):
            raise ValueRefusedError(f"{shown(text)} is none of {', '.join(_NAMED)} or label:<name of a label>")
        return GroupedBy("label", name)

    def schema(self) -> Mapping[str, object]:
        """Return its JSON schema."""
        return {"type": "string", "pattern": f"^({'|'.join(_NAMED)}|{_LABEL}{LABEL_NAME.pattern})$"}


def _names(name: str, about: str) -> Parameter[Pattern]:
    return Parameter(name=name, kind=NamePattern(), repeated=True, about=f"{about} `*` is any text; any of several.")


WINDOW = Parameter(
    name="window",
    kind=WindowText(),
    default="24h",
    about="Which time, widened to full hours in UTC.",
    examples=("24h", "7d", "today", "month", "lastmonth", "2026-11-01/2026-11-08"),
)
BY = Parameter(
    name="by", kind=GroupingText(), default="namespace", about="What a line is of.", examples=("pod", "label:team")
)
NAMESPACE = _names("namespace", "Only what is of these namespaces.")
WORKLOAD = _names("workload", "Only pods of these workloads.")
POD = _names("pod", "Only these pods.")
NODE = _names("node", "Only these nodes, or what pods on them cost.")
NODE_POOL = _names("node_pool", "Likewise the nodes of these pools.")
LABEL: Parameter[LabelIs] = Parameter(
    name="label",
    kind=LabelPattern(),
    repeated=True,
    about="Only pods with these labels: several values of one label are either, several labels all have to be there. "
    "A pod without one has its namespace's.",
    examples=("team=payments",),
)
STEP = Parameter(
    name="step",
    kind=Choice(tuple(_STEPS)),
    about="A line for each hour or each day in UTC. Of pods and workloads then "
    f"{SERIES} have lines, or `limit`, which is {MAX_SERIES} at most.",
)
SORT = Parameter(
    name="sort",
    kind=Sort(("cost", "name")),
    default="-cost",
    about="The greatest first by `-cost`. With a step it is what the whole window cost.",
)
LIMIT = Parameter(
    name="limit",
    kind=Whole(1, MAX_LINES),
    about="At most so many lines, or series, the first in their order. The total is that of all.",
)
PARAMETERS: Sequence[Parameter[Any]] = (
    WINDOW,
    BY,
    NAMESPACE,
    WORKLOAD,
    POD,
    NODE,
    NODE_POOL,
    LABEL,
    STEP,
    SORT,
    LIMIT,
    FORMAT,
)


def cost_query(
    asked: Asked, namespace_labels: Callable[[], Mapping[str, Mapping[str, str]]], label_names: Sequence[str]
) -> CostQuery:
    """Return what is asked of the history; `label_names` are those that it keeps of pods. Raises ParameterError.

    `namespace_labels` is only called where labels matter.
    """
    window: Window = asked.one(WINDOW)
    by, order, step, limit = asked.one(BY), asked.one(SORT), asked.given(STEP), asked.given(LIMIT)
    labels: dict[str, tuple[str, ...]] = {}
    for name, pattern in asked.all(LABEL):
        labels[name] = (*labels.get(name, ()), pattern.text)
    for parameter, names in ((BY.name, [by.label] if by.label else []), (LABEL.name, list(labels))):
        if unknown := [name for name in names if name not in label_names]:
            kept = f"kept are {', '.join(label_names)}" if label_names else "none is"
            raise ParameterError(parameter, f"the label {unknown[0]!r} isn't kept, {kept}; see KUBE_COST_LABELS")
    if step and by.group in {"pod", "workload"}:
        limit = SERIES if limit is None else limit
        if limit > MAX_SERIES:
            raise ParameterError(LIMIT.name, f"with a step it is {MAX_SERIES} at most, for {by.group}s")
    return CostQuery(
        by=by.group,
        label=by.label,
        start=window.start,
        end=window.end,
        step=_STEPS[step] if step else None,
        filter=CostFilter(
            namespaces=_texts(asked, NAMESPACE),
            workloads=_texts(asked, WORKLOAD),
            pods=_texts(asked, POD),
            nodes=_texts(asked, NODE),
            node_pools=_texts(asked, NODE_POOL),
            labels=labels,
        ),
        sort="cost" if order.column == "cost" else "name",
        descending=order.descending,
        limit=limit,
        namespace_labels=namespace_labels() if labels or by.label else {},
    )


def _texts(asked: Asked, parameter: Parameter[Pattern]) -> tuple[str, ...]:
    return tuple(pattern.text for pattern in asked.all(parameter))
