"""What every service of the mesh can be told, and where it goes from there."""

from typing import Annotated

import msgspec

from kube_cost_common.runtime.bus_config import BusConfig
from kube_cost_common.runtime.lifecycle import ServiceConfig

Port = Annotated[int, msgspec.Meta(ge=0, le=65_535)]
PositiveSeconds = Annotated[float, msgspec.Meta(gt=0)]
UsdPerHour = Annotated[float, msgspec.Meta(ge=0)]


class MeshConfig(ServiceConfig, frozen=True, kw_only=True):
    """Settings of a service on the bus, from the environment: `KUBE_COST_` and the field's name in capitals."""

    cluster: str = ""
    """The cluster's name: on the bus, in the ledger, and as the label `cluster` of every metric. Empty: no label, and
    `default` elsewhere.
    """

    nats_url: str = "nats://nats:4222"
    """Where the bus is; more than one URL, separated by commas, for a NATS cluster."""

    nats_inbox_prefix: str = "_INBOX"
    """Subjects that answers come on; each user of the bus has its own."""

    nats_tls_ca_file: str = ""
    """PEM file of the authorities that may sign the bus's certificate."""

    nats_nkey_seed_file: str = ""
    """File with this service's nkey seed; empty is no authentication."""

    listen_host: str = "0.0.0.0"  # noqa: S104 - probes and Prometheus come from outside the pod
    """Address to serve HTTP on."""

    listen_port: Port = 8080
    """Port of the same; 0 takes a free one."""

    @property
    def cluster_id(self) -> str:
        """The cluster's name where there must be one."""
        return self.cluster or "default"

    def bus(self, service: str) -> BusConfig:
        """Return how `service` is to connect."""
        return BusConfig(
            servers=tuple(url.strip() for url in self.nats_url.split(",") if url.strip()),
            name=f"kube-cost-{service}",
            inbox_prefix=self.nats_inbox_prefix,
            tls_ca_file=self.nats_tls_ca_file,
            nkey_seed_file=self.nats_nkey_seed_file,
        )


class DefaultPriceConfig(MeshConfig, frozen=True, kw_only=True):
    """What a machine whose price nobody knows is taken to cost, in USD per hour; 0 switches it off.

    Pricing answers with it, marked `estimate`; the aggregator assumes it where pricing doesn't answer. The figures
    are those of docs/cost-model.md's weights: a vCPU and a GiB of GCP's N1 in us-central1, and a GPU of a like age.
    """

    default_usd_per_vcpu_hour: UsdPerHour = 0.031611
    """Of a vCPU."""

    default_usd_per_gib_hour: UsdPerHour = 0.004237
    """Of a GiB of memory."""

    default_usd_per_gpu_hour: UsdPerHour = 0.95
    """Of a GPU."""
