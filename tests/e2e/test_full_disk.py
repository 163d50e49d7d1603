"""A disk that is full under the ledger: the mesh goes on, says so, and loses nothing."""

import errno
import subprocess
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest

from harness import rows
from harness.mesh import LiveMesh, live_mesh
from harness.parts import TMPFS, lacking
from kube_cost_demo.mesh import Pace

DISK_BYTES = 8 * 1024 * 1024


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        lacking(TMPFS)
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def live(tmp_path: Path, disk: Path) -> Iterator[LiveMesh]:
    (tmp_path / "ledger.sqlite").symlink_to(disk / "ledger.sqlite")
    with live_mesh(tmp_path, pace=Pace(interval_seconds=2.0, read_seconds=0.5)) as mesh:
        yield mesh


def fill(disk: Path) -> None:
    """Take all of the room that is left."""
    with (disk / "filler").open("wb", buffering=0) as filler:
        for size in (1024 * 1024, 4096, 1):
            try:
                while True:
                    filler.write(b"\0" * size)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise


def settled(live: LiveMesh) -> Fraction:
    return live.value("kube_cost_settled_through_timestamp_seconds") or Fraction(0)


def failures(live: LiveMesh) -> Fraction:
    return live.value("kube_cost_history_write_failures_total") or Fraction(0)


def said(live: LiveMesh) -> str:
    """What is said of each part of the mesh."""
    return live.get("/api/v1/status").decode()


def test_a_full_disk_stops_the_ledger_and_nothing_else(live: LiveMesh, disk: Path) -> None:
    """Scrapes go on, failed commits are counted and said once; with room again what waited is settled as measured."""
    live.wait(lambda: settled(live) > 0, "something is settled")
    fill(disk)
    live.wait(lambda: failures(live) > 2, "commits fail")
    stopped_at = settled(live)
    assert "the ledger can't be written" in said(live)
    assert any(metric.value > 0 for metric in live.metrics("kube_cost_pod_hourly_usd"))
    live.wait(lambda: failures(live) > 4, "they fail again")
    assert settled(live) == stopped_at
    (disk / "filler").unlink()
    live.wait(lambda: settled(live) > stopped_at + 20, "it goes on")
    assert "can't be written" not in said(live)
    aggregator = live.process("aggregator")
    assert aggregator.stop() == 0
    live.processes.forget(aggregator)
    log = "".join(file.read_text() for file in (live.mesh.folder / "logs").glob("aggregator*"))
    assert (log.count("ledger can't be written"), log.count("ledger is written again")) == (1, 1)
    rows.check_sums(live.mesh.folder)
    with rows.opened(live.mesh.folder) as db:
        (estimated,) = db.execute(
            "SELECT max(estimated) FROM (SELECT sum(estimated_seconds) AS estimated FROM node_hours GROUP BY node_id)"
        ).fetchone()
    assert estimated < 5, "what waited on the bus was settled as it was measured"
