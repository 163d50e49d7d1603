"""`docs/figures.md`: what was measured, on what machine, beside the goals and the run before."""

import os
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from kube_cost_common.runtime.clock import SystemClock
from perf.measuring import Figure

FILE = Path(__file__).parents[2] / "docs" / "figures.md"

_HEAD = """\
# Figures

Written by `make perf`, which measures all of it, or by one part's command below. Nothing here is asserted: a figure \
that is over its goal is to be seen, not hidden. "Last run" is what the run before found, on the machine named with \
it. CPU is processor time of the process, threads included, so that other load disturbs it little; times \
are wall-clock, and a busy machine shows in them.

The aggregator, a nats-server and pricing are processes of their own. One more plays the API server and the agents: \
every value changes in each interval of 60 s, every pod uses more than it requests, 2 % of the pods are replaced each \
minute. The one that measures scrapes over one kept-alive connection.
"""
_SECTION = re.compile(r"^## (.+?)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_MEASURED = re.compile(r"^Measured (.+?)(?:\. Last run (.+))?\.$", re.MULTILINE)
_HEADER = "| figure | now | last run | goal |\n| --- | --- | --- | --- |\n"


@dataclass(frozen=True, kw_only=True)
class Section:
    """One part's figures. `measured` is when and on what."""

    title: str
    command: str
    measured: str
    figures: Sequence[Figure]
    measured_before: str = ""
    before: Mapping[str, str]

    def text(self) -> str:
        rows = "".join(
            f"| {one.name} | {one.value} | {self.before.get(one.name, '')} | {one.goal} |\n" for one in self.figures
        )
        last = f". Last run {self.measured_before}" if self.measured_before else ""
        return f"## {self.title}\n\n`{self.command}`\n\nMeasured {self.measured}{last}.\n\n{_HEADER}{rows}\n"


def machine() -> str:
    """When and on what is measured, in a few words."""
    now = datetime.fromtimestamp(SystemClock().now_ns() / 1e9, tz=UTC)
    model = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    kernel = re.match(r"\d+\.\d+", platform.release())
    return (
        f"{now:%Y-%m-%d %H:%M} UTC on {os.cpu_count()} cores of {model[1] if model else platform.machine()}, "
        f"Linux {kernel[0] if kernel else platform.release()}, Python {platform.python_version()}"
    )


def record(title: str, command: str, figures: Sequence[Figure], *, file: Path = FILE) -> None:
    """Put a part's figures into the file; what stood there as now becomes the last run's."""
    sections = read(file.read_text() if file.exists() else "")
    old = sections.get(title)
    sections[title] = Section(
        title=title,
        command=command,
        measured=machine(),
        figures=figures,
        measured_before=old.measured if old is not None else "",
        before={one.name: one.value for one in old.figures} if old is not None else {},
    )
    file.write_text("\n".join([_HEAD, *(section.text() for section in sections.values())]).rstrip() + "\n")


def read(text: str) -> dict[str, Section]:
    """Return the sections of a file as it was written, by title."""
    sections: dict[str, Section] = {}
    for title, body in _SECTION.findall(text):
        cells = [[cell.strip() for cell in row.split("|")[1:-1]] for row in body.splitlines() if row[:1] == "|"][2:]
        command, measured = re.search(r"^`(.+)`$", body, re.MULTILINE), _MEASURED.search(body)
        sections[title] = Section(
            title=title,
            command=command[1] if command else "",
            measured=measured[1] if measured else "",
            measured_before=(measured[2] or "") if measured else "",
            figures=[Figure(name=row[0], value=row[1], goal=row[3]) for row in cells],
            before={row[0]: row[2] for row in cells},
        )
    return sections
