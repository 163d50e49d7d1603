"""A week of 10,000 pods on 200 nodes in the ledger, and how long it takes to ask about it."""

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from harness.keepers import AnyStore, DatabaseKeeper, FileKeeper, Keeper
from harness.postgres import running_postgres
from harness.standing_pods import hourly_batches
from harness.two_hours import NS_PER_SECOND
from kube_cost_aggregator.history.queries import CostFilter, CostQuery, CostReader
from kube_cost_aggregator.history.store import Retention
from kube_cost_common.runtime.clock import SystemClock
from perf.measuring import Figure, ProcessMeter, quantile

PODS = 10_000
QUERIES = 50

GOALS = {"SQLite": ("< 50", "< 300"), "PostgreSQL": ("< 100", "< 300")}
"""Of `by=namespace` and `by=pod` with a limit, p95."""

FIRST_HOUR = 1_800_057_600 + 12 * 3600
"""Noon: a week from then has half a day at either end."""

HOURS = range(FIRST_HOUR - 12 * 3600, FIRST_HOUR + 7 * 86_400, 3600)
END = HOURS[-1] + 3600


def measure() -> Iterator[Figure]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="kube-cost-perf-")))
        server = stack.enter_context(running_postgres())
        keepers: dict[str, Keeper] = {
            "SQLite": FileKeeper(folder),
            "PostgreSQL": DatabaseKeeper(server.new_database()),
        }
        for name, keeper in keepers.items():
            yield from (replace(figure, name=f"{name}: {figure.name}") for figure in _of(keeper, GOALS[name]))


def _of(keeper: Keeper, goals: tuple[str, str]) -> Iterator[Figure]:
    with asyncio.Runner() as runner:
        store = runner.run(keeper.open())
        try:
            longest = runner.run(_fill(store))
            yield Figure(name="a piece of upkeep takes at most, ms", value=f"{longest * 1e3:.0f}")
            yield from _figures(lambda query: runner.run(_asked(store, query)), goals)
        finally:
            store.close()


async def _fill(store: AnyStore) -> float:
    """Write the week, and return the longest that a piece of upkeep took, in seconds."""
    clock, longest = SystemClock(), 0.0
    await store.load(now_ns=HOURS[0] * NS_PER_SECOND, month_start=0)
    for batch in hourly_batches(HOURS, pods=PODS):
        await store.commit(batch)
    more = True
    while more:
        began = clock.monotonic()
        more = await store.tidy(now=END, settled_through=END - 600, retention=Retention())
        longest = max(longest, clock.monotonic() - began)
    return longest


async def _asked(store: CostReader, query: CostQuery) -> None:
    assert (await store.query(query)).lines


def _figures(ask: Callable[[CostQuery], None], goals: tuple[str, str]) -> Iterator[Figure]:
    """Ask each question again and again."""
    clock, meter = SystemClock(), ProcessMeter(os.getpid())
    week = CostQuery(by="namespace", start=FIRST_HOUR, end=END)
    questions = (
        ("by=namespace", week, goals[0]),
        ("by=pod&limit=20", replace(week, by="pod", limit=20), goals[1]),
        ("by=pod", replace(week, by="pod"), ""),
        ("by=workload&limit=20", replace(week, by="workload", limit=20), ""),
        ("by=label:team", replace(week, by="label", label="team"), ""),
        ("by=node", replace(week, by="node"), ""),
        ("by=pod&namespace=namespace-7", replace(week, by="pod", filter=CostFilter(namespaces=("namespace-7",))), ""),
        ("by=namespace&step=1h", replace(week, step=3600), ""),
        ("by=pod&window=1h", replace(week, by="pod", start=END - 3600), "≤ 100"),
    )
    ask(week)
    before = meter.rss_mib()
    for name, query, goal in questions:
        times = []
        for _ in range(QUERIES if goal else QUERIES // 5):
            began = clock.monotonic()
            ask(query)
            times.append((clock.monotonic() - began) * 1e3)
        value = f"{quantile(times, 0.5):.0f} / {quantile(times, 0.95):.0f}"
        yield Figure(name=f"7 days, {name}, p50 / p95, ms", value=value, goal=goal)
    yield Figure(name="memory after these queries, MiB more", value=f"{meter.rss_mib() - before:.0f}")
