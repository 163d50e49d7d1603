"""How a service starts, runs and ends: one TaskGroup, one exit stack around it, one stop event."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from typing import Any, TypeVar

from structlog.typing import FilteringBoundLogger

from kube_cost_common.runtime import logging
from kube_cost_common.runtime.clock import Clock, SystemClock
from kube_cost_common.runtime.config import Config, ConfigError, load, unknown_variables

STOP_SECONDS = 10.0
"""How long a stop may take before what is left is cut off: Kubernetes kills after 30 s by default."""


class CannotStartError(Exception):
    """The world isn't as the settings say: a sentence for a person, no traceback."""


class Eternal(Exception):  # noqa: N818 - the fact, not the word Error
    """A task that must run as long as its service returned."""


class ServiceConfig(Config, frozen=True, kw_only=True):
    """What every service can be told."""

    log_level: logging.Level = "info"
    """The least severe line that is logged."""

    log_format: logging.Format = "auto"
    """`json`, `console`, or `auto`: console on a terminal, JSON elsewhere."""


class Service:
    """One running service, handed to its composition root.

    `stack` closes in reverse order after all tasks have ended. `stopping` is set by the first SIGTERM or SIGINT; the
    second one kills.
    """

    def __init__(
        self, *, clock: Clock, log: FilteringBoundLogger, stack: AsyncExitStack, tasks: asyncio.TaskGroup
    ) -> None:
        self.clock = clock
        self.log = log
        self.stack = stack
        self.stopping = asyncio.Event()
        self._group = tasks
        self._kept: list[asyncio.Task[None]] = []

    def keep(self, name: str, work: Coroutine[Any, Any, object]) -> None:
        """Run `work` as long as the service; its return is a fault that ends the service."""
        self._kept.append(self._group.create_task(self._guard(name, work), name=name))

    async def stopped(self) -> None:
        """Return when the service is to end."""
        await self.stopping.wait()

    def cancel_kept(self) -> None:
        """Cancel all kept tasks, in reverse order of their start."""
        for task in reversed(self._kept):
            task.cancel()

    async def _guard(self, name: str, work: Coroutine[Any, Any, object]) -> None:
        await work
        if not self.stopping.is_set():
            raise Eternal(f"task {name!r} ended, and it is to run for ever")


S = TypeVar("S", bound=ServiceConfig)


def run(name: str, config_type: type[S], compose: Callable[[S, Service], Awaitable[None]]) -> int:
    """Run a service until it is told to stop; return the process's exit code.

    `compose` builds the parts, keeps their tasks, awaits `service.stopped()` and then stops intake and drains; when it
    returns, what is still kept is cancelled and the stack is closed.
    """
    try:
        config = load(config_type, os.environ)
    except ConfigError as error:
        for fault in error.faults:
            print(f"{name}: {fault}", file=sys.stderr)  # noqa: T201 - before logging is set up, for a person
        return 2
    log = logging.configure(service=name, level=config.log_level, output_format=config.log_format)
    for unknown in unknown_variables([config_type], os.environ):
        log.warning("unknown environment variable is ignored", variable=unknown)
    try:
        asyncio.run(_serve(config, log, compose))
    except BaseExceptionGroup as group:
        _say_why(log, group)
        return 1
    log.info("stopped")
    return 0


async def _serve(config: S, log: FilteringBoundLogger, compose: Callable[[S, Service], Awaitable[None]]) -> None:
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
        service = Service(clock=SystemClock(), log=log, stack=stack, tasks=tasks)

        def stop(signal_number: signal.Signals) -> None:
            loop.remove_signal_handler(signal_number)
            log.info("stopping", signal=signal_number.name)
            service.stopping.set()
            loop.call_later(STOP_SECONDS, _give_up, log)

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop, number)
        await compose(config, service)
        service.stopping.set()
        service.cancel_kept()


def _say_why(log: FilteringBoundLogger, group: BaseExceptionGroup[BaseException]) -> None:
    for reason in _leaves(group):
        if isinstance(reason, CannotStartError):
            log.error("can't start", error=str(reason))
        else:
            log.error("ended by a fault", error=repr(reason), exc_info=reason)


def _leaves(group: BaseException) -> Iterator[BaseException]:
    if isinstance(group, BaseExceptionGroup):
        for inner in group.exceptions:
            yield from _leaves(inner)
    else:
        yield group


def _give_up(log: FilteringBoundLogger) -> None:
    log.error("stopping took too long; what was left is cut off", seconds=STOP_SECONDS)
    os._exit(1)
