"""The Retail Prices API: a query, page by page. It wants no credentials."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from urllib.parse import quote, urlencode, urlsplit

import aiohttp

from kube_cost_common.runtime.clock import Clock
from kube_cost_pricing.calls.failures import ANSWER, CONNECTION, TIMEOUT, CallFailedError
from kube_cost_pricing.providers.azure.failures import failed_status
from kube_cost_pricing.providers.azure.rows import Listing, Page, Row, page_of
from kube_cost_pricing.providers.azure.sessions import open_session
from kube_cost_pricing.providers.azure.settings import AzureSettings
from kube_cost_pricing.providers.cloud import Ask

WORDS = "Azure retail prices"

_DENIED = "refused, though they need no credentials: is there a proxy or a firewall on the way?"


class RetailPrices:
    """Asks for rows. At most `parallel_calls` are under way at once; a page is one call of `ask`."""

    def __init__(self, *, settings: AzureSettings, ask: Ask, clock: Clock) -> None:
        self._settings = settings
        self._ask = ask
        self._clock = clock
        self._slots = asyncio.Semaphore(settings.parallel_calls)
        self._session: aiohttp.ClientSession | None = None

    async def rows(self, endpoint: str, condition: str) -> Listing:
        """Return all rows for which `condition` holds; raise CallFailedError.

        A next page is asked for only where the first one was, and there may be only so many.
        """
        found: list[Row] = []
        url: str | None = self._first(condition)
        for _ in range(self._settings.max_pages):
            if url is None:
                return Listing(rows=found, fetched_at_ns=self._clock.now_ns())
            page = await self._page(endpoint, url)
            found += page.Items
            url = page.NextPageLink or None
            if url is not None and not self._is_ours(url):
                raise CallFailedError(ANSWER, f"{WORDS}: the next page is at another host")
        if url is None:
            return Listing(rows=found, fetched_at_ns=self._clock.now_ns())
        raise CallFailedError(ANSWER, f"{WORDS}: more than {self._settings.max_pages} pages")

    async def close(self) -> None:
        """End connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _first(self, condition: str) -> str:
        query = urlencode(
            {
                "api-version": self._settings.api_version,
                "currencyCode": f"'{self._settings.currency}'",
                "$filter": condition,
            },
            quote_via=quote,
            safe="$'",
        )
        return f"{self._settings.endpoint.rstrip('/')}/api/retail/prices?{query}"

    def _is_ours(self, url: str) -> bool:
        return _origin(url) == _origin(self._settings.endpoint)

    async def _page(self, endpoint: str, url: str) -> Page:
        async with self._slots:
            return await self._ask(endpoint, self._call(url))

    def _call(self, url: str) -> Callable[[], Awaitable[Page]]:
        async def call() -> Page:
            try:
                body = await self._get(url)
            except TimeoutError as error:
                raise CallFailedError(TIMEOUT, f"{WORDS}: no answer in time") from error
            except aiohttp.ClientPayloadError as error:
                raise CallFailedError(CONNECTION, f"{WORDS}: the answer broke off") from error
            except (aiohttp.ClientError, OSError) as error:
                raise CallFailedError(
                    CONNECTION, f"{WORDS}: {type(error).__name__} with {urlsplit(url).hostname}"
                ) from error
            try:
                return page_of(body)
            except (ValueError, RecursionError) as error:
                kind = "no JSON" if isinstance(error, json.JSONDecodeError) else "no page of prices"
                raise CallFailedError(ANSWER, f"{WORDS}: the answer is {kind}: {error}") from error

        return call

    async def _get(self, url: str) -> bytes:
        async with self._opened().get(url, allow_redirects=False) as response:
            if response.status != 200:
                after = response.headers.get("Retry-After")
                raise failed_status(response.status, WORDS, after, self._clock.now_ns(), denied=_DENIED)
            parts, size = [], 0
            async for part in response.content.iter_any():
                size += len(part)
                if size > self._settings.max_body_bytes:
                    raise CallFailedError(ANSWER, f"{WORDS}: an answer of more than {self._settings.max_body_bytes} B")
                parts.append(part)
            return b"".join(parts)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = open_session(total_seconds=self._settings.call_timeout_seconds)
        return self._session


def _origin(url: str) -> tuple[str, str | None, int | None] | None:
    """Scheme, host and port; the real links name the port 443, which the endpoint doesn't."""
    parts = urlsplit(url)
    try:
        return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:
        return None
