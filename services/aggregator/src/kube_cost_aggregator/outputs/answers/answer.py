"""What an answer of the API is made of, and what is known when it is made."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, get_args

import msgspec

from kube_cost_aggregator.outputs.answers.fields import Listing, time_of
from kube_cost_aggregator.outputs.parameters import Asked, Parameter
from kube_cost_aggregator.outputs.snapshot_rows import MomentCosts
from kube_cost_aggregator.state.prices import PriceBook
from kube_cost_aggregator.state.rates import Rates
from kube_cost_aggregator.state.totals import Totals
from kube_cost_common.messages.prices import PriceDemand

Claim = tuple[str, str]
"""Namespace and name of a persistent volume claim."""

Need = Literal["mounts", "budgets"]
"""What is known only to who asks for it, since it takes more than a look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """All that answers are made of: immutable views of one moment. `cluster` is empty where it has no name.

    `demand` is what the cluster needs prices of, None before the first. `mounts` has the pods that mount a claim, by
    name. `costs` are those of budgets.
    """

    now_ns: int
    cluster: str
    rates: Rates
    totals: Totals
    book: PriceBook
    demand: PriceDemand | None = None
    mounts: Mapping[Claim, Sequence[str]] = field(default_factory=dict)
    costs: MomentCosts | None = None

    @property
    def head(self) -> dict[str, Any]:
        """The fields of `Head` that have no default."""
        return {"generated_at": time_of(self.now_ns), "cluster": self.cluster or None}


class Answer(NamedTuple):
    """A body whose last field is an empty list, and the lines that belong into it."""

    body: Listing
    lines: Sequence[msgspec.Struct]


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Something that can be asked under `/api/v1/<name>`. `answer` is pure, and may take its time in a thread."""

    name: str
    summary: str
    parameters: Sequence[Parameter[Any]]
    body: type[Listing]
    answer: Callable[[Asked, Known], Answer]
    needs: frozenset[Need] = frozenset()

    @property
    def line(self) -> type[msgspec.Struct]:
        """The type of the body's lines."""
        line: type[msgspec.Struct]
        (line,) = get_args(msgspec.structs.fields(self.body)[-1].type)
        return line
