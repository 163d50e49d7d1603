"""Work that is done again and again, in one place: timed, guarded, jittered."""

import random
from collections.abc import Awaitable, Callable
from typing import NoReturn

from structlog.typing import FilteringBoundLogger

from kube_cost_common.runtime.clock import Clock


async def every(
    period_seconds: float,
    work: Callable[[], Awaitable[None]],
    *,
    name: str,
    clock: Clock,
    log: FilteringBoundLogger,
    on_error: Callable[[Exception], None],
    jitter: float = 0.05,
    first_delay_seconds: float = 0.0,
) -> NoReturn:
    """Do `work` every `period_seconds`, for ever; the time it takes is part of the period.

    A failure is handed to `on_error`; the first of a row is logged, and so is the recovery. `jitter` is the share of
    the period by which each wait varies at random, so that many processes don't beat as one.
    """
    failing = False
    if first_delay_seconds:
        await clock.sleep(first_delay_seconds)
    while True:
        started = clock.monotonic()
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - the loop's edge: one failed round must not end the loop
            on_error(error)
            if not failing:
                log.warning("periodic work failed", work=name, error=repr(error))
            failing = True
        else:
            if failing:
                log.info("periodic work recovered", work=name)
            failing = False
        took = clock.monotonic() - started
        if took > period_seconds:
            log.warning("periodic work took longer than its period", work=name, seconds=round(took, 3))
        spread = period_seconds * jitter
        wait = period_seconds - took + random.uniform(-spread, spread)  # noqa: S311 - no secret
        await clock.sleep(max(0.0, wait))
