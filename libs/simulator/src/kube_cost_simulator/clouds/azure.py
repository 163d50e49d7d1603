"""Azure's Retail Prices API, and the price sheet of Azure Resource Manager, on one port."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from aiohttp import web

from kube_cost_simulator.clouds.azure_filters import FilterError, parse
from kube_cost_simulator.clouds.azure_list import AzurePriceList, AzurePriceSheet
from kube_cost_simulator.clouds.azure_rows import Row
from kube_cost_simulator.clouds.faults import CloudFault, Misbehaviour
from kube_cost_simulator.clouds.misbehaving import Misbehaving
from kube_cost_simulator.serving import LocalServer

RETAIL = "retail"
PRICE_SHEET = "price_sheet"

_SHEET_PATH = "/subscriptions/{subscription}/providers/Microsoft.Consumption/pricesheets/default"

_NUMBERS: Mapping[CloudFault, float] = {
    CloudFault.ZERO: 0.0,
    CloudFault.NEGATIVE: -0.25,
    CloudFault.NOT_A_NUMBER: float("nan"),
}


class AzureCloud:
    """Serves a price list in pages, and a sheet to who has the token and the role.

    `misbehaviour` is about the price list, `sheet_misbehaviour` about the sheet; both note the calls.
    `next_host` is named in the links to next pages instead of the server's own.
    """

    def __init__(
        self,
        *,
        prices: AzurePriceList,
        sheet: AzurePriceSheet | None = None,
        token: str = "",
        page_size: int = 100,
        retry_after_seconds: int = 7,
        latency_seconds: float = 0.0,
        now: Callable[[], float] | None = None,
    ) -> None:
        self.prices = prices
        self.sheet = sheet if sheet is not None else AzurePriceSheet()
        self.misbehaviour = Misbehaviour()
        self.sheet_misbehaviour = Misbehaviour()
        self.misbehaving = Misbehaving()
        self.queries: list[str] = []
        self.most_at_once = 0
        self.next_host = ""
        self.url = ""
        self._token = token
        self._page_size = page_size
        self._latency_seconds = latency_seconds
        self._retry_after_seconds = retry_after_seconds
        self._now = now
        self._at_once = 0
        application = web.Application()
        application.router.add_get("/api/retail/prices", self._retail)
        application.router.add_get(_SHEET_PATH, self._price_sheet)
        self._server = LocalServer(application=application)

    async def start(self) -> None:
        """Begin to serve at `url`."""
        self.url = await self._server.start()

    async def stop(self) -> None:
        """Stop serving."""
        await self._server.stop()

    async def _retail(self, request: web.Request) -> web.StreamResponse:
        self._note(self.misbehaviour, RETAIL)
        self.queries.append(request.query.get("$filter", ""))
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            await asyncio.sleep(self._latency_seconds)
            return await self.misbehaving.answer(
                request,
                self._page(request),
                self.misbehaviour.fault,
                throttled=self._throttled(),
                denied=web.Response(status=403, text="<html>Forbidden by policy</html>", content_type="text/html"),
            )
        finally:
            self._at_once -= 1

    def _page(self, request: web.Request) -> web.Response:
        fault = self.misbehaviour.fault
        try:
            found = self.prices.matching(parse(request.query.get("$filter", "")))
            skip = int(request.query.get("$skip", "0"))
        except ValueError as error:
            message = str(error) if isinstance(error, FilterError) else "$skip is no number"
            return web.json_response({"Error": {"Code": "BadRequest", "Message": message}}, status=400)
        currency = "EUR" if fault is CloudFault.CURRENCY else request.query.get("currencyCode", "USD").strip("'")
        items = [] if fault is CloudFault.VANISHED else found[skip : skip + self._page_size]
        if fault is CloudFault.ENDLESS:
            items = found[: self._page_size]
        is_last = skip + self._page_size >= len(found) and fault is not CloudFault.ENDLESS
        return web.json_response(
            {
                "BillingCurrency": currency,
                "CustomerEntityId": "Default",
                "CustomerEntityType": "Retail",
                "Items": [_tampered(item, currency, fault) for item in items],
                "NextPageLink": None if is_last else self._next(request, skip + self._page_size),
                "Count": len(items),
            }
        )

    def _next(self, request: web.Request, skip: int) -> str:
        query = urlencode({**request.query, "$skip": str(skip)}, quote_via=quote, safe="$'")
        return f"{self.next_host or self.url}/api/retail/prices?{query}"

    async def _price_sheet(self, request: web.Request) -> web.StreamResponse:
        self._note(self.sheet_misbehaviour, PRICE_SHEET)
        if request.headers.get("Authorization") != f"Bearer {self._token}":
            return _arm_error(401, "AuthenticationFailed", "Authentication failed.")
        return await self.misbehaving.answer(
            request,
            self._sheet_page(request),
            self.sheet_misbehaviour.fault,
            throttled=self._throttled(),
            denied=_arm_error(
                403,
                "AuthorizationFailed",
                "The client does not have authorization to perform action 'Microsoft.Consumption/pricesheets/read'.",
            ),
        )

    def _sheet_page(self, request: web.Request) -> web.Response:
        fault = self.sheet_misbehaviour.fault
        token = request.query.get("$skiptoken", "")
        start = int(token) if token.isdigit() else 0
        size = int(request.query.get("$top", self._page_size))
        lines = self.sheet.lines[start : start + size]
        if "meterDetails" not in request.query.get("$expand", ""):
            lines = [{name: value for name, value in line.items() if name != "meterDetails"} for line in lines]
        properties: dict[str, Any] = {"pricesheets": lines}
        if start + size < len(self.sheet.lines) or fault is CloudFault.ENDLESS:
            query = {**request.query, "$skiptoken": str(start + size)}
            properties["nextLink"] = f"{self.url}{request.path}?{urlencode(query, quote_via=quote)}"
        return web.json_response(
            {
                "id": request.path.lstrip("/"),
                "name": "default",
                "type": "Microsoft.Consumption/pricesheets",
                "properties": properties,
            }
        )

    def _throttled(self) -> web.Response:
        return web.Response(
            status=429, text="Too many requests", headers={"Retry-After": str(self._retry_after_seconds)}
        )

    def _note(self, misbehaviour: Misbehaviour, endpoint: str) -> None:
        now = self._now() if self._now is not None else asyncio.get_running_loop().time()
        misbehaviour.calls.append((endpoint, now))


def _tampered(item: Row, currency: str, fault: CloudFault | None) -> Row:
    if fault is not None and fault in _NUMBERS:
        return {**item, "retailPrice": _NUMBERS[fault], "unitPrice": _NUMBERS[fault]}
    return {**item, "currencyCode": currency}


def _arm_error(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": message}}, status=status)
