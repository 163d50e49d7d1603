"""A real Prometheus that scrapes one target, or has a past that was put there."""

import json
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from harness.nats import free_port
from kube_cost_common.runtime.clock import SystemClock

_START_SECONDS = 30.0

_NOTHING = "scrape_configs: []"
_CONFIG = """\
global:
  scrape_interval: 1s
scrape_configs:
  - job_name: kube-cost
    honor_labels: true
    static_configs: [{{targets: ["{target}"]}}]
  - job_name: prometheus
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


class Sample(NamedTuple):
    """One series of an instant query."""

    labels: Mapping[str, str]
    value: float


class Prometheus:
    """Answers queries."""

    def __init__(self, url: str) -> None:
        self._url = url

    def query(self, expression: str, *, at_seconds: float | None = None) -> list[Sample]:
        """The instant vector of an expression, now or then."""
        asked = {"query": expression} | ({} if at_seconds is None else {"time": str(at_seconds)})
        address = f"{self._url}/api/v1/query?{urllib.parse.urlencode(asked)}"
        with urllib.request.urlopen(address, timeout=10) as answer:
            data = json.loads(answer.read())["data"]
        return [Sample(series["metric"], float(series["value"][1])) for series in data["result"]]


class Past:
    """What an exposition was, moment by moment, for Prometheus to take as its past."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lines: list[str] = []

    def add(self, text: str, at_seconds: float) -> None:
        """Note an exposition of that moment."""
        self._lines += [f"{line} {at_seconds}" for line in text.splitlines() if line and not line.startswith("#")]

    def put(self, promtool: str, folder: Path) -> None:
        """Make it the past of a Prometheus that is to run in that folder."""
        self._file.write_text("\n".join([*self._lines, "# EOF\n"]))
        put_past(promtool, self._file, folder)


def put_past(promtool: str, file: Path, folder: Path) -> None:
    """Make a file of OpenMetrics text the past, or a part of it, of a Prometheus that is to run in a folder."""
    blocks = [promtool, "tsdb", "create-blocks-from", "openmetrics", str(file), str(folder / "data")]
    made = subprocess.run(blocks, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr


@contextmanager
def running_prometheus(binary: str, folder: Path, *, target: str = "") -> Iterator[Prometheus]:
    """Start Prometheus on a free port of 127.0.0.1, and end it by its pid. Without a target it has its past alone."""
    port = free_port()
    config = folder / "prometheus.yml"
    config.write_text(_CONFIG.format(target=target, port=port) if target else _NOTHING)
    command = [
        binary,
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--storage.tsdb.retention.time=100y",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        running = Prometheus(f"http://127.0.0.1:{port}")
        _await_answer(running, process, folder / "prometheus.log")
        yield running
    finally:
        process.terminate()
        process.wait(timeout=30)


def _await_answer(prometheus: Prometheus, process: "subprocess.Popen[bytes]", log: Path) -> None:
    clock = SystemClock()
    started = clock.monotonic()
    while True:
        try:
            prometheus.query("vector(1)")
        except (urllib.error.URLError, OSError):
            assert clock.monotonic() - started < _START_SECONDS, "Prometheus doesn't answer"
            try:
                process.wait(timeout=0.1)
            except subprocess.TimeoutExpired:
                continue
            raise AssertionError(f"Prometheus ended:\n{log.read_text()[-2000:]}") from None
        else:
            return
