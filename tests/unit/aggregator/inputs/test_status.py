"""Status reports as bytes from the bus."""

import math
from collections.abc import AsyncIterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from harness.clock import TurnedClock
from kube_cost_aggregator.inputs.status import GATHER_SECONDS, MAX_READINGS, StatusIntake
from kube_cost_aggregator.outputs.families import COMPONENTS, ReportedSeries
from kube_cost_aggregator.state.components import Components
from kube_cost_common.messages.codec import encode
from kube_cost_common.messages.names import status_subject
from kube_cost_common.messages.status import Reading, StatusReport
from kube_cost_common.runtime.health import Counters

CALLS = Reading(
    name="kube_cost_pricing_api_calls_total", labels={"provider": "aws", "endpoint": "spot_price"}, value=4.0
)
CALLS_KEY = 'kube_cost_pricing_api_calls_total{provider="aws",endpoint="spot_price"}'
AGE = Reading(name="kube_cost_price_age_seconds", labels={"kind": "instance", "provider": "gcp"}, value=60.0)


async def _no_messages() -> AsyncIterator[tuple[str, bytes]]:
    for _ in ():
        yield "", b""


class Intake:
    """An intake, with what it counted and folded."""

    def __init__(self, messages: AsyncIterator[tuple[str, bytes]] | None = None) -> None:
        self.clock = TurnedClock()
        self.counters = Counters()
        self.folded: dict[str, float] = {}
        self.changes = 0
        self.components = Components(fold=self.folded.update, clock=self.clock)
        self.intake = StatusIntake(
            messages=messages or _no_messages(),
            components=self.components,
            series_key=ReportedSeries().key,
            known_components=COMPONENTS,
            counters=self.counters,
            clock=self.clock,
            log=structlog.get_logger(),
            changed=self._changed,
        )

    def _changed(self) -> None:
        self.changes += 1

    def take(self, subject: str = "", **fields: Any) -> None:
        report = self.report(**fields)
        self.intake.take(subject or status_subject(report.component, report.instance), encode(report))

    def report(self, **fields: Any) -> StatusReport:
        now_ns = self.clock.now_ns()
        known: dict[str, Any] = {
            "component": "pricing",
            "instance": "pricing-1",
            "software_version": "1",
            "sent_at_ns": now_ns,
            "started_at_ns": now_ns,
            "ready": True,
            "problems": [],
            "counters": [],
            "gauges": [],
        }
        return StatusReport(**known | fields)

    @property
    def refused(self) -> float:
        return sum(
            reading.value for reading in self.counters.counts() if reading.labels["error_type"] == "status_decode"
        )


def test_counters_are_folded_and_gauges_kept_under_their_series() -> None:
    """The order of labels in a report doesn't matter."""
    taken = Intake()
    taken.take(counters=[CALLS], gauges=[AGE])
    assert taken.folded == {CALLS_KEY: 4.0}
    assert taken.components.gauges() == {'kube_cost_price_age_seconds{provider="gcp",kind="instance"}': 60.0}
    assert (taken.refused, taken.changes) == (0, 1)


async def test_a_stream_of_messages_is_taken_in_order() -> None:
    """Bad ones between good ones included."""

    async def messages() -> AsyncIterator[tuple[str, bytes]]:
        for instance in ("a", "b"):
            yield status_subject("pricing", instance), encode(Intake().report(instance=instance, counters=[CALLS]))
            yield "kce.v1.status.pricing.x", b"\xc1"

    taken = Intake(messages())
    await taken.intake.run()
    assert (taken.folded, taken.refused) == ({CALLS_KEY: 8.0}, 2)


async def test_what_comes_while_reports_gather_is_taken_at_one_go() -> None:
    """A report that was waited for is taken at once; after it, and not after those at hand, others get time to come."""
    slept_before: list[int] = []

    async def messages() -> AsyncIterator[tuple[str, bytes]]:
        for instance, waited_for in (("a", True), ("b", False), ("c", False), ("d", True)):
            slept_before.append(len(taken.clock.slept))
            taken.clock.turn(0.5 if waited_for else 0.0)
            yield status_subject("pricing", instance), encode(taken.report(instance=instance))

    taken = Intake(messages())
    await taken.intake.run()
    assert slept_before == [0, 1, 1, 1]
    assert (taken.clock.slept, len(taken.components.live())) == ([GATHER_SECONDS] * 2, 4)


@pytest.mark.parametrize(
    "fields",
    [
        {"component": "intruder"},
        {"subject": status_subject("agent", "pricing-1")},
        {"subject": status_subject("pricing", "another")},
        {"instance": "", "subject": status_subject("pricing", "")},
        {"instance": "x" * 300},
        {"node": "x" * 300},
        {"gauges": [AGE] * (MAX_READINGS + 1)},
    ],
)
def test_a_report_that_is_not_what_it_says_is_counted_and_dropped(fields: dict[str, Any]) -> None:
    """Its component isn't known, its subject is another's, its names or its readings are out of bounds."""
    taken = Intake()
    taken.take(**{"counters": [CALLS]} | fields)
    assert (taken.folded, taken.components.live(), taken.refused) == ({}, [], 1)


@pytest.mark.parametrize(
    "reading",
    [
        Reading(name="up", labels={}, value=1.0),
        Reading(name="kube_cost_pricing_api_calls_total", labels={"provider": "aws"}, value=1.0),
        Reading(name=CALLS.name, labels={**CALLS.labels, "pod": "x"}, value=1.0),
        Reading(name=CALLS.name, labels={"provider": "aws", "endpoint": "made up"}, value=1.0),
        Reading(name=CALLS.name, labels=CALLS.labels, value=-1.0),
        Reading(name=CALLS.name, labels=CALLS.labels, value=math.nan),
        Reading(name=CALLS.name, labels=CALLS.labels, value=math.inf),
        Reading(name="kube_cost_errors_total", labels={"component": "agent", "error_type": "bus"}, value=1.0),
        Reading(name="kube_cost_namespace_usd_total", labels={"namespace": "shop"}, value=1.0),
        Reading(name="kube_cost_samples_received_total", labels={}, value=1.0),
        Reading(name=AGE.name, labels=AGE.labels, value=1.0),
    ],
)
def test_a_reading_outside_the_catalogue_is_never_exposed(reading: Reading) -> None:
    """Unknown names, labels, values, others' families, a gauge among counters; the rest of the report is taken."""
    taken = Intake()
    taken.take(counters=[reading, CALLS])
    assert (taken.folded, taken.refused) == ({CALLS_KEY: 4.0}, 1)


def test_the_aggregators_own_reports_only_say_that_it_lives() -> None:
    """What it counts is exposed without the bus, and would be twice."""
    taken = Intake()
    counted = Reading(name="kube_cost_errors_total", labels={"component": "aggregator", "error_type": "bus"}, value=3.0)
    taken.take(component="aggregator", instance="a", counters=[counted])
    assert (taken.folded, taken.refused) == ({}, 0)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_or_taken(payload: bytes) -> None:
    """Nothing from the bus ends the intake."""
    taken = Intake()
    taken.intake.take("kce.v1.status.pricing.x", payload)
    assert taken.refused == 1
