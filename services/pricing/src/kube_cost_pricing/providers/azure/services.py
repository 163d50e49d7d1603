"""Traffic, load balancers, AKS and container instances: each a query of its own, a few meters."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from kube_cost_common.messages.prices import (
    CONTROL_PLANE,
    LOAD_BALANCER,
    NETWORK,
    POD_MEMORY,
    POD_VCPU,
    SPOT,
    PriceRequest,
)
from kube_cost_pricing.providers.azure.book import Judge, PriceBook, Wanted
from kube_cost_pricing.providers.azure.filters import any_of, consumption, equal
from kube_cost_pricing.providers.azure.rows import Listing, Row
from kube_cost_pricing.providers.azure.units import GB, GB_HOUR, HOUR
from kube_cost_pricing.providers.cloud import CONTROL_PLANE_PRICE, LOAD_BALANCER_PRICE, NETWORK_PRICE, noted
from kube_cost_pricing.providers.source import AMBIGUOUS, Answer, Unknown

GLOBAL = "Global"
"""The region of what costs the same everywhere."""


@dataclass(frozen=True)
class Service:
    """What is asked of the price list for one kind of request."""

    endpoint: str
    name: str
    product: str
    everywhere: bool = False

    def query(self, region: str) -> str:
        """Return the filter for its rows in `region`."""
        regions = [region, GLOBAL] if self.everywhere else [region]
        conditions = [any_of("armRegionName", regions)]
        if self.product:
            conditions.append(equal("productName", self.product))
        return consumption(self.name, *conditions)


SERVICES: Mapping[str, Service] = {
    NETWORK: Service(NETWORK_PRICE, "Bandwidth", "Rtn Preference: MGN"),
    LOAD_BALANCER: Service(LOAD_BALANCER_PRICE, "Load Balancer", "", everywhere=True),
    CONTROL_PLANE: Service(CONTROL_PLANE_PRICE, "Azure Kubernetes Service", "Azure Kubernetes Service"),
}
"""By kind. Traffic over Microsoft's own network is the default (routing preference "Microsoft global network")."""

CONTAINERS = Service("", "Container Instances", "Container Instances")
"""Pods without a node: the endpoint is the question's."""

_METERS: Mapping[str, Mapping[str, re.Pattern[str]]] = {
    NETWORK: {
        "zone": re.compile(r"Standard Inter-Availability Zone Data Transfer Out"),
        "region": re.compile(r"Standard Inter-Region Data Transfer(?: Out)?"),
        "internet": re.compile(r"Standard Data Transfer Out"),
    },
    LOAD_BALANCER: {
        "": re.compile(r"Standard Included LB Rules and Outbound Rules"),
        "standard": re.compile(r"Standard Included LB Rules and Outbound Rules"),
        "network": re.compile(r"Standard Included LB Rules and Outbound Rules"),
    },
    CONTROL_PLANE: {
        "": re.compile(r"Standard Uptime SLA"),
        "standard": re.compile(r"Standard Uptime SLA"),
        "extended": re.compile(r"Standard Long Term Support"),
    },
}
"""By kind and sku. The rules' meter is for the first five; AKS' Premium tier is billed by the long-term support's."""

_MEASURES: Mapping[str, tuple[str, str]] = {
    NETWORK: (GB, "gib"),
    LOAD_BALANCER: (HOUR, "hour"),
    CONTROL_PLANE: (HOUR, "hour"),
}

_FREE: Mapping[tuple[str, str], str] = {
    (LOAD_BALANCER, "basic"): "the Basic load balancer costs nothing",
    (CONTROL_PLANE, "free"): "the Free tier of AKS costs nothing",
}


def price(request: PriceRequest, region: str, listing: Listing, book: PriceBook) -> Answer:
    """Return what traffic, a load balancer or a control plane costs in `region`."""
    service = SERVICES[request.kind]
    meter = _METERS[request.kind].get(request.sku)
    if meter is None:
        nothing = _FREE.get((request.kind, request.sku))
        return Unknown(reason=nothing or f"Azure has no {request.kind.replace('_', ' ')} {request.sku}")
    measure, unit = _MEASURES[request.kind]
    words = f"{request.kind.replace('_', ' ')} price {request.sku or 'standard'} in {request.region}"
    wanted = Wanted(words=words, measure=measure, unit=unit)
    judge = _judge(service, meter)
    here = [row for row in listing.rows if row.arm_region_name == region]
    answer = book.by_amount(Listing(rows=here, fetched_at_ns=listing.fetched_at_ns), judge, wanted)
    if service.everywhere and isinstance(answer, Unknown) and answer.code != AMBIGUOUS:
        answer = book.by_amount(listing, judge, wanted)
    return noted(request, answer)


def container_price(request: PriceRequest, listing: Listing, book: PriceBook) -> Answer:
    """Return what a vCPU or a GiB of a Linux container group costs, on demand or spot."""
    if request.sku != "aci":
        return Unknown(reason=f"Azure runs no pods without a node on {request.sku or 'nothing'}")
    if request.os == "windows":
        return Unknown(reason="Windows container groups have a charge of their own, which isn't in these prices")
    sku = "Standard Spot" if request.capacity == SPOT else "Standard"
    part, measure, unit = {
        POD_VCPU: ("vCPU", HOUR, "vcpu_hour"),
        POD_MEMORY: ("Memory", GB_HOUR, "gib_hour"),
    }[request.kind]
    words = f"{sku} container group {part} price in {request.region}"
    judge = _judge(CONTAINERS, re.compile(re.escape(f"{sku} {part} Duration")))
    return book.single(listing, judge, Wanted(words=words, measure=measure, unit=unit))


def _judge(service: Service, meter: re.Pattern[str]) -> Judge:
    def reason(row: Row) -> str:
        if row.service_name != service.name or (service.product and row.product_name != service.product):
            return "it is another product"
        return "" if meter.fullmatch(row.meter_name) is not None else "it is another meter"

    return reason
