import pytest

from harness.costs import Shown, WatchedKind, node_rate, rates_of
from kube_cost_aggregator.outputs.parts import Part, age, listed, parts_of
from kube_cost_aggregator.state.totals import Totals
from kube_cost_common.messages.status import StatusReport


def part(shown: Shown, name: str) -> Part:
    return next(part for part in parts_of(shown.sources) if part.name == name)


def hear(shown: Shown, component: str, *, node: str = "", ready: bool = True, problems: tuple[str, ...] = ()) -> None:
    now_ns = shown.clock.now_ns()
    report = StatusReport(
        component=component,
        instance=f"{component}-{node}",
        software_version="0.1.0",
        sent_at_ns=now_ns,
        started_at_ns=now_ns,
        ready=ready,
        problems=list(problems),
        counters=[],
        gauges=[],
        node=node,
    )
    shown.components.hear(report, counters={}, gauges={})


@pytest.mark.parametrize(
    ("seconds", "words"), [(-1, "0 s"), (3.4, "3 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (200_000, "2 d")]
)
def test_an_age_is_in_the_unit_one_would_say(seconds: float, words: str) -> None:
    """Seconds up to two minutes, minutes up to two hours, and so on."""
    assert age(seconds) == words


def test_a_long_list_is_cut() -> None:
    """A page for people doesn't list five thousand nodes."""
    assert listed(list("abcdefgh")) == "a, b, c, d, e and 3 more"


def test_agents_are_counted_by_node_and_the_missing_named() -> None:
    """One of two nodes is heard."""
    shown = Shown(rates=rates_of(node_rate("a"), node_rate("b")))
    hear(shown, "agent", node="a")
    shown.last_samples = {"a": shown.clock.now_ns() - 30 * 10**9}
    state, sentences = part(shown, "agents")[1:]
    assert state == "problem"
    assert sentences[0] == "1 of 2 nodes have an agent that is heard"
    assert "b" in sentences[1]
    assert sentences[2] == "last samples are between 30 s and 30 s old"


def test_all_agents_heard_is_well() -> None:
    """Nothing to say but how many."""
    shown = Shown(rates=rates_of(node_rate("a")))
    hear(shown, "agent", node="a")
    assert part(shown, "agents") == Part("agents", "ok", ("1 of 1 nodes have an agent that is heard",))


def test_pricing_says_what_ails_it() -> None:
    """Its own sentences, then when it was heard."""
    shown = Shown()
    hear(shown, "pricing", problems=("aws: access denied",))
    shown.clock.turn(5)
    assert part(shown, "pricing") == Part("pricing", "problem", ("aws: access denied", "heard 5 s ago, version 0.1.0"))


def test_a_silent_service_says_for_how_long() -> None:
    """After three intervals without a report."""
    shown = Shown()
    hear(shown, "pricing")
    shown.clock.turn(300)
    assert part(shown, "pricing") == Part("pricing", "problem", ("silent for 5 min",))


def test_a_service_that_is_starting_is_waited_for() -> None:
    """Not ready isn't broken."""
    shown = Shown()
    hear(shown, "pricing", ready=False, problems=("no price has arrived yet",))
    assert part(shown, "pricing").state == "waiting"


def test_a_lost_bus_says_what_goes_on() -> None:
    """So that nobody fears for the money."""
    shown = Shown(connected=False)
    assert part(shown, "bus").state == "problem"
    assert "agents keep their samples" in part(shown, "bus").sentences[0]


def test_watches_say_what_is_missing_or_wrong() -> None:
    """Unlisted kinds are waited for; a refusal is shown as the watch says it."""
    shown = Shown(watches=[WatchedKind("nodes"), WatchedKind("pods", synced=False)])
    assert part(shown, "watches") == Part("watches", "waiting", ("not listed yet: pods",))
    shown.watches[0].problem = "nodes: may not list"
    assert part(shown, "watches") == Part("watches", "problem", ("nodes: may not list",))


def test_the_ledger_says_how_far_it_is_behind() -> None:
    """By the node furthest behind."""
    shown = Shown()
    assert part(shown, "ledger").state == "waiting"
    now_ns = shown.clock.now_ns()
    shown.totals = Totals(started_at_ns=1, settled_through_ns=now_ns - 70 * 10**9)
    assert part(shown, "ledger") == Part("ledger", "ok", ("the node furthest behind is settled up to 70 s ago",))


def test_a_watchs_problem_is_said_by_the_watches_alone() -> None:
    """The aggregator's own problems have it too, for its probe."""
    shown = Shown()
    shown.watches = [WatchedKind("Pod", synced=True, problem="pods: may not watch pods")]
    shown.problems.say("watch Pod", "pods: may not watch pods")
    assert part(shown, "watches") == Part("watches", "problem", ("pods: may not watch pods",))
    assert part(shown, "aggregator").state == "ok"


def test_the_aggregators_problems_are_shown() -> None:
    """A ledger that can't be written, say."""
    shown = Shown()
    shown.problems.say("ledger", "the ledger can't be written, samples wait on the bus: disk full")
    assert part(shown, "aggregator").state == "problem"
    assert part(shown, "aggregator").sentences[0].endswith("disk full")
