"""PostgreSQL as the ledger's keeper: what it refuses, who may write, and what a lost connection leaves."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Iterator
from pathlib import Path

import asyncpg
import pytest

from harness.database_kills import KilledLedger
from harness.keepers import DatabaseKeeper
from harness.ledger_batches import everything
from harness.nats import free_port
from harness.postgres import PASSWORD, USER, PostgresServer, running_postgres
from harness.proxy import TcpProxy, running_proxy
from harness.two_hours import HOUR, asked, batch
from kube_cost_aggregator.history.postgres import PostgresStore, open_postgres
from kube_cost_aggregator.history.postgres_schema import STEPS
from kube_cost_aggregator.history.queries import Grouping
from kube_cost_aggregator.history.store import Batch, Money, StoreError, StreamCursor


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        yield server


@pytest.fixture
def keeper(server: PostgresServer) -> DatabaseKeeper:
    return DatabaseKeeper(server.new_database())


async def total(keeper: DatabaseKeeper) -> int:
    """All nano-USD of namespaces' hours."""
    ((nano,),) = await keeper.fetch("SELECT coalesce(sum(cpu_nano + memory_nano + gpu_nano), 0) FROM namespace_hours")
    return int(nano)


class TestOpening:
    @pytest.mark.parametrize(
        ("connects", "said"),
        [
            (("postgres", USER, "wrong-one"), f'user "{USER}"'),
            (("nowhere", USER, PASSWORD), "database .nowhere. on 127.0.0.1:.*nowhere. does not exist"),
            (("postgres", "nobody-here", PASSWORD), "password authentication failed for user .nobody-here"),
        ],
    )
    async def test_what_is_wrong_with_a_dsn_is_said(
        self, server: PostgresServer, connects: tuple[str, str, str], said: str
    ) -> None:
        """By host, database and the server's own word, and never with a password."""
        with pytest.raises(StoreError, match=said) as raised:
            await open_postgres(server.dsn(connects[0], user=connects[1], password=connects[2]), "default")
        assert "can't open the ledger: database" in str(raised.value)
        assert not {PASSWORD, "wrong-one"} & set(str(raised.value).replace("'", " ").replace(":", " ").split())

    async def test_a_server_that_is_not_there_is_said(self) -> None:
        """By host, port and database."""
        port = free_port()
        with pytest.raises(StoreError, match=rf"database 'costs' on 127.0.0.1:{port}: .*onnect"):
            await open_postgres(f"postgresql://me:{PASSWORD}@127.0.0.1:{port}/costs", "default")

    async def test_an_aggregator_that_can_not_reach_it_says_so_and_ends(self) -> None:
        """Its password is in no line of its log."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "kube_cost_aggregator.main"),
            env={"KUBE_COST_DATABASE_DSN": f"postgresql://me:{PASSWORD}@127.0.0.1:{free_port()}/costs"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(60):
            said, _ = await process.communicate()
        assert process.returncode == 1
        assert b"can't open the ledger: database 'costs' on 127.0.0.1" in said
        assert PASSWORD.encode() not in said

    async def test_a_newer_version_is_refused(self, keeper: DatabaseKeeper) -> None:
        """Its tables mean something else."""
        (await keeper.open()).close()
        await keeper.fetch("UPDATE kube_cost_schema SET step = step + 1")
        with pytest.raises(StoreError, match=rf"database 'ledger\d+' .* is of a newer version .{len(STEPS) + 1}; this"):
            await keeper.open()

    async def test_a_ledger_of_the_first_version_is_taken_up(self, keeper: DatabaseKeeper) -> None:
        """With all that is in it."""
        db = await asyncpg.connect(keeper.dsn)
        await db.execute(STEPS[0])
        await db.execute("CREATE TABLE kube_cost_schema (step integer NOT NULL)")
        await db.execute("INSERT INTO kube_cost_schema VALUES (1)")
        await db.execute("INSERT INTO clusters (name) VALUES ('other'), ('default')")
        await db.execute("INSERT INTO ledger VALUES (2, 7, 70, 3, 4, 5, 6)")
        await db.close()
        store = await keeper.open()
        state = await store.load(now_ns=9, month_start=0)
        await store.commit(batch())
        store.close()
        assert (state.started_at_ns, state.stream) == (3, StreamCursor(4, 5, 6))
        assert await keeper.fetch("SELECT epoch, batch FROM ledger") == [(8, 71)]
        assert await keeper.fetch("SELECT step FROM kube_cost_schema") == [(len(STEPS),)]
        assert len(await keeper.fetch("SELECT FROM pod_costs")) == 5

    async def test_a_step_that_fails_leaves_nothing(self, keeper: DatabaseKeeper) -> None:
        """Something of that name is there already, for example: it is named, and no half of the tables is made."""
        await keeper.fetch("CREATE TABLE counters (mine integer)")
        with pytest.raises(StoreError, match='relation "counters" already exists'):
            await keeper.open()
        assert await keeper.fetch("SELECT to_regclass('clusters'), to_regclass('kube_cost_schema')") == [(None, None)]

    async def test_many_that_open_at_once_take_turns(self, keeper: DatabaseKeeper) -> None:
        """The tables are made once, each cluster has its number."""
        keepers = [DatabaseKeeper(keeper.dsn, f"cluster-{number % 3}") for number in range(6)]
        async with asyncio.TaskGroup() as group:
            opening = [group.create_task(one.open()) for one in keepers]
        for opened in opening:
            opened.result().close()
        assert await keeper.fetch("SELECT count(*), max(cluster) FROM clusters") == [(3, 3)]
        assert await keeper.fetch("SELECT epoch FROM ledger") == [(2,), (2,), (2,)]

    async def test_an_account_that_may_not_make_tables_can_use_them(self, keeper: DatabaseKeeper) -> None:
        """Where they are missing that is said."""
        user = "writer_of_" + keeper.dsn.rpartition("/")[2]
        await keeper.fetch(f"CREATE ROLE {user} LOGIN PASSWORD '{PASSWORD}'")
        limited = DatabaseKeeper(keeper.dsn.replace(USER, user))
        with pytest.raises(StoreError, match="permission denied for schema public"):
            await limited.open()
        (await keeper.open()).close()
        await keeper.fetch(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {user}")
        store = await limited.open()
        await store.load(now_ns=1, month_start=0)
        await store.commit(batch())
        store.close()
        assert await total(keeper) == 1449


class TestClusters:
    async def test_two_in_one_database_know_nothing_of_each_other(self, keeper: DatabaseKeeper) -> None:
        """Equal numbers and names are other rows; what both hold is there twice."""
        others = DatabaseKeeper(keeper.dsn, "other")
        mine, other = await keeper.open(), await others.open()
        for store in (mine, other):
            await store.load(now_ns=5, month_start=0)
        await mine.commit(everything())
        assert (await other.load(now_ns=6, month_start=0)).nodes == []
        assert (await other.query(asked("pod"))).lines == []
        await other.commit(batch())
        await other.commit(batch())
        await other.commit(Batch(gone_nodes={"n1"}))
        assert len((await mine.load(now_ns=7, month_start=0)).nodes) == 2
        lines: dict[Grouping, int] = {"namespace": 3, "pod": 3, "node": 2, "workload": 2}
        for by, count in lines.items():
            assert len((await mine.query(asked(by))).lines) == count
        assert (await mine.namespaces_by_hour(start=HOUR, end=HOUR + 1))[HOUR, "shop"] == 441
        assert (await other.namespaces_by_hour(start=HOUR, end=HOUR + 1))[HOUR, "shop"] == 882
        mine.close()
        other.close()

    async def test_views_have_all_clusters(self, keeper: DatabaseKeeper) -> None:
        """Settlements added up: a pod's hour with its volumes, and a namespace's day."""
        for cluster in ("default", "other"):
            store = await DatabaseKeeper(keeper.dsn, cluster).open()
            await store.load(now_ns=5, month_start=0)
            await store.commit(everything())
            store.close()
        pods = await keeper.fetch(
            """SELECT extract(epoch FROM timestamp)::bigint, namespace, node_name, instance_type, cpu_millicores,
                      memory_bytes, hourly_cost_usd::text::float8
               FROM pod_costs WHERE cluster_id = 'other' AND pod_name = 'a' ORDER BY 1, 7"""
        )
        same = ("shop", "node-1", "m5.large", 1000, 2 * 2**30)
        assert pods == [
            (HOUR, *same, 161e-9),
            (HOUR + 3600, *same, 44e-9),
            (HOUR + 3600, *same, 55e-9),
        ]
        days = await keeper.fetch(
            """SELECT extract(epoch FROM day)::bigint, cluster_id, daily_cost_usd::text::float8
               FROM daily_namespace_costs WHERE namespace = 'shop' ORDER BY cluster_id"""
        )
        midnight = HOUR // 86_400 * 86_400
        assert days == [(midnight, "default", 541e-9), (midnight, "other", 541e-9)]


class TestFence:
    async def test_who_opens_last_writes(self, keeper: DatabaseKeeper) -> None:
        """The older process is told so, has written nothing, and reads on."""
        older = await keeper.open()
        await older.load(now_ns=1, month_start=0)
        await older.commit(batch())
        newer = await keeper.open()
        with pytest.raises(StoreError, match=r"another aggregator has taken over .* has epoch 2, this one 1"):
            await older.commit(batch())
        with pytest.raises(StoreError, match="another aggregator has taken over"):
            await older.load(now_ns=1, month_start=0)
        assert len((await older.query(asked("namespace"))).lines) == 3
        await newer.load(now_ns=2, month_start=0)
        await newer.commit(batch())
        assert await total(keeper) == 2 * 1449
        older.close()
        newer.close()

    async def test_an_opening_waits_for_a_commit_that_runs(self, keeper: DatabaseKeeper) -> None:
        """So that it loads all that the older process has written."""
        older = await keeper.open()
        await older.load(now_ns=1, month_start=0)
        large = batch()
        large.counters = {f"counter {number}": number for number in range(60_000)}
        async with asyncio.TaskGroup() as group:
            committing = group.create_task(older.commit(large))
            await asyncio.sleep(0.05)
            newer = await keeper.open()
            state = await newer.load(now_ns=2, month_start=0)
            try:
                await committing
            except StoreError:
                assert not state.counters
            else:
                assert len(state.counters) == 60_000
        older.close()
        newer.close()

    async def test_a_database_that_was_set_back_is_said(self, keeper: DatabaseKeeper) -> None:
        """To a backup: what is in memory doesn't fit to it."""
        store = await keeper.open()
        await store.load(now_ns=1, month_start=0)
        await store.commit(batch())
        await keeper.fetch("UPDATE ledger SET batch = 0")
        with pytest.raises(StoreError, match="isn't what was written to it: it ends with commit 0, the last one was 1"):
            await store.commit(batch())
        store.close()


class LossyWay:
    """A store whose connections go through a proxy, which loses the answer to a COMMIT, or the COMMIT itself."""

    def __init__(
        self, *, server: PostgresServer, proxy: TcpProxy, keeper: DatabaseKeeper, store: PostgresStore
    ) -> None:
        self._server = server
        self._proxy = proxy
        self.keeper = keeper
        self.store = store

    async def commit_unanswered(self, made: Batch, *, reaches: bool, comes_back: bool) -> None:
        """Commit; the connection ends when the server has committed, or before, and new ones may come or not."""
        proxy, heard = self._proxy, asyncio.Event()

        def hear(data: bytes) -> None:
            if b"COMMIT" in data and not heard.is_set():
                proxy.hold_answers() if reaches else proxy.hold_requests()
                heard.set()

        ((before,),) = await self.keeper.fetch("SELECT batch FROM ledger")
        proxy.heard = hear
        async with asyncio.TaskGroup() as group:
            committing = group.create_task(self._committed(made))
            async with asyncio.timeout(20):
                await heard.wait()
                while reaches and await self.keeper.fetch("SELECT batch FROM ledger") == [(before,)]:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            if not comes_back:
                proxy.target_port = free_port()
            proxy.cut()
            proxy.release()
        assert committing.result() == comes_back
        proxy.target_port = self._server.port

    async def _committed(self, made: Batch) -> bool:
        try:
            await self.store.commit(made)
        except StoreError:
            return False
        return True


@pytest.fixture
async def lossy(server: PostgresServer) -> AsyncIterator[LossyWay]:
    async with running_proxy(server.port) as proxy:
        dsn = server.new_database(port=proxy.port)
        store = await open_postgres(dsn, "default")
        await store.load(now_ns=1, month_start=0)
        keeper = DatabaseKeeper(dsn.replace(str(proxy.port), str(server.port)))
        yield LossyWay(server=server, proxy=proxy, keeper=keeper, store=store)
        await asyncio.to_thread(store.close)  # the proxy, which it says good-bye through, is this loop's


def grown(made: Batch) -> Batch:
    """The batch, as the ledger tries it again: with what was booked meanwhile."""
    hours = made.namespace_hours
    made.namespace_hours = {**hours, (HOUR, "data"): hours[HOUR, "data"].plus(Money(1000)), (HOUR, "new"): Money(500)}
    return made


class TestLostAnswers:
    @pytest.mark.parametrize("reaches", [True, False])
    async def test_a_commit_whose_connection_ends_is_done_once(self, lossy: LossyWay, reaches: bool) -> None:
        """Whether the server had committed or not, where it can be asked."""
        await lossy.commit_unanswered(batch(), reaches=reaches, comes_back=True)
        assert await total(lossy.keeper) == 1449
        await lossy.store.commit(batch())
        assert await total(lossy.keeper) == 2 * 1449

    @pytest.mark.parametrize("reaches", [True, False])
    async def test_a_batch_that_is_tried_again_is_added_once(self, lossy: LossyWay, reaches: bool) -> None:
        """What it has grown by meanwhile is added too; the next batch is another one."""
        await lossy.commit_unanswered(batch(), reaches=reaches, comes_back=False)
        assert await total(lossy.keeper) == (1449 if reaches else 0)
        await lossy.store.commit(grown(batch()))
        assert await total(lossy.keeper) == 1449 + 1500
        await lossy.store.commit(batch())
        assert await total(lossy.keeper) == 2 * 1449 + 1500

    @pytest.mark.parametrize("first", [True, False])
    @pytest.mark.parametrize("second", [True, False])
    async def test_answers_that_are_lost_again_change_nothing(self, lossy: LossyWay, first: bool, second: bool) -> None:
        """In any order of commits that were written and that weren't."""
        await lossy.commit_unanswered(batch(), reaches=first, comes_back=False)
        await lossy.commit_unanswered(grown(batch()), reaches=second, comes_back=False)
        await lossy.store.commit(grown(grown(batch())))
        assert await total(lossy.keeper) == 1449 + 2500

    async def test_who_loads_anew_begins_with_what_is_there(self, lossy: LossyWay) -> None:
        """And with another batch."""
        await lossy.commit_unanswered(batch(), reaches=True, comes_back=False)
        state = await lossy.store.load(now_ns=1, month_start=0)
        assert state.stream == StreamCursor(1, 10, 11)
        await lossy.store.commit(batch())
        assert await total(lossy.keeper) == 2 * 1449


class TestTrouble:
    async def test_a_cancelled_commit_is_written_or_not_before_the_cancellation_comes(
        self, keeper: DatabaseKeeper
    ) -> None:
        """Who commits the same again after a cancellation would count it twice."""
        done: list[str] = []
        store = await keeper.open()
        await store.load(now_ns=0, month_start=0)

        async def commits() -> None:
            await store.commit(batch())
            done.append("written")
            await asyncio.sleep(0)
            done.append("went on")

        other = await asyncpg.connect(keeper.dsn)
        await other.execute("BEGIN; SELECT FROM ledger FOR UPDATE")
        async with asyncio.TaskGroup() as group:
            task = group.create_task(commits())
            await asyncio.sleep(0.05)
            task.cancel()
            await asyncio.sleep(0.05)
            assert not task.done()
            await other.close()
        assert done == ["written"]
        assert task.cancelled()
        assert await total(keeper) == 1449
        store.close()

    async def test_a_server_that_says_nothing_is_waited_for_so_long(self, server: PostgresServer) -> None:
        """Then who commits or reads hears of it; the loop turns meanwhile, and later all is written once."""
        keeper = DatabaseKeeper(server.new_database())
        store = await open_postgres(keeper.dsn, "default", write_seconds=0.6, read_seconds=0.4)
        await store.load(now_ns=0, month_start=0)
        await store.query(asked("pod"))
        server.pause()
        turns = 0
        try:
            async with asyncio.TaskGroup() as group:
                tries = [
                    group.create_task(_error(store.commit(batch()))),
                    group.create_task(_error(store.query(asked("pod")))),
                ]
                while not all(one.done() for one in tries):
                    turns += 1
                    await asyncio.sleep(0.01)
        finally:
            server.resume()
        errors = [one.result() for one in tries]
        assert "can't write the ledger: database" in errors[0]
        assert "didn't answer within 0.6 s" in errors[0]
        assert "can't read costs: database" in errors[1]
        assert turns > 20
        await _until_committed(store, batch())
        assert await total(keeper) == 1449
        store.close()

    async def test_a_server_that_was_restarted_is_used_again(
        self, keeper: DatabaseKeeper, server: PostgresServer
    ) -> None:
        """Nobody notices who wrote and read nothing meanwhile."""
        store = await keeper.open()
        await store.load(now_ns=0, month_start=0)
        await store.commit(batch())
        await store.query(asked("pod"))
        await asyncio.to_thread(server.stop)
        await asyncio.to_thread(server.start)
        assert len((await store.query(asked("pod"))).lines) == 3
        await store.commit(batch())
        assert await total(keeper) == 2 * 1449
        store.close()

    async def test_a_state_that_can_not_be_read_is_said(self, keeper: DatabaseKeeper) -> None:
        """A table that something else has written to."""
        store = await keeper.open()
        await store.load(now_ns=0, month_start=0)
        await store.commit(batch())
        await keeper.fetch("UPDATE node_states SET state = '\\xc1'")
        with pytest.raises(StoreError, match="can't read the ledger"):
            await store.load(now_ns=0, month_start=0)
        store.close()


@pytest.mark.timeout(180)
async def test_a_server_that_is_killed_in_mid_batch_leaves_exact_sums(tmp_path: Path) -> None:
    """Three times; every table is then what a file has whose writer nothing happened to."""
    with running_postgres() as server:
        killed = KilledLedger(server=server, folder=tmp_path, seed=1)
        await killed.live(kills=3)
        print(killed.report)
        await killed.check()


async def _error(work: Awaitable[object]) -> str:
    try:
        await work
    except StoreError as error:
        return str(error)
    return ""


async def _until_committed(store: PostgresStore, made: Batch) -> None:
    async with asyncio.timeout(20):
        while await _error(store.commit(made)):  # noqa: ASYNC110 - as the intake does
            await asyncio.sleep(0.05)
