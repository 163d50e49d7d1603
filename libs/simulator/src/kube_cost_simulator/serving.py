"""An aiohttp application on a port of 127.0.0.1, from start to stop."""

import ssl

from aiohttp import web


class LocalServer:
    """Serves an application until it is stopped."""

    def __init__(self, *, application: web.Application, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self._runner = web.AppRunner(application, handler_cancellation=True, access_log=None, shutdown_timeout=0.2)
        self._asked_port = port
        self._tls = tls

    async def start(self) -> str:
        """Begin to serve; returns the URL. OSError if the port is taken."""
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._asked_port, ssl_context=self._tls).start()
        host, port = self._runner.addresses[0][:2]
        return f"{'https' if self._tls else 'http'}://{host}:{port}"

    async def stop(self) -> None:
        """Stop serving, and drop what is still open."""
        await self._runner.cleanup()
