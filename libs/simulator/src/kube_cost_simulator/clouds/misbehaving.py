"""A cloud's HTTP API that does what it shouldn't: the faults that don't depend on what it answers."""

import asyncio

from aiohttp import web

from kube_cost_simulator.clouds.faults import CloudFault

HUGE_BYTES = 100 * 1024 * 1024

_HUGE_CHUNK = b" " * 65_536  # blanks before a value are legal JSON: only the size is wrong
_TRICKLE_SECONDS = 1.0


class Misbehaving:
    """Answers with a fault instead of, or with, an honest answer.

    `throttled` and `denied` are the cloud's own answers to those. `sent_bytes` counts what of a huge answer went out:
    a client that hangs up in time keeps it small.
    """

    def __init__(self, *, huge_bytes: int = HUGE_BYTES) -> None:
        self._huge_bytes = huge_bytes
        self.sent_bytes = 0

    async def answer(
        self,
        request: web.Request,
        honest: web.Response,
        fault: CloudFault | None,
        *,
        throttled: web.Response,
        denied: web.Response,
    ) -> web.StreamResponse:
        """Return what is sent; `honest` where the fault isn't one of the wire."""
        if fault is CloudFault.TRICKLE:
            return await self._trickle(request, honest)
        if fault is CloudFault.HUGE:
            return await self._huge(request, honest)
        if fault is CloudFault.SILENT:
            await asyncio.Event().wait()
        if fault is CloudFault.RESET and request.transport is not None:
            request.transport.abort()
        instead = {
            CloudFault.THROTTLED: throttled,
            CloudFault.DENIED: denied,
            CloudFault.SERVER_ERROR: web.Response(status=500, text="Internal Server Error"),
            CloudFault.TRUNCATED: _truncated(honest),
        }
        return honest if fault is None else instead.get(fault, honest)

    async def _trickle(self, request: web.Request, honest: web.Response) -> web.StreamResponse:
        body = _body(honest)
        begun = web.StreamResponse(headers={"Content-Type": honest.content_type, "Content-Length": str(len(body))})
        await begun.prepare(request)
        for byte in body:
            await begun.write(bytes([byte]))
            await asyncio.sleep(_TRICKLE_SECONDS)
        return begun

    async def _huge(self, request: web.Request, honest: web.Response) -> web.StreamResponse:
        begun = web.StreamResponse(headers={"Content-Type": honest.content_type})
        begun.enable_chunked_encoding()
        await begun.prepare(request)
        while self.sent_bytes < self._huge_bytes:
            await begun.write(_HUGE_CHUNK)
            self.sent_bytes += len(_HUGE_CHUNK)
        await begun.write(_body(honest))
        return begun


def _truncated(honest: web.Response) -> web.Response:
    body = _body(honest)
    return web.Response(body=body[: len(body) // 2], content_type=honest.content_type)


def _body(answer: web.Response) -> bytes:
    return answer.body if isinstance(answer.body, bytes) else b""
