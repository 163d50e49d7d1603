"""What labels and workloads cost by the hour, out of a ledger."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kube_cost_aggregator.history.sqlite import SqliteStore, open_store
from kube_cost_aggregator.history.store import Batch, Money, NodeState, PodHour, PodRow
from kube_cost_aggregator.outputs.same_hours import SECONDS_PER_WEEK, SameHours
from kube_cost_aggregator.outputs.scope_hours import OPEN_HOURS, ScopeHours
from kube_cost_common.domain.budgets import Scope

HOUR = 3600
NOON = int(datetime(2026, 11, 25, 12, tzinfo=UTC).timestamp())
NOVEMBER = int(datetime(2026, 11, 1, tzinfo=UTC).timestamp())

WEB = Scope("workload", "shop/Deployment/web")
PAYMENTS = Scope("label", "team=payments")
NAMESPACES = {"payments": {"team": "payments"}, "shop": {"team": "shop"}}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = open_store(tmp_path / "ledger.sqlite")
    yield store
    store.close()


class CountedReads:
    """Hands questions on, and remembers of which hours they were."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self.read: list[int] = []

    async def pods_by_hour(self, *, start: int, end: int) -> list[object]:
        self.read += range(start, end, HOUR)
        return await self._store.pods_by_hour(start=start, end=end)  # type: ignore[return-value]

    async def namespaces_by_hour(self, *, start: int, end: int) -> Mapping[tuple[int, str], int]:
        return await self._store.namespaces_by_hour(start=start, end=end)


def pod(pod_id: int, namespace: str, workload: str, labels: str = "") -> PodRow:
    return PodRow(
        pod_id=pod_id,
        uid=f"uid-{pod_id}",
        usage_uid=f"uid-{pod_id}",
        namespace=namespace,
        name=f"{workload}-{pod_id}",
        node_id=1,
        workload_kind="Deployment",
        workload=workload,
        start_ns=0,
        end_ns=None,
        vcpu_request=1.0,
        memory_gib_request=1.0,
        gpus=0.0,
        labels=labels,
    )


PODS = {
    1: pod(1, "shop", "web"),
    2: pod(2, "shop", "web", "env=prod\nteam=payments"),
    3: pod(3, "payments", "pay"),
    4: pod(4, "payments", "guest", "team=shop"),
}


async def fill(store: SqliteStore, hour: int, nano: Mapping[int, int], namespaces: Mapping[str, int]) -> None:
    """Write what pods have in an hour, and what namespaces have more."""
    batch = Batch(pods=PODS, nodes={"n": NodeState(node_id=1, uid="n", name="n", settled_through_ns=0)})
    batch.pod_hours = {(hour, pod_id): PodHour(Money(cpu=one), 60.0, 0.0) for pod_id, one in nano.items()}
    batch.namespace_hours = {(hour, namespace): Money(storage=one) for namespace, one in namespaces.items()}
    await store.commit(batch)


async def test_a_label_is_its_pods_and_what_its_namespaces_cost_beside_them(store: SqliteStore) -> None:
    """A pod's own label goes before its namespace's, both ways."""
    await fill(store, NOON - HOUR, {1: 1, 2: 20, 3: 300, 4: 4000}, {"shop": 21, "payments": 54_300})
    hours = await ScopeHours(store=store).refresh([PAYMENTS, WEB], NAMESPACES, now_ns=NOON * 10**9)
    assert hours == {PAYMENTS: {NOON - HOUR: 20 + 300 + 50_000}, WEB: {NOON - HOUR: 21}}


async def test_hours_that_can_grow_are_read_again_and_others_once(store: SqliteStore) -> None:
    """A sample that is 6 hours late counts; a new scope has its past."""
    await fill(store, NOVEMBER, {1: 5}, {})
    await fill(store, NOON - 6 * HOUR, {1: 7}, {})
    reads = CountedReads(store)
    known = ScopeHours(store=reads)  # type: ignore[arg-type]
    assert await known.refresh([WEB], {}, now_ns=NOON * 10**9) == {WEB: {NOVEMBER: 5, NOON - 6 * HOUR: 7}}
    assert len(reads.read) == 24 * 24 + 13
    reads.read.clear()
    await fill(store, NOON - 6 * HOUR, {1: 8}, {})
    assert await known.refresh([WEB], {}, now_ns=NOON * 10**9) == {WEB: {NOVEMBER: 5, NOON - 6 * HOUR: 8}}
    assert reads.read == list(range(NOON - OPEN_HOURS * HOUR, NOON + HOUR, HOUR))
    other = Scope("workload", "payments/Deployment/pay")
    await fill(store, NOVEMBER + HOUR, {3: 9}, {})
    assert (await known.refresh([WEB, other], {}, now_ns=NOON * 10**9))[other] == {NOVEMBER + HOUR: 9}
    assert await known.refresh([], {}, now_ns=NOON * 10**9) == {}


async def test_an_hour_is_final_after_it_was_read_when_it_couldnt_grow_any_more(store: SqliteStore) -> None:
    """Also where nobody asked for a day."""
    known = ScopeHours(store=store)
    await fill(store, NOON, {1: 1}, {})
    assert (await known.refresh([WEB], {}, now_ns=(NOON + 60) * 10**9))[WEB] == {NOON: 1}
    await fill(store, NOON, {1: 60}, {})
    assert (await known.refresh([WEB], {}, now_ns=(NOON + 24 * HOUR) * 10**9))[WEB] == {NOON: 60}


async def test_a_month_that_is_over_is_forgotten_but_for_its_last_day(store: SqliteStore) -> None:
    """Means and forecasts of the first hours need it."""
    december = int(datetime(2026, 12, 1, 2, tzinfo=UTC).timestamp())
    for hour in (NOON, december - 3 * HOUR, december):
        await fill(store, hour, {1: 1}, {})
    known = ScopeHours(store=store)
    await known.refresh([WEB], {}, now_ns=NOON * 10**9)
    assert (await known.refresh([WEB], {}, now_ns=december * 10**9))[WEB] == {december - 3 * HOUR: 1, december: 1}


async def test_this_hour_in_the_weeks_before(store: SqliteStore) -> None:
    """As far as the ledger goes back; read once an hour."""
    for week in range(4):
        await fill(store, NOON - week * SECONDS_PER_WEEK, {}, {"shop": 10 + week})
    same = SameHours(store=store)
    began = (NOON - 2 * SECONDS_PER_WEEK) * 10**9
    assert await same.refresh(now_ns=(NOON + 5) * 10**9, started_at_ns=began) == [{"shop": 11}, {"shop": 12}]
    await fill(store, NOON - SECONDS_PER_WEEK, {}, {"shop": 10})
    assert await same.refresh(now_ns=(NOON + 65) * 10**9, started_at_ns=began) == [{"shop": 11}, {"shop": 12}]
    assert await same.refresh(now_ns=(NOON + HOUR) * 10**9, started_at_ns=began) == [{}, {}]
