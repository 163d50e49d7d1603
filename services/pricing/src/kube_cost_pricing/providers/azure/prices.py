"""Azure's answers to the four questions."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby

from kube_cost_common.messages.prices import INSTANCE, PriceRequest
from kube_cost_common.runtime.clock import Clock
from kube_cost_pricing.calls.failures import CallFailedError
from kube_cost_pricing.providers.azure import disks, machines, regions, services
from kube_cost_pricing.providers.azure.book import PriceBook, not_sold
from kube_cost_pricing.providers.azure.recent import RecentRows
from kube_cost_pricing.providers.azure.retail import RetailPrices
from kube_cost_pricing.providers.azure.rows import Listing, Row
from kube_cost_pricing.providers.azure.settings import AzureSettings
from kube_cost_pricing.providers.azure.sheet_keeper import SheetKeeper
from kube_cost_pricing.providers.cloud import INSTANCE_PRICE, SPOT_PRICE, STORAGE_PRICE, Seen, Tell
from kube_cost_pricing.providers.source import NO_INSTANCE_TYPE, NO_REGION, Unknown


class AzurePrices:
    """List prices, and a price sheet's over them. Spot prices are regional: a request's zone doesn't matter.

    On-demand and spot prices of a type come in one answer, which serves both questions while it is recent. A query
    that fails leaves its requests untold and doesn't keep the others from being asked; its failure is raised at the
    end.
    """

    def __init__(
        self, *, settings: AzureSettings, retail: RetailPrices, sheets: SheetKeeper, clock: Clock, seen: Seen
    ) -> None:
        self._settings = settings
        self._retail = retail
        self._sheets = sheets
        self._clock = clock
        self._seen = seen
        self._recent = RecentRows(clock=clock, max_age_seconds=settings.rows_max_age_seconds)

    @property
    def provider(self) -> str:
        """`azure`."""
        return "azure"

    async def instances(self, region: str, requests: Sequence[PriceRequest], tell: Tell) -> None:
        """Tell on-demand prices of machines and container groups."""
        await self._compute(INSTANCE_PRICE, region, requests, tell)

    async def spot(self, region: str, requests: Sequence[PriceRequest], tell: Tell) -> None:
        """Tell spot prices of machines and container groups."""
        await self._compute(SPOT_PRICE, region, requests, tell)

    async def storage(self, region: str, requests: Sequence[PriceRequest], tell: Tell) -> None:
        """Tell prices of managed disks: one query for all kinds."""
        here = _listed(region, requests, tell)
        if not here:
            return
        book, failures = await self._book(), _Failures()
        products = disks.products(requests)
        with failures.kept():
            empty = Listing(rows=(), fetched_at_ns=self._clock.now_ns())
            listing = await self._rows(STORAGE_PRICE, disks.query(here, products)) if products else empty
            for request in requests:
                tell(request, disks.price(request, listing, book))
        await self._finish(failures)

    async def network(self, region: str, requests: Sequence[PriceRequest], tell: Tell) -> None:
        """Tell prices of traffic, load balancers and the control plane: a query each."""
        here = _listed(region, requests, tell)
        if not here:
            return
        book, failures = await self._book(), _Failures()
        by_kind = sorted(requests, key=lambda request: request.kind)
        for kind, of_kind in groupby(by_kind, key=lambda request: request.kind):
            service = services.SERVICES[kind]
            with failures.kept():
                listing = await self._rows(service.endpoint, service.query(here))
                for request in of_kind:
                    tell(request, services.price(request, here, listing, book))
        await self._finish(failures)

    async def close(self) -> None:
        """End connections."""
        await self._retail.close()
        await self._sheets.close()

    async def _compute(self, endpoint: str, region: str, requests: Sequence[PriceRequest], tell: Tell) -> None:
        here = _listed(region, requests, tell)
        if not here:
            return
        book, failures = await self._book(), _Failures()
        by_type = _machines_by_type(requests, tell)
        if by_type:

            def answer(name: str, listing: Listing) -> None:
                for request in by_type[name]:
                    judge, wanted = machines.judge(request, here), machines.wanted(request)
                    tell(request, book.single(listing, judge, wanted, before=machines.is_usual))

            await self._machines(endpoint, here, sorted(by_type), failures, answer)
        pods = [each for each in requests if each.kind != INSTANCE]
        if pods:
            with failures.kept():
                listing = await self._rows(endpoint, services.CONTAINERS.query(here))
                for request in pods:
                    tell(request, services.container_price(request, listing, book))
        await self._finish(failures)

    async def _machines(
        self, endpoint: str, region: str, names: Sequence[str], failures: "_Failures", answer: "_Answer"
    ) -> None:
        """One question of a region at a time: the second finds what the first one asked for."""
        async with self._recent.alone(region):
            missing = []
            for name in names:
                listing = self._recent.get((region, name))
                if listing is None:
                    missing.append(name)
                else:
                    answer(name, listing)
            size = self._settings.types_per_call
            async with asyncio.TaskGroup() as group:
                for first in range(0, len(missing), size):
                    group.create_task(
                        self._types(endpoint, region, missing[first : first + size], failures, answer),
                        name=f"azure prices of {region} from {missing[first]} on",
                    )

    async def _types(
        self, endpoint: str, region: str, names: list[str], failures: "_Failures", answer: "_Answer"
    ) -> None:
        with failures.kept():
            listing = await self._retail.rows(endpoint, machines.query(region, names))
            by_type: dict[str, list[Row]] = {name: [] for name in names}
            for row in listing.rows:
                by_type.get(row.arm_sku_name or "", []).append(row)
            for name, rows in by_type.items():
                of_type = Listing(rows=rows, fetched_at_ns=listing.fetched_at_ns)
                self._recent.keep((region, name), of_type)
                answer(name, of_type)

    async def _rows(self, endpoint: str, condition: str) -> Listing:
        async with self._recent.alone(condition):
            listing = self._recent.get(("", condition))
            if listing is None:
                listing = await self._retail.rows(endpoint, condition)
                self._recent.keep(("", condition), listing)
            return listing

    async def _book(self) -> PriceBook:
        state = await self._sheets.state()
        return PriceBook(state=state, now_ns=self._clock.now_ns(), seen=self._seen)

    async def _finish(self, failures: "_Failures") -> None:
        """The sheet is renewed when the answers are out, so that nobody waits for it."""
        await self._sheets.renew()
        if failures.first is not None:
            raise failures.first


_Answer = Callable[[str, Listing], None]
"""Tells the requests for a machine type, given its rows."""


class _Failures:
    """The first failure among several queries."""

    def __init__(self) -> None:
        self.first: CallFailedError | None = None

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Go on after a call that failed."""
        try:
            yield
        except CallFailedError as error:
            self.first = self.first or error


def _listed(region: str, requests: Sequence[PriceRequest], tell: Tell) -> str:
    """Return the region as the price list writes it; an empty text, and all told, where the list hasn't it."""
    here = region.strip().lower()
    if not here:
        unknown = Unknown(reason="no region is named", code=NO_REGION)
    elif regions.outside(here):
        unknown = Unknown(reason=regions.outside(here))
    else:
        return here
    for request in requests:
        tell(request, unknown)
    return ""


def _machines_by_type(requests: Sequence[PriceRequest], tell: Tell) -> dict[str, list[PriceRequest]]:
    """Return the requests for machines under their types; tells those that name none."""
    by_type: dict[str, list[PriceRequest]] = {}
    for request in requests:
        if request.kind != INSTANCE:
            continue
        if machines.is_type(request.sku):
            by_type.setdefault(request.sku, []).append(request)
        elif request.sku:
            tell(request, not_sold(f"machine type {request.sku!r}"))
        else:
            tell(request, Unknown(reason="no instance type is named", code=NO_INSTANCE_TYPE))
    return by_type
