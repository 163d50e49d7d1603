import json
import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import structlog

from kube_cost_common.runtime.logging import Format, Level, configure


class Written:
    """What was written to standard error."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def text(self) -> str:
        captured = self._capsys.readouterr()
        assert captured.out == "", "standard output belongs to what a command prints"
        return captured.err

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text().splitlines()]


@pytest.fixture
def written(capsys: pytest.CaptureFixture[str]) -> Iterator[Written]:
    """Standard error of the test; what logging was set to before comes back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    root.handlers = []
    try:
        yield Written(capsys)
    finally:
        root.handlers = handlers
        root.setLevel(level)
        structlog.reset_defaults()


def fail_with_a_secret() -> None:
    password = "hunter" + "2"
    try:
        json.loads("")
    except ValueError as error:
        raise RuntimeError(f"lost with {len(password)} characters") from error


def test_a_line_is_a_json_object_with_event_level_time_and_service(written: Written) -> None:
    """The event is a phrase, facts are fields beside it in whatever type, the time is UTC."""
    log = configure(service="agent", level="info", output_format="json")
    log.info("sample sent", seq=3, path=Path("/x"), note="zwei\nZeilen, ü")
    (line,) = written.lines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", line.pop("timestamp"))
    assert line == {
        "event": "sample sent",
        "level": "info",
        "service": "agent",
        "seq": 3,
        "path": repr(Path("/x")),
        "note": "zwei\nZeilen, ü",
    }


def test_a_bound_logger_keeps_the_service(written: Written) -> None:
    """And has its own field beside it."""
    configure(service="agent", level="info", output_format="json").bind(node="n").info("bound")
    assert [(line["service"], line["node"]) for line in written.lines()] == [("agent", "n")]


@pytest.mark.parametrize("level", get_args(Level))
def test_nothing_below_the_level_is_written(written: Written, level: Level) -> None:
    """The level itself is."""
    log = configure(service="agent", level=level, output_format="json")
    for name in get_args(Level):
        getattr(log, name)("said")
    assert [line["level"] for line in written.lines()] == list(get_args(Level)[get_args(Level).index(level) :])


def test_a_traceback_is_structured_with_its_cause(written: Written) -> None:
    """A list of exceptions with their frames, in the same line."""
    log = configure(service="agent", level="info", output_format="json")
    try:
        fail_with_a_secret()
    except RuntimeError as error:
        log.error("ended by a fault", exc_info=error)  # noqa: TRY400 - as lifecycle does it, outside of a handler
    (line,) = written.lines()
    assert [stack["exc_type"] for stack in line["exception"]] == ["RuntimeError", "JSONDecodeError"]
    assert line["exception"][0]["frames"][-1]["name"] == "fail_with_a_secret"


@pytest.mark.parametrize("output_format", get_args(Format))
def test_a_traceback_does_not_show_the_values_of_variables(written: Written, output_format: Format) -> None:
    """Tokens and passwords are among a program's variables."""
    log = configure(service="agent", level="info", output_format=output_format)
    try:
        fail_with_a_secret()
    except RuntimeError:
        log.exception("ended by a fault")
    text = written.text()
    assert "lost with 7 characters" in text
    assert "hunter2" not in text


def test_the_console_is_for_people(written: Written) -> None:
    """Phrase and facts in one line, and no colours where it isn't a terminal."""
    configure(service="agent", level="info", output_format="console").info("sample sent", seq=3)
    text = written.text()
    assert re.search(r"\[info *\] sample sent +seq=3 service=agent\n$", text)
    assert "\x1b" not in text


@pytest.mark.parametrize(("terminal", "start"), [(False, "{"), (True, "\x1b")])
def test_auto_is_readable_on_a_terminal_and_json_elsewhere(
    written: Written, monkeypatch: pytest.MonkeyPatch, terminal: bool, start: str
) -> None:
    """With colours there."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    configure(service="agent", level="info", output_format="auto").info("sample sent")
    assert written.text().startswith(start)


@pytest.mark.parametrize("level", ["debug", "error"])
def test_what_libraries_warn_of_goes_to_standard_error_and_their_chatter_nowhere(
    written: Written, level: Level
) -> None:
    """With the service's and the library's name, whatever the service's own level is."""
    configure(service="agent", level=level, output_format="json")
    logging.getLogger("nats.chatter").info("connected")
    logging.getLogger("nats.chatter").warning("slow consumer")
    logging.getLogger("asyncio").error("task was never retrieved")
    assert written.text().splitlines() == [
        "WARNING agent nats.chatter: slow consumer",
        "ERROR agent asyncio: task was never retrieved",
    ]
