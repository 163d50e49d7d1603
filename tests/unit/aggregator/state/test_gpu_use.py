"""How busy pods keep their GPUs, as the gauges are told."""

import msgspec
import pytest

from harness.bench import Bench
from harness.records import MINUTE, START, FakeKernel, pod_facts


class Told:
    """A pod's agent, and what the aggregator makes of its samples."""

    def __init__(self) -> None:
        self.bench = Bench()
        self.bench.inventory.put_pod(pod_facts())
        self.kernel = FakeKernel(pods={"pod-uid": (1.0, 1.0)})

    def sample(self, minute: float, gpu_seconds: float | None) -> float | None:
        """Return the busy GPUs after a sample with that total."""
        sample = self.kernel.sample(START + round(minute * MINUTE))
        pods = [msgspec.structs.replace(pod, gpu_seconds=gpu_seconds) for pod in sample.pods]
        self.bench.take(msgspec.structs.replace(sample, pods=pods))
        return self.bench.inventory.pods["pod-uid"].busy_gpus


def test_busy_gpus_are_the_average_over_the_last_sample() -> None:
    """By the growth of the total."""
    told = Told()
    told.sample(1, 100.0)
    assert told.sample(2, 130.0) == pytest.approx(0.5)
    assert told.sample(4, 370.0) == pytest.approx(2.0)
    assert told.sample(5, 370.0) == 0.0


def test_without_an_exporter_nothing_is_known() -> None:
    """That isn't 0; and what it says first has no beginning."""
    told = Told()
    assert told.sample(1, None) is None
    assert told.sample(2, None) is None
    assert told.sample(3, 5.0) is None
    assert told.sample(4, 65.0) == pytest.approx(1.0)
    assert told.sample(5, None) is None


def test_another_session_begins_its_total_anew() -> None:
    """So that it can't be compared with the one before."""
    told = Told()
    told.sample(1, 100.0)
    told.kernel.restart_agent(START + MINUTE, "00000000000000aa")
    assert told.sample(2, 110.0) is None
    assert told.sample(3, 140.0) == pytest.approx(0.5)


def test_gpus_in_use_change_no_charge() -> None:
    """They are charged by request."""
    told, other = Told(), Told()
    for minute in range(1, 5):
        told.sample(minute, 1000.0 * minute)
        other.sample(minute, None)
    assert told.bench.pod() == other.bench.pod()
