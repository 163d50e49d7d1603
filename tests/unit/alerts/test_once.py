from collections import Counter

import pytest

from harness.alert_lives import AlertWorld
from harness.alerting import budget, moment, snapshot
from kube_cost_alerts.outbox import GIVE_UP_SECONDS, LONGEST_GAP_SECONDS
from kube_cost_alerts.routing import Routing, Telling
from kube_cost_alerts.slack.failures import Reason, SlackFailedError
from kube_cost_common.messages.costs import PriceTrouble

ROUTING = Routing(default=Telling(channel="costs"), platform="ops")


def a_bad_day(*, finds: bool = False) -> AlertWorld:
    """Two budgets and the prices: eight messages in two channels, over four snapshots."""
    world = AlertWorld(finds=finds, routing=ROUTING)
    world.begin()
    trouble = (PriceTrouble(code="no_price", nodes=1, detail="x"),)
    shop, team = "shop", "team"
    world.stream.add(snapshot(budget(shop, spent=400), budget(team, month=600), at=moment("2026-11-20 12:00")))
    world.stream.add(
        snapshot(budget(shop, spent=500), budget(team, month=400), at=moment("2026-11-20 12:01"), troubles=trouble)
    )
    world.stream.add(snapshot(budget(shop, spent=501), budget(team, month=400), at=moment("2026-11-20 12:02")))
    world.stream.add(
        snapshot(budget(shop, spent=600), budget(team, spent=450, month=400), at=moment("2026-11-20 12:03"))
    )
    return world


async def test_everything_is_told_once_without_faults() -> None:
    """In the order of the moments; the first message of a budget and month begins its thread."""
    world = a_bad_day()
    assert not await world.live()
    assert len(world.slack.posts) == 8
    assert set(Counter(world.slack.intents).values()) == {1}
    shop = [post for post in world.slack.posts if "namespace/shop" in post.intent]
    assert [post.thread is None for post in shop] == [True, False, False]
    first = f"{world.slack.posts.index(shop[0]) + 1}.0"
    assert {post.thread.message_ts for post in shop[1:] if post.thread} == {first}
    assert world.count("sent") == 8


@pytest.mark.parametrize("finds", [False, True], ids=["webhook", "bot"])
async def test_killed_at_any_step_nothing_is_missed(finds: bool) -> None:
    """And twice comes only what Slack had taken when we died before noting it; by a bot's metadata not even that."""
    whole = a_bad_day()
    await whole.live()
    doubled: Counter[str] = Counter()
    for step, name in enumerate(whole.steps.names):
        world = a_bad_day(finds=finds)
        world.steps.kill_at = step
        assert await world.live()
        unnoted = set(world.slack.intents) & world.pending()
        world.steps.kill_at = None
        assert not await world.live()
        assert set(world.slack.intents) == set(whole.slack.intents), f"missed after a kill {name} (step {step})"
        twice = {intent for intent, times in Counter(world.slack.intents).items() if times > 1}
        assert twice == (set() if finds else unnoted)
        assert len(twice) <= 2, "one in each channel is under way at most"
        doubled[name] += len(twice)
    assert len(whole.steps.names) > 50
    assert doubled["after post"] == (0 if finds else 8), "after each post"


async def test_killed_again_and_again() -> None:
    """Each life goes on from the one before, however short they are."""
    world = a_bad_day(finds=True)
    for life in range(1, 200):
        world.steps.names.clear()
        world.steps.kill_at = life % 23
        if not await world.live():
            break
    else:
        pytest.fail("never done")
    assert set(Counter(world.slack.intents).values()) == {1}
    assert len(world.slack.posts) == 8


@pytest.mark.parametrize("deed", ["all", "update", "put"])
async def test_a_bus_that_does_not_answer_is_asked_again(deed: str) -> None:
    """Nothing is missed, and nothing comes twice."""
    world = a_bad_day()
    world.bucket.failing = [deed] * 5
    await world.live()
    assert len(world.slack.posts) == 8
    assert set(Counter(world.slack.intents).values()) == {1}


async def test_the_first_start_ever_looks_at_what_comes() -> None:
    """Not at the day before it, whose alerts nobody had asked for yet."""
    world = AlertWorld()
    world.stream.add(snapshot(budget(spent=450), at=moment("2026-11-20 12:00")))
    await world.live()
    assert world.slack.posts == []
    world.stream.add(snapshot(budget(spent=450), at=moment("2026-11-20 12:01")))
    await world.live()
    assert len(world.slack.posts) == 1


async def test_what_is_no_snapshot_of_ours_is_passed_over() -> None:
    """Counted; what follows is looked at."""
    world = AlertWorld()
    world.begin()
    world.stream.add_bytes(b"\xc1")
    world.stream.add(snapshot(budget(spent=450), at=moment()))
    await world.live()
    assert len(world.slack.posts) == 1
    assert sum(one.value for one in world.counters.counts() if one.labels.get("error_type") == "bus") == 1


async def test_500_namespaces_over_budget_at_once_are_500_messages() -> None:
    """All of them, each once."""
    world = AlertWorld()
    world.begin()
    world.stream.add(snapshot(*(budget(f"n{number}", spent=450) for number in range(500)), at=moment()))
    await world.live()
    assert len(set(world.slack.intents)) == len(world.slack.posts) == 500


async def test_slack_away_for_three_hours_loses_nothing() -> None:
    """Gaps grow to ten minutes; what is sent after it says that it is late."""
    world = a_bad_day()
    world.clock.turn((moment("2026-11-20 12:03").at_ns - world.clock.now_ns()) / 1e9)
    world.slack.failures = [SlackFailedError(Reason.AWAY, "http_503") for _ in range(60)]
    await world.live()
    assert len(world.slack.posts) == 8
    waits = sorted(world.clock.slept)
    assert waits[0] == 1.0
    assert waits[-1] == LONGEST_GAP_SECONDS
    assert sum(1 for _ in waits) >= 60
    assert all("late" in post.message.text for post in world.slack.posts)
    assert world.count("failed") == 60
    assert world.problems.sentences() == []


async def test_what_may_have_been_taken_is_looked_for() -> None:
    """After an answer that never came; not after a refusal."""
    world = AlertWorld(finds=True)
    world.begin()
    world.slack.failures = [SlackFailedError(Reason.DENIED, "not_in_channel")]
    world.stream.add(snapshot(budget(spent=450), at=moment("2026-11-20 12:00")))
    await world.live()
    assert not world.slack.posts[0].may_be_there
    world.slack.failures = [SlackFailedError(Reason.AWAY, "timeout")]
    world.stream.add(snapshot(budget(spent=500), at=moment("2026-11-20 12:01")))
    await world.live()
    assert world.slack.posts[1].may_be_there


async def test_throttled_is_waited_for_as_slack_says() -> None:
    """And is no failure."""
    world = AlertWorld()
    world.begin()
    world.slack.failures = [SlackFailedError(Reason.THROTTLED, "ratelimited", retry_after_seconds=37.0)] * 2
    world.stream.add(snapshot(budget(spent=450), at=moment()))
    await world.live()
    assert world.clock.slept.count(37.0) == 2
    assert (world.count("throttled"), world.count("sent"), world.count("failed")) == (2, 1, 0)


async def test_refused_blocks_are_sent_as_text_and_refused_text_is_given_up() -> None:
    """So that one message doesn't keep the others waiting for ever."""
    world = AlertWorld()
    world.begin()
    refused = SlackFailedError(Reason.MESSAGE, "invalid_blocks")
    world.slack.failures = [refused, refused, refused]
    world.stream.add(snapshot(budget("a", spent=450), budget("b", spent=450), budget("c", spent=450), at=moment()))
    await world.live()
    assert [bool(post.message.blocks) for post in world.slack.posts] == [False, True]
    assert world.count("refused") == 3


async def test_a_channel_that_nobody_mends_is_given_up_after_a_week() -> None:
    """And keeps no other waiting until then."""
    world = AlertWorld(routing=ROUTING)
    world.begin()
    world.slack.failures = [SlackFailedError(Reason.DENIED, "no_service")] * 5000
    world.stream.add(snapshot(budget(spent=450), at=moment()))
    await world.live()
    assert world.slack.posts == []
    assert world.clock.monotonic() > GIVE_UP_SECONDS


async def test_of_two_processes_one_sends() -> None:
    """The one that came later takes over; what the other then finds changed it reads anew."""
    world = a_bad_day()
    world.slack.failures = [SlackFailedError(Reason.AWAY, "timeout")] * 3
    await world.live(until=lambda memory: len(memory.intents()) >= 2)
    await world.live()
    assert set(Counter(world.slack.intents).values()) == {1}
    assert len(world.slack.posts) == 8
