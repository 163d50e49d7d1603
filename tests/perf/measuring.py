"""What a process takes, what an endpoint takes, and what figures are made of it."""

import gzip
import http.client
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from kube_cost_common.runtime.clock import SystemClock

GZIP = {"Accept-Encoding": "gzip"}
_TICKS_PER_SECOND = 100


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One figure as it is shown: its name is the key by which the last run's is found."""

    name: str
    value: str
    goal: str = ""


class Body(NamedTuple):
    """An answer: when it was asked for, how long it took to be there in full, and its bytes."""

    asked_at: float
    seconds: float
    content: bytes


class ProcessMeter:
    """Reads a process' memory and CPU time from /proc; in threads too, ended children not."""

    def __init__(self, pid: int) -> None:
        self._folder = Path(f"/proc/{pid}")

    def cpu_seconds(self) -> float:
        fields = (self._folder / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND

    def rss_mib(self) -> float:
        return self._status_mib("VmRSS")

    def peak_mib(self) -> float:
        return self._status_mib("VmHWM")

    def _status_mib(self, name: str) -> float:
        found = re.search(rf"^{name}:\s+(\d+) kB", (self._folder / "status").read_text(), re.MULTILINE)
        assert found is not None
        return int(found[1]) / 1024


class Client:
    """One kept-alive connection."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._clock = SystemClock()
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def get(self, path: str, headers: dict[str, str] | None = None) -> Body:
        """Ask, and return the answer in full; OSError or HTTPException where there is none."""
        asked_at = self._clock.monotonic()
        try:
            self._connection.request("GET", path, headers=headers or {})
            answer = self._connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            raise
        seconds = self._clock.monotonic() - asked_at
        if answer.status != 200:
            raise OSError(f"{path} answers {answer.status}")
        return Body(asked_at, seconds, content)

    def metrics(self) -> str:
        """The exposition as text."""
        return gzip.decompress(self.get("/metrics", GZIP).content).decode()

    def close(self) -> None:
        self._connection.close()


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest of the values that at least `share` of them don't exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def metric(exposition: str, series: str) -> float:
    """The value of one series by its name with its labels; NaN where it isn't there."""
    found = re.search(rf"^{re.escape(series)} (\S+)$", exposition, re.MULTILINE)
    return float(found[1]) if found else math.nan


def busy_share(before: tuple[float, float], after: tuple[float, float]) -> float:
    """The share of the machine's CPU time that was used between two `machine_cpu`s."""
    used, total = after[0] - before[0], after[1] - before[1]
    return used / total if total > 0 else 0.0


def machine_cpu() -> tuple[float, float]:
    """The machine's CPU time so far, used and in all, in ticks."""
    fields = [float(text) for text in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    idle = fields[3] + fields[4]
    return sum(fields) - idle, sum(fields)
