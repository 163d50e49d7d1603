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


_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class CannotStartError(Exception):
    """The world isn't as the settings say: a sentence for a person, no traceback."""


class Eternal(Exception):  # noqa: N818 - the fact, not the word Error
    """A task that must run as long as its service ended."""


class ServiceConfig(Config, frozen=True, kw_only=True):
    """What every service can be told."""

    log_level: logging.Level = "info"
    """The least severe line that is logged."""

    log_format: logging.Format = "auto"
    """`json`, `console`, or `auto`: console on a terminal, JSON elsewhere."""


class Service:
    """One running service, handed to its composition root.

    `stack` closes in reverse order after all tasks have ended. `stopping` is set by the first SIGTERM or SIGINT; a
    second one, of either kind, kills.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        log: FilteringBoundLogger,
        stack: AsyncExitStack,
        tasks: asyncio.TaskGroup,
        on_end: Callable[[], None],
    ) -> None:
        self.clock = clock
        self.log = log
        self.stack = stack
        self.stopping = asyncio.Event()
        self._group = tasks
        self._on_end = on_end
        self._kept: list[asyncio.Task[None]] = []

    def keep(self, name: str, work: Coroutine[Any, Any, object]) -> None:
        """Run `work` as long as the service; its end, in whatever way, is a fault that ends the service."""
        task = self._group.create_task(self._guard(name, work), name=name)
        task.add_done_callback(lambda _: work.close())  # which never began where the end came first
        task.add_done_callback(lambda _: self._on_end())
        self._kept.append(task)

    async def stopped(self) -> None:
        """Return when the service is to end."""
        await self.stopping.wait()

    def cancel_kept(self) -> None:
        """Cancel all kept tasks, in reverse order of their start."""
        for task in reversed(self._kept):
            task.cancel()

    async def _guard(self, name: str, work: Coroutine[Any, Any, object]) -> None:
        try:
            await work
        except asyncio.CancelledError as cancelled:
            if self._asked_to_end():
                raise
            # Out of a library's future, say. A TaskGroup takes a cancelled task for one that did its work.
            raise Eternal(f"task {name!r} was cancelled, and nobody asked for it") from cancelled
        except CannotStartError:
            raise
        except Exception as error:
            self.log.error("task failed", task=name, error=repr(error))  # noqa: TRY400 - the traceback comes at the end
            raise
        if not self._asked_to_end():
            raise Eternal(f"task {name!r} ended, and it is to run for ever")

    def _asked_to_end(self) -> bool:
        task = asyncio.current_task()
        return self.stopping.is_set() or (task is not None and task.cancelling() > 0)


S = TypeVar("S", bound=ServiceConfig)


def run(
    name: str,
    config_type: type[S],
    compose: Callable[[S, Service], Awaitable[None]],
    *,
    stop_seconds: float = STOP_SECONDS,
) -> int:
    """Run a service until it is told to stop; return the process's exit code.

    The code is 0 after a stop, 1 after a fault or where it can't start, 2 where a setting is wrong.

    `compose` builds the parts, keeps their tasks, awaits `service.stopped()` and then stops intake and drains; when it
    returns, what is still kept is cancelled and the stack is closed. All that may take `stop_seconds`, whether the
    end begins with a signal or with a fault; then the process is cut off.
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
        asyncio.run(_serve(config, log, compose, stop_seconds))
    except (Exception, BaseExceptionGroup) as fault:  # noqa: BLE001 - main's edge: why it ended is a line of the log
        _say_why(log, fault)
        return 1
    log.info("stopped")
    return 0


async def _serve(
    config: S, log: FilteringBoundLogger, compose: Callable[[S, Service], Awaitable[None]], stop_seconds: float
) -> None:
    loop = asyncio.get_running_loop()
    # Nothing ends the process before: a stop that hangs after a fault would be a service that is neither up nor down.
    cut_off = _CutOff(log=log, after_seconds=stop_seconds)
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
        service = Service(clock=SystemClock(), log=log, stack=stack, tasks=tasks, on_end=cut_off.begin)

        def stop(signal_number: signal.Signals) -> None:
            for number in _STOP_SIGNALS:
                loop.remove_signal_handler(number)
                signal.signal(number, signal.SIG_DFL)  # Python's own for SIGINT only raises, and waits for tasks
            log.info("stopping", signal=signal_number.name)
            service.stopping.set()
            cut_off.begin()

        for number in _STOP_SIGNALS:
            loop.add_signal_handler(number, stop, number)
        try:
            await compose(config, service)
        finally:
            cut_off.begin()
        service.stopping.set()
        service.cancel_kept()


class _CutOff:
    """Ends the process the hard way where its end takes too long."""

    def __init__(self, *, log: FilteringBoundLogger, after_seconds: float) -> None:
        self._log = log
        self._after_seconds = after_seconds
        self._begun = False

    def begin(self) -> None:
        """Start counting, unless that has been done already."""
        if not self._begun:
            self._begun = True
            asyncio.get_running_loop().call_later(self._after_seconds, self._cut)

    def _cut(self) -> None:
        self._log.error("stopping took too long; what was left is cut off", seconds=self._after_seconds)
        os._exit(1)


def _say_why(log: FilteringBoundLogger, fault: BaseException) -> None:
    for reason in _leaves(fault):
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
