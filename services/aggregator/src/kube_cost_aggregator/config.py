"""What the aggregator can be told."""

from typing import Annotated, Literal

import msgspec

from kube_cost_common.runtime.mesh import DefaultPriceConfig, Port, PositiveSeconds


class AggregatorConfig(DefaultPriceConfig, frozen=True, kw_only=True):
    """Settings from the environment: `KUBE_COST_` and the field's name in capitals."""

    listen_port: Port = 9090
    """Port of /metrics, /api/v1, the page and the probes."""

    ledger_file: str = "/var/lib/kube-cost/ledger.sqlite"
    """The ledger. On a volume it outlives the pod."""

    kubeconfig: str = ""
    """Kubeconfig to reach the API server with; empty is a pod's own account, else `KUBECONFIG` or ~/.kube/config."""

    interval_seconds: Annotated[float, msgspec.Meta(ge=1, le=300)] = 60.0
    """How often agents publish; what hasn't been heard for three intervals is down."""

    cloud_provider: Literal["aws", "gcp", "azure", "custom"] = "custom"
    """Whose machines the nodes are that have no `spec.providerID`: `aws`, `gcp`, `azure` or `custom`."""

    spot_label: str = ""
    """A label of yours, or `label=value`, that marks spot nodes beside those of the clouds and Karpenter."""

    usage_wait_seconds: PositiveSeconds = 600.0
    """How long a silent agent is waited for before its node's time is settled by requests."""

    price_wait_seconds: PositiveSeconds = 600.0
    """How long a node waits for its first price before the default is assumed."""

    ended_node_wait_seconds: PositiveSeconds = 60.0
    """How long the last sample of a node that is gone is waited for."""

    stream_replicas: Annotated[int, msgspec.Meta(ge=1, le=5)] = 1
    """Copies of streams and buckets on a NATS cluster: 3 outlives the loss of a server."""
