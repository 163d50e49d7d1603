"""A week of 10,000 pods on 200 nodes in the ledger, and how long it takes to ask about it."""

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from harness.two_hours import NS_PER_SECOND
from kube_cost_aggregator.history.queries import CostFilter, CostQuery, CostReader, Grouping
from kube_cost_aggregator.history.sqlite import SqliteStore, open_store
from kube_cost_aggregator.history.store import Batch, Money, NodeHour, NodeState, PodHour, PodRow, Retention
from kube_cost_common.runtime.clock import SystemClock
from perf.measuring import Figure, ProcessMeter, quantile

PODS = 10_000
NODES = 200
NAMESPACES = 100
REPLACED_A_DAY = 500
QUERIES = 50

FIRST_HOUR = 1_800_057_600 + 12 * 3600
"""Noon: a week from then has half a day at either end."""

HOURS = range(FIRST_HOUR - 12 * 3600, FIRST_HOUR + 7 * 86_400, 3600)
END = HOURS[-1] + 3600


def batches() -> Iterator[Batch]:
    """An hour each; every value is another, and of the pods some are others each day."""
    dice = Random(1)
    nodes = {
        f"n{number}": NodeState(
            node_id=number,
            uid=f"n{number}",
            name=f"ip-10-0-{number // 256}-{number % 256}.ec2.internal",
            settled_through_ns=END * NS_PER_SECOND,
            instance_type="m5.xlarge",
            node_pool=f"pool-{number % 4}",
        )
        for number in range(1, NODES + 1)
    }
    running = list(range(1, PODS + 1))
    newest = PODS
    yield Batch(nodes=nodes, pods={number: _pod(number, HOURS[0]) for number in running})
    for hour in HOURS:
        batch = Batch()
        if hour % 86_400 == 0:
            for place in dice.sample(range(PODS), REPLACED_A_DAY):
                old = running[place]
                batch.pods[old] = _pod(old, HOURS[0], end=hour)
                newest += 1
                running[place] = newest
                batch.pods[newest] = _pod(newest, hour)
        by_namespace: dict[str, list[int]] = {}
        for number in running:
            cpu, memory = dice.randrange(10**8), dice.randrange(10**8)
            batch.pod_hours[hour, number] = PodHour(Money(cpu, memory), 3600.0, 0.0)
            sums = by_namespace.setdefault(f"namespace-{number % NAMESPACES}", [0, 0])
            sums[0] += cpu
            sums[1] += memory
            if number % 10 == 0:
                batch.pod_volume_hours[hour, number, number] = dice.randrange(10**6)
        for number in range(1, NODES + 1):
            batch.node_hours[hour, number] = NodeHour(192_000_000, 0, Money(10**6), Money(10**7), 3600.0, 0.0)
        batch.namespace_hours = {(hour, name): Money(*sums) for name, sums in by_namespace.items()}
        yield batch


def _pod(number: int, start: int, *, end: int | None = None) -> PodRow:
    return PodRow(
        pod_id=number,
        uid=f"{number:032x}",
        usage_uid=f"{number:032x}",
        namespace=f"namespace-{number % NAMESPACES}",
        name=f"api-server-7d9c5b6f48-{number:05d}",
        node_id=number % NODES + 1,
        workload_kind="Deployment",
        workload=f"api-server-{number % 700}",
        start_ns=start * NS_PER_SECOND,
        end_ns=None if end is None else end * NS_PER_SECOND,
        vcpu_request=0.5,
        memory_gib_request=1.0,
        gpus=0.0,
        labels=f"team=team-{number % 20}",
    )


def measure() -> Iterator[Figure]:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "ledger.sqlite"
        with closing(open_store(file)) as store:
            yield Figure(name="a day of 10,000 pods is added up in, ms", value=f"{asyncio.run(_fill(store)) * 1e3:.0f}")
            yield Figure(name="the file, MiB", value=f"{file.stat().st_size / 2**20:.0f}")
        with closing(open_store(file)) as store:
            yield from figures_of(lambda query: asyncio.run(_asked(store, query)))


async def _fill(store: SqliteStore) -> float:
    """Write the week, and return the longest that a piece of upkeep took, in seconds."""
    clock, longest = SystemClock(), 0.0
    await store.load(now_ns=HOURS[0] * NS_PER_SECOND, month_start=0)
    for batch in batches():
        await store.commit(batch)
    more = True
    while more:
        began = clock.monotonic()
        more = await store.tidy(now=END, settled_through=END - 600, retention=Retention())
        longest = max(longest, clock.monotonic() - began)
    return longest


async def _asked(store: CostReader, query: CostQuery) -> None:
    assert (await store.query(query)).lines


def figures_of(ask: Callable[[CostQuery], None], goals: tuple[str, str] = ("≤ 50", "≤ 300")) -> Iterator[Figure]:
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
        ("by=pod&namespace=namespace-7", _of_one(week), ""),
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


def _of_one(week: CostQuery) -> CostQuery:
    by: Grouping = "pod"
    return replace(week, by=by, filter=CostFilter(namespaces=("namespace-7",)))
