"""A connection to PostgreSQL that is made anew where it broke."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import asyncpg
import msgspec

from kube_cost_aggregator.history.postgres_dsn import Target
from kube_cost_aggregator.history.store import StoreError
from kube_cost_aggregator.history.threads import finish_in

CONNECT_SECONDS = 10.0
CLOSE_SECONDS = 2.0

APPLICATION = "kube-cost-aggregator"
"""What the server lists its connections as."""

T = TypeVar("T")

Work = Callable[[asyncpg.Connection], Awaitable[T]]

_BROKEN = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection that ended between two words of the protocol
    asyncpg.OperatorInterventionError,  # the server shuts down, or starts
)


class Link:
    """One connection, used by one at a time, in a thread and an event loop of its own.

    To pack or to read a hundred thousand rows is half a second of Python: in a thread nothing else waits for it. It
    knows nothing of transactions but that the server drops one whose connection ends.
    """

    def __init__(self, *, target: Target, name: str, seconds: float) -> None:
        self.seconds = seconds
        self._target = target
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._runner = asyncio.Runner()
        self._db: asyncpg.Connection | None = None

    async def run(self, doing: str, work: Work[T]) -> T:
        """Return what `work` does with the connection; it is done once more where an old connection had ended.

        It ends before a cancellation comes, which is at the caller's next await. Raises StoreError where it fails or
        takes too long, which says that `doing` failed and why; the connection is dropped then, and what is going on in
        it with it.
        """
        return await finish_in(self._thread, lambda: self._runner.run(self._do(doing, work)))

    def close(self) -> None:
        """Finish what is going on, and end the connection."""
        self._thread.submit(lambda: self._runner.run(self._end())).result()
        self._thread.submit(self._runner.close).result()
        self._thread.shutdown()

    async def _do(self, doing: str, work: Work[T]) -> T:
        try:
            async with asyncio.timeout(self.seconds):
                if self._db is not None:
                    try:
                        return await self._attempt(self._db, work)
                    except _BROKEN:
                        pass
                return await self._attempt(await self._connect(), work)
        except TimeoutError:
            reason = f"{self._target} didn't answer within {self.seconds:g} s"
            raise StoreError(f"can't {doing}: {reason}") from None
        except (asyncpg.PostgresError, *_BROKEN) as error:
            raise StoreError(f"can't {doing}: {self._target}: {_said(error)}") from error
        except (msgspec.MsgspecError, OverflowError, ValueError) as error:
            raise StoreError(f"can't {doing}: {error}") from error

    async def _attempt(self, db: asyncpg.Connection, work: Work[T]) -> T:
        try:
            return await work(db)
        except BaseException as error:
            # Whatever it was: a rollback would have to be waited for, and the server does it by itself.
            ended = db.is_closed()
            self._db = None
            db.terminate()
            if ended and isinstance(error, Exception) and not isinstance(error, (StoreError, *_BROKEN)):
                raise ConnectionError(f"the connection ended: {error}") from error
            raise

    async def _connect(self) -> asyncpg.Connection:
        try:
            db = await asyncpg.connect(
                self._target.dsn,
                timeout=CONNECT_SECONDS,
                command_timeout=self.seconds,
                statement_cache_size=0,  # a pooler in between hands out another server's connection each transaction
                server_settings={"application_name": APPLICATION},
            )
        except TimeoutError:
            raise ConnectionError(f"no connection within {CONNECT_SECONDS:g} s") from None
        self._db = db
        # All that is asked for as one is a sum of whole numbers.
        await db.set_type_codec("numeric", schema="pg_catalog", encoder=str, decoder=int, format="text")
        return db

    async def _end(self) -> None:
        if self._db is not None:
            with contextlib.suppress(TimeoutError, *_BROKEN):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self._db.close()
            self._db.terminate()


def _said(error: Exception) -> str:
    """Return what the server or the network said, on one line."""
    return " ".join(str(error).split()) or type(error).__name__
