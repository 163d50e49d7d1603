"""How a process starts and ends is seen from outside: each test runs the tiny service beside this file."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kube_cost_common.runtime.lifecycle import STOP_SECONDS

_LONG_SECONDS = 1000.0
_SOON_SECONDS = 0.05


@dataclass(kw_only=True)
class Ended:
    """How a process ended, and what it wrote to its standard error."""

    code: int
    text: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]

    @property
    def events(self) -> list[str]:
        """Each line's event and its one telling field."""
        told = ("task", "part", "signal", "error")
        return [
            " ".join([line["event"], *(str(line[field]) for field in told if field in line)]) for line in self.lines
        ]


class TinyService:
    """Runs the tiny service, one process after the other."""

    def __init__(self, forks: subprocess.Popen[str], folder: Path) -> None:
        self._forks = forks
        self._stderr = folder / "stderr"
        os.mkfifo(self._stderr)

    def run(
        self, scenario: str, *signals: signal.Signals, stop_seconds: float = _LONG_SECONDS, **settings: str
    ) -> Ended:
        """Run a scenario to its end. Each signal is sent when a further line was written: that it's up, or stopping."""
        environ = {f"KUBE_COST_{name.upper()}": text for name, text in {"node_name": "n", **settings}.items()}
        order = {"scenario": scenario, "stop_seconds": stop_seconds, "environ": environ, "stderr": str(self._stderr)}
        assert self._forks.stdin is not None
        self._forks.stdin.write(json.dumps(order) + "\n")
        self._forks.stdin.flush()
        pid, code = self._next(), None
        try:
            with self._stderr.open() as stderr:
                text = ""
                for number in signals:
                    text += stderr.readline()
                    os.kill(pid, number)
                text += stderr.read()
            code = self._next()
        finally:
            if code is None:
                os.kill(pid, signal.SIGKILL)
        return Ended(code=code, text=text)

    def _next(self) -> int:
        assert self._forks.stdout is not None
        return int(self._forks.stdout.readline())


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TinyService]:
    environ = {name: text for name, text in os.environ.items() if not name.startswith("KUBE_COST_")}
    command = [sys.executable, str(Path(__file__).with_name("tiny_service.py"))]
    with subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as forks:
        yield TinyService(forks, tmp_path_factory.mktemp("tiny"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_is_in_order_and_its_code_is_0(tiny: TinyService, number: signal.Signals) -> None:
    """Compose drains, then tasks are cancelled, the last first, then parts are closed, the last first."""
    stop = tiny.run("in order", number)
    assert stop.code == 0
    assert stop.events == [
        "up",
        f"stopping {number.name}",
        "draining",
        "task cancelled three",
        "task cancelled two",
        "task cancelled one",
        "closed second",
        "closed first",
        "stopped",
    ]
    assert stop.lines[0]["node"] == "n"
    assert {line["service"] for line in stop.lines} == {"tiny"}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (signal.SIGTERM, signal.SIGTERM),
        (signal.SIGINT, signal.SIGINT),
        (signal.SIGTERM, signal.SIGINT),
    ],
)
def test_a_second_signal_kills(tiny: TinyService, first: signal.Signals, second: signal.Signals) -> None:
    """Whatever hangs, and whichever of the two it is."""
    stop = tiny.run("draining hangs", first, second)
    assert (stop.code, stop.events) == (-second, ["up", f"stopping {first.name}"])


def test_a_task_that_returns_ends_the_service_with_its_name(tiny: TinyService) -> None:
    """It was to run for ever; the others are cancelled and the parts closed."""
    stop = tiny.run("a task returns")
    assert stop.code == 1
    assert stop.events == [
        "up",
        "task cancelled good",
        "closed first",
        """ended by a fault Eternal("task 'bad' ended, and it is to run for ever")""",
    ]


def test_a_task_that_raises_ends_the_service_with_its_name_and_a_traceback(tiny: TinyService) -> None:
    """The name at once, the traceback at the end."""
    stop = tiny.run("a task raises")
    assert stop.code == 1
    assert stop.events == [
        "up",
        "task failed bad LookupError('lost')",
        "task cancelled good",
        "closed first",
        "ended by a fault LookupError('lost')",
    ]
    frames = stop.lines[-1]["exception"][0]["frames"]
    assert frames[-1]["name"] == "lose"


def test_each_fault_of_a_group_is_said(tiny: TinyService) -> None:
    """A task with tasks of its own may fail twice."""
    stop = tiny.run("a task raises a group")
    assert (stop.code, stop.events[-2:]) == (1, ["ended by a fault LookupError('lost')"] * 2)
    assert stop.events[1].startswith("task failed bad ExceptionGroup(")


def test_a_task_that_is_cancelled_from_within_ends_the_service_with_its_name(tiny: TinyService) -> None:
    """A cancelled future of a library isn't taken for a stop: the service wouldn't notice that the task is gone."""
    stop = tiny.run("a task is cancelled from within")
    assert stop.code == 1
    assert stop.events[-1] == ("""ended by a fault Eternal("task 'bad' was cancelled, and nobody asked for it")""")


@pytest.mark.parametrize(
    ("scenario", "why", "before"),
    [
        ("can't start", "can't listen on 127.0.0.1:1: Permission denied", ["closed first"]),
        ("a task can't start", "the bucket isn't there", ["up", "task cancelled good", "closed first"]),
    ],
)
def test_what_can_not_start_says_why_in_a_sentence(
    tiny: TinyService, scenario: str, why: str, before: list[str]
) -> None:
    """No traceback, and what was built is closed; likewise where a task is the first to notice."""
    stop = tiny.run(scenario)
    assert (stop.code, stop.events) == (1, [*before, f"can't start {why}"])
    assert "exception" not in stop.lines[-1]


def test_a_fault_while_closing_is_a_fault(tiny: TinyService) -> None:
    """It is logged as any other, and the code says so."""
    stop = tiny.run("closing fails", signal.SIGTERM)
    assert stop.code == 1
    assert stop.events == ["up", "stopping SIGTERM", "ended by a fault OSError('the disk is full')"]


@pytest.mark.parametrize("scenario", ["draining hangs", "a task is deaf"])
def test_a_stop_that_hangs_is_cut_off(tiny: TinyService, scenario: str) -> None:
    """In compose's own draining, and in a task that won't be cancelled."""
    stop = tiny.run(scenario, signal.SIGTERM, stop_seconds=_SOON_SECONDS)
    assert stop.code == 1
    assert stop.events[-1] == "stopping took too long; what was left is cut off"
    assert stop.lines[-1]["seconds"] == _SOON_SECONDS


@pytest.mark.parametrize("scenario", ["a task is deaf beside a fault", "draining hangs after a fault"])
def test_an_end_by_a_fault_that_hangs_is_cut_off_too(tiny: TinyService, scenario: str) -> None:
    """Else the process would stay for ever with its tasks gone."""
    stop = tiny.run(scenario, stop_seconds=_SOON_SECONDS)
    assert stop.code == 1
    assert stop.events == [
        "task failed bad LookupError('lost')",
        "stopping took too long; what was left is cut off",
    ]


def test_a_stop_is_cut_off_long_before_kubernetes_kills() -> None:
    """10 s of the 30 s that a pod gets by default."""
    assert STOP_SECONDS == 10.0


def test_a_wrong_environment_is_said_in_full_and_its_code_is_2(tiny: TinyService) -> None:
    """A line for each fault, for a person, with nothing else."""
    stop = tiny.run("in order", node_name="", count="many", log_level="loud")
    assert stop.code == 2
    assert stop.text.splitlines() == [
        "tiny: KUBE_COST_LOG_LEVEL='loud': Invalid enum value 'loud'",
        "tiny: KUBE_COST_NODE_NAME is not set, and it has no default",
        "tiny: KUBE_COST_COUNT='many': Expected `int`, got `str`",
    ]


def test_an_unknown_setting_is_warned_of_and_ignored(tiny: TinyService) -> None:
    """It is misspelt, most likely; a service link of Kubernetes isn't."""
    stop = tiny.run("can't start", cuont="3", exporter_port="tcp://10.96.0.7:9090")
    assert [line["variable"] for line in stop.lines if "variable" in line] == ["KUBE_COST_CUONT"]
    assert stop.lines[0]["level"] == "warning"
