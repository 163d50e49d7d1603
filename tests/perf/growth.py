"""Memory and CPU time of settlement, ledger and exposition while pods come and go: an hour in less than a minute."""

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from harness.growth import PODS_A_MINUTE, Growth
from perf.measuring import Figure, ProcessMeter

EARLY_MINUTE = 10


def measure(*, minutes: int) -> Iterator[Figure]:
    """Compare the tenth minute of one hour with the same minute `minutes` later."""
    with tempfile.TemporaryDirectory(prefix="kube-cost-perf-") as folder:
        yield from asyncio.run(_measure(Path(folder), minutes))


async def _measure(folder: Path, minutes: int) -> list[Figure]:
    growth, meter = Growth(folder=folder), ProcessMeter(os.getpid())
    try:
        await growth.start()
        cpu, rss, series, blocks = [], [], [], []
        for minute in range(1, EARLY_MINUTE + minutes + 1):
            before = time.process_time()
            await growth.minute()
            cpu.append(time.process_time() - before)
            if minute in {EARLY_MINUTE, EARLY_MINUTE + minutes}:
                counted = growth.counted()
                rss.append(f"{meter.rss_mib():.0f}")
                series.append(f"{counted.series:,}")
                blocks.append(f"{counted.blocks:,}")
    finally:
        growth.close()
    halves = cpu[EARLY_MINUTE - 5 : EARLY_MINUTE], cpu[-5:]
    return [
        Figure(name="pods that came and went", value=f"{PODS_A_MINUTE * minutes:,}"),
        Figure(
            name=f"series, at minute {EARLY_MINUTE} / {minutes} minutes later", value=" / ".join(series), goal="equal"
        ),
        Figure(name="memory (RSS), MiB, likewise", value=" / ".join(rss), goal="about equal"),
        Figure(name="blocks of memory, likewise", value=" / ".join(blocks), goal="about equal"),
        Figure(
            name="CPU, s a minute, means of the 5 minutes before",
            value=" / ".join(f"{sum(half) / 5:.2f}" for half in halves),
            goal="about equal",
        ),
    ]
