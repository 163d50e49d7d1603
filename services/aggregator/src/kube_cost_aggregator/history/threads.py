"""Work that is done in a thread, and whose end is known to who waits for it."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

T = TypeVar("T")


async def finish_in(thread: Executor, work: Callable[[], T]) -> T:
    """Return what `work` does in a thread, or raise its error; a cancellation comes at the caller's next await."""
    future = asyncio.get_running_loop().run_in_executor(thread, work)
    cancelled = 0
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError:  # the thread goes on all the same, and what it did has to be known
            cancelled += 1
    if cancelled and (task := asyncio.current_task()) is not None:
        for _ in range(cancelled):
            task.uncancel()
        for _ in range(cancelled):  # comes at the next await
            task.cancel()
    return future.result()
