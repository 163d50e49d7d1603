"""Where a middleware can reach into the API server's answers: keys of a request that it sets before the handler."""

from collections.abc import AsyncGenerator, Callable

from aiohttp import web

Lines = AsyncGenerator[bytes, None]

STALE_BY = web.RequestKey("stale_by", int)
"""How many changes the state of a list is behind."""

TAMPER: web.RequestKey[Callable[[Lines], Lines]] = web.RequestKey("tamper")
"""What becomes of the lines of a watch."""
