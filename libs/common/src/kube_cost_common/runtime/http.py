"""The HTTP server of a service: `/healthz` from the first moment, `/readyz` when it can be of use."""

import os
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from aiohttp import web

from kube_cost_common.runtime.health import Problems, Readiness
from kube_cost_common.runtime.lifecycle import CannotStartError

DRAIN_SECONDS = 2.0
"""For requests under way at the end: a service has 10 s to stop."""


def health_routes(readiness: Readiness, problems: Problems) -> list[web.RouteDef]:
    """Return `/healthz` (200 while the process lives) and `/readyz` (200 or 503, and what is missing or wrong)."""

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        lines = [f"waiting: {sentence}" for sentence in readiness.missing]
        lines += [f"problem: {sentence}" for sentence in problems.sentences()]
        return web.Response(status=200 if readiness.ready else 503, text="\n".join(lines or ["ok"]) + "\n")

    return [web.get("/healthz", healthz), web.get("/readyz", readyz)]


@asynccontextmanager
async def serving(
    *, host: str, port: int, routes: Iterable[web.AbstractRouteDef], drain_seconds: float = DRAIN_SECONDS
) -> AsyncIterator[int]:
    """Serve `routes` while the context is open; the port in use is handed out (`port` 0 takes a free one).

    At the end requests under way get `drain_seconds`, then they are cut off.

    Raises CannotStartError when the address can't be had.
    """
    app = web.Application(client_max_size=64 * 1024)
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=drain_seconds)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except (OSError, UnicodeError) as error:
            raise CannotStartError(f"can't listen on {host}:{port}: {_reason(error)}") from error
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def _reason(error: OSError | UnicodeError) -> str:
    # asyncio puts the address into an OSError's text a second time; that of a name not found has a number below 0.
    if isinstance(error, OSError) and error.errno and error.errno > 0:
        return os.strerror(error.errno)
    return str(getattr(error, "strerror", None) or error)
