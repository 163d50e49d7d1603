"""The ledger's file: what it refuses, what it answers, and that two can use it."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from harness.two_hours import HOUR, asked, batch
from kube_cost_aggregator.history.schema import STEPS
from kube_cost_aggregator.history.sqlite import SqliteStore, open_store
from kube_cost_aggregator.history.store import (
    Batch,
    StoreError,
    StreamCursor,
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def store(file: Path) -> Iterator[SqliteStore]:
    store = open_store(file)
    yield store
    store.close()


def damage(file: Path, page: int) -> None:
    """Make a page (of 4,096 bytes, from 1 on) nonsense."""
    with file.open("r+b") as opened:
        opened.seek((page - 1) * 4096)
        opened.write(b"\xff" * 4096)


def content(file: Path) -> bytes:
    return file.read_bytes()


class TestCommits:
    async def test_rows_replace_and_namespaces_add(self, store: SqliteStore) -> None:
        """A pod's row is its whole hour as it is now; a namespace's grows by what is new."""
        await store.commit(batch())
        await store.commit(batch())
        assert (await store.query(asked("pod"))).total.total == 547
        assert (await store.query(asked("namespace"))).total.total == 2 * 1449

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
            with pytest.raises(StoreError, match=r"can't write the ledger .*ledger\.sqlite: database is locked"):
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
        assert len((await store.query(asked("pod"))).lines) == 3

    async def test_reading_goes_on_while_another_writes(self, store: SqliteStore, file: Path) -> None:
        """Readers see what was committed."""
        await store.commit(batch())
        with closing(sqlite3.connect(file)) as other:
            other.execute("BEGIN IMMEDIATE")
            other.execute("DELETE FROM namespace_hours")
            assert len((await store.query(asked("namespace"))).lines) == 3
            other.rollback()

    async def test_costs_are_answered_while_commits_run(self, store: SqliteStore) -> None:
        """Each has a thread and a connection of its own."""
        async with asyncio.TaskGroup() as group:
            for _ in range(20):
                group.create_task(store.commit(batch()))
            answers = [group.create_task(store.query(asked("pod"))) for _ in range(20)]
        assert {len(answer.result().lines) for answer in answers} <= {0, 3}


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

    async def test_a_damaged_file_is_named_and_left_as_it_is(self, file: Path) -> None:
        """Whoever repairs it finds what there was."""
        store = open_store(file)
        await store.load(now_ns=0, month_start=0)
        await store.commit(batch())
        (page,) = store._reader.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'node_states'").fetchone()
        store.close()
        damage(file, page)
        damaged = content(file)[(page - 1) * 4096 : page * 4096]
        store = open_store(file)
        with pytest.raises(
            StoreError, match=r"can't read the ledger .*ledger\.sqlite: database disk image is malformed"
        ):
            await store.load(now_ns=0, month_start=0)
        store.close()
        assert content(file)[(page - 1) * 4096 : page * 4096] == damaged

    @pytest.mark.parametrize("step", range(1, len(STEPS)))
    async def test_a_ledger_of_each_version_is_taken_up_with_its_money(self, file: Path, step: int) -> None:
        """What was kept before has the same sum afterwards, and new rows go beside it."""
        with closing(sqlite3.connect(file)) as db:
            for number in range(step):
                db.executescript(STEPS[number])
            db.execute("INSERT INTO ledger (one, started_at_ns) VALUES (1, 2)")
            db.execute("""INSERT INTO nodes (node_id, uid, name, instance_type, capacity_type)
                   VALUES (1, 'n1', 'node-1', 'm5.large', 'spot')""")
            db.execute(
                """INSERT INTO pods (pod_id, uid, usage_uid, namespace, name, node_id, workload_kind, workload,
                   start_ns, vcpu_request, memory_gib_request, gpus)
                   VALUES (9, 'u', 'u', 'shop', 'web-1', 1, 'Deployment', 'web', ?, 1.0, 1.0, 0.0)""",
                (HOUR * 10**9,),
            )
            db.execute(
                """INSERT INTO pod_hours (hour, pod_id, cpu_nano, memory_nano, gpu_nano, savings_nano, seconds,
                   estimated_seconds) VALUES (?, 9, 70, 7, 0, 0, 60.0, 0.0)""",
                (HOUR,),
            )
            db.execute(
                """INSERT INTO namespace_hours (hour, namespace, cpu_nano, memory_nano, gpu_nano, savings_nano)
                   VALUES (?, 'shop', 70, 7, 0, 0)""",
                (HOUR,),
            )
            db.execute(f"PRAGMA user_version = {step}")
            db.commit()
        store = open_store(file)
        state = await store.load(now_ns=9, month_start=0)
        (taken_up,) = state.open_pods
        assert (taken_up.name, state.next_pod_id) == ("web-1", 10)
        await store.commit(batch())
        (line,) = [line for line in (await store.query(asked("pod"))).lines if line.group[1] == "web-1"]
        assert line.money.total == 77
        assert (await store.query(asked("namespace"))).total.total == 77 + 1449
        store.close()

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

    async def test_who_takes_a_ledger_over_is_the_only_one_who_writes(self, store: SqliteStore, file: Path) -> None:
        """A process that was thought dead can't add to what another has gone on with; it may look."""
        await store.load(now_ns=0, month_start=0)
        await store.commit(batch())
        other = open_store(file)
        await other.load(now_ns=0, month_start=0)
        with pytest.raises(StoreError, match="another process has taken it over"):
            await store.commit(batch())
        await other.commit(Batch(counters={"x": 1}))
        assert (await store.query(asked("namespace"))).total.total == 1449
        other.close()

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
        assert len((await store.query(asked("node"))).lines) == 2
