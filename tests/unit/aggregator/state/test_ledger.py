"""What is committed and shown, and what isn't."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.bench import Bench
from harness.records import HOUR, MINUTE, START, FakeKernel, MemoryStore, pod_facts
from kube_cost_aggregator.history.sqlite import open_store
from kube_cost_aggregator.history.store import StoreError, StreamCursor
from kube_cost_aggregator.state.ledger import Ledger
from kube_cost_aggregator.state.pods import Pod
from kube_cost_aggregator.state.totals import IDLE, month_start
from kube_cost_common.domain.resources import Resources
from kube_cost_common.domain.settlement import Change, HourCharges, PodCharge, Usd

SECOND_NS = 10**9
DAY_NS = 24 * HOUR


def pod(uid: str = "pod-uid", namespace: str = "shop") -> Pod:
    return Pod(
        uid=uid,
        usage_uid=uid,
        namespace=namespace,
        name=uid,
        node_name="n1",
        node_uid="node-uid",
        workload_kind="Pod",
        workload=uid,
        start_ns=START,
        requests=[Change(START, Resources(1.0, 1.0))],
    )


def charges(hour_ns: int, *, paid: float = 1.0, shop: float = 0.25, saved: float = 0.0) -> HourCharges[str]:
    """An hour of a node: the shop's pod, and the rest idle."""
    return HourCharges(
        hour_start_ns=hour_ns,
        paid=paid,
        saved=saved,
        idle=Usd(paid - shop, 0.0, 0.0),
        pods={"pod-uid": PodCharge(cpu=shop, seconds=60.0, savings=saved / 2)},
        seconds=60.0,
    )


def books(ledger: Ledger) -> Callable[..., None]:
    """What books hours of one node, with one pod, into a ledger."""
    pods = {"pod-uid": pod()}

    def book(*hours: HourCharges[str]) -> None:
        node = ledger.node("node-uid", "n1", START)
        node.capacity_type = "on_demand"
        ledger.book(node, list(hours), pods)
        ledger.settled(node, max(hour.hour_start_ns for hour in hours) + MINUTE)

    return book


async def test_nothing_is_shown_before_it_is_committed() -> None:
    """A scrape between the booking and the commit sees the totals of before."""
    ledger = Ledger(store=MemoryStore())
    book = books(ledger)
    await ledger.load(START)
    book(charges(START))
    assert not ledger.totals.namespaces
    await ledger.commit(START)
    assert ledger.totals.namespaces["shop"].counter == 250_000_000
    assert ledger.totals.nodes == {"on_demand": 1_000_000_000}
    assert ledger.totals.settled_through_ns == START + MINUTE


async def test_a_commit_that_fails_loses_nothing() -> None:
    """What is booked meanwhile goes with it into the one that succeeds; until then nothing is shown."""
    store = MemoryStore(refusals=3)
    ledger = Ledger(store=store)
    book = books(ledger)
    await ledger.load(START)
    for _ in range(3):
        book(charges(START))
        ledger.follow(StreamCursor(1, 7, 8))
        with pytest.raises(StoreError):
            await ledger.commit(START)
        assert not ledger.totals.namespaces
    ledger.fold({"kube_cost_x_total": 5.0})
    await ledger.commit(START)
    (batch,) = store.batches
    hour = START // SECOND_NS
    assert batch.namespace_hours[hour, "shop"].total == 750_000_000
    assert batch.namespace_hours[hour, IDLE].total == 2_250_000_000
    assert batch.node_hours[hour, 1].paid == 3_000_000_000
    assert batch.stream == StreamCursor(1, 7, 8)
    assert ledger.totals.namespaces["shop"].counter == 750_000_000
    assert ledger.totals.counters == {"kube_cost_x_total": 5.0}
    assert not ledger.batch


async def test_an_empty_batch_is_not_written() -> None:
    """There is nothing to say."""
    store = MemoryStore()
    await Ledger(store=store).commit(START)
    assert not store.batches


async def test_a_node_that_is_done_with_is_still_named() -> None:
    """It may have been booked and settled to its end between two commits, failed ones too."""
    store = MemoryStore(refusals=1)
    ledger = Ledger(store=store)
    book = books(ledger)
    await ledger.load(START)
    book(charges(START))
    with pytest.raises(StoreError):
        await ledger.commit(START)
    ledger.forget_node("node-uid")
    await ledger.commit(START)
    assert set(store.batches[0].nodes) == {"node-uid"}
    assert store.batches[0].gone_nodes == {"node-uid"}


class TestDays:
    async def test_today_begins_at_midnight(self) -> None:
        """In UTC; the hour before it is yesterday's."""
        ledger = Ledger(store=MemoryStore())
        book = books(ledger)
        midnight = START // DAY_NS * DAY_NS + DAY_NS
        await ledger.load(midnight - DAY_NS)
        book(charges(midnight - HOUR, shop=0.25), charges(midnight, shop=0.5))
        await ledger.commit(midnight + MINUTE)
        assert ledger.totals.today("shop", midnight - 1) == 250_000_000
        assert ledger.totals.today("shop", midnight) == 500_000_000
        assert ledger.totals.month_to_date("shop", midnight) == 750_000_000
        assert ledger.totals.today("nobody", midnight) == 0

    async def test_a_month_begins_at_its_first_midnight(self) -> None:
        """What was before isn't in it, and is kept no longer; the counter goes on."""
        month = int(datetime(2027, 3, 1, tzinfo=UTC).timestamp()) * SECOND_NS
        ledger = Ledger(store=MemoryStore())
        book = books(ledger)
        await ledger.load(month - DAY_NS)
        book(charges(month - HOUR, shop=0.25), charges(month, shop=0.5))
        await ledger.commit(month + MINUTE)
        assert ledger.totals.month_to_date("shop", month + MINUTE) == 500_000_000
        assert ledger.totals.namespaces["shop"].counter == 750_000_000
        assert set(ledger.totals.days["shop"]) == {month // DAY_NS}

    @pytest.mark.parametrize(
        ("now", "first"),
        [
            (datetime(2027, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
            (datetime(2028, 2, 29, 23, 59, 59, 999_999, tzinfo=UTC), datetime(2028, 2, 1, tzinfo=UTC)),
            (datetime(2026, 12, 31, 23, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)),
        ],
    )
    def test_month_start(self, now: datetime, first: datetime) -> None:
        """The first of the month at 0:00 UTC."""
        assert month_start(int(now.timestamp()) * SECOND_NS) == first.timestamp()


async def test_a_ledger_that_is_loaded_shows_what_was_committed(tmp_path: Path) -> None:
    """The same totals, and the state of its nodes, to the last bit of the running amounts."""
    store = open_store(tmp_path / "ledger.sqlite")
    ledger = Ledger(store=store)
    book = books(ledger)
    await ledger.load(START)
    book(charges(START, shop=0.1, saved=0.3), charges(START + HOUR, shop=1 / 3))
    ledger.follow(StreamCursor(5, 6, 7))
    ledger.fold({"kube_cost_x_total": 2.5})
    await ledger.commit(START + HOUR)
    store.close()
    store = open_store(tmp_path / "ledger.sqlite")
    again = Ledger(store=store)
    (row,) = await again.load(START + HOUR)
    store.close()
    assert again.totals == ledger.totals
    assert again.nodes == ledger.nodes
    assert again.stream == StreamCursor(5, 6, 7)
    assert row.uid == "pod-uid"
    assert again.node("another", "n2", START).node_id == 2


amounts = st.floats(0, 3, allow_subnormal=False)


@given(st.lists(st.tuples(st.integers(0, 2), amounts, amounts, amounts), min_size=1, max_size=25), st.data())
@settings(max_examples=60)
async def test_counters_never_dip(pieces: list[tuple[int, float, float, float]], data: st.DataObject) -> None:
    """Whatever is charged, however it is rounded, and whichever commits fail."""
    store = MemoryStore()
    ledger = Ledger(store=store)
    book = books(ledger)
    await ledger.load(START)
    shown: dict[str, Any] = {}
    for hour, shop, rest, saved in pieces:
        # Of an amount that is no whole number of nano-USD, so that idle has to give and take.
        small = charges(START + hour * HOUR, paid=(shop + rest) * 1e-9, shop=shop * 1e-9, saved=saved * 1e-9)
        book(small)
        store.refusals = data.draw(st.sampled_from([0, 0, 1]))
        try:
            await ledger.commit(START)
        except StoreError:
            store.refusals = 0
        for namespace, total in ledger.totals.namespaces.items():
            before = shown.get(namespace)
            assert before is None or total.counter >= before.counter
            assert before is None or total.savings_counter >= before.savings_counter
            assert total.counter >= total.money.total
        shown = dict(ledger.totals.namespaces)


async def test_an_hour_cut_by_a_settlement_is_rounded_once() -> None:
    """A pod that costs half a nano a minute costs 30 in an hour: each row is its exact amount's rounding."""
    bench = Bench()
    bench.inventory.put_pod(pod_facts(vcpu_request=3e-7, memory_gib_request=0.0))
    kernel = FakeKernel()
    for number in range(1, 61):
        bench.take(kernel.sample(START + number * MINUTE))
    assert bench.pod().cpu == round(3e-7 * 0.4 * 0.031611 / (4 * 0.031611 + 16 * 0.004237) * 1e9)
    bench.check()
