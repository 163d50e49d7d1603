"""What every keeper of the ledger promises: SQLite, PostgreSQL, and PostgreSQL with TimescaleDB."""

import asyncio
import os
from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import asyncpg
import msgspec
import pytest

from harness import parts
from harness.keepers import AnyStore, DatabaseKeeper, FileKeeper, Keeper, Tables
from harness.ledger_batches import everything
from harness.postgres import PostgresServer, running_postgres
from harness.random_history import FIRST_DAY, HOURS, NAMESPACE_LABELS, history
from harness.twin import Twin
from harness.two_hours import HOUR, asked, batch, pod
from kube_cost_aggregator.history.hours import all_pods, all_volume_parts
from kube_cost_aggregator.history.queries import CostFilter, CostLine, CostQuery, Grouping
from kube_cost_aggregator.history.store import (
    Batch,
    LedgerState,
    Money,
    PodHour,
    Retention,
    StoreError,
    StreamCursor,
)
from kube_cost_common.messages.usage import UsageSample
from kube_cost_simulator.generated import generated_scenario

KEEPERS = ("sqlite", "postgres", "timescale")
LAST = HOURS[-1] + 3600


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        yield server


@pytest.fixture(params=KEEPERS)
async def keeper(request: pytest.FixtureRequest, tmp_path: Path) -> Keeper:
    """An empty ledger."""
    return await an_empty_one(request, tmp_path)


async def an_empty_one(request: pytest.FixtureRequest, tmp_path: Path) -> Keeper:
    if request.param == "sqlite":
        return FileKeeper(tmp_path)
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("server")
        return DatabaseKeeper(server.new_database())
    dsn = os.environ.get("KUBE_COST_TEST_TIMESCALE_DSN", "")
    if not dsn:
        parts.lacking(parts.TIMESCALE)
    await _empty(dsn)
    return DatabaseKeeper(dsn)


async def _empty(dsn: str) -> None:
    """Drop what a test before has made, and nothing else."""
    db = await asyncpg.connect(dsn)
    try:
        for kind, relkind in (("VIEW", "v"), ("TABLE", "r")):
            names = await db.fetch(
                """SELECT quote_ident(relname) FROM pg_class WHERE relnamespace = current_schema()::regnamespace
                   AND relkind = $1::text::"char" AND relowner = current_user::regrole""",
                relkind,
            )
            for (name,) in names:
                await db.execute(f"DROP {kind} IF EXISTS {name} CASCADE")
    finally:
        await db.close()


@pytest.fixture(params=KEEPERS[1:])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> Keeper:
    """An empty ledger that isn't a file."""
    return await an_empty_one(request, tmp_path)


@pytest.fixture
async def store(keeper: Keeper) -> AsyncIterator[AnyStore]:
    store = await keeper.open()
    await store.load(now_ns=5, month_start=0)
    yield store
    store.close()


def questions(start: int, end: int) -> list[CostQuery]:
    """Every grouping, in one and by steps, with limits and filters."""
    groupings: tuple[Grouping, ...] = get_args(Grouping)
    filters = (
        CostFilter(),
        CostFilter(namespaces=("s*", "ops_*")),
        CostFilter(node_pools=("b_*",), pods=("pod-*",)),
        CostFilter(labels={"team": ("da_*", "")}),
    )
    ways = ((None, None, filters[0]), (None, 2, filters[1]), (3600, 2, filters[2]), (86_400, None, filters[3]))
    return [
        asked(
            by,
            start=start,
            end=end,
            step=step,
            limit=limit,
            filter=chosen,
            label="team",
            namespace_labels=NAMESPACE_LABELS,
        )
        for by in groupings
        for step, limit, chosen in (*ways, (None, None, filters[2]), (None, None, filters[3]))
    ]


async def spans(store: AnyStore, start: int, end: int) -> list[object]:
    """All that the hours say row by row."""
    rows, hours = store.hours, range(start, end, 3600)
    return [
        await rows.settled_until(),
        await rows.kept_from(),
        [page async for page in all_pods(rows, hours)],
        [page async for page in all_volume_parts(rows, start)],
        await rows.nodes(hours=hours),
        await rows.objects(hours=hours),
        await rows.namespaces(start=start, end=end),
        await rows.capacities(start=start, end=end),
        await rows.namespaces_before(start),
        await rows.capacities_before(start),
    ]


class TestAnswers:
    async def test_by_namespace(self, store: AnyStore) -> None:
        """The dearest first, with how many pods each had; what is nobody's has none."""
        await store.commit(batch())
        assert (await store.query(asked("namespace"))).lines == [
            CostLine(("__idle__",), None, Money(902, 0, 0, 4), 0.0, 0.0, 0),
            CostLine(("shop",), None, Money(490, 49, 1, 5), 0.0, 0.0, 3),
            CostLine(("data",), None, Money(7), 0.0, 0.0, 1),
        ]

    @pytest.mark.parametrize("days", [0, 2])
    async def test_they_are_those_of_a_file(self, database: Keeper, tmp_path: Path, days: int) -> None:
        """To any question, of hours and of days that are added up, also when hours are gone and others come late."""
        made = history(3)
        file = FileKeeper(tmp_path / "beside")
        stores = [await file.open(), await database.open()]
        for store in stores:
            await store.load(now_ns=FIRST_DAY * 10**9, month_start=0)
            await store.commit(everything())
            for one in made.batches:
                await store.commit(one)
            kept = Retention(pod_hours_days=days, namespace_hours_days=days)
            while await store.tidy(now=LAST, settled_through=LAST - 3600, retention=kept):
                pass
            late = Batch(pod_hours={(FIRST_DAY, 1): PodHour(Money(10**12), 60.0, 0.0)})
            late.namespace_hours = {(FIRST_DAY, made.pods[1].namespace): Money(10**12)}
            await store.commit(late)
        expected, asked_one = stores
        for window in ((FIRST_DAY + 7200, LAST - 7200), (FIRST_DAY, LAST), (LAST - 3600, LAST)):
            for query in questions(*window):
                assert await asked_one.query(query) == await expected.query(query), query
            assert sorted(await asked_one.pods_by_hour(start=window[0], end=window[1])) == sorted(
                await expected.pods_by_hour(start=window[0], end=window[1])
            )
            assert await asked_one.namespaces_by_hour(start=window[0], end=window[1]) == (
                await expected.namespaces_by_hour(start=window[0], end=window[1])
            )
        for start, end in ((HOUR, HOUR + 7200), (LAST - 7200, LAST)):
            assert await spans(asked_one, start, end) == await spans(expected, start, end)
        for store in stores:
            store.close()
        assert await database.tables() == await file.tables()


class TestCommits:
    async def test_rows_replace_and_namespaces_add(self, store: AnyStore) -> None:
        """A pod's row is its whole hour as it is now; a namespace's grows by what is new."""
        await store.commit(batch())
        await store.commit(batch())
        by_pod = (await store.query(asked("pod"))).lines
        assert sum(row.money.total for row in by_pod) == 547
        by_namespace = (await store.query(asked("namespace"))).lines
        assert sum(row.money.total for row in by_namespace) == 2 * 1449

    async def test_one_that_fails_has_written_nothing(self, store: AnyStore) -> None:
        """Not even what came before the fault."""
        bad = batch()
        bad.counters["x"] = 2**63
        with pytest.raises(StoreError, match="can't write the ledger"):
            await store.commit(bad)
        state = await store.load(now_ns=0, month_start=0)
        assert (state.stream, state.nodes) == (None, [])
        await store.commit(batch())
        assert len((await store.query(asked("pod"))).lines) == 3

    async def test_costs_are_answered_while_commits_run(self, store: AnyStore) -> None:
        """Each has a thread and a connection of its own."""
        async with asyncio.TaskGroup() as group:
            for _ in range(20):
                group.create_task(store.commit(batch()))
            answers = [group.create_task(store.query(asked("pod"))) for _ in range(20)]
        assert {len(answer.result().lines) for answer in answers} <= {0, 3}

    async def test_text_is_text(self, store: AnyStore) -> None:
        """Whatever is in a name stays data; who sends a NUL keeps nobody from committing."""
        made = batch()
        hostile = "';--\\ %s $1 \u202e\U0001f4b8 \0"
        made.namespace_hours[HOUR, hostile] = Money(10_000)
        made.nodes["n1"].uid = hostile
        await store.commit(made)
        (first, *_) = (await store.query(asked("namespace"))).lines
        assert first.group[0][:-1] == hostile[:-1]
        for text in (hostile, "a%' OR 1=1 --*", "\\*", "sh_p*", "%*", ":start"):
            found = await store.query(asked("namespace", filter=CostFilter(namespaces=(text,))))
            assert len(found.lines) == (text == hostile), text
            assert not (await store.query(asked("pod", filter=CostFilter(pods=(text,), labels={text: (text,)})))).lines

    async def test_thousands_of_rows_are_one_commit(self, store: AnyStore) -> None:
        """More than go into a statement at once; each is there, as it was given."""
        made = batch()
        made.pods = {number: pod(number, f"p{number}") for number in range(1, 12_001)}
        made.pod_hours = {
            (HOUR, number): PodHour(Money(number, gpu=int(number == 12_000)), 60.0, 0.0) for number in made.pods
        }
        await store.commit(made)
        rows = (await store.query(asked("pod"))).lines
        assert (len(rows), rows[0].money.cpu, sum(row.money.cpu for row in rows)) == (12_000, 12_000, 72_006_000)
        assert rows[0].money.gpu == 1


class TestLoading:
    async def test_everything_comes_back(self, keeper: Keeper) -> None:
        """To another process, as it was."""
        made, store = everything(), await keeper.open()
        await store.load(now_ns=5, month_start=0)
        await store.commit(made)
        store.close()
        store = await keeper.open()
        state = await store.load(now_ns=9, month_start=0, hours_from=HOUR + 3600)
        store.close()
        assert (state.started_at_ns, state.stream) == (5, made.stream)
        assert {node.uid: node for node in state.nodes} == made.nodes
        assert state.open_pods == [pod for pod in made.pods.values() if pod.end_ns is None]
        assert (state.next_pod_id, state.next_node_id, state.next_object_id) == (5, 3, 3)
        assert state.namespace_totals == made.namespace_totals
        assert state.namespace_days == {
            ("shop", HOUR // 86_400): 541,
            ("data", HOUR // 86_400): 7,
            ("__idle__", HOUR // 86_400): 902,
        }
        assert state.counters == made.counters
        assert [type(value) for _, value in sorted(state.counters.items())] == [float, int]
        assert {one.uid: one for one in state.objects} == made.object_states
        assert state.namespace_traffic == made.namespace_traffic
        assert state.hours == {(HOUR + 3600, "shop"): (100, 1)}
        assert state.gone_nodes == frozenset()

    async def test_days_begin_at_midnight_utc_and_the_month_where_it_is_said(self, store: AnyStore) -> None:
        """An hour before it is no more in it."""
        midnight = HOUR // 86_400 * 86_400
        await store.commit(
            Batch(
                stream=StreamCursor(1, 1, 1),
                namespace_hours={
                    (midnight - 7200, "shop"): Money(1),
                    (midnight - 3600, "shop"): Money(10),
                    (midnight, "shop"): Money(100, savings=7),
                    (midnight + 82_800, "shop"): Money(1000),
                },
            )
        )
        state = await store.load(now_ns=0, month_start=midnight - 3600)
        assert state.namespace_days == {("shop", midnight // 86_400 - 1): 10, ("shop", midnight // 86_400): 1100}

    async def test_a_ledger_began_when_it_was_first_loaded(self, store: AnyStore) -> None:
        """Later loads don't move that."""
        assert (await store.load(now_ns=9, month_start=0)).started_at_ns == 5

    async def test_what_is_done_with_is_known_as_gone(self, store: AnyStore) -> None:
        """Its hours stay under its name."""
        await store.commit(everything())
        await store.commit(Batch(gone_nodes={"n1"}, gone_objects={"v1"}))
        state = await store.load(now_ns=0, month_start=0)
        assert ([node.uid for node in state.nodes], state.gone_nodes) == (["n2"], frozenset({"n1"}))
        assert [one.uid for one in state.objects] == ["lb"]
        assert len((await store.query(asked("node"))).lines) == 2

    async def test_a_pod_that_ended_is_not_among_the_running(self, store: AnyStore) -> None:
        """Nor is its number given out again."""
        await store.commit(batch())
        await store.commit(
            Batch(stream=StreamCursor(1, 11, 12), pods={4: msgspec.structs.replace(pod(4, "c"), end_ns=HOUR)})
        )
        state = await store.load(now_ns=0, month_start=0)
        assert ([pod.pod_id for pod in state.open_pods], state.next_pod_id) == ([1, 2, 3], 5)


class RememberingTwin(Twin):
    """Knows the samples that were taken last."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.taken: deque[tuple[UsageSample, int]] = deque(maxlen=40)

    async def take(self, sample: UsageSample, *, stored_at_ns: int, unwatched: bool = False) -> None:
        self.taken.append((sample, stored_at_ns))
        await super().take(sample, stored_at_ns=stored_at_ns, unwatched=unwatched)


class Both:
    """Two stores that are given the same."""

    def __init__(self, one: AnyStore, other: AnyStore) -> None:
        self._stores = (one, other)

    async def load(self, **asked: Any) -> LedgerState:
        one, other = [await store.load(**asked) for store in self._stores]
        assert one == other
        return one

    async def commit(self, batch: Batch) -> None:
        for store in self._stores:
            await store.commit(batch)

    def close(self) -> None:
        for store in self._stores:
            store.close()


@dataclass
class BothKeepers:
    one: Keeper
    other: Keeper

    async def open(self) -> Any:
        return Both(await self.one.open(), await self.other.open())

    async def tables(self) -> Tables:
        tables = await self.one.tables()
        assert await self.other.tables() == tables
        return tables


@pytest.mark.timeout(600)
async def test_a_simulated_hour_of_a_thousand_pods_is_the_same_everywhere(
    server: PostgresServer, tmp_path: Path
) -> None:
    """Every table, to the last bit; and what is delivered again adds nothing."""
    keepers = BothKeepers(FileKeeper(tmp_path), DatabaseKeeper(server.new_database()))
    twin = RememberingTwin(
        scenario=generated_scenario(nodes=20, pods=1000, mean_lifetime_seconds=2400),
        folder=tmp_path,
        interval_seconds=300,
        read_seconds=60,
        keeper=keepers,
    )
    await twin.start()
    await twin.run(3600)
    before = await keepers.tables()
    for sample, stored_at_ns in list(twin.taken):
        await twin.take(sample, stored_at_ns=stored_at_ns)
    after = await keepers.tables()
    twin.close()
    assert len(after["pod_hours"]) > 1000
    bookkeeping = {"node_states"}
    assert {name: rows for name, rows in after.items() if name not in bookkeeping} == {
        name: rows for name, rows in before.items() if name not in bookkeeping
    }
