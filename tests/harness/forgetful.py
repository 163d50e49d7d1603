"""A nats-server that loses what its disk didn't have yet."""

import asyncio
import shutil

from harness.nats import NatsServer


class ForgetfulServer:
    """A nats-server that can be put back to what it had on its disk at a moment."""

    def __init__(self, server: NatsServer) -> None:
        self._server = server
        self._copy = server.store.with_name("copy")

    async def remember(self) -> None:
        """Keep a copy of what it has now."""
        await self._server.stop()
        await asyncio.to_thread(shutil.copytree, self._server.store, self._copy)
        await self._server.start()

    async def crash(self) -> None:
        """Begin anew with the copy: what came since is lost."""
        await self._server.kill()
        await asyncio.to_thread(shutil.rmtree, self._server.store)
        await asyncio.to_thread(shutil.copytree, self._copy, self._server.store)
        await self._server.start()
