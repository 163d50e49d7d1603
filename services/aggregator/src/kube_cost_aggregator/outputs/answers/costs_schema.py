"""How `/api/v1/costs` and `/api/v1/status` are asked and look, for the OpenAPI document."""

from typing import Annotated, Literal

import msgspec

from kube_cost_aggregator.history.queries import GROUP_COLUMNS
from kube_cost_aggregator.outputs.answers.fields import Time, Usd
from kube_cost_aggregator.outputs.answers.openapi import Described
from kube_cost_aggregator.outputs.cost_parameters import PARAMETERS


class StatusPart(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the mesh: `problem` is what somebody should look at, `waiting` what comes by itself."""

    name: str
    state: Literal["ok", "waiting", "problem"]
    facts: list[str]


class StatusAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """How the mesh is."""

    cluster: str | None
    version: str
    ready: bool
    parts: list[StatusPart]


class CostsWindow(msgspec.Struct, frozen=True, kw_only=True):
    """The window as it was asked for, and the full hours that were answered."""

    asked: str
    start: Time
    end: Time


class CostByResource(msgspec.Struct, frozen=True, kw_only=True):
    """Money by what it is for, null where there is no split. What few lines have is left out where it is 0.

    Nodes as a whole have `idle` and `system`, the parts of theirs that are no pod's; all others don't.
    """

    total: Usd
    cpu: Usd | None
    memory: Usd | None
    gpu: Usd | None
    storage: Usd = "0"
    network: Usd = "0"
    load_balancer: Usd = "0"
    control_plane: Usd = "0"
    shared: Usd = "0"
    idle: Usd | msgspec.UnsetType = msgspec.UNSET
    system: Usd | msgspec.UnsetType = msgspec.UNSET


class CostsTotal(msgspec.Struct, frozen=True, kw_only=True):
    """The sum of all lines, those that `limit` leaves out among them."""

    cost: CostByResource
    spot_savings: Usd


_COLUMNS = dict.fromkeys(column for columns in GROUP_COLUMNS.values() for column in columns)

CostsLine = msgspec.defstruct(
    "CostsLine",
    [
        ("cost", CostByResource),
        ("spot_savings", Usd),
        ("covered_seconds", float | None),
        ("estimated_seconds", float | None),
        ("pods", int | None),
        ("start", Time | msgspec.UnsetType, msgspec.UNSET),
        *((column, str | msgspec.UnsetType, msgspec.UNSET) for column in _COLUMNS),
    ],
    kw_only=True,
    namespace={"__doc__": "A line, with those of the columns that its `by` has; with a `step` also its start."},
)


class CostsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Settled money of a window, in lines. `settled_through` is up to when it is complete."""

    by: str
    cluster: str | None
    window: CostsWindow
    history_start: Time | None
    settled_through: Time | None
    currency: Literal["USD"]
    hours_per_month: int
    columns: Annotated[list[str], msgspec.Meta(description="What tells lines apart")]
    left_out: Annotated[int, msgspec.Meta(ge=0, description="How many more there are than `limit` allows")]
    costs: list[CostsLine]  # type: ignore[valid-type] # made of the history's columns
    total: CostsTotal


COSTS = Described(
    name="costs",
    summary="What a window has cost, by what you like, of what you like",
    parameters=PARAMETERS,
    body=CostsAnswer,
)
STATUS = Described(name="status", summary="How each part of the mesh is", parameters=(), body=StatusAnswer, csv=False)
