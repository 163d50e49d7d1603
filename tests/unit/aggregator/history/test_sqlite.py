"""The ledger's file: what it refuses, what it answers, and that two can use it."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from kube_cost_aggregator.history.schema import STEPS
from kube_cost_aggregator.history.sqlite import SqliteStore, open_store
from kube_cost_aggregator.history.store import (
    Batch,
    CostRow,
    Money,
    NamespaceTotal,
    NodeHour,
    NodeState,
    PodHour,
    PodRow,
    StoreError,
    StreamCursor,
)

HOUR = 1_800_000_000 // 3600 * 3600
NOTHING = Money()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def store(file: Path) -> Iterator[SqliteStore]:
    store = open_store(file)
    yield store
    store.close()


def pod(pod_id: int, name: str, *, node_id: int = 1, workload: str = "web") -> PodRow:
    return PodRow(
        pod_id=pod_id,
        uid=f"uid-{pod_id}",
        usage_uid=f"uid-{pod_id}",
        namespace="shop" if workload == "web" else "data",
        name=name,
        node_id=node_id,
        workload_kind="Deployment",
        workload=workload,
        start_ns=HOUR,
        end_ns=None,
        vcpu_request=1.0,
        memory_gib_request=2.0,
        gpus=0.0,
    )


def batch() -> Batch:
    """Two hours of two nodes and three pods: `a` and `b` of web, `a` made anew once on the first node, `c` of db."""
    made = Batch(stream=StreamCursor(1, 10, 11))
    for number in (1, 2):
        made.nodes[f"n{number}"] = NodeState(
            node_id=number, uid=f"n{number}", name=f"node-{number}", settled_through_ns=0, instance_type="m5.large"
        )
    made.pods = {1: pod(1, "a"), 2: pod(2, "a"), 3: pod(3, "b", node_id=2), 4: pod(4, "c", node_id=2, workload="db")}
    made.pod_hours = {
        (HOUR, 1): PodHour(Money(100, 10, 1, 5), 3600.0, 0.0),
        (HOUR + 3600, 1): PodHour(Money(50, 5, 0, 0), 1800.0, 0.0),
        (HOUR + 3600, 2): PodHour(Money(40, 4, 0, 0), 1800.0, 600.0),
        (HOUR, 3): PodHour(Money(300, 30, 0, 0), 3600.0, 0.0),
        (HOUR, 4): PodHour(Money(7, 0, 0, 0), 60.0, 60.0),
    }
    made.node_hours = {
        (HOUR, 1): NodeHour(500, 9, Money(20), Money(369, 0, 0), 3600.0, 0.0),
        (HOUR + 3600, 1): NodeHour(500, 0, Money(20), Money(381), 3600.0, 300.0),
        (HOUR, 2): NodeHour(900, 0, Money(30), Money(533), 3600.0, 0.0),
    }
    made.namespace_hours = {
        (HOUR, "shop"): Money(400, 40, 1, 5),
        (HOUR + 3600, "shop"): Money(90, 9, 0, 0),
        (HOUR, "data"): Money(7, 0, 0, 0),
        (HOUR, "__idle__"): Money(902, 0, 0, 4),
    }
    made.namespace_totals = {"shop": NamespaceTotal(Money(490, 49, 1, 5), 540, 5)}
    return made


class TestCosts:
    async def test_by_namespace(self, store: SqliteStore) -> None:
        """The dearest first, with how many pods each had; what is nobody's has none."""
        await store.commit(batch())
        assert await store.costs(by="namespace", start=HOUR, end=HOUR + 7200) == [
            CostRow(("__idle__",), Money(902, 0, 0, 4), 0.0, 0.0, 0),
            CostRow(("shop",), Money(490, 49, 1, 5), 0.0, 0.0, 3),
            CostRow(("data",), Money(7, 0, 0, 0), 0.0, 0.0, 1),
        ]

    async def test_by_pod(self, store: SqliteStore) -> None:
        """Pods of one name on one node are one line, and counted."""
        await store.commit(batch())
        assert await store.costs(by="pod", start=HOUR, end=HOUR + 7200) == [
            CostRow(("shop", "b", "node-2"), Money(300, 30, 0, 0), 3600.0, 0.0, 1),
            CostRow(("shop", "a", "node-1"), Money(190, 19, 1, 5), 7200.0, 600.0, 2),
            CostRow(("data", "c", "node-2"), Money(7, 0, 0, 0), 60.0, 60.0, 1),
        ]

    async def test_by_node(self, store: SqliteStore) -> None:
        """All that was paid for it."""
        await store.commit(batch())
        assert await store.costs(by="node", start=HOUR, end=HOUR + 7200) == [
            CostRow(("node-1", "m5.large"), Money(1000, 0, 0, 9), 7200.0, 300.0, 2),
            CostRow(("node-2", "m5.large"), Money(900, 0, 0, 0), 3600.0, 0.0, 2),
        ]

    async def test_by_workload(self, store: SqliteStore) -> None:
        """What a person wrote."""
        await store.commit(batch())
        assert await store.costs(by="workload", start=HOUR, end=HOUR + 7200) == [
            CostRow(("shop", "Deployment", "web"), Money(490, 49, 1, 5), 10_800.0, 600.0, 3),
            CostRow(("data", "Deployment", "db"), Money(7, 0, 0, 0), 60.0, 60.0, 1),
        ]

    async def test_a_window_has_its_start_and_not_its_end(self, store: SqliteStore) -> None:
        """Full hours."""
        await store.commit(batch())
        (shop,) = await store.costs(by="namespace", start=HOUR + 3600, end=HOUR + 7200)
        assert (shop.money.total, shop.pods) == (99, 2)
        assert await store.costs(by="pod", start=HOUR + 7200, end=HOUR + 9000) == []


class TestCommits:
    async def test_rows_replace_and_namespaces_add(self, store: SqliteStore) -> None:
        """A pod's row is its whole hour as it is now; a namespace's grows by what is new."""
        await store.commit(batch())
        await store.commit(batch())
        by_pod = await store.costs(by="pod", start=HOUR, end=HOUR + 7200)
        assert sum(row.money.total for row in by_pod) == 547
        by_namespace = await store.costs(by="namespace", start=HOUR, end=HOUR + 7200)
        assert sum(row.money.total for row in by_namespace) == 2 * 1449

    async def test_one_that_fails_has_written_nothing(self, store: SqliteStore) -> None:
        """Not even what came before the fault."""
        bad = batch()
        bad.counters["x"] = 2**63
        with pytest.raises(StoreError, match="too large"):
            await store.commit(bad)
        state = await store.load(now_ns=0, month_start=0)
        assert (state.stream, state.nodes) == (None, [])
        await store.commit(batch())

    async def test_a_cancelled_one_is_written_or_not_before_the_cancellation_comes(
        self, store: SqliteStore, file: Path
    ) -> None:
        """Who commits the same again after a cancellation would count it twice."""
        done: list[str] = []
        await store.load(now_ns=0, month_start=0)

        async def commits() -> None:
            await store.commit(batch())
            done.append("written")
            await asyncio.sleep(0)
            done.append("went on")

        with closing(sqlite3.connect(file)) as other:
            other.execute("BEGIN IMMEDIATE")
            async with asyncio.TaskGroup() as group:
                task = group.create_task(commits())
                await asyncio.sleep(0.05)
                task.cancel()
                await asyncio.sleep(0.05)
                assert not task.done()
                other.rollback()
        assert done == ["written"]
        assert task.cancelled()
        assert (await store.load(now_ns=0, month_start=0)).stream == StreamCursor(1, 10, 11)

    async def test_another_process_that_holds_the_lock_is_waited_for(self, store: SqliteStore, file: Path) -> None:
        """And not for ever: who commits hears of it, and nothing is written."""
        await store.load(now_ns=0, month_start=0)
        store._writer.execute("PRAGMA busy_timeout = 50")
        with closing(sqlite3.connect(file)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError, match="can't write the ledger: database is locked"):
                await store.commit(batch())
            other.rollback()
        await store.commit(batch())
        assert (await store.load(now_ns=0, month_start=0)).stream == StreamCursor(1, 10, 11)

    async def test_a_full_disk_is_an_error_and_not_an_end(self, store: SqliteStore) -> None:
        """As soon as there is room again, the same batch is written."""
        pages = store._writer.execute("PRAGMA page_count").fetchone()[0]
        store._writer.execute(f"PRAGMA max_page_count = {pages}")
        large = batch()
        large.counters = {f"counter {number}": number for number in range(5000)}
        with pytest.raises(StoreError, match="full"):
            await store.commit(large)
        store._writer.execute("PRAGMA max_page_count = 1000000")
        await store.commit(large)
        assert len((await store.load(now_ns=0, month_start=0)).counters) == 5000

    async def test_a_file_that_can_only_be_read_is_an_error_and_not_an_end(self, store: SqliteStore) -> None:
        """A volume that was mounted anew, for example."""
        store._writer.execute("PRAGMA query_only = ON")
        with pytest.raises(StoreError, match="readonly"):
            await store.commit(batch())
        store._writer.execute("PRAGMA query_only = OFF")
        await store.commit(batch())
        assert len(await store.costs(by="pod", start=HOUR, end=HOUR + 7200)) == 3

    async def test_reading_goes_on_while_another_writes(self, store: SqliteStore, file: Path) -> None:
        """Readers see what was committed."""
        await store.commit(batch())
        with closing(sqlite3.connect(file)) as other:
            other.execute("BEGIN IMMEDIATE")
            other.execute("DELETE FROM namespace_hours")
            rows = await store.costs(by="namespace", start=HOUR, end=HOUR + 7200)
            assert len(rows) == 3
            other.rollback()

    async def test_costs_are_answered_while_commits_run(self, store: SqliteStore) -> None:
        """Each has a thread and a connection of its own."""
        async with asyncio.TaskGroup() as group:
            for _ in range(20):
                group.create_task(store.commit(batch()))
            answers = [group.create_task(store.costs(by="pod", start=HOUR, end=HOUR + 7200)) for _ in range(20)]
        assert {len(answer.result()) for answer in answers} <= {0, 3}


class TestOpening:
    def test_a_newer_version_is_refused(self, file: Path) -> None:
        """Its tables mean something else."""
        open_store(file).close()
        with closing(sqlite3.connect(file)) as db:
            db.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
        with pytest.raises(StoreError, match=f"is of a newer version .{len(STEPS) + 1}; this program knows"):
            open_store(file)

    async def test_a_ledger_of_the_first_version_is_taken_up(self, file: Path) -> None:
        """Its cursor doesn't say when its message was stored."""
        with closing(sqlite3.connect(file)) as db:
            db.executescript(STEPS[0])
            db.execute("INSERT INTO ledger VALUES (1, 2, 3, 4)")
            db.execute("PRAGMA user_version = 1")
            db.commit()
        store = open_store(file)
        state = await store.load(now_ns=9, month_start=0)
        store.close()
        assert (state.started_at_ns, state.stream) == (2, StreamCursor(3, 4, None))

    def test_what_is_no_database_is_refused(self, file: Path) -> None:
        """By its path and what is wrong, and it is left as it was."""
        file.write_bytes(b"a letter to my aunt\n" * 500)
        with pytest.raises(StoreError, match=r"can't open the ledger .*ledger\.sqlite: file is not a database"):
            open_store(file)
        assert file.read_bytes().startswith(b"a letter")

    def test_a_folder_that_can_not_be_made_is_said(self, tmp_path: Path) -> None:
        """A path through a file, for example."""
        (tmp_path / "file").write_text("")
        with pytest.raises(StoreError, match="can't open the ledger"):
            open_store(tmp_path / "file" / "ledger.sqlite")

    def test_a_folder_that_is_missing_is_made(self, tmp_path: Path) -> None:
        """The volume may be empty."""
        open_store(tmp_path / "a" / "b" / "ledger.sqlite").close()
        assert (tmp_path / "a" / "b" / "ledger.sqlite").exists()

    async def test_a_state_that_can_not_be_read_is_said(self, store: SqliteStore) -> None:
        """A file that something else has written to."""
        await store.commit(batch())
        store._writer.execute("UPDATE node_states SET state = x'c1'")
        with pytest.raises(StoreError, match="can't read the ledger"):
            await store.load(now_ns=0, month_start=0)

    async def test_a_ledger_began_when_it_was_first_loaded(self, store: SqliteStore) -> None:
        """Later loads don't move that."""
        assert (await store.load(now_ns=5, month_start=0)).started_at_ns == 5
        assert (await store.load(now_ns=9, month_start=0)).started_at_ns == 5

    async def test_nodes_that_are_done_with_are_known_as_gone(self, store: SqliteStore) -> None:
        """Their hours stay under their names."""
        await store.commit(batch())
        await store.commit(Batch(gone_nodes={"n1"}))
        state = await store.load(now_ns=0, month_start=0)
        assert ([node.uid for node in state.nodes], state.gone_nodes) == (["n2"], frozenset({"n1"}))
        assert len(await store.costs(by="node", start=HOUR, end=HOUR + 7200)) == 2
