"""What the aggregator tells of costs once an interval, for who acts on them: the alert service.

Money is in whole nano-units of `currency` (10^9 to the dollar), rates are per hour.
"""

from kube_cost_common.messages.codec import Part, Record

MAX_SNAPSHOT_BYTES = 512 * 1024
"""A snapshot that is larger goes in numbered parts."""


class NamespaceCost(Part, frozen=True):
    """What a namespace costs. Names in `__…__` are what isn't any namespace's: together they are the cluster's cost.

    `hourly_nano` is all, the amounts after it are parts of it: what it is for, and what sharing moves to it (below 0:
    from it). The forecast of the month is None while there is nothing to make it of.
    """

    namespace: str
    hourly_nano: int
    cpu_nano: int
    memory_nano: int
    gpu_nano: int
    storage_nano: int
    network_nano: int
    load_balancer_nano: int
    control_plane_nano: int
    shared_nano: int
    savings_nano: int
    today_nano: int
    month_to_date_nano: int
    forecast_nano: int | None = None
    forecast_low_nano: int | None = None
    forecast_high_nano: int | None = None


class CostDriver(Part, frozen=True):
    """What costs most within a budget's scope, per hour: a workload, its namespace and kind."""

    namespace: str
    kind: str
    name: str
    hourly_nano: int


class BudgetCost(Part, frozen=True):
    """A monthly budget and what has become of it.

    `scope_kind` is `namespace`, `cluster`, `label` or `workload`; `scope_name` names it: `shop`, the cluster's name,
    `team=payments`, `shop/Deployment/web`. `source` is where a person wrote it. The means are per hour, of the last
    whole hour and the last six; the usual amount of this hour of the week is a median with its median absolute
    deviation. Each is None while there isn't enough history. Until `silenced_until_ns` (Unix nanoseconds, 0: it isn't)
    nobody wants to hear of it.
    """

    budget: str
    scope_kind: str
    scope_name: str
    source: str
    amount_nano: int
    spent_nano: int
    hourly_nano: int
    forecast_nano: int | None
    mean_1h_nano: int | None
    mean_6h_nano: int | None
    usual_hour_nano: int | None
    usual_hour_deviation_nano: int | None
    silenced_until_ns: int
    drivers: list[CostDriver]


class ComponentCost(Part, frozen=True):
    """What the cluster costs per hour for `compute`, `storage`, `network`, `load_balancer` or `control_plane`."""

    component: str
    hourly_nano: int


class PriceTrouble(Part, frozen=True):
    """Nodes that have no price, and so no cost here, by the code of why; `detail` is a sentence about one of them."""

    code: str
    nodes: int
    detail: str


class CostSnapshot(Record, frozen=True, kw_only=True):
    """The costs of one moment, `at_ns` (Unix nanoseconds), or the part `part` of `parts` of them, from 0 on.

    All parts of a moment have its `at_ns`. Namespaces and budgets are spread over them, the rest is in the first.
    `month_start_ns` is when the month of "month to date" began, `history_start_ns` since when costs are known,
    `settled_through_ns` until when they are settled (0: not at all yet). `budget_faults` says in sentences which
    budgets can't be read.
    """

    cluster: str
    at_ns: int
    part: int
    parts: int
    currency: str
    month_start_ns: int
    history_start_ns: int
    settled_through_ns: int
    namespaces: list[NamespaceCost]
    budgets: list[BudgetCost]
    budget_faults: list[str]
    components: list[ComponentCost]
    price_troubles: list[PriceTrouble]
