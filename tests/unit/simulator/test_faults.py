import asyncio
import json
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import aiohttp
import pytest

from kube_cost_simulator.api.faults import MOMENTS, Fault, FaultTimes, Moment
from kube_cost_simulator.apiserver import ApiServer
from kube_cost_simulator.clock import ManualClock, SystemClock
from kube_cost_simulator.cluster import SimulatedCluster
from kube_cost_simulator.dealing import Dealer
from kube_cost_simulator.faults import ApiServerFaults
from kube_cost_simulator.kubelet_faults import KubeletFault, KubeletFaults
from kube_cost_simulator.kubelets import Kubelet
from kube_cost_simulator.operations import Operations
from kube_cost_simulator.resources import NAMESPACES

TOKEN = "t"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
SECOND_NS = 1_000_000_000
TIMES = FaultTimes(
    slow_seconds=0.3, late_seconds=0.3, bookmarks_seconds=0.2, bookmark_gap_seconds=0.05, stale_changes=1
)
LIST = "/api/v1/namespaces"
DEADLINE_SECONDS = 5.0


class Server:
    """A misbehaving API server of namespaces, and a client of it."""

    def __init__(self, *, cluster: SimulatedCluster, faults: ApiServerFaults, session: aiohttp.ClientSession) -> None:
        self.cluster = cluster
        self.faults = faults
        self.session = session
        self._operations = Operations(cluster=cluster)

    def create(self, name: str) -> int:
        """A namespace more; returns its version."""
        stored = self._operations.create(NAMESPACES, "", {"metadata": {"name": name}})
        return int(stored.content["metadata"]["resourceVersion"])

    def watch(self, version: int) -> Any:
        return self.session.get(LIST, params={"watch": "1", "resourceVersion": str(version), "timeoutSeconds": "1"})

    async def watched(self, version: int) -> list[Any]:
        """The events of a watch to its end."""
        async with asyncio.timeout(DEADLINE_SECONDS), self.watch(version) as answer:
            return [json.loads(line) async for line in answer.content]


@pytest.fixture
async def server(small: SimulatedCluster) -> AsyncIterator[Server]:
    faults = ApiServerFaults(chance=Random(1), clock=SystemClock(), times=TIMES)
    api = ApiServer(cluster=small, tokens=[TOKEN], bookmark_seconds=0.05, middlewares=[faults.misbehave])
    url = await api.start()
    async with aiohttp.ClientSession(url, headers=HEADERS) as session:
        yield Server(cluster=small, faults=faults, session=session)
    await api.stop()


@pytest.mark.parametrize(
    ("fault", "params", "status", "reason"),
    [
        (Fault.SERVER_ERROR, {}, 500, "InternalError"),
        (Fault.TOO_MANY_REQUESTS, {}, 429, "TooManyRequests"),
        (Fault.CONTINUE_GONE, {"continue": "x"}, 410, "Expired"),
        (Fault.GONE_STATUS, {"watch": "1"}, 410, "Expired"),
        (Fault.BEHIND, {"watch": "1"}, 504, "Timeout"),
    ],
)
async def test_a_refusal_is_a_status_object(
    server: Server, fault: Fault, params: dict[str, str], status: int, reason: str
) -> None:
    """With the code in both places, once, and counted."""
    server.faults.order(fault)
    async with server.session.get(LIST, params=params) as answer:
        body = await answer.json()
        assert (answer.status, body["code"], body["reason"]) == (status, status, reason)
        assert ("Retry-After" in answer.headers) == (fault is Fault.TOO_MANY_REQUESTS)
    async with server.session.get(LIST) as answer:
        assert answer.status == 200
    assert server.faults.done == {fault: 1}


async def test_a_slow_answer_is_right(server: Server) -> None:
    """It comes after a while, and is whole."""
    server.faults.order(Fault.SLOW)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    async with server.session.get(LIST) as answer:
        assert len((await answer.json())["items"]) == 2
    assert loop.time() - begun >= TIMES.slow_seconds


@pytest.mark.parametrize("watch", ["0", "1"])
async def test_a_silent_server_says_nothing_and_keeps_the_connection(server: Server, watch: str) -> None:
    """No header comes."""
    server.faults.order(Fault.SILENT)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2), server.session.get(LIST, params={} if watch == "0" else {"watch": watch}):
            pass


async def test_a_reset_connection_is_an_error(server: Server) -> None:
    """Nothing was answered; aiohttp asks once more by itself, which another fault meets."""
    server.faults.order(Fault.RESET)
    server.faults.order(Fault.RESET)
    with pytest.raises(aiohttp.ClientError):
        async with server.session.get(LIST):
            pass


async def test_half_a_list_is_an_error(server: Server) -> None:
    """The length that was announced doesn't come."""
    server.faults.order(Fault.CUT_LIST)
    async with server.session.get(LIST) as answer:
        assert answer.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()


async def test_a_stale_list_is_the_state_of_before_and_says_so(server: Server) -> None:
    """A watch from its version brings what it lacks."""
    before = server.cluster.store.version
    server.create("new")
    server.faults.order(Fault.STALE_LIST)
    async with server.session.get(LIST) as answer:
        body = await answer.json()
    assert body["metadata"]["resourceVersion"] == str(before)
    assert "new" not in {item["metadata"]["name"] for item in body["items"]}
    assert [event["object"]["metadata"]["name"] for event in await server.watched(before)] == ["new"]


@pytest.mark.parametrize(("fault", "code"), [(Fault.GONE_EVENT, 410), (Fault.ERROR_EVENT, 500)])
async def test_an_error_event_ends_a_watch(server: Server, fault: Fault, code: int) -> None:
    """It takes the place of the event that was due."""
    version = server.cluster.store.version
    server.create("new")
    server.faults.order(fault)
    (event,) = await server.watched(version)
    assert (event["type"], event["object"]["code"]) == ("ERROR", code)


@pytest.mark.parametrize(("fault", "whole"), [(Fault.CUT_BETWEEN_LINES, True), (Fault.CUT_MID_LINE, False)])
async def test_a_cut_watch_breaks(server: Server, fault: Fault, whole: bool) -> None:
    """After a line, or in it, and without the end that a stream has."""
    version = server.cluster.store.version
    server.create("new")
    server.faults.order(fault)
    async with server.watch(version) as answer:
        came = await answer.content.readany()
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.content.readany()
    assert came
    assert came.endswith(b"\n") is whole


async def test_a_watch_that_ends_early_ends_as_streams_do(server: Server) -> None:
    """After an event, with those that follow left out."""
    version = server.cluster.store.version
    server.create("one")
    server.create("two")
    server.faults.order(Fault.ENDED)
    assert [event["object"]["metadata"]["name"] for event in await server.watched(version)] == ["one"]


async def test_a_half_open_watch_is_silent_for_good(server: Server) -> None:
    """Neither the event that was due nor a bookmark comes, nor the end after its time."""
    version = server.cluster.store.version
    server.create("new")
    server.faults.order(Fault.HALF_OPEN)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.5), server.watch(version) as answer:
            assert await answer.content.readany() == b""


async def test_events_come_again(server: Server) -> None:
    """Those before and the one that was due, which comes twice; none is lost."""
    version = server.cluster.store.version
    for name in ("one", "two", "three"):
        server.create(name)
    async with server.watch(version) as answer:
        first = [json.loads(await answer.content.readline())["object"]["metadata"]["name"] for _ in range(3)]
        server.faults.order(Fault.DUPLICATED)
        server.create("four")
        again = [json.loads(await answer.content.readline())["object"]["metadata"]["name"] for _ in range(5)]
    assert first == ["one", "two", "three"]
    assert again == ["one", "two", "three", "four", "four"]


async def test_late_events_are_in_order(server: Server) -> None:
    """They come after a while, each once."""
    version = server.cluster.store.version
    server.create("one")
    server.create("two")
    server.faults.order(Fault.LATE)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    events = await server.watched(version)
    assert [event["object"]["metadata"]["name"] for event in events] == ["one", "two"]
    assert loop.time() - begun >= TIMES.late_seconds


async def test_bookmarks_never_promise_what_is_withheld(server: Server) -> None:
    """For a while there are bookmarks alone, of versions before the event, which comes at last."""
    version = server.cluster.store.version
    new = server.create("new")
    server.faults.order(Fault.BOOKMARKS_ONLY)
    *bookmarks, last = await server.watched(version)
    assert {event["type"] for event in bookmarks} == {"BOOKMARK"}
    assert len(bookmarks) == 4
    assert all(int(event["object"]["metadata"]["resourceVersion"]) < new for event in bookmarks)
    assert last["object"]["metadata"]["name"] == "new"


async def test_a_fault_waits_for_what_it_is_about(server: Server) -> None:
    """One of pods leaves namespaces alone."""
    server.faults.order(Fault.SERVER_ERROR, "pods")
    async with server.session.get(LIST) as answer:
        assert answer.status == 200
    assert server.faults.outstanding == [Fault.SERVER_ERROR]
    async with server.session.get("/api/v1/pods") as answer:
        assert answer.status == 500
    assert not server.faults.outstanding


def dealer(clock: ManualClock, seed: int = 1) -> Dealer[Fault, Moment]:
    return Dealer(moments=MOMENTS, chance=Random(seed), clock=clock)


def dealt(of: Dealer[Fault, Moment], clock: ManualClock, seconds: int) -> list[Fault]:
    """What is dealt when there is every occasion each second."""
    faults = []
    for _ in range(seconds):
        clock.turn_to(clock.now_ns() + SECOND_NS)
        for moment in Moment:
            while (fault := of.deal(moment, "pods")) is not None:
                faults.append(fault)
    return faults


def test_a_schedule_deals_each_fault_once(clock: ManualClock) -> None:
    """One a second, as many seconds as there are faults; another seed has another order."""
    orders = []
    for seed in (1, 1, 2):
        of = dealer(clock, seed)
        of.each_once(gap_seconds=1.0)
        orders.append(dealt(of, clock, len(Fault)))
        assert dealt(of, clock, 10) == []
    assert sorted(orders[0]) == sorted(Fault)
    assert orders[0] == orders[1] != orders[2]


def test_at_random_faults_come_about_as_often_as_asked(clock: ManualClock) -> None:
    """All kinds in an hour at one in ten seconds, and none once it is to behave."""
    of = dealer(clock)
    of.at_random(mean_gap_seconds=10)
    faults = dealt(of, clock, 3600)
    assert 250 <= len(faults) <= 450
    assert set(faults) == set(Fault)
    of.behave()
    assert dealt(of, clock, 100) == []


def test_what_waits_for_its_occasion_is_not_piled_up(clock: ManualClock) -> None:
    """After a quiet day each fault is due once."""
    of = dealer(clock)
    of.at_random(mean_gap_seconds=1)
    clock.turn_to(clock.now_ns() + 86_400 * SECOND_NS)
    assert sorted(of.outstanding) == sorted(Fault)


@pytest.mark.parametrize("fault", KubeletFault)
async def test_a_kubelet_misbehaves(small: SimulatedCluster, fault: KubeletFault) -> None:
    """On its own node, once: away, slow, 401, or with half an answer."""
    faults = KubeletFaults(chance=Random(1), clock=SystemClock(), slow_seconds=0.3)
    kubelet = Kubelet(cluster=small, node="n1", tokens=[TOKEN], middlewares=[faults.of_node("n1")])
    url = await kubelet.start()
    loop = asyncio.get_running_loop()
    try:
        faults.order(fault, "n1")
        faults.order(fault, "another")
        async with aiohttp.ClientSession(url, headers=HEADERS) as session:
            begun = loop.time()
            match fault:
                case KubeletFault.AWAY:
                    with pytest.raises(aiohttp.ClientError):
                        await session.post("/stats/summary")
                case KubeletFault.TRUNCATED:
                    async with session.get("/stats/summary") as answer:
                        with pytest.raises(aiohttp.ClientPayloadError):
                            await answer.read()
                case _:
                    async with session.get("/stats/summary") as answer:
                        assert answer.status == (401 if fault is KubeletFault.UNAUTHORIZED else 200)
                    assert (loop.time() - begun >= 0.3) is (fault is KubeletFault.SLOW)
            async with session.get("/stats/summary") as answer:
                assert (await answer.json())["node"]["nodeName"] == "n1"
        assert faults.done == {fault: 1}
        assert faults.outstanding == [fault]
    finally:
        await kubelet.stop()
