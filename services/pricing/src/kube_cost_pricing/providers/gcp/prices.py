"""Google Cloud's answers to the four questions."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from kube_cost_common.messages.prices import (
    CONTROL_PLANE,
    INSTANCE,
    LOAD_BALANCER,
    NETWORK,
    ON_DEMAND,
    POD_MEMORY,
    POD_VCPU,
    SPOT,
    VOLUME,
    VOLUME_IOPS,
    VOLUME_THROUGHPUT,
    PriceRequest,
    Tier,
)
from kube_cost_pricing.providers.cloud import (
    CONTROL_PLANE_PRICE,
    INSTANCE_PRICE,
    NETWORK_PRICE,
    SPOT_PRICE,
    STORAGE_PRICE,
    Seen,
    Tell,
    noted,
)
from kube_cost_pricing.providers.gcp.catalogue import Catalogue
from kube_cost_pricing.providers.gcp.choosing import choose
from kube_cost_pricing.providers.gcp.facts import (
    CLUSTER,
    DISK,
    DISK_IOPS,
    DISK_THROUGHPUT,
    FORWARDING_RULE,
    INTERNET_TRAFFIC,
    POD_CORE,
    POD_RAM,
    REGION_TRAFFIC,
    ZONE_TRAFFIC,
    Fact,
    Key,
)
from kube_cost_pricing.providers.gcp.listings import COMPUTE, KUBERNETES, Listings
from kube_cost_pricing.providers.gcp.machines import MachinePrices
from kube_cost_pricing.providers.source import API, NO_REGION, Answer, Quote, Unknown


class _Sold(NamedTuple):
    part: str
    unit: str


_PARTS: Mapping[str, _Sold] = {
    VOLUME: _Sold(DISK, "gib_month"),
    VOLUME_IOPS: _Sold(DISK_IOPS, "iops_month"),
    VOLUME_THROUGHPUT: _Sold(DISK_THROUGHPUT, "mibps_month"),
    LOAD_BALANCER: _Sold(FORWARDING_RULE, "hour"),
    CONTROL_PLANE: _Sold(CLUSTER, "hour"),
    POD_VCPU: _Sold(POD_CORE, "vcpu_hour"),
    POD_MEMORY: _Sold(POD_RAM, "gib_hour"),
}

_TRAFFIC: Mapping[str, str] = {"zone": ZONE_TRAFFIC, "region": REGION_TRAFFIC, "internet": INTERNET_TRAFFIC}

_FAR = re.compile(r"to (?:China|Australia)\b", re.IGNORECASE)
"""Where traffic seldom goes, and costs twice as much."""

_USUAL: Mapping[str, str] = {LOAD_BALANCER: "network", CONTROL_PLANE: "standard"}


class GcpPrices:
    """Every question is answered from a listing of all SKUs of a service, on demand and spot, of all regions."""

    def __init__(self, *, listings: Listings, seen: Seen) -> None:
        self._listings = listings
        self._seen = seen

    @property
    def provider(self) -> str:
        """`gcp`."""
        return "gcp"

    async def instances(self, region: str, requests: Sequence[PriceRequest], tell: Tell) -> None:
        """Tell on-demand prices of machines, and of Autopilot's pods."""
        await self._compute(INSTANCE_PRICE, region, requests, tell)

    async def spot(self, region: str, requests: Sequence[PriceRequest], tell: Tell) -> None:
        """Tell spot prices, which are regional."""
        await self._compute(SPOT_PRICE, region, requests, tell)

    async def storage(self, region: str, requests: Sequence[PriceRequest], tell: Tell) -> None:
        """Tell prices of persistent disks and Hyperdisks."""
        if _no_region(region, requests, tell):
            return
        catalogue = await self._listings.get(COMPUTE, endpoint=STORAGE_PRICE)
        for request in requests:
            tell(request, self._single(catalogue, request, request.sku))

    async def network(self, region: str, requests: Sequence[PriceRequest], tell: Tell) -> None:
        """Tell prices of traffic, forwarding rules and the control plane."""
        if _no_region(region, requests, tell):
            return
        for request in requests:
            if request.kind == NETWORK:
                compute = await self._listings.get(COMPUTE, endpoint=NETWORK_PRICE)
                tell(request, self._traffic(compute, request))
            else:
                service, endpoint = (
                    (KUBERNETES, CONTROL_PLANE_PRICE) if request.kind == CONTROL_PLANE else (COMPUTE, NETWORK_PRICE)
                )
                catalogue = await self._listings.get(service, endpoint=endpoint)
                tell(request, self._single(catalogue, request, request.sku or _USUAL[request.kind]))

    async def close(self) -> None:
        """End the connection."""
        await self._listings.close()

    async def _compute(self, endpoint: str, region: str, requests: Sequence[PriceRequest], tell: Tell) -> None:
        if _no_region(region, requests, tell):
            return
        machines = [request for request in requests if request.kind == INSTANCE]
        if machines:
            catalogue = await self._listings.get(COMPUTE, endpoint=endpoint)
            prices = MachinePrices(catalogue=catalogue, seen=self._seen)
            for request in machines:
                tell(request, prices.price(request))
        pods = [request for request in requests if request.kind != INSTANCE]
        if pods:
            catalogue = await self._listings.get(KUBERNETES, endpoint=endpoint)
            for request in pods:
                tell(request, self._single(catalogue, request, request.sku))

    def _single(self, catalogue: Catalogue, request: PriceRequest, name: str) -> Answer:
        sold = _PARTS[request.kind]
        capacity = request.capacity if request.capacity == SPOT else ON_DEMAND
        fact = choose(catalogue, request.region, Key(sold.part, name, capacity), seen=self._seen)
        return fact if isinstance(fact, Unknown) else noted(request, _quote(fact, sold.unit, catalogue))

    def _traffic(self, catalogue: Catalogue, request: PriceRequest) -> Answer:
        """Return a price of traffic; the least, where it depends on where to."""
        part = _TRAFFIC.get(request.sku)
        if part is None:
            return Unknown(reason=f"Google Cloud has no traffic to {request.sku or 'nowhere'}")
        facts = [
            fact
            for fact in catalogue.find(request.region, Key(part, "", ON_DEMAND))
            if not _FAR.search(fact.description)
        ]
        if not facts:
            return Unknown(reason=f"Google Cloud sells no traffic to another {request.sku} from {request.region}")
        for fact in facts:
            self._seen(f"{fact.description} ({fact.sku_id}): {fact.amount:g} {fact.currency} a GiB")
        least = min(facts, key=lambda fact: (fact.amount, fact.sku_id))
        several = len({fact.amount for fact in facts}) > 1
        quote = _quote(least, "gib", catalogue)
        if not several:
            return quote
        return Quote(
            amount=quote.amount,
            unit=quote.unit,
            source=quote.source,
            fetched_at_ns=quote.fetched_at_ns,
            currency=quote.currency,
            exact=False,
            note=f"as for {least.description}",
            tiers=quote.tiers,
        )


def _quote(fact: Fact, unit: str, catalogue: Catalogue) -> Quote:
    tiers = tuple(Tier(start=start, usd=usd) for start, usd in fact.tiers) if len(fact.tiers) > 1 else ()
    paid = next((usd for _, usd in fact.tiers if usd != 0), fact.amount)
    return Quote(
        amount=paid,
        unit=unit,
        source=API,
        fetched_at_ns=catalogue.listed_at_ns,
        currency=fact.currency,
        tiers=tiers,
    )


def _no_region(region: str, requests: Sequence[PriceRequest], tell: Tell) -> bool:
    if not region:
        for request in requests:
            tell(request, Unknown(reason="no region is named", code=NO_REGION))
    return not region
