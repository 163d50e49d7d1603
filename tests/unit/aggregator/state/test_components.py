from hypothesis import given
from hypothesis import strategies as st

from harness.clock import TurnedClock
from kube_cost_aggregator.state.components import Components
from kube_cost_common.messages.status import StatusReport


class Heard:
    """Components, with what they hand to the ledger."""

    def __init__(self, *, max_instances: int = 100, new_ledger: bool = False) -> None:
        self.clock = TurnedClock()
        self.folded: dict[str, float] = {}
        self.components = Components(
            fold=self.folded.update, clock=self.clock, max_instances=max_instances, new_ledger=new_ledger
        )

    def hear(
        self,
        instance: str,
        counters: dict[str, float] | None = None,
        *,
        gauges: dict[str, float] | None = None,
        component: str = "pricing",
        node: str = "",
        age_seconds: float = 0.0,
    ) -> bool:
        now_ns = self.clock.now_ns()
        report = StatusReport(
            component=component,
            instance=instance,
            software_version="1",
            sent_at_ns=now_ns,
            started_at_ns=now_ns - round(age_seconds * 1e9),
            ready=True,
            problems=[],
            counters=[],
            gauges=[],
            node=node,
        )
        return self.components.hear(report, counters=counters or {}, gauges=gauges or {})


def test_a_new_process_counts_from_its_start() -> None:
    """What it counted before its first report is its own, and new."""
    heard = Heard()
    heard.hear("a", {"calls": 3})
    heard.hear("a", {"calls": 5})
    assert heard.folded == {"calls": 5}


def test_counts_of_a_process_that_ended_stay() -> None:
    """Its successor begins at 0, and the sum goes on."""
    heard = Heard()
    heard.hear("a", {"calls": 5})
    heard.clock.turn(60)
    heard.hear("b", {"calls": 2})
    assert heard.folded == {"calls": 7}


def test_sums_go_on_after_a_restart_of_the_aggregator() -> None:
    """A process that is older than this one was counted by the one before: only what it adds is new."""
    heard = Heard()
    heard.components.restore({"calls": 40})
    heard.hear("a", {"calls": 30, "errors": 9}, age_seconds=600)
    assert heard.folded == {}
    heard.hear("a", {"calls": 31, "errors": 9}, age_seconds=615)
    assert heard.folded == {"calls": 41}


def test_with_a_new_ledger_all_counts_are_new() -> None:
    """Where nobody ever listened, what a process counted before this one began is in no sum yet."""
    heard = Heard(new_ledger=True)
    heard.hear("a", {"calls": 30}, age_seconds=600)
    assert heard.folded == {"calls": 30}


def test_a_counter_that_a_known_process_begins_is_counted_whole() -> None:
    """Its first error comes an hour after its start."""
    heard = Heard()
    heard.hear("a", {"calls": 1}, age_seconds=600)
    heard.clock.turn(15)
    heard.hear("a", {"calls": 1, "errors": 2}, age_seconds=615)
    assert heard.folded == {"errors": 2}


@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.floats(-50, 100), st.integers(0, 100), st.booleans()), max_size=40)
)
def test_sums_never_dip(steps: list[tuple[str, float, int, bool]]) -> None:
    """Whatever processes say, in whatever order, forgotten ones that come back included."""
    heard = Heard(max_instances=2)
    last = 0.0
    for instance, value, seconds, silent in steps:
        heard.clock.turn(seconds + (100 if silent else 0))
        heard.hear(instance, {"calls": value}, age_seconds=seconds)
        assert heard.folded.get("calls", 0.0) >= last
        last = heard.folded.get("calls", 0.0)


def test_a_forgotten_process_that_comes_back_is_not_counted_twice() -> None:
    """It was there before it was forgotten; its count then is in the sum already."""
    heard = Heard(max_instances=1)
    heard.hear("a", {"calls": 10})
    heard.clock.turn(100)
    heard.hear("b", {"calls": 1})
    heard.clock.turn(100)
    heard.hear("a", {"calls": 12}, age_seconds=200)
    assert heard.folded == {"calls": 11}
    heard.hear("a", {"calls": 13}, age_seconds=200)
    assert heard.folded == {"calls": 12}


def test_more_processes_than_are_remembered_are_refused_while_all_are_heard() -> None:
    """So that who invents instances costs no memory; the longest silent makes room."""
    heard = Heard(max_instances=2)
    assert heard.hear("a")
    heard.clock.turn(46)
    assert heard.hear("b")
    assert heard.hear("c")
    assert not heard.hear("d")
    assert [known.instance for known in heard.components.live()] == ["b", "c"]


def test_a_component_is_up_for_three_intervals() -> None:
    """45 s after its last report it is down; the aggregator itself never is."""
    heard = Heard()
    heard.hear("a", component="agent")
    heard.clock.turn(45)
    assert heard.components.up("agent")
    heard.clock.turn(0.1)
    assert not heard.components.up("agent")
    assert heard.components.up("aggregator")
    assert not heard.components.up("alerts")


def test_agents_are_counted_by_node() -> None:
    """Two processes on one node, as in a rolling update, are one."""
    heard = Heard()
    for instance, node in (("1", "a"), ("2", "a"), ("3", "b")):
        heard.hear(instance, component="agent", node=node)
    assert heard.components.connected_nodes() == {"a", "b"}


def test_an_agent_is_heard_by_its_samples_too() -> None:
    """A sample that the bus stored within 45 s tells of its agent, an older one that is settled late doesn't."""
    heard = Heard()
    now_ns = heard.clock.now_ns()
    heard.components.hear_sample("a", now_ns)
    heard.components.hear_sample("late", now_ns - 46 * 10**9)
    assert heard.components.connected_nodes() == {"a"}
    assert heard.components.up("agent")
    heard.clock.turn(46)
    assert heard.components.connected_nodes() == set()
    assert not heard.components.up("agent")


def test_of_two_processes_the_last_heard_says_a_gauge() -> None:
    """During a rollout both report; silent ones say nothing."""
    heard = Heard()
    heard.hear("old", gauges={"age": 100, "up": 1})
    heard.clock.turn(30)
    heard.hear("new", gauges={"age": 1})
    assert heard.components.gauges() == {"age": 1, "up": 1}
    heard.clock.turn(30)
    assert heard.components.gauges() == {"age": 1}
