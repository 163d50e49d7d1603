"""Google's Cloud Billing Catalog over gRPC on 127.0.0.1, which misbehaves on demand."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import grpc
from google.cloud.billing_v1 import ListSkusRequest, ListSkusResponse
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from kube_cost_simulator.clouds.faults import CloudFault, Misbehaviour
from kube_cost_simulator.clouds.gcp_skus import GcpSku

METHOD = "google.cloud.billing.v1.CloudCatalog"
RETRY_SECONDS = 3
HUGE_BYTES = 100 * 1024 * 1024

_AMOUNTS = {CloudFault.ZERO: Fraction(0), CloudFault.NEGATIVE: Fraction(-1)}


class GcpCatalog:
    """Lists `skus`, which may be replaced while it runs, in pages of `page_size` at most. `calls` are pages asked for.

    A call without the key `api_key`, where that is set, is refused.
    """

    def __init__(self, *, skus: Sequence[GcpSku], page_size: int = 5000, api_key: str = "") -> None:
        self.skus = skus
        self.misbehaviour = Misbehaviour()
        self.calls: list[tuple[str, str]] = []
        self._page_size = page_size
        self._api_key = api_key
        self._pages: tuple[Sequence[GcpSku], dict[tuple[str, int, int], bytes]] = ((), {})
        self._server: grpc.aio.Server | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Listen on a free port."""
        self._server = grpc.aio.server(options=[("grpc.max_send_message_length", -1)])
        handler = grpc.unary_unary_rpc_method_handler(
            self._list, request_deserializer=ListSkusRequest.deserialize, response_serializer=bytes
        )
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(METHOD, {"ListSkus": handler}),))
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        await self._server.start()

    async def stop(self) -> None:
        """End at once."""
        if self._server is not None:
            await self._server.stop(None)

    async def _list(self, request: Any, context: Any) -> bytes:
        service = request.parent.removeprefix("services/")
        self.calls.append((service, request.page_token))
        self.misbehaviour.calls.append((service, asyncio.get_running_loop().time()))
        if self._api_key and self._api_key not in dict(context.invocation_metadata()).get("x-goog-api-key", ""):
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "API key not valid. Please pass a valid API key.")
        fault = self.misbehaviour.fault
        await self._misbehave(fault, context)
        if fault is CloudFault.HUGE:
            return b"\x0a" + b"\x80\x80\x80\x30" + bytes(HUGE_BYTES)
        start = int(request.page_token or 0)
        page = self._page(service, start, request.page_size or self._page_size, fault)
        return page[: len(page) // 2] if fault is CloudFault.TRUNCATED else page

    async def _misbehave(self, fault: CloudFault | None, context: Any) -> None:
        match fault:
            case CloudFault.THROTTLED:
                told = RetryInfo(retry_delay=Duration(seconds=RETRY_SECONDS))
                detail = AnyMessage()
                detail.Pack(told)
                status = Status(code=8, message="Quota exceeded for quota metric 'Requests'", details=[detail])
                context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
                await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, status.message)
            case CloudFault.SERVER_ERROR:
                await context.abort(grpc.StatusCode.INTERNAL, "Internal error encountered.")
            case CloudFault.DENIED:
                await context.abort(
                    grpc.StatusCode.PERMISSION_DENIED, "Cloud Billing API has not been used in project 42 before"
                )
            case CloudFault.RESET:
                await context.abort(grpc.StatusCode.UNAVAILABLE, "Socket closed")
            case CloudFault.SILENT | CloudFault.TRICKLE:
                await asyncio.Event().wait()
            case _:
                return

    def _page(self, service: str, start: int, size: int, fault: CloudFault | None) -> bytes:
        if self._pages[0] is not self.skus:
            self._pages = (self.skus, {})
        size = min(size, self._page_size)
        key = (service, start, size)
        known = self._pages[1].get(key) if fault is None else None
        if known is not None:
            return known
        skus = [sku for sku in self.skus if sku.service == service]
        page = [] if fault is CloudFault.VANISHED else [_faulty(sku, fault) for sku in skus[start : start + size]]
        more = start + size < len(skus) or fault is CloudFault.ENDLESS
        token = str(start if fault is CloudFault.ENDLESS else start + size) if more else ""
        answer = ListSkusResponse(skus=[sku.message() for sku in page], next_page_token=token)
        body: bytes = ListSkusResponse.serialize(answer)
        if fault is None:
            self._pages[1][key] = body
        return body


def _faulty(sku: GcpSku, fault: CloudFault | None) -> GcpSku:
    if fault in _AMOUNTS:
        return replace(sku, tiers=tuple((start, _AMOUNTS[fault]) for start, _ in sku.tiers))
    if fault is CloudFault.CURRENCY:
        return replace(sku, currency="IDR")
    return sku
