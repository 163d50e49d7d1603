"""The ledger's hours row by row."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import structs

from harness.ledger_days import FIRST, NOW, SECOND, fill, node, pod
from kube_cost_aggregator.history.hours import PODS_AT_A_TIME, all_pods, all_volume_parts
from kube_cost_aggregator.history.sqlite import SqliteStore, open_store
from kube_cost_aggregator.history.store import Batch, Money, PodHour, Retention, StoreError


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = open_store(tmp_path / "ledger.sqlite")
    yield store
    store.close()


async def test_an_hours_pods_are_all_there_once(store: SqliteStore) -> None:
    """Those that only pay for volumes too, with their node's name and their part of volumes."""
    await fill(store)
    pages = [page async for page in all_pods(store.hours, [FIRST])]
    pods = {one.pod_id: one for page in pages for one in page}
    assert [len(page) for page in pages] == [2, 1]
    assert pods[1].money == Money(30, 20, 0, 4, storage=30, network=3)
    assert (pods[1].node, pods[1].labels, pods[1].workload) == ("n1", "team=pay\ntier=front", "web")
    assert (pods[5000].money, pods[5000].seconds) == (Money(storage=30), 0.0)


async def test_a_days_pods_are_added_up(store: SqliteStore) -> None:
    """Over all of its hours, also those without any."""
    await fill(store)
    hours = [FIRST, SECOND, SECOND + 3600]
    pods = {one.pod_id: one async for page in all_pods(store.hours, hours) for one in page}
    assert pods[5000].money == Money(70, 30, storage=30)
    assert (pods[2].seconds, pods[2].estimated_seconds) == (1800.0, 60.0)
    assert [page async for page in all_pods(store.hours, [SECOND + 3600])] == [[]]


async def test_no_page_has_more_than_it_spans(store: SqliteStore) -> None:
    """However many pods there are, and however far their numbers are apart."""
    await fill(store)
    numbers = [*range(10, 10 + 2 * PODS_AT_A_TIME), 10**6, 10**6 + PODS_AT_A_TIME]
    base = pod(1, "many")
    await store.commit(
        Batch(
            pods={number: structs.replace(base, pod_id=number, uid=str(number)) for number in numbers},
            pod_hours={(NOW, number): PodHour(Money(1), 1.0, 0.0) for number in numbers},
        )
    )
    pages = [page async for page in all_pods(store.hours, [NOW])]
    assert [len(page) for page in pages] == [PODS_AT_A_TIME, PODS_AT_A_TIME, 1, 1]
    assert [one.pod_id for page in pages for one in page] == numbers


async def test_volumes_are_in_parts_by_pod(store: SqliteStore) -> None:
    """And say which volume it is."""
    await fill(store)
    parts = [one async for page in all_volume_parts(store.hours, FIRST) for one in page]
    assert [(one.pod_id, one.object_id, one.nano) for one in parts] == [(1, 1, 30), (5000, 1, 30)]
    assert [page async for page in all_volume_parts(store.hours, SECOND)] == [[]]


async def test_nodes_know_what_they_and_their_pods_sent(store: SqliteStore) -> None:
    """In one hour, and over both."""
    await fill(store)
    first, second = await store.hours.nodes(hours=[FIRST])
    assert (first.paid, first.saved, first.network, first.pods_network) == (100, 4, 2, 3)
    assert (first.system, first.idle) == (Money(10, 5), Money(42, -7))
    assert (second.name, second.capacity_type, second.seconds) == ("n2", "spot", 3599.5)
    both = await store.hours.nodes(hours=[FIRST, SECOND])
    assert [(one.paid, one.seconds) for one in both] == [(199, 7200.0), (100, 3599.5)]


async def test_objects_are_there_by_owner(store: SqliteStore) -> None:
    """With what of them is for pods to pay."""
    await fill(store)
    found = await store.hours.objects(hours=[FIRST, SECOND])
    assert [(one.kind, one.namespace, one.claim, one.paid, one.pods) for one in found] == [
        ("volume", "shop", "disk", 121, 60),
        ("load_balancer", "data", "", 50, 0),
        ("control_plane", "__cluster__", "", 100, 0),
    ]


async def test_what_was_before_an_hour_is_what_is_now_without_what_came(store: SqliteStore) -> None:
    """Of namespaces, and of nodes by capacity type."""
    await fill(store)
    before = {one.namespace: one for one in await store.hours.namespaces_before(SECOND)}
    assert before["shop"].money == Money(30, 20, 0, 4, storage=60, network=3)
    assert before["shop"].counter == 30 + 20 + 60 + 3 + 70 + 30 + 61
    assert before["__cluster__"].money == Money(network=2, control_plane=100)
    assert await store.hours.capacities_before(SECOND) == {"on_demand": 100, "spot": 100}
    assert await store.hours.capacities_before(FIRST) == {"on_demand": 0, "spot": 0}


async def test_settled_is_what_all_nodes_and_objects_are(store: SqliteStore) -> None:
    """Up to the hour that one of them is still in; nobody knows without any."""
    assert await store.hours.settled_until() is None
    assert await store.hours.kept_from() is None
    await fill(store)
    assert (await store.hours.settled_until(), await store.hours.kept_from()) == (NOW, (FIRST, FIRST))
    await store.commit(Batch(nodes={"node-2": node(2, through=SECOND + 3599)}))
    assert await store.hours.settled_until() == SECOND


async def test_hours_that_have_gone_are_known_to_have(store: SqliteStore) -> None:
    """Those of pods go before others: from then on a node has no pods, and must not be said to have been idle."""
    await fill(store)
    now = NOW + 10 * 86_400
    while await store.tidy(now=now, settled_through=now, retention=Retention(pod_hours_days=1)):
        pass
    kept = await store.hours.kept_from()
    assert kept is not None
    assert kept.namespaces == FIRST
    assert kept.pods > NOW


async def test_a_ledger_that_cannot_be_read_says_what_was_tried(store: SqliteStore) -> None:
    """And the next read isn't hindered by it."""
    await fill(store)
    store._reader.execute("PRAGMA query_only = OFF")
    store._reader.execute("DROP TABLE pod_hours")
    with pytest.raises(StoreError, match="can't read the pods' hours"):
        await store.hours.pods(hours=[FIRST])
    assert len(await store.hours.objects(hours=[FIRST])) == 3
