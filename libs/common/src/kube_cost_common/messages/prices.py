"""What the aggregator asks of pricing, and what pricing answers."""

import hashlib
from collections.abc import Mapping

import msgspec

from kube_cost_common.domain.attached_gpus import attached_gpus
from kube_cost_common.messages.codec import Part, Record
from kube_cost_common.messages.names import escape

INSTANCE = "instance"
VOLUME = "volume"
VOLUME_IOPS = "volume_iops"
VOLUME_THROUGHPUT = "volume_throughput"
NETWORK = "network"
LOAD_BALANCER = "load_balancer"
CONTROL_PLANE = "control_plane"
POD_VCPU = "pod_vcpu"
POD_MEMORY = "pod_memory"

DISK_MONTH = "disk_month"

UNITS: Mapping[str, frozenset[str]] = {
    INSTANCE: frozenset({"hour"}),
    VOLUME: frozenset({"gib_month", DISK_MONTH}),
    VOLUME_IOPS: frozenset({"iops_month"}),
    VOLUME_THROUGHPUT: frozenset({"mibps_month"}),
    NETWORK: frozenset({"gib"}),
    LOAD_BALANCER: frozenset({"hour"}),
    CONTROL_PLANE: frozenset({"hour"}),
    POD_VCPU: frozenset({"vcpu_hour"}),
    POD_MEMORY: frozenset({"gib_hour"}),
}
"""The kinds of prices, and per what each is. A month is 730 h.

The `sku` is a machine type; a volume type as its cloud names it (`gp3`, `pd-balanced`, `Premium_LRS`), likewise for its
operations and throughput beyond what is free; for traffic `zone`, `region` or `internet`: where the bytes go, between
zones, between regions, out of the cloud; a load balancer's type (`network`, `application`, `classic`; empty: the
cloud's usual one); a control plane's (`standard`, `extended`); what runs pods without a node (`fargate`, `autopilot`,
`aci`).

A `disk_month` is for whole disks: the tiers' `start` is the GiB over which a disk has that price, and a volume pays for
the last tier that starts below its size.
"""

ON_DEMAND = "on_demand"
SPOT = "spot"

LABELS_KEY = "_labels"
"""The key in `kce_prices` of a record that isn't a price: `WantedLabels`."""

UNPRICED_KEY = "_unpriced"
"""The key in `kce_prices` of the other one: `UnpricedRequests`."""

NOT_PRICES = frozenset({LABELS_KEY, UNPRICED_KEY})


class Shape(Part, frozen=True):
    """What a machine nominally has: virtual CPUs, GiB of memory, GPUs."""

    vcpu: float
    memory_gib: float
    gpus: float = 0.0


class Weights(Part, frozen=True):
    """How a machine's price divides over its resources: relative prices of a vCPU, a GiB and a GPU."""

    vcpu: float
    memory_gib: float
    gpu: float


class Tier(Part, frozen=True):
    """From `start` units on, each unit costs `usd`."""

    start: float
    usd: float


class PriceRecord(Record, frozen=True, kw_only=True):
    """One price: the key's parts in full, USD per `unit` (`hour`, or `gib_month` of 730 h), and where it is from.

    `source` is `api`, `bill`, `custom`, `snapshot` or `estimate`. `list_usd` is the price before discounts.
    `fetched_at_ns` and `effective_from_ns` are Unix nanoseconds. `labels_hash` is empty but for a custom price that
    holds only for nodes with certain labels. `note` says in a few words why a price is an estimate.
    """

    provider: str
    region: str
    zone: str
    kind: str
    sku: str
    os: str
    capacity: str
    usd: float
    list_usd: float
    unit: str
    currency: str
    shape: Shape | None
    weights: Weights | None
    tiers: list[Tier]
    source: str
    fetched_at_ns: int
    effective_from_ns: int
    labels_hash: str = ""
    note: str = ""


class PriceRequest(Part, frozen=True):
    """One price that is needed. `shape` is the node's own capacity.

    `labels` are those that custom prices name, and what says which GPUs are attached to it.
    """

    provider: str
    region: str
    zone: str
    kind: str
    sku: str
    os: str
    capacity: str
    shape: Shape | None = None
    labels: dict[str, str] = {}  # noqa: RUF012 - msgspec copies a default


class PriceDemand(Record, frozen=True, kw_only=True):
    """The distinct prices that a cluster's nodes and volumes need. Replaced whole."""

    cluster: str
    requests: list[PriceRequest]


class WantedLabels(Record, frozen=True, kw_only=True):
    """The node labels that the custom prices name, so that the aggregator sends those, and no others."""

    names: list[str]


class Unpriced(Part, frozen=True):
    """Why there is no price under `key`: a code for metrics (`no_region`, `currency`, …), and a sentence."""

    key: str
    code: str
    reason: str


class UnpricedRequests(Record, frozen=True, kw_only=True):
    """The requests of the demand that have no price. Replaced whole."""

    requests: list[Unpriced]


def price_key(
    *, provider: str, region: str, zone: str, kind: str, sku: str, os: str, capacity: str, labels_hash: str = ""
) -> str:
    """Return the key in `kce_prices`: seven escaped parts; a label-bound price has `#` and the hash after its sku."""
    name = f"{sku}#{labels_hash}" if labels_hash else sku
    return ".".join(escape(part) for part in (provider, region, zone, kind, name, os, capacity))


def own_labels_hash(request: PriceRequest) -> str:
    """Return the hash of a request's labels where no price holds without them (attached GPUs), else the empty text."""
    attached = request.kind == INSTANCE and attached_gpus(request.provider, request.sku, request.labels)
    return labels_hash(request.labels) if attached else ""


def request_key(request: PriceRequest, *, labels_hash: str = "") -> str:
    """Return the key in `kce_prices` of what a request asks for."""
    return price_key(
        provider=request.provider,
        region=request.region,
        zone=request.zone,
        kind=request.kind,
        sku=request.sku,
        os=request.os,
        capacity=request.capacity,
        labels_hash=labels_hash or own_labels_hash(request),
    )


def labels_hash(labels: Mapping[str, str]) -> str:
    """Return what stands for `labels` in a key: 12 hexadecimal digits of the SHA-256 of the sorted pairs as JSON.

    No labels have no hash: the empty text.
    """
    if not labels:
        return ""
    return hashlib.sha256(msgspec.json.encode(sorted(labels.items()))).hexdigest()[:12]
