import pytest

from kube_cost_common.messages.status import Reading
from kube_cost_common.runtime.health import Counters, Problems, Readiness

CONDITIONS = {"bus": "the bus isn't there", "prices": "no price has arrived yet"}


def test_readiness_says_what_is_missing_until_all_is_there() -> None:
    """In the order in which the conditions were named."""
    readiness = Readiness(CONDITIONS)
    assert (readiness.ready, readiness.missing) == (False, ["the bus isn't there", "no price has arrived yet"])
    readiness.met("bus")
    assert (readiness.ready, readiness.missing) == (False, ["no price has arrived yet"])
    readiness.met("prices")
    assert (readiness.ready, readiness.missing) == (True, [])


@pytest.mark.parametrize("again", ["bus", "something else"])
def test_a_condition_may_be_met_twice_and_one_that_nobody_named_does_nothing(again: str) -> None:
    """Each reconnect says so again."""
    readiness = Readiness(CONDITIONS)
    readiness.met("bus")
    readiness.met(again)
    assert readiness.missing == ["no price has arrived yet"]


def test_what_waits_for_nothing_is_ready() -> None:
    """An empty set of conditions is met."""
    assert Readiness({}).ready


def test_who_is_stopping_is_not_ready_whatever_was_met() -> None:
    """Kubernetes is to send nothing more; what is still missing doesn't matter then."""
    readiness = Readiness(CONDITIONS)
    readiness.met("bus")
    readiness.stopping()
    assert (readiness.ready, readiness.missing) == (False, ["stopping"])
    readiness.met("prices")
    assert (readiness.ready, readiness.missing) == (False, ["stopping"])


def test_conditions_are_copied() -> None:
    """Two processes' readiness, or two tests', may start from one constant."""
    conditions = dict(CONDITIONS)
    Readiness(conditions).met("bus")
    assert conditions == CONDITIONS


def test_a_counter_is_told_apart_by_its_labels_in_any_order() -> None:
    """Name and labels are the series; a label may be called name."""
    counters = Counters()
    counters.add("errors", component="agent", error_type="bus")
    counters.add("errors", 2, error_type="bus", component="agent")
    counters.add("errors", component="agent", error_type="kubelet")
    counters.add("errors", 0.5)
    counters.add("samples", name="x")
    assert counters.counts() == [
        Reading(name="errors", labels={"component": "agent", "error_type": "bus"}, value=3.0),
        Reading(name="errors", labels={"component": "agent", "error_type": "kubelet"}, value=1.0),
        Reading(name="errors", labels={}, value=0.5),
        Reading(name="samples", labels={"name": "x"}, value=1.0),
    ]


def test_a_counter_can_be_shown_before_it_has_counted() -> None:
    """A series that begins at 0 loses no first increase in Prometheus."""
    counters = Counters()
    counters.add("errors", 0)
    assert counters.counts() == [Reading(name="errors", labels={}, value=0.0)]


def test_what_was_counted_is_a_snapshot() -> None:
    """A report that is made stays as it is."""
    counters = Counters()
    counters.add("errors")
    before = counters.counts()
    counters.add("errors")
    assert [reading.value for reading in before] == [1.0]


def test_gauges_are_read_when_they_are_asked_for() -> None:
    """Each time anew, in the order of their registration."""
    counters = Counters()
    waiting = [1.0]
    counters.gauge(lambda: [Reading(name="waiting", labels={}, value=waiting[0])])
    counters.gauge(lambda: [Reading(name="age", labels={"of": of}, value=0.0) for of in ("a", "b")])
    waiting[0] = 7.0
    read = [(reading.name, reading.labels, reading.value) for reading in counters.gauges()]
    assert read == [("waiting", {}, 7.0), ("age", {"of": "a"}, 0.0), ("age", {"of": "b"}, 0.0)]
    assert counters.counts() == []


def test_a_problem_is_new_once_and_over_once() -> None:
    """So that the first of a row and the recovery are logged, and no repetition."""
    problems = Problems()
    assert [problems.say("bus", "it is away"), problems.say("bus", "it is still away")] == [True, False]
    assert problems.sentences() == ["it is still away"]
    assert [problems.over("bus"), problems.over("bus")] == [True, False]
    assert problems.sentences() == []
    assert problems.say("bus", "it is away again")


def test_one_problem_over_leaves_the_others() -> None:
    """A sentence for each cause."""
    problems = Problems()
    problems.say("bus", "the bus is away")
    problems.say("disk", "the disk is full")
    problems.over("bus")
    assert problems.sentences() == ["the disk is full"]
