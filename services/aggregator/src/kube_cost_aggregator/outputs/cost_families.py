"""The families that say what things cost. Every monthly figure is an hourly one times 730."""

from kube_cost_aggregator.outputs.family import NONE, USD, USD_PER_DAY, USD_PER_HOUR, USD_PER_MONTH, Family

_NOW = "The rate of this moment: objects and prices within a second, usage as of the node's last sample."
_SETTLED = "Settled money, at most 5 s behind the last commit; what no sample covers yet is missing."
_PSEUDO = (
    "What no pod has is under __idle__, what nodes keep for themselves under __system__, volumes without a claim under "
    "__unclaimed__, the control plane and the nodes' traffic under __cluster__."
)
_NO_PRICE = "A node without a price has no series."

_NODE = ("node", "instance_type")

POD_FAMILIES = (
    Family(
        name="kube_cost_pod_hourly_usd",
        type="gauge",
        unit=USD_PER_HOUR,
        labels=("namespace", "pod", "node"),
        help="USD per hour of the pod: the greater of request and usage, for CPU, memory and GPUs, and its part of the "
        f"volumes that it mounts and of traffic. {_NOW} Pods on a node without a price have no series.",
    ),
)

POD_INFO = Family(
    name="kube_cost_pod_info",
    type="gauge",
    unit=NONE,
    labels=("namespace", "pod", "node", "workload_kind", "workload"),
    help="1 for each pod with a cost, to join it with its workload and with the labels of KUBE_COST_LABELS, which "
    "stand as label_<name>. Left out above KUBE_COST_POD_INFO_MAX_PODS pods, and where pods have no names. Within a "
    "second of a change.",
)

NAMESPACE_FAMILIES = (
    Family(
        name="kube_cost_namespace_hourly_usd",
        type="gauge",
        unit=USD_PER_HOUR,
        labels=("namespace",),
        help="USD per hour of the namespace's pods, volumes, traffic and load balancers. "
        f"{_PSEUDO} The sum is what the cluster costs. {_NOW}",
    ),
    Family(
        name="kube_cost_namespace_daily_usd",
        type="gauge",
        unit=USD_PER_DAY,
        labels=("namespace",),
        help="USD per day at the rate of now: hourly times 24, not what the day has cost "
        f"(kube_cost_namespace_today_usd). {_NOW}",
    ),
    Family(
        name="kube_cost_namespace_today_usd",
        type="gauge",
        unit=USD,
        labels=("namespace",),
        help=f"USD that the namespace has cost since midnight UTC. {_SETTLED}",
    ),
    Family(
        name="kube_cost_namespace_month_to_date_usd",
        type="gauge",
        unit=USD,
        labels=("namespace",),
        help="USD that the namespace has cost since the month began in UTC, or since "
        f"kube_cost_history_start_timestamp_seconds if that is later. {_SETTLED}",
    ),
    Family(
        name="kube_cost_namespace_usd_total",
        type="counter",
        unit=USD,
        labels=("namespace",),
        help=f"USD that the namespace has cost since the ledger began. {_PSEUDO} {_SETTLED}",
    ),
    Family(
        name="kube_cost_spot_savings_usd_total",
        type="counter",
        unit=USD,
        labels=("namespace",),
        help="USD saved by spot nodes since the ledger began: on demand less spot, spread as the cost is; what spot "
        f"cost more at other times isn't taken off. Unknown on-demand prices save nothing. {_SETTLED}",
    ),
    Family(
        name="kube_cost_spot_savings_hourly_usd",
        type="gauge",
        unit=USD_PER_HOUR,
        labels=("namespace",),
        help="USD per hour that spot nodes save against on demand, negative where spot is dearer; the idle and system "
        f"part is under __idle__. {_NOW}",
    ),
)

WORKLOAD_FAMILIES = (
    Family(
        name="kube_cost_workload_hourly_usd",
        type="gauge",
        unit=USD_PER_HOUR,
        labels=("namespace", "workload_kind", "workload"),
        help="USD per hour of the pods of a workload: of the Deployment, not its ReplicaSet, of the CronJob, not its "
        f"Job. {_NOW}",
    ),
)

NODE_FAMILIES = (
    Family(
        name="kube_cost_node_hourly_usd",
        type="gauge",
        unit=USD_PER_HOUR,
        labels=_NODE,
        help=f"USD per hour that the node costs: spot if it is spot, else on demand. {_NO_PRICE} Within a second of "
        "the price; how old that is says kube_cost_price_age_seconds.",
    ),
    Family(
        name="kube_cost_node_idle_hourly_usd",
        type="gauge",
        unit=USD_PER_HOUR,
        labels=("node",),
        help=f"USD per hour of the part of the node that no pod has; it takes what rounding leaves. {_NOW}",
    ),
    Family(
        name="kube_cost_node_system_hourly_usd",
        type="gauge",
        unit=USD_PER_HOUR,
        labels=("node",),
        help=f"USD per hour of what the node keeps from pods: its size less what it can allocate. {_NOW}",
    ),
    Family(
        name="kube_cost_node_cpu_hourly_usd",
        type="gauge",
        unit=USD_PER_HOUR,
        labels=_NODE,
        help=f"USD per hour of one vCPU of the node. {_NO_PRICE} Changes with the price, within a second.",
    ),
    Family(
        name="kube_cost_node_memory_hourly_usd",
        type="gauge",
        unit=USD_PER_HOUR,
        labels=_NODE,
        help=f"USD per hour of one GiB of the node's memory. {_NO_PRICE} Changes with the price, within a second.",
    ),
    Family(
        name="kube_cost_node_gpu_hourly_usd",
        type="gauge",
        unit=USD_PER_HOUR,
        labels=_NODE,
        help="USD per hour of one GPU of the node; nodes without GPUs have no series. Changes with the price, within "
        "a second.",
    ),
    Family(
        name="kube_cost_node_on_demand_hourly_usd",
        type="gauge",
        unit=USD_PER_HOUR,
        labels=_NODE,
        help="USD per hour of the node on demand, whichever it pays, before sustained use; no series where that isn't "
        "known. Within a second of the price.",
    ),
    Family(
        name="kube_cost_node_spot_hourly_usd",
        type="gauge",
        unit=USD_PER_HOUR,
        labels=_NODE,
        help="USD per hour of the node as spot in its zone, whichever it pays; no series where that isn't known. "
        "Within a second of the price.",
    ),
    Family(
        name="kube_cost_node_info",
        type="gauge",
        unit="",
        labels=(
            "node",
            "provider",
            "region",
            "zone",
            "instance_type",
            "instance_family",
            "node_pool",
            "capacity_type",
            "os",
            "arch",
            "price_source",
        ),
        values={
            "provider": ("aws", "gcp", "azure", "custom"),
            "capacity_type": ("on_demand", "spot"),
            "price_source": ("", "api", "bill", "custom", "snapshot", "estimate"),
        },
        help="Always 1: what the node is, and where its price is from (api, bill, custom, snapshot, estimate; empty "
        "while it has none). Within a second of a change.",
    ),
)

CLUSTER_FAMILIES = (
    Family(
        name="kube_cost_nodes_usd_total",
        type="counter",
        unit=USD,
        labels=("capacity_type",),
        values={"capacity_type": ("on_demand", "spot")},
        help=f"USD that nodes have cost since the ledger began, pods, idle and system together. {_SETTLED}",
    ),
    Family(
        name="kube_cost_spot_price_hourly_usd",
        type="gauge",
        unit=USD_PER_HOUR,
        labels=("instance_type", "zone"),
        help="USD per hour of spot machines of the types and zones that nodes have; the least where operating systems "
        "or custom prices differ. Within a second of the price.",
    ),
    Family(
        name="kube_cost_pv_monthly_usd",
        type="gauge",
        unit=USD_PER_MONTH,
        labels=("pv_name", "storage_class"),
        help="USD per month of 730 h of a persistent volume, by its provisioned size; no series where its price isn't "
        "known. Within 5 s of a change.",
    ),
)
