"""Keeps the price sheet: read before the first answers, then daily, behind them."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from kube_cost_common.runtime.clock import Clock
from kube_cost_pricing.calls.failures import ANSWER, CallFailedError
from kube_cost_pricing.providers.azure.settings import AzureSettings
from kube_cost_pricing.providers.azure.sheet import PriceSheet, SheetState
from kube_cost_pricing.providers.cloud import PRICE_SHEET, Ask


class SheetPages(Protocol):
    """Who reads a page of a sheet."""

    async def page(self, skip_token: str, /) -> bytes:
        """Return the page that `skip_token` names; raise CallFailedError."""
        ...

    async def close(self) -> None:
        """End connections."""
        ...


@dataclass(frozen=True, kw_only=True)
class _Kept:
    sheet: PriceSheet
    since_seconds: float


class SheetKeeper:
    """The sheet that prices are made by. Without `pages` there is none, and nobody wants one.

    A sheet that couldn't be read anew stands. A failure is logged once, and raised nowhere: list prices go on.
    """

    def __init__(
        self,
        *,
        settings: AzureSettings,
        ask: Ask,
        clock: Clock,
        log: FilteringBoundLogger,
        pages: SheetPages | None,
    ) -> None:
        self._settings = settings
        self._ask = ask
        self._clock = clock
        self._log = log
        self._pages = pages
        self._reading = asyncio.Lock()
        self._kept: _Kept | None = None
        self._failure = ""
        self._failed_at: float | None = None

    async def state(self) -> SheetState:
        """Return the sheet; the first time this waits for it, as long as it can be read."""
        if self._pages is None:
            return SheetState()
        if self._kept is None:
            await self.renew()
        if self._kept is None:
            return SheetState(wanted=True, why_not=f"the price sheet can't be read: {self._failure}")
        return SheetState(wanted=True, sheet=self._kept.sheet)

    async def renew(self) -> None:
        """Read the sheet if it is due; returns at once where somebody else is reading a new one."""
        if self._pages is None or (self._kept is not None and self._reading.locked()):
            return
        async with self._reading:
            if self._due():
                await self._read(self._pages)

    async def close(self) -> None:
        """End connections."""
        if self._pages is not None:
            await self._pages.close()

    def _due(self) -> bool:
        now = self._clock.monotonic()
        if self._failed_at is not None and now - self._failed_at < self._settings.price_sheet_retry_seconds:
            return False
        return self._kept is None or now - self._kept.since_seconds >= self._settings.price_sheet_max_age_seconds

    async def _read(self, pages: SheetPages) -> None:
        try:
            sheet = await self._whole(pages)
        except CallFailedError as error:
            if self._failure != error.reason:
                self._log.warning("price sheet not read", provider="azure", reason=error.reason, detail=error.detail)
            self._failure, self._failed_at = error.reason, self._clock.monotonic()
            return
        self._log.info("price sheet read", provider="azure", meters=len(sheet))
        self._kept = _Kept(sheet=sheet, since_seconds=self._clock.monotonic())
        self._failure, self._failed_at = "", None

    async def _whole(self, pages: SheetPages) -> PriceSheet:
        sheet, token = PriceSheet(offer_id=self._settings.offer_id), ""
        for _ in range(self._settings.price_sheet_max_pages):
            token = await self._ask(PRICE_SHEET, _adding(pages, sheet, token))
            if not token:
                return sheet
        raise CallFailedError(ANSWER, f"Azure price sheet: more than {self._settings.price_sheet_max_pages} pages")


def _adding(pages: SheetPages, sheet: PriceSheet, token: str) -> Callable[[], Awaitable[str]]:
    async def add() -> str:
        body = await pages.page(token)
        try:
            return sheet.add(body)
        except (ValueError, RecursionError) as error:
            raise CallFailedError(ANSWER, f"Azure price sheet: the answer is no price sheet: {error}") from error

    return add
