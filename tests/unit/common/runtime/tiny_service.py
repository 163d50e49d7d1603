"""A service that does next to nothing, in several ways, run by test_lifecycle.py as a process for each test."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from kube_cost_common.runtime.lifecycle import CannotStartError, Service, ServiceConfig, run


class TinyConfig(ServiceConfig, frozen=True, kw_only=True):
    """Settings to be wrong about."""

    node_name: str
    count: int = 1


async def for_ever(service: Service, name: str) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        service.log.info("task cancelled", task=name)


async def deaf(_: Service) -> None:
    """Won't be cancelled."""
    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()


async def hang_at_the_end(service: Service) -> None:
    try:
        await service.stopped()
    finally:
        await asyncio.Event().wait()


async def lose(_: Service) -> None:
    raise LookupError("lost")


async def lose_both(service: Service) -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(lose(service))
        tasks.create_task(lose(service))


async def return_early(_: Service) -> None:
    return


async def be_cancelled_from_within(_: Service) -> None:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    future.cancel()
    await future


async def find_nothing(_: Service) -> None:
    raise CannotStartError("the bucket isn't there")


async def in_order(config: TinyConfig, service: Service) -> None:
    for name in ("first", "second"):
        service.stack.callback(service.log.info, "closed", part=name)
    for name in ("one", "two", "three"):
        service.keep(name, for_ever(service, name))
    await asyncio.sleep(0)
    service.log.info("up", node=config.node_name)
    await service.stopped()
    service.log.info("draining")
    await asyncio.sleep(0)


def keeping(work: Callable[[Service], Awaitable[None]]) -> Callable[[TinyConfig, Service], Awaitable[None]]:
    """A service with a good task beside the one in question, and a part to close."""

    async def compose(_: TinyConfig, service: Service) -> None:
        async def kept() -> None:
            await work(service)

        service.stack.callback(service.log.info, "closed", part="first")
        service.keep("good", for_ever(service, "good"))
        await asyncio.sleep(0)
        service.keep("bad", kept())
        service.log.info("up")
        await service.stopped()

    return compose


async def deaf_beside_a_fault(_: TinyConfig, service: Service) -> None:
    service.keep("deaf", deaf(service))
    service.keep("bad", lose(service))
    await service.stopped()


async def drain_for_ever(_: TinyConfig, service: Service) -> None:
    service.log.info("up")
    await hang_at_the_end(service)


async def drain_for_ever_after_a_fault(_: TinyConfig, service: Service) -> None:
    service.keep("bad", lose(service))
    await hang_at_the_end(service)


async def compose_that_can_not_start(_: TinyConfig, service: Service) -> None:
    service.stack.callback(service.log.info, "closed", part="first")
    service.keep("never begun", for_ever(service, "never begun"))
    raise CannotStartError("can't listen on 127.0.0.1:1: Permission denied")


async def close_badly(_: TinyConfig, service: Service) -> None:
    def close() -> None:
        raise OSError("the disk is full")

    service.stack.callback(close)
    service.log.info("up")
    await service.stopped()


SCENARIOS = {
    "in order": in_order,
    "a task returns": keeping(return_early),
    "a task raises": keeping(lose),
    "a task raises a group": keeping(lose_both),
    "a task is cancelled from within": keeping(be_cancelled_from_within),
    "a task can't start": keeping(find_nothing),
    "a task is deaf": keeping(deaf),
    "a task is deaf beside a fault": deaf_beside_a_fault,
    "draining hangs": drain_for_ever,
    "draining hangs after a fault": drain_for_ever_after_a_fault,
    "can't start": compose_that_can_not_start,
    "closing fails": close_badly,
}


def ordered() -> dict[str, Any] | None:
    """Fork for each order of standard input, and return it in the child; None in the parent, when all are done.

    For each, the parent prints the child's pid, and its exit code when it has ended. A fork takes a tenth of the time
    that Python takes to start.
    """
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            return dict(json.loads(line))
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
    return None


if __name__ == "__main__":
    order = ordered()
    if order is not None:
        os.dup2(os.open(order["stderr"], os.O_WRONLY), sys.stderr.fileno())
        os.environ.update(order["environ"])
        sys.exit(run("tiny", TinyConfig, SCENARIOS[order["scenario"]], stop_seconds=order["stop_seconds"]))
