"""Whole listings of Google's services, kept while they are recent: one answers all questions of all regions."""

import asyncio
from collections import defaultdict
from functools import partial
from typing import Any, Protocol

from structlog.typing import FilteringBoundLogger

from kube_cost_common.runtime.clock import Clock
from kube_cost_pricing.calls.failures import ANSWER, CallFailedError
from kube_cost_pricing.providers.cloud import Ask
from kube_cost_pricing.providers.gcp.catalogue import Catalogue, Gathering
from kube_cost_pricing.providers.gcp.settings import GcpSettings

COMPUTE = "6F81-5844-456A"
"""Compute Engine: machines, disks, traffic, load balancers."""

KUBERNETES = "CCD8-9BF1-090E"
"""Kubernetes Engine: control planes, and Autopilot's pods."""


class Pages(Protocol):
    """Who has the pages of a listing."""

    async def page(self, service: str, token: str) -> Any:
        """Return one page; raise CallFailedError."""
        ...

    async def close(self) -> None:
        """End the connection."""
        ...


class Listings:
    """Lists a service when its listing is too old. One caller lists, the others wait for it."""

    def __init__(self, *, settings: GcpSettings, api: Pages, ask: Ask, clock: Clock, log: FilteringBoundLogger) -> None:
        self._settings = settings
        self._api = api
        self._ask = ask
        self._clock = clock
        self._log = log
        self._known: dict[str, Catalogue] = {}
        self._listing: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def get(self, service: str, *, endpoint: str) -> Catalogue:
        """Return a recent listing of a service; `endpoint` is what its calls are for. Raises CallFailedError."""
        async with self._listing[service]:
            known = self._known.get(service)
            age_ns = self._clock.now_ns() - known.listed_at_ns if known is not None else 0
            if known is None or age_ns >= self._settings.catalogue_max_age_seconds * 1e9:
                known = self._known[service] = await self._list(service, endpoint)
            return known

    async def close(self) -> None:
        """End the connection."""
        await self._api.close()

    async def _list(self, service: str, endpoint: str) -> Catalogue:
        gathering = Gathering(listed_at_ns=self._clock.now_ns())
        token = ""
        for _ in range(self._settings.max_pages):
            page = await self._ask(endpoint, partial(self._api.page, service, token))
            # In a thread: a page of 5000 takes a tenth of a second to go through.
            await asyncio.to_thread(gathering.add, page.skus)
            token = page.next_page_token
            if not token:
                catalogue = gathering.catalogue()
                self._log.info("prices listed", service=service, skus=catalogue.rows)
                return catalogue
        raise CallFailedError(ANSWER, f"the listing of {service} has more than {self._settings.max_pages} pages")
