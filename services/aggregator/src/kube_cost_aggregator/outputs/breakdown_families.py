"""The families that say what costs are for, how much of what is reserved is used, and what pods send and write."""

from kube_cost_aggregator.outputs.family import BYTES, NONE, USD, USD_PER_HOUR, Family
from kube_cost_aggregator.state.totals import COMPONENTS
from kube_cost_common.domain.resources import COMPUTE

RESOURCES = ("cpu", "memory", "gpu", "storage", "network", "load_balancer", "control_plane")
"""What costs are for."""

_NOW = "The rate of now, at most 5 s old, usage as of each node's last sample."
_SETTLED = "Settled money, at most 5 s behind the last commit."
_COUNTED = "Counted since the ledger began, by samples, at most 5 s behind the last commit."
_USED = "Of pods whose usage is known, on nodes with a price."

RESOURCE_HOURLY = "kube_cost_namespace_resource_hourly_usd"
RESOURCE_TOTAL = "kube_cost_namespace_resource_usd_total"
CLUSTER_HOURLY = "kube_cost_cluster_hourly_usd"
CLUSTER_TOTAL = "kube_cost_cluster_usd_total"
EFFICIENCY = "kube_cost_namespace_efficiency_ratio"
WASTED = "kube_cost_workload_request_waste_hourly_usd"
USED_ABOVE = "kube_cost_workload_usage_above_request_hourly_usd"
LABEL = "kube_cost_label_hourly_usd"
FORECAST, FORECAST_LOW, FORECAST_HIGH = FORECASTS = (
    "kube_cost_namespace_month_forecast_usd",
    "kube_cost_namespace_month_forecast_low_usd",
    "kube_cost_namespace_month_forecast_high_usd",
)
BUDGET = "kube_cost_namespace_budget_usd"
SPOT_POTENTIAL = "kube_cost_spot_potential_savings_hourly_usd"
PVC = "kube_cost_pvc_hourly_usd"
LOAD_BALANCER = "kube_cost_load_balancer_hourly_usd"
TRAFFIC = (
    "kube_cost_namespace_network_transmit_bytes_total",
    "kube_cost_namespace_network_receive_bytes_total",
    "kube_cost_namespace_storage_read_bytes_total",
    "kube_cost_namespace_storage_write_bytes_total",
    "kube_cost_namespace_storage_operations_total",
)
"""In the order of the fields of `Traffic`."""

_WORKLOAD = ("namespace", "workload_kind", "workload")

_TRAFFIC_HELP = (
    "Bytes that the namespace's pods sent, those on their node's network left out.",
    "Bytes that the namespace's pods received, those on their node's network left out.",
    "Bytes that the namespace's pods read from block devices.",
    "Bytes that the namespace's pods wrote to block devices.",
    "Reads and writes of block devices by the namespace's pods.",
)

BREAKDOWN_FAMILIES = (
    Family(
        name=RESOURCE_HOURLY,
        type="gauge",
        unit=USD_PER_HOUR,
        labels=("namespace", "resource"),
        values={"resource": RESOURCES},
        help="USD per hour of the namespace by what it is for: its pods' shares of nodes, its volumes, what its pods "
        f"send, its load balancers. The sum is kube_cost_namespace_hourly_usd. {_NOW}",
    ),
    Family(
        name=RESOURCE_TOTAL,
        type="counter",
        unit=USD,
        labels=("namespace", "resource"),
        values={"resource": RESOURCES},
        help=f"USD that the namespace has cost since the ledger began, by what it is for. {_SETTLED}",
    ),
    Family(
        name=CLUSTER_HOURLY,
        type="gauge",
        unit=USD_PER_HOUR,
        labels=("component",),
        values={"component": COMPONENTS},
        help=f"USD per hour of the cluster: nodes, volumes, traffic, load balancers, the control plane. {_NOW}",
    ),
    Family(
        name=CLUSTER_TOTAL,
        type="counter",
        unit=USD,
        labels=("component",),
        values={"component": COMPONENTS},
        help=f"USD that the cluster has cost since the ledger began, by component. {_SETTLED}",
    ),
    Family(
        name=EFFICIENCY,
        type="gauge",
        unit=NONE,
        labels=("namespace", "resource"),
        values={"resource": COMPUTE},
        help=f"What the namespace's pods use, divided by what they reserve; above 1 they use more. {_USED} {_NOW}",
    ),
    Family(
        name=WASTED,
        type="gauge",
        unit=USD_PER_HOUR,
        labels=_WORKLOAD,
        help=f"USD per hour of what the workload's pods reserve and don't use. {_USED} {_NOW}",
    ),
    Family(
        name=USED_ABOVE,
        type="gauge",
        unit=USD_PER_HOUR,
        labels=_WORKLOAD,
        help=f"USD per hour of what the workload's pods use beyond what they reserve. {_USED} {_NOW}",
    ),
    Family(
        name=FORECAST,
        type="gauge",
        unit=USD,
        labels=("namespace",),
        help="USD that the namespace will have cost when the month ends in UTC: what it has cost, and the rest at the "
        f"average of the last 24 whole hours. {_SETTLED}",
    ),
    Family(
        name=FORECAST_LOW,
        type="gauge",
        unit=USD,
        labels=("namespace",),
        help="USD of the same less what the spread of the days makes likely, never below what has been spent. "
        f"{_SETTLED}",
    ),
    Family(
        name=FORECAST_HIGH,
        type="gauge",
        unit=USD,
        labels=("namespace",),
        help=f"USD of the same and what the spread of the days makes likely. {_SETTLED}",
    ),
    Family(
        name=BUDGET,
        type="gauge",
        unit=USD,
        labels=("namespace",),
        help="USD that the namespace may cost in a calendar month, by the file of budgets, its annotation "
        "kube-cost.io/monthly-budget-usd or its label budget; no series without, or where it can't be read "
        "(kube_cost_budget_parse_errors). Within 15 s of a change.",
    ),
    Family(
        name=SPOT_POTENTIAL,
        type="gauge",
        unit=USD_PER_HOUR,
        labels=(),
        help="USD per hour that would be saved more if 70 % of the nodes, by their on-demand price, were spot: at the "
        "spot prices of the types and zones that are on demand now. 0 where none of these is known. At most 5 s old.",
    ),
    Family(
        name=LABEL,
        type="gauge",
        unit=USD_PER_HOUR,
        labels=("label", "value"),
        help="USD per hour by the value of a configured label of pods, or where they have none of their namespace; "
        f"`__none__` where neither has. The sum for each label is that of everything. {_NOW}",
    ),
    Family(
        name=PVC,
        type="gauge",
        unit=USD_PER_HOUR,
        labels=("namespace", "persistentvolumeclaim", "storage_class"),
        help="USD per hour of the claim's volume by what is provisioned, whoever mounts it; no series where its price "
        "isn't known. Within 5 s of a change.",
    ),
    Family(
        name=LOAD_BALANCER,
        type="gauge",
        unit=USD_PER_HOUR,
        labels=("namespace", "service"),
        help="USD per hour of the load balancer of a Service that has an address, without what it transmits; no series "
        "where its price isn't known. Within 5 s of a change.",
    ),
    *(
        Family(
            name=name,
            type="counter",
            unit=NONE if name.endswith("operations_total") else BYTES,
            labels=("namespace",),
            help=f"{text} {_COUNTED}",
        )
        for name, text in zip(TRAFFIC, _TRAFFIC_HELP, strict=True)
    ),
)
