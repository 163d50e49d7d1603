"""Hands an answer out: in one piece, or as fast as it is read."""

import asyncio
from collections.abc import Mapping

from aiohttp import web
from structlog.typing import FilteringBoundLogger

AT_ONCE_BYTES = 1024 * 1024
"""Answers up to this are sent in one piece."""

READ_SECONDS = 120.0
"""How long a large answer may take to be read."""

HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Vary": "Accept",
    "X-Content-Type-Options": "nosniff",
}


async def send(
    request: web.Request, pieces: list[bytes], *, headers: Mapping[str, str], log: FilteringBoundLogger
) -> web.StreamResponse:
    """Return a body in `pieces`, which are given up as they are read; who reads too slowly is cut off."""
    size = sum(map(len, pieces))
    if size <= AT_ONCE_BYTES or request.method == "HEAD":  # a stream's body would be sent with HEAD too
        return web.Response(body=b"".join(pieces), headers={**HEADERS, **headers})
    response = web.StreamResponse(headers={**HEADERS, **headers})
    response.content_length = size
    try:
        async with asyncio.timeout(READ_SECONDS):
            await response.prepare(request)
            for number, piece in enumerate(pieces):
                pieces[number] = b""
                await response.write(piece)
            await response.write_eof()
    except TimeoutError:
        log.warning("an answer is read too slowly, and cut off", path=request.path, seconds=READ_SECONDS)
        if request.transport is not None:
            request.transport.abort()
    return response
