"""What the aggregator can be told."""

from typing import Annotated, Literal

import msgspec

from kube_cost_aggregator.history.store import Retention
from kube_cost_aggregator.state.totals import CLUSTER, IDLE, PSEUDO, SYSTEM
from kube_cost_common.domain.sharing import SharingRules
from kube_cost_common.runtime.mesh import DefaultPriceConfig, Port, PositiveSeconds

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Sharing = Literal["none", "weighted", "even"]
KeptDays = Annotated[int, msgspec.Meta(ge=0)]

LEAST_KEPT_DAYS = 32
"""What the month so far is made of has to be there."""


class AggregatorConfig(DefaultPriceConfig, frozen=True, kw_only=True):
    """Settings from the environment: `KUBE_COST_` and the field's name in capitals."""

    listen_port: Port = 9090
    """Port of /metrics, /api/v1, the page and the probes."""

    ledger_file: str = "/var/lib/kube-cost/ledger.sqlite"
    """The ledger. On a volume it outlives the pod."""

    database_dsn: str = ""
    """The ledger in PostgreSQL 12 or newer instead, `postgresql://user:password@host:port/database`, with TimescaleDB
    where its extension is there. Several clusters share a database under names of their own. Empty: the file.
    """

    pod_hours_kept_days: KeptDays = 90
    """How many days the hours of pods are kept, 32 at least; their days stay. 0 is for ever."""

    namespace_hours_kept_days: KeptDays = 400
    """Likewise the hours of namespaces, nodes, volumes and load balancers."""

    days_kept_days: KeptDays = 0
    """Likewise the days of pods and namespaces."""

    kubeconfig: str = ""
    """Kubeconfig to reach the API server with; empty is a pod's own account, else `KUBECONFIG` or ~/.kube/config."""

    interval_seconds: Annotated[float, msgspec.Meta(ge=1, le=300)] = 60.0
    """How often agents publish; what hasn't been heard for three intervals is down."""

    cloud_provider: Literal["aws", "gcp", "azure", "custom"] = "custom"
    """Whose machines the nodes are that have no `spec.providerID`: `aws`, `gcp`, `azure` or `custom`."""

    spot_label: str = ""
    """A label of yours, or `label=value`, that marks spot nodes beside those of the clouds and Karpenter."""

    node_pool_label: str = ""
    """A label of nodes whose value is their pool, where those of EKS, GKE, AKS and Karpenter aren't what you mean."""

    pod_names: Literal["plain", "hash", "drop"] = "plain"
    """What stands for pods' names in metrics, the ledger, the API, the page and logs: the names, a hash of each that
    needs `KUBE_COST_POD_NAMES_SECRET`, or nothing, so that pods are added up by what remains.
    """

    pod_names_secret: str = ""
    """The key of these hashes: who has it can find a name's hash. Give every replica the same, and keep it."""

    labels: str = ""
    """Labels of pods to add costs up by, separated by commas: `team,cost-center`. A pod without one has its
    namespace's.
    """

    pod_info_max_pods: Annotated[int, msgspec.Meta(ge=0)] = 20_000
    """Up to so many pods each has `kube_cost_pod_info`, which names its workload and its labels; 0 is never. It is as
    large as all else on /metrics.
    """

    opencost_names: bool = False
    """Show the prices of nodes and volumes under OpenCost's names too, for dashboards that were made for it."""

    network_zone_share: Share = 0.0
    """Which part of what pods send goes to another zone of their region: 0.2 is a fifth. It costs what that costs."""

    network_region_share: Share = 0.0
    """Likewise to another region of the cloud."""

    network_internet_share: Share = 0.0
    """Likewise out of the cloud. While all three are 0 traffic is counted, and costs nothing."""

    cost_basis: Literal["max", "request", "usage"] = "max"
    """What a pod is charged for: the greater of its request and its usage, or one of them alone."""

    gcp_sustained_use: bool = True
    """Whether Google's list prices get cheaper in the course of a month by the hours that a node has run in it.
    `false` is for accounts without these discounts, and where commitments cover what runs.
    """

    share_idle: Sharing = "none"
    """Whether namespaces share what of nodes is idle: `weighted` by what they cost themselves, or `even`."""

    share_system: Sharing = "none"
    """Likewise what nodes keep for themselves."""

    share_control_plane: Sharing = "none"
    """Likewise the control plane and the traffic of nodes."""

    shared_namespaces: str = ""
    """Namespaces that serve all others, separated by commas: `kube-system,monitoring`."""

    share_namespaces: Sharing = "none"
    """Whether the other namespaces share what those cost."""

    budgets_file: str = ""
    """A YAML file of monthly budgets; it is read again when it changes. See "Budgets"."""

    billing_account_id: str = ""
    """Who is billed, in FOCUS exports; empty is the cluster's name, since FOCUS demands something."""

    billing_provider: str = ""
    """Who sells the machines, in FOCUS exports; empty is the cloud that most nodes are of, else `On-premises`."""

    billing_invoice_issuer: str = ""
    """Who writes the invoice, in FOCUS exports: a reseller, say; empty is the provider."""

    usage_wait_seconds: PositiveSeconds = 600.0
    """How long a silent agent is waited for before its node's time is settled by requests."""

    price_wait_seconds: PositiveSeconds = 600.0
    """How long a node waits for its first price before the default is assumed."""

    ended_node_wait_seconds: PositiveSeconds = 60.0
    """How long the last sample of a node that is gone is waited for."""

    stream_replicas: Annotated[int, msgspec.Meta(ge=1, le=5)] = 1
    """Copies of streams and buckets on a NATS cluster: 3 outlives the loss of a server."""

    @property
    def retention(self) -> Retention:
        """How long the history is kept; raises ValueError where that is less than a month."""
        for name in ("pod_hours_kept_days", "namespace_hours_kept_days", "days_kept_days"):
            if 0 < getattr(self, name) < LEAST_KEPT_DAYS:
                raise ValueError(f"KUBE_COST_{name.upper()}: {getattr(self, name)} is less than {LEAST_KEPT_DAYS}")
        return Retention(self.pod_hours_kept_days, self.namespace_hours_kept_days, self.days_kept_days)

    @property
    def network_shares(self) -> dict[str, float]:
        """The classes of traffic that there is any of, with the part of it that each has."""
        shares = {
            "zone": self.network_zone_share,
            "region": self.network_region_share,
            "internet": self.network_internet_share,
        }
        return {sku: share for sku, share in shares.items() if share}

    @property
    def label_names(self) -> tuple[str, ...]:
        """The labels, each once, in their order."""
        return tuple(dict.fromkeys(name for part in self.labels.split(",") if (name := part.strip())))

    @property
    def sharing(self) -> SharingRules:
        """What is shared over namespaces, and how."""
        served = [name for part in self.shared_namespaces.split(",") if (name := part.strip())]
        lines = {
            IDLE: self.share_idle,
            SYSTEM: self.share_system,
            CLUSTER: self.share_control_plane,
            **dict.fromkeys(served, self.share_namespaces),
        }
        return SharingRules(lines=lines, pseudo=PSEUDO)
