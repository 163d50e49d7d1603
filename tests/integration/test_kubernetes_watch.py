import asyncio
import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from harness.apiserver import ApiServer, Behaviour, answering, behave_listing, line, writing
from harness.kubernetes_objects import pod
from harness.kubernetes_watch import Watched, watched_pods
from harness.nats import background, eventually
from kube_cost_aggregator.inputs.kubernetes.watch import WatchTimes


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    async with watched_pods(tmp_path, WatchTimes(page_size=2, silence_seconds=5.0)) as made:
        yield made


async def watching(watched: Watched, times: int = 1) -> None:
    await eventually(lambda: len(watched.api.asked("watch")) >= times)


async def told(watched: Watched, *lines: str) -> None:
    """Wait until the receiver has been told as much, and assert that it is this and nothing else."""
    await eventually(lambda: len(watched.told.lines) >= len(lines))
    assert watched.told.lines == list(lines)


async def test_changes_arrive_once_and_in_order(watched: Watched) -> None:
    """The list first, then each creation, change and removal, with the time of its arrival."""
    await watched.api.put(pod("one"))
    async with background(watched.watch.run()):
        await told(watched, "= one")
        watched.clock.turn(3.0)
        await watched.api.put(pod("two"))
        await watched.api.put(pod("one"))
        await watched.api.remove(pod("one"))
        await told(watched, "= one", "+ two", "+ one", "- one")
    began = watched.told.times_ns[0]
    assert watched.told.times_ns == [began, began + 3_000_000_000, began + 3_000_000_000, began + 3_000_000_000]
    assert watched.watch.state.synced
    assert watched.watch.state.last_event_ns == began + 3_000_000_000
    assert not watched.errors


async def test_a_list_comes_in_pages_and_is_told_whole(watched: Watched) -> None:
    """Pages of the size that was asked for, the version unset, one call."""
    for number in range(5):
        await watched.api.put(pod(f"p{number}"))
    async with background(watched.watch.run()):
        await told(watched, "= p0 p1 p2 p3 p4")
    lists = watched.api.asked("list")
    assert [dict(asked.params) for asked in lists] == [
        {"limit": "2"},
        {"limit": "2", "continue": "2"},
        {"limit": "2", "continue": "4"},
    ]


async def test_a_watch_asks_for_bookmarks_and_an_end(watched: Watched) -> None:
    """From the list's version, for 240 to 480 seconds, chosen anew each time."""
    async with background(watched.watch.run()):
        for number in range(1, 6):
            await watching(watched, number)
            watched.clock.turn(300.0)
            await watched.api.end_watches()
    asked = [request.params for request in watched.api.asked("watch")][:5]
    assert {params["resourceVersion"] for params in asked} == {"100"}
    assert {params["allowWatchBookmarks"] for params in asked} == {"true"}
    seconds = [int(params["timeoutSeconds"]) for params in asked]
    assert all(240 <= one <= 480 for one in seconds)
    assert len(set(seconds)) > 1


async def test_a_watch_that_ended_in_time_goes_on_at_once(watched: Watched) -> None:
    """The normal end is neither an error nor a reason to wait or list; nothing in between is lost."""
    async with background(watched.watch.run()):
        await watching(watched)
        await watched.api.put(pod("one"))
        await told(watched, "=", "+ one")
        watched.clock.turn(300.0)
        await watched.api.end_watches()
        await watched.api.put(pod("two"))
        await told(watched, "=", "+ one", "+ two")
    assert len(watched.api.asked("list")) == 1
    assert sum(watched.clock.slept) == 0
    assert not watched.errors


async def test_a_bookmark_moves_the_version_on(watched: Watched) -> None:
    """The next watch begins from the last bookmark."""
    async with background(watched.watch.run()):
        await watching(watched)
        await watched.api.bookmark()
        await watched.api.end_watches()
        await watching(watched, 2)
    assert watched.api.asked("watch")[1].params["resourceVersion"] == "101"


async def test_a_connection_cut_within_a_line_loses_nothing(watched: Watched) -> None:
    """Half a line is no event; the whole one comes on the next connection, once."""
    await watched.api.put(pod("one"))
    await watched.api.put(pod("two"))
    whole = [line(event["type"], event["object"]) for _, event in watched.api.events]
    watched.api.lists.append(answering(200, {"metadata": {"resourceVersion": "100"}, "items": []}))
    watched.api.watches.append(writing(whole[0], whole[1][:50], end="cut"))
    async with background(watched.watch.run()):
        await told(watched, "=", "+ one", "+ two")
    assert [asked.params["resourceVersion"] for asked in watched.api.asked("watch")] == ["100", "101"]
    assert len(watched.api.asked("list")) == 1


async def test_lines_of_any_length_in_pieces_of_any_size_are_read(watched: Watched) -> None:
    """An event of a megabyte, one byte at a time at its end, several in one piece: each is one event."""
    large = pod("large", annotations={"note": "x" * 2**20})
    large["metadata"]["resourceVersion"] = "101"
    two, three = pod("two", resourceVersion="102"), pod("three", resourceVersion="103")
    text = line("ADDED", large) + line("ADDED", two) + line("ADDED", three)
    pieces = [text[:-3], *(text[at : at + 1] for at in range(len(text) - 3, len(text)))]
    watched.api.watches.append(writing(*pieces, end="silence"))
    async with background(watched.watch.run()):
        await told(watched, "=", "+ large", "+ two", "+ three")


async def test_a_line_without_end_is_given_up(watched: Watched) -> None:
    """Twenty megabytes without a newline don't stay in memory: the watch begins anew."""
    watched.api.watches.append(writing(*[b"x" * 2**20] * 20, end="silence"))
    async with background(watched.watch.run()):
        await watching(watched, 2)
    assert "longer than" in str(watched.errors[0])


async def test_compressed_answers_are_read(watched: Watched) -> None:
    """Lists and watches may come in gzip."""
    watched.api.compress = True
    await watched.api.put(pod("one"))
    large = pod("two", resourceVersion="102", annotations={"note": "x" * 100_000})
    watched.api.watches.append(writing(line("ADDED", large)))
    async with background(watched.watch.run()):
        await told(watched, "= one", "+ two")
    assert watched.api.requests[0].headers["Accept-Encoding"] == "gzip"


@pytest.mark.parametrize(
    "gone",
    [
        answering(410, {"message": "too old resource version", "reason": "Expired"}),
        writing(line("ERROR", {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"})),
        writing(
            line(
                "ERROR",
                {"kind": "Status", "code": 504, "details": {"causes": [{"reason": "ResourceVersionTooLarge"}]}},
            )
        ),
    ],
    ids=["status", "event", "of the future"],
)
async def test_a_version_that_is_gone_means_a_new_list(watched: Watched, gone: Behaviour) -> None:
    """410, as status or as event: the receiver gets the whole list again."""
    watched.api.watches.append(gone)
    await watched.api.put(pod("one"))
    async with background(watched.watch.run()):
        await watching(watched, 2)
        await watched.api.put(pod("two"))
        await told(watched, "= one", "= one", "+ two")


async def test_a_list_that_expired_between_pages_starts_over(watched: Watched) -> None:
    """410 on a continue token: the first page again, and nothing told twice."""
    for number in range(3):
        await watched.api.put(pod(f"p{number}"))
    behave = answering(410, {"message": "The provided continue parameter is too old"})
    async with background(watched.watch.run()):
        await watching(watched)
        watched.api.lists.extend([behave_listing, behave])
        watched.watch.relist()
        await told(watched, "= p0 p1 p2", "= p0 p1 p2")
    assert [asked.params.get("continue") for asked in watched.api.asked("list")] == [None, "2", None, "2", None, "2"]


async def test_a_server_that_is_gone_for_good_is_not_listed_in_a_loop(watched: Watched) -> None:
    """A server that says 410 to every watch gets fewer and fewer lists."""
    watched.api.watches.extend([answering(410, {"message": "gone"})] * 12)
    async with background(watched.watch.run()):
        await watching(watched, 12)
    waits = watched.clock.slept[:11]
    assert all(0.5 <= wait <= min(30.0, 0.5 * 2**number) for number, wait in enumerate(waits, start=1))
    assert sum(waits[5:]) > 6 * 5.0  # 15 on average


@pytest.mark.parametrize(
    "fault",
    [
        answering(500, {"message": "etcd is away"}),
        answering(503, "upstream connect error"),
        writing(end="normally"),
        writing(end="cut"),
        writing(b"Service Unavailable\n"),
    ],
    ids=["500", "503 in plain text", "ended at once", "cut at once", "plain text with 200"],
)
async def test_no_fault_makes_it_ask_often(watched: Watched, fault: Behaviour) -> None:
    """Whatever a server does to every watch, it is asked at most twice a second, in the end every 30 s or less."""
    watched.api.watches.extend([fault] * 40)
    async with background(watched.watch.run()):
        await watching(watched, 40)
    times = [asked.at for asked in watched.api.asked("watch")][:40]
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert min(gaps) >= 0.5
    assert max(gaps) <= 30.0
    late = gaps[6:]
    assert 8.0 < sum(late) / len(late) < 22.0  # full jitter between 0.5 and 30: 15 on average
    assert len(watched.errors) >= 39


async def test_an_api_server_that_is_away_is_said_once_and_its_return_too(watched: Watched) -> None:
    """One line for the first failure, one for the recovery; the sentence is there meanwhile; the counter counts all."""
    away, go_on = answering(500, {"message": "etcd is away"}), asyncio.Event()

    async def away_after_a_while(server: ApiServer, request: web.Request) -> web.StreamResponse:
        await go_on.wait()
        return await away(server, request)

    watched.api.lists.extend([away, away_after_a_while, away])
    with capture_logs() as logs:
        async with background(watched.watch.run()):
            await eventually(lambda: watched.watch.state.problem)
            assert watched.watch.state.problem == "pods: the API server answered 500: etcd is away"
            assert not watched.watch.state.synced
            go_on.set()
            await told(watched, "=")
            assert watched.watch.state.problem == ""
    assert [entry["event"] for entry in logs] == ["watch failed", "watch recovered"]
    assert len(watched.errors) == 3


@pytest.mark.parametrize("verb", ["list", "watch"])
async def test_retry_after_is_honoured(watched: Watched, verb: str) -> None:
    """A throttled request isn't made again before the time that the server asked for."""
    behaviours = watched.api.lists if verb == "list" else watched.api.watches
    behaviours.append(answering(429, "too many requests", Retry_After="17"))
    async with background(watched.watch.run()):
        await eventually(lambda: len(watched.api.asked(verb)) >= 2)
    first, second = watched.api.asked(verb)[:2]
    assert 17.0 <= second.at - first.at <= 17.0 + 1.0


async def test_a_silent_connection_is_given_up(tmp_path: Path) -> None:
    """A half-open connection, on which nothing comes any more, is replaced, from the version it had."""
    async with watched_pods(tmp_path, WatchTimes(silence_seconds=0.2)) as watched:
        first = line("ADDED", pod("one", resourceVersion="101"))
        watched.api.watches.append(writing(first, end="silence"))
        async with background(watched.watch.run()):
            await watching(watched, 2)
            await told(watched, "=", "+ one")
        assert watched.api.asked("watch")[1].params["resourceVersion"] == "101"
        assert "silent for 0.2 s" in str(watched.errors[0])


async def test_a_slow_watch_is_not_silent(tmp_path: Path) -> None:
    """As long as anything comes, a bookmark a time, the connection stays."""
    async with watched_pods(tmp_path, WatchTimes(silence_seconds=0.4)) as watched:
        async with background(watched.watch.run()):
            await watching(watched)
            for _ in range(4):
                await asyncio.sleep(0.15)
                await watched.api.bookmark()
        assert len(watched.api.asked("watch")) == 1


async def test_a_watch_that_is_not_answered_is_given_up(tmp_path: Path) -> None:
    """The connection is there and no headers come: another one goes on from the same version."""

    async def silent(_: ApiServer, __: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        return web.Response()

    async with watched_pods(tmp_path, WatchTimes(answer_seconds=0.2)) as watched:
        watched.api.watches.append(silent)
        async with background(watched.watch.run()):
            await watching(watched, 2)
            await watched.api.put(pod("one"))
            await told(watched, "=", "+ one")
        assert "silent for 0.2 s" in str(watched.errors[0])
        assert len(watched.api.asked("list")) == 1


async def test_a_list_that_does_not_end_is_given_up(tmp_path: Path) -> None:
    """A page that hangs is asked for again."""
    async with watched_pods(tmp_path, WatchTimes(list_seconds=0.2)) as watched:
        watched.api.lists.append(writing(b'{"metadata"', end="silence"))
        async with background(watched.watch.run()):
            await told(watched, "=")
        assert "silent for 0.2 s" in str(watched.errors[0])


async def test_events_that_come_again_are_told_once(watched: Watched) -> None:
    """A server that replays what was seen, on the same connection or the next, changes nothing."""
    one = line("ADDED", pod("one", resourceVersion="101"))
    two = line("ADDED", pod("two", resourceVersion="102"))
    gone = line("DELETED", pod("one", resourceVersion="103"))
    watched.api.watches.extend([writing(one, one, two, one), writing(one, two, gone, gone, two, end="silence")])
    async with background(watched.watch.run()):
        await told(watched, "=", "+ one", "+ two", "- one")
        await asyncio.sleep(0.1)
        await told(watched, "=", "+ one", "+ two", "- one")


async def test_a_bad_object_is_skipped_and_its_removal_understood(watched: Watched) -> None:
    """The events around it arrive; its end is told by its uid."""
    bad = pod("bad", resourceVersion="101", spec={"nodeName": 7})
    lines = [
        line("ADDED", bad),
        line("ADDED", pod("good", resourceVersion="102")),
        line("DELETED", {**bad, "metadata": {**bad["metadata"], "resourceVersion": "103"}}),
    ]
    watched.api.watches.append(writing(*lines, end="silence"))
    async with background(watched.watch.run()):
        await told(watched, "=", "+ good", "- uid-bad")
    assert watched.read.sentences == ["Pod shop/bad: spec.nodeName: Expected `str`, got `int`"] * 2


async def test_an_event_that_cannot_be_read_means_a_new_list(watched: Watched) -> None:
    """Asking again from the same version would bring the same line for ever."""
    watched.api.watches.append(writing(b'{"type": "ADDED", "object": {"metadata": []}}\n'))
    async with background(watched.watch.run()):
        await told(watched, "=", "=")
        await watching(watched, 2)


async def test_an_unknown_kind_of_event_is_passed_over(watched: Watched) -> None:
    """It is counted, and the watch goes on."""
    lines = [line("COMPACTED", {}), line("ADDED", pod("one", resourceVersion="101"))]
    watched.api.watches.append(writing(*lines, end="silence"))
    async with background(watched.watch.run()):
        await told(watched, "=", "+ one")
    assert [str(error) for error in watched.errors] == [
        "a watch from the API server can't be read: an event of unknown type 'COMPACTED'"
    ]


async def test_a_receivers_fault_means_a_new_list(watched: Watched) -> None:
    """What it missed comes again; the watch doesn't end."""
    async with background(watched.watch.run()):
        await watching(watched)
        watched.told.fault = RuntimeError("a bug")
        await watched.api.put(pod("one"))
        await told(watched, "=", "= one")
    assert [repr(error) for error in watched.errors] == ["RuntimeError('a bug')"]


async def test_a_list_can_be_asked_for(watched: Watched) -> None:
    """At once, in the middle of a watch, without an error."""
    await watched.api.put(pod("one"))
    async with background(watched.watch.run()):
        await watching(watched)
        watched.watch.relist()
        await watching(watched, 2)
        await told(watched, "= one", "= one")
    assert sum(watched.clock.slept) == 0
    assert not watched.errors


async def test_each_watch_says_who_asks_for_what(watched: Watched) -> None:
    """A missing right is said with the verb and the resource."""
    watched.api.watches.append(answering(403, {"message": "pods is forbidden"}))
    async with background(watched.watch.run()):
        await eventually(lambda: watched.errors)
    assert str(watched.errors[0]).startswith("may not watch pods: add apiGroups ['']")


async def test_a_list_asked_for_during_a_list_is_made(watched: Watched) -> None:
    """What changed since that list began must not be missed."""
    go_on = asyncio.Event()

    async def slow(server: ApiServer, request: web.Request) -> web.StreamResponse:
        answer = await behave_listing(server, request)
        await go_on.wait()
        return answer

    watched.api.lists.append(slow)
    async with background(watched.watch.run()):
        await eventually(lambda: watched.api.asked("list"))
        watched.watch.relist()
        go_on.set()
        await told(watched, "=", "=")
    assert not watched.errors


async def test_a_list_without_a_version_is_an_error(watched: Watched) -> None:
    """Nothing could be watched from there: it is asked for again, after a while."""
    watched.api.lists.append(answering(200, {"metadata": {}, "items": []}))
    async with background(watched.watch.run()):
        await told(watched, "=")
    assert "it has no resourceVersion" in str(watched.errors[0])
    assert len(watched.clock.slept) == 1
