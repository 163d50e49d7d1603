import asyncio
import socket

import aiohttp
import pytest
from aiohttp import web

from kube_cost_common.runtime.health import Problems, Readiness
from kube_cost_common.runtime.http import health_routes, serving
from kube_cost_common.runtime.lifecycle import CannotStartError

DEADLINE_SECONDS = 20.0


@pytest.fixture
def readiness() -> Readiness:
    return Readiness({"bus": "the bus isn't there", "prices": "no price has arrived yet"})


@pytest.fixture
def problems() -> Problems:
    return Problems()


async def get(port: int, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as answer:
        return answer.status, await answer.text()


async def test_a_process_is_alive_from_the_first_moment(readiness: Readiness, problems: Problems) -> None:
    """Whatever is missing or wrong: a restart mends none of it."""
    problems.say("disk", "the disk is full")
    async with serving(host="127.0.0.1", port=0, routes=health_routes(readiness, problems)) as port:
        assert await get(port, "/healthz") == (200, "ok\n")


async def test_what_is_not_ready_says_what_it_waits_for(readiness: Readiness, problems: Problems) -> None:
    """503 and a line for each condition; 200 as soon as the last is met."""
    async with serving(host="127.0.0.1", port=0, routes=health_routes(readiness, problems)) as port:
        assert await get(port, "/readyz") == (503, "waiting: the bus isn't there\nwaiting: no price has arrived yet\n")
        readiness.met("bus")
        assert await get(port, "/readyz") == (503, "waiting: no price has arrived yet\n")
        readiness.met("prices")
        assert await get(port, "/readyz") == (200, "ok\n")
        readiness.stopping()
        assert await get(port, "/readyz") == (503, "waiting: stopping\n")


async def test_a_problem_is_said_and_does_not_make_unready(problems: Problems) -> None:
    """Old figures with their ages are better than none."""
    problems.say("bus", "the bus is away")
    async with serving(host="127.0.0.1", port=0, routes=health_routes(Readiness({}), problems)) as port:
        assert await get(port, "/readyz") == (200, "problem: the bus is away\n")


async def test_what_is_not_there_is_not_found(problems: Problems) -> None:
    """404, and 405 for what can only be read."""
    async with serving(host="127.0.0.1", port=0, routes=health_routes(Readiness({}), problems)) as port:
        assert (await get(port, "/metrics"))[0] == 404
        async with aiohttp.ClientSession() as session, session.post(f"http://127.0.0.1:{port}/healthz") as answer:
            assert answer.status == 405


async def test_a_port_that_is_taken_is_said_in_a_sentence() -> None:
    """With the address once and the reason in the system's words."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CannotStartError) as caught:
            async with serving(host="127.0.0.1", port=port, routes=[]):
                pass
    assert str(caught.value) == f"can't listen on 127.0.0.1:{port}: Address already in use"


@pytest.mark.parametrize("host", ["192.0.2.1", "fe80::1%nowhere", "a" * 64, "a..b"])
async def test_a_host_that_can_not_be_had_is_said_in_a_sentence(host: str) -> None:
    """An address of another machine, and what is no name at all."""
    with pytest.raises(CannotStartError) as caught:
        async with serving(host=host, port=0, routes=[]):
            pass
    assert str(caught.value).startswith(f"can't listen on {host}:0: ")


async def test_the_port_is_free_again_afterwards() -> None:
    """Also when the block ends by an error."""
    with pytest.raises(KeyError):
        async with serving(host="127.0.0.1", port=0, routes=[]) as port:
            raise KeyError
    async with serving(host="127.0.0.1", port=port, routes=[]) as again:
        assert again == port


@pytest.mark.parametrize("stubborn", [False, True])
async def test_a_request_that_hangs_does_not_hold_up_a_stop(stubborn: bool) -> None:
    """It is cut off after the drain, though its handler waits for ever, or would rather not be cancelled."""
    begun = asyncio.Event()
    cut_off = asyncio.Event()

    async def hang(_: web.Request) -> web.Response:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cut_off.set()
            if stubborn:
                await asyncio.sleep(0.05)
        return web.Response()

    async with asyncio.timeout(DEADLINE_SECONDS), asyncio.TaskGroup() as tasks:
        async with serving(host="127.0.0.1", port=0, routes=[web.get("/", hang)], drain_seconds=0.05) as port:
            asking = tasks.create_task(fails(port))
            await begun.wait()
        assert cut_off.is_set()
    assert asking.result()


async def fails(port: int) -> bool:
    try:
        await get(port, "/")
    except aiohttp.ClientError:
        return True
    return False


async def test_an_idle_connection_does_not_hold_up_a_stop() -> None:
    """Prometheus keeps its connection open between scrapes: it is closed at once, without the drain."""
    routes = health_routes(Readiness({}), Problems())
    async with (
        asyncio.timeout(DEADLINE_SECONDS),
        aiohttp.ClientSession() as session,
        serving(host="127.0.0.1", port=0, routes=routes, drain_seconds=1000) as port,
    ):
        answer = await session.get(f"http://127.0.0.1:{port}/healthz")
        assert await answer.text() == "ok\n"


async def test_a_request_under_way_is_answered_before_the_end() -> None:
    """Within the drain."""
    begun = asyncio.Event()

    async def slow(_: web.Request) -> web.Response:
        begun.set()
        await asyncio.sleep(0.05)
        return web.Response(text="done")

    async with (
        asyncio.timeout(DEADLINE_SECONDS),
        asyncio.TaskGroup() as tasks,
        serving(host="127.0.0.1", port=0, routes=[web.get("/", slow)], drain_seconds=1000) as port,
    ):
        asking = tasks.create_task(get(port, "/"))
        await begun.wait()
    assert asking.result() == (200, "done")


async def test_a_body_that_is_too_great_is_refused() -> None:
    """64 KiB are read, and no more."""

    async def length(request: web.Request) -> web.Response:
        return web.Response(text=str(len(await request.read())))

    async with (
        serving(host="127.0.0.1", port=0, routes=[web.post("/", length)]) as port,
        aiohttp.ClientSession() as session,
    ):
        for size, status in ((64 * 1024, 200), (64 * 1024 + 1, 413)):
            async with session.post(f"http://127.0.0.1:{port}/", data=b"x" * size) as answer:
                assert answer.status == status
