"""What windows cost, asked of a ledger in a file: examples, and against sums made the plainest way."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.random_history import DAYS, FIRST_DAY, HOURS, NAMESPACE_LABELS, History, history, team
from harness.two_hours import HOUR, asked, batch
from kube_cost_aggregator.history.queries import CostFilter, CostLine, CostQuery, Costs, Grouping, glob_matches
from kube_cost_aggregator.history.sqlite import SqliteStore, open_store
from kube_cost_aggregator.history.store import NO_MONEY, Batch, Money, PodHour, Retention

LAST = HOURS[-1] + 3600


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = open_store(tmp_path / "ledger.sqlite")
    yield store
    store.close()


class TestTwoHours:
    async def test_by_namespace(self, store: SqliteStore) -> None:
        """The dearest first, with how many pods each had; what is nobody's has none."""
        await store.commit(batch())
        assert (await store.query(asked("namespace"))).lines == [
            CostLine(("__idle__",), None, Money(902, 0, 0, 4), 0.0, 0.0, 0),
            CostLine(("shop",), None, Money(490, 49, 1, 5), 0.0, 0.0, 3),
            CostLine(("data",), None, Money(7), 0.0, 0.0, 1),
        ]

    async def test_by_pod(self, store: SqliteStore) -> None:
        """Pods of one name on one node are one line, and counted."""
        await store.commit(batch())
        assert (await store.query(asked("pod"))).lines == [
            CostLine(("shop", "b", "node-2"), None, Money(300, 30), 3600.0, 0.0, 1),
            CostLine(("shop", "a", "node-1"), None, Money(190, 19, 1, 5), 7200.0, 600.0, 2),
            CostLine(("data", "c", "node-2"), None, Money(7), 60.0, 60.0, 1),
        ]

    async def test_by_node(self, store: SqliteStore) -> None:
        """All that was paid for it, and what of it was no pod's."""
        await store.commit(batch())
        assert (await store.query(asked("node"))).lines == [
            CostLine(("node-1", "m5.large", ""), None, Money(1000, 0, 0, 9), 7200.0, 300.0, 2, idle=750, system=40),
            CostLine(("node-2", "m5.large", ""), None, Money(900), 3600.0, 0.0, 2, idle=533, system=30),
        ]

    async def test_by_workload(self, store: SqliteStore) -> None:
        """What a person wrote."""
        await store.commit(batch())
        assert (await store.query(asked("workload"))).lines == [
            CostLine(("shop", "Deployment", "web"), None, Money(490, 49, 1, 5), 10_800.0, 600.0, 3),
            CostLine(("data", "Deployment", "db"), None, Money(7), 60.0, 60.0, 1),
        ]

    async def test_a_window_has_its_start_and_not_its_end(self, store: SqliteStore) -> None:
        """Full hours."""
        await store.commit(batch())
        (shop,) = (await store.query(asked("namespace", start=HOUR + 3600))).lines
        assert shop.money.total == 99
        assert (await store.query(asked("pod", start=HOUR + 7200, end=HOUR + 10_800))).lines == []

    async def test_nothing_is_an_answer(self, store: SqliteStore) -> None:
        """A ledger that has just begun has no lines, and a total of 0."""
        for by in ("cluster", "namespace", "pod", "node", "resource"):
            answer = await store.query(asked(by))
            assert (answer.lines, answer.total, answer.groups) == ([], NO_MONEY, 0)

    async def test_a_limit_leaves_lines_out_and_not_their_money(self, store: SqliteStore) -> None:
        """The total is that of all, and how many there are is said."""
        await store.commit(batch())
        answer = await store.query(asked("pod", limit=1))
        assert [line.group[1] for line in answer.lines] == ["b"]
        assert (answer.total.total, answer.groups) == (547, 3)

    async def test_by_name_and_the_cheapest_first(self, store: SqliteStore) -> None:
        """Either way round."""
        await store.commit(batch())
        names = [line.group[0] for line in (await store.query(asked("namespace", sort="name", descending=False))).lines]
        assert names == ["__idle__", "data", "shop"]
        cheapest = (await store.query(asked("namespace", descending=False))).lines
        assert [line.group[0] for line in cheapest] == ["data", "shop", "__idle__"]

    async def test_steps_are_lines_of_their_own_under_their_group(self, store: SqliteStore) -> None:
        """An hour in which a pod didn't run has none."""
        await store.commit(batch())
        answer = await store.query(asked("workload", step=3600, limit=1))
        assert [(line.group[2], line.start, line.money.total) for line in answer.lines] == [
            ("web", HOUR, 441),
            ("web", HOUR + 3600, 99),
        ]
        assert (answer.total.total, answer.groups) == (547, 2)


def answered(made: History, *queries: CostQuery, tidied: bool) -> list[Costs]:
    """What a ledger with this history answers, its days added up or not."""

    async def ask(store: SqliteStore) -> list[Costs]:
        await store.load(now_ns=FIRST_DAY * 10**9, month_start=0)
        for one in made.batches:
            await store.commit(one)
        while tidied and await store.tidy(now=LAST, settled_through=LAST - 3600, retention=Retention()):
            pass
        return [await store.query(query) for query in queries]

    with TemporaryDirectory() as folder:
        store = open_store(Path(folder) / "ledger.sqlite")
        try:
            return asyncio.run(ask(store))
        finally:
            store.close()


def money_of(costs: Costs) -> dict[tuple[str, ...], Money]:
    return {line.group: line.money for line in costs.lines}


windows = st.tuples(st.integers(0, DAYS * 24), st.integers(0, DAYS * 24)).filter(lambda two: two[0] < two[1])
laws = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class TestLaws:
    @laws
    @given(seed=st.integers(0, 10**6), window=windows, tidied=st.booleans())
    def test_pods_add_up_by_anything(self, seed: int, window: tuple[int, int], tidied: bool) -> None:
        """Pods, workloads, and what they cost on nodes and pools, whether days are added up or not."""
        made = history(seed)
        start, end = (FIRST_DAY + 3600 * hours for hours in window)
        some = CostFilter(namespaces=("s*", "ops_*"))
        query = asked("pod", start=start, end=end, filter=some)
        mine = ("shop", "ops_1")
        keys = {
            "pod": lambda row, node: (row.namespace, row.name, node.name) if row.namespace in mine else None,
            "workload": lambda row, _: (
                (row.namespace, row.workload_kind, row.workload) if row.namespace in mine else None
            ),
            "node_pool": lambda row, node: (node.node_pool,) if row.namespace in mine else None,
        }
        answers = answered(made, *(replace(query, by=by) for by in keys), tidied=tidied)  # type: ignore[arg-type]
        for (by, key), costs in zip(keys.items(), answers, strict=True):
            assert money_of(costs) == made.pods_cost(start, end, key), by

    @laws
    @given(seed=st.integers(0, 10**6), window=windows, tidied=st.booleans(), step=st.sampled_from([None, 3600, 86_400]))
    def test_every_grouping_of_everything_is_the_cluster(
        self, seed: int, window: tuple[int, int], tidied: bool, step: int | None
    ) -> None:
        """Namespaces, resources and labels have the same total, to the nano, in one line or in steps."""
        made = history(seed)
        start, end = (FIRST_DAY + 3600 * hours for hours in window)
        total = sum(money.total for money in made.namespaces_cost(start, end).values())
        query = asked("label", start=start, end=end, label="team", namespace_labels=NAMESPACE_LABELS, step=step)
        all_ways: tuple[Grouping, ...] = ("cluster", "namespace", "resource", "label")
        for costs in answered(made, *(replace(query, by=by) for by in all_ways), tidied=tidied):
            assert costs.total.total == total == sum(line.money.total for line in costs.lines)

    @laws
    @given(seed=st.integers(0, 10**6), window=windows, tidied=st.booleans())
    def test_a_label_is_a_pods_own_or_its_namespaces(self, seed: int, window: tuple[int, int], tidied: bool) -> None:
        """And `_` in a pattern is a `_`: a filter by a label gives what the grouping by it does."""
        made = history(seed)
        start, end = (FIRST_DAY + 3600 * hours for hours in window)
        pods = made.pods_cost(start, end, lambda row, _: team(row))
        query = asked("label", start=start, end=end, label="team", namespace_labels=NAMESPACE_LABELS)
        values = ("web", "da_ta", "daXta")
        some = [replace(query, by="cluster", filter=CostFilter(labels={"team": (value,)})) for value in values]
        of_pods = [replace(query, by="pod", filter=CostFilter(labels={"team": (f"{value[:4]}*",)})) for value in values]
        every, *others = answered(made, query, *some, *of_pods, tidied=tidied)
        by_label = money_of(every)
        for value, cluster, only_pods in zip(values, others[:3], others[3:], strict=True):
            assert cluster.total == by_label.get((value,), NO_MONEY)
            wanted = [money for text, money in pods.items() if str(text).startswith(value[:4])]
            assert only_pods.total.total == sum(money.total for money in wanted)

    @laws
    @given(seed=st.integers(0, 10**6), tidied=st.booleans())
    def test_steps_are_parts_of_the_whole(self, seed: int, tidied: bool) -> None:
        """Days of pods add up to the window's lines, for as many pods as the limit says."""
        made = history(seed)
        query = asked("pod", start=FIRST_DAY + 7200, end=LAST - 7200, limit=3)
        steps = [replace(query, step=step) for step in (3600, 86_400)]
        all_in_one, *in_steps = answered(made, query, *steps, tidied=tidied)
        whole = money_of(all_in_one)
        for stepped in in_steps:
            sums: dict[tuple[str, ...], Money] = {}
            for line in stepped.lines:
                sums[line.group] = sums.get(line.group, NO_MONEY).plus(line.money)
            assert sums == whole


class TestKeeping:
    async def filled(self, store: SqliteStore) -> History:
        made = history(7)
        await store.load(now_ns=FIRST_DAY * 10**9, month_start=0)
        await store.commit(made.batches[0])
        return made

    async def tidied(self, store: SqliteStore, *, now: int = LAST, **kept: int) -> None:
        while await store.tidy(now=now, settled_through=now - 3600, retention=Retention(**kept)):
            pass

    async def test_what_comes_late_is_in_its_day(self, store: SqliteStore) -> None:
        """A node that was silent for long is settled into hours whose day is added up."""
        made = await self.filled(store)
        await self.tidied(store)
        late = Batch(pod_hours={(FIRST_DAY, 1): PodHour(Money(10**12), 60.0, 0.0)})
        late.namespace_hours = {(FIRST_DAY, made.pods[1].namespace): Money(10**12)}
        await store.commit(late)
        whole = {"start": FIRST_DAY, "end": FIRST_DAY + 86_400}
        before = made.of_pods.get((FIRST_DAY, 1), NO_MONEY)
        pods = sum(money.total for (hour, _), money in made.of_pods.items() if hour < FIRST_DAY + 86_400)
        expected = pods - before.total + 10**12 + before.storage
        assert (await store.query(asked("pod", **whole))).total.total == expected
        namespaces = sum(money.total for money in made.namespaces_cost(FIRST_DAY, FIRST_DAY + 86_400).values())
        assert (await store.query(asked("namespace", **whole))).total.total == namespaces + 10**12

    async def test_old_hours_go_and_their_days_stay(self, store: SqliteStore) -> None:
        """A window that cuts such a day is widened to it, and says so; hours are answered as far as there are any."""
        made = await self.filled(store)
        await self.tidied(store, now=LAST + 86_400, pod_hours_days=2, namespace_hours_days=3)
        answer = await store.query(asked("pod", start=FIRST_DAY + 7200, end=LAST))
        assert (answer.start, answer.end) == (FIRST_DAY, LAST)
        assert answer.total.total == sum(money.total for money in made.of_pods.values())
        hourly = await store.query(asked("workload", start=FIRST_DAY + 7200, end=LAST, step=3600, limit=100))
        assert hourly.start == FIRST_DAY + 3 * 86_400
        assert {line.start for line in hourly.lines} <= set(range(hourly.start, LAST, 3600))
        whole = await store.query(asked("cluster", start=FIRST_DAY + 3600, end=LAST))
        assert whole.total.total == sum(money.total for money in made.namespaces_cost(FIRST_DAY, LAST).values())
        (rows,) = store._reader.execute("SELECT count(*) FROM pod_hours WHERE hour < ?", (hourly.start,)).fetchone()
        assert rows == 0

    async def test_no_hour_goes_before_its_day_is_added_up(self, store: SqliteStore) -> None:
        """Whatever the clock says."""
        made = await self.filled(store)
        for _ in range(200):
            await store.tidy(now=LAST + 10**9, settled_through=FIRST_DAY, retention=Retention(1, 1, 0))
        answer = await store.query(asked("cluster", start=FIRST_DAY, end=LAST))
        assert answer.total.total == sum(money.total for money in made.namespaces_cost(FIRST_DAY, LAST).values())

    async def test_days_go_when_they_are_told_to(self, store: SqliteStore) -> None:
        """For ever is the default."""
        await self.filled(store)
        await self.tidied(store, now=LAST + 86_400, pod_hours_days=1, namespace_hours_days=1, days_days=2)
        days = [day for (day,) in store._reader.execute("SELECT DISTINCT day FROM namespace_days ORDER BY day")]
        assert days == [LAST - 86_400]

    async def test_views_for_people_with_sql(self, store: SqliteStore) -> None:
        """A line for each pod and hour, and what a namespace cost in a day: settlements added up, no rate × 24."""
        made = await self.filled(store)
        await self.tidied(store)
        db = store._reader
        pods, first = db.execute("SELECT sum(hourly_cost_usd), min(timestamp) FROM pod_costs").fetchone()
        assert pods == pytest.approx(sum(money.total for money in made.of_pods.values()) / 1e9)
        assert first == "2027-01-16 00:00:00"
        assert db.execute("SELECT DISTINCT cpu_millicores, memory_bytes FROM pod_costs").fetchall() == [(1000, 2 << 30)]
        rows = db.execute("SELECT day, sum(daily_cost_usd) FROM daily_namespace_costs GROUP BY day").fetchall()
        assert len(rows) == DAYS
        total = sum(money.total for money in made.namespaces_cost(FIRST_DAY, LAST).values()) / 1e9
        assert sum(usd for _, usd in rows) == pytest.approx(total)


@pytest.mark.parametrize(
    ("pattern", "text", "is_one"),
    [("a", "a", True), ("a", "ab", False), ("a*", "ab", True), ("*b*", "abc", True), ("a*a", "a", False),
     ("*", "", True), ("a*b*c", "axbxc", True), ("a*b*c", "axc", False), ("a?c", "abc", False), ("[ab]*", "ab", False)],
)  # fmt: skip
def test_a_star_is_any_text_and_nothing_else_is_special(pattern: str, text: str, is_one: bool) -> None:
    """As people write names."""
    assert glob_matches(text, pattern) is is_one
