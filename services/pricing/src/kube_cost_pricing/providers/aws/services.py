"""Volumes, traffic, load balancers, EKS and Fargate: which service lists them, and what bills call them."""

from collections.abc import Mapping
from typing import NamedTuple

from kube_cost_common.messages.prices import (
    CONTROL_PLANE,
    LOAD_BALANCER,
    POD_MEMORY,
    POD_VCPU,
    VOLUME,
    VOLUME_IOPS,
    VOLUME_THROUGHPUT,
    PriceRequest,
    Tier,
)
from kube_cost_pricing.providers.aws.judging import choose, usage
from kube_cost_pricing.providers.aws.price_list import Listing
from kube_cost_pricing.providers.cloud import CONTROL_PLANE_PRICE, INSTANCE_PRICE, LOAD_BALANCER_PRICE, Seen, noted
from kube_cost_pricing.providers.source import API, Answer, Quote, Unknown

EC2 = "AmazonEC2"
TRAFFIC = "AWSDataTransfer"


class Billed(NamedTuple):
    """A service of the Price List, a pattern of usage types, the unit of the quote, and what the call is for."""

    service: str
    usage_type: str
    unit: str
    endpoint: str


_BILLED: Mapping[tuple[str, str], Billed] = {
    (LOAD_BALANCER, "network"): Billed("AWSELB", "LoadBalancerUsage", "hour", LOAD_BALANCER_PRICE),
    (LOAD_BALANCER, "application"): Billed("AWSELB", "LoadBalancerUsage", "hour", LOAD_BALANCER_PRICE),
    (LOAD_BALANCER, "classic"): Billed("AWSELB", "LoadBalancerUsage", "hour", LOAD_BALANCER_PRICE),
    (CONTROL_PLANE, "standard"): Billed("AmazonEKS", "AmazonEKS-Hours:perCluster", "hour", CONTROL_PLANE_PRICE),
    (CONTROL_PLANE, "extended"): Billed("AmazonEKS", "AmazonEKS-Hours:extendedSupport", "hour", CONTROL_PLANE_PRICE),
    (POD_VCPU, "fargate"): Billed("AmazonEKS", "Fargate-vCPU-Hours:perCPU", "vcpu_hour", INSTANCE_PRICE),
    (POD_MEMORY, "fargate"): Billed("AmazonEKS", "Fargate-GB-Hours", "gib_hour", INSTANCE_PRICE),
}
"""A GB of Fargate's has 2^30 bytes (https://docs.aws.amazon.com/eks/latest/userguide/fargate-pod-configuration.html)."""

USUAL: Mapping[str, str] = {LOAD_BALANCER: "network", CONTROL_PLANE: "standard"}

_FAMILIES = {
    "network": "Load Balancer-Network",
    "application": "Load Balancer-Application",
    "classic": "Load Balancer",
}

_VOLUMES: Mapping[str, str] = {
    "gp2": r"EBS:VolumeUsage\.gp2",
    "gp3": r"EBS:VolumeUsage\.gp3",
    "io1": r"EBS:VolumeUsage\.piops",
    "io2": r"EBS:VolumeUsage\.io2",
    "st1": r"EBS:VolumeUsage\.st1",
    "sc1": r"EBS:VolumeUsage\.sc1",
    "standard": r"EBS:VolumeUsage",
}
_IOPS: Mapping[str, str] = {"gp3": r"EBS:VolumeP-IOPS\.gp3", "io1": r"EBS:VolumeP-IOPS\.piops"}
_FREE: Mapping[tuple[str, str], float] = {(VOLUME_IOPS, "gp3"): 3000.0, (VOLUME_THROUGHPUT, "gp3"): 125.0}
"""IOPS and MiB/s in the price of the capacity (https://aws.amazon.com/ebs/pricing/)."""

_IO2_TIERS = ((0.0, ""), (32_000.0, r"\.tier2"), (64_000.0, r"\.tier3"))
_MIB_PER_UNIT: Mapping[str, float] = {"gibps-mo": 1024.0, "mibps-mo": 1.0}


def billed(request: PriceRequest) -> Billed | None:
    """Return where a load balancer, a control plane or a pod's size is listed; None where AWS has no such thing."""
    return _BILLED.get((request.kind, request.sku or USUAL.get(request.kind, "")))


def price(request: PriceRequest, of: Billed, listing: Listing, seen: Seen) -> Answer:
    """Return the price of what `billed` told of."""
    sku = request.sku or USUAL.get(request.kind, "")
    words = f"{sku} {request.kind.replace('_', ' ')} in {request.region}"
    family = _FAMILIES.get(sku, "") if request.kind == LOAD_BALANCER else ""
    products = [product for product in listing.products if not family or product.family == family]
    found = choose(Listing(products, listing.fetched_at_ns), usage(of.usage_type), words, unit=of.unit, seen=seen)
    return noted(request, found)


def volume_price(request: PriceRequest, listing: Listing, seen: Seen) -> Answer:
    """Return what a volume's capacity, operations or throughput cost a month."""
    sku = request.sku
    if sku not in _VOLUMES:
        return Unknown(reason=f"AWS has no volumes of type {sku or '(none)'}")
    words = f"{sku} {request.kind.replace('_', ' ')} in {request.region}"
    free = _FREE.get((request.kind, sku), 0.0)
    if request.kind == VOLUME:
        return choose(listing, usage(_VOLUMES[sku]), words, unit="gib_month", seen=seen)
    if request.kind == VOLUME_IOPS:
        if sku == "io2":
            return _io2(words, listing, seen)
        if sku in _IOPS:
            return choose(listing, usage(_IOPS[sku]), words, unit="iops_month", seen=seen, free=free)
    if request.kind == VOLUME_THROUGHPUT and sku == "gp3":
        return _throughput(words, listing, seen, free=free)
    return Unknown(reason=f"{sku} volumes have no price for their {request.kind.removeprefix('volume_')}")


def _throughput(words: str, listing: Listing, seen: Seen, *, free: float) -> Answer:
    """Return the price of a MiB/s, which is listed by the GiB/s."""
    judge = usage(r"EBS:VolumeP-Throughput\.gp3")
    units = {product.unit.lower() for product in listing.products if not judge(product)}
    scales = {_MIB_PER_UNIT.get(unit) for unit in units}
    if None in scales or len(scales) > 1:
        return Unknown(reason=f"{words}: AWS lists it by {' and by '.join(sorted(units))}")
    scale = 1 / (scales.pop() or 1.0) if scales else 1.0
    return choose(listing, judge, words, unit="mibps_month", seen=seen, scale=scale, free=free)


def _io2(words: str, listing: Listing, seen: Seen) -> Answer:
    tiers: list[Tier] = []
    currency = ""
    for start, suffix in _IO2_TIERS:
        answer = choose(listing, usage(rf"EBS:VolumeP-IOPS\.io2{suffix}"), words, unit="iops_month", seen=seen)
        if not isinstance(answer, Quote):
            return answer
        tiers.append(Tier(start=start, usd=answer.amount))
        currency = answer.currency
    return Quote(
        amount=tiers[0].usd,
        unit="iops_month",
        source=API,
        fetched_at_ns=listing.fetched_at_ns,
        currency=currency,
        tiers=tuple(tiers),
    )
