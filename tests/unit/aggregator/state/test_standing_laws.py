"""Laws of what costs by its mere being, whatever pods do meanwhile."""

from collections import defaultdict
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.records import HOUR, LABELS, MINUTE, START, MemoryStore, node_facts, pod_facts, price_record
from kube_cost_aggregator.inputs.kubernetes.receiver import InventoryReceiver
from kube_cost_aggregator.state.facts import ServiceFacts, VolumeFacts
from kube_cost_aggregator.state.inventory import Inventory
from kube_cost_aggregator.state.ledger import Ledger
from kube_cost_aggregator.state.prices import PriceShelf, Since, place_key, volume_key
from kube_cost_aggregator.state.standing import LAG_NS, StandingCosts
from kube_cost_aggregator.state.totals import UNCLAIMED
from kube_cost_aggregator.state.volumes import identify_volume
from kube_cost_common.domain.resources import BYTES_PER_GIB
from kube_cost_common.messages.prices import LOAD_BALANCER

GIB_MONTH_USD = 0.08
VOLUME_NANO = round(100 * GIB_MONTH_USD / 730 * 1e9)
"""Of an hour of 100 GiB."""
BALANCER_USD = 0.0225
DAY = 24 * HOUR


class Shop:
    """A namespace with a claim of 100 GiB, on one node; what is settled stays in the ledger's batch."""

    def __init__(self, *, claim: tuple[str, str] | None = ("shop", "data")) -> None:
        self.inventory = Inventory(changed=lambda: None)
        self.ledger = Ledger(store=MemoryStore())
        self.shelf = PriceShelf(defaults=None, changed=lambda: None)
        self.standing = StandingCosts(
            inventory=self.inventory, ledger=self.ledger, prices=self.shelf, price_patience_seconds=600.0
        )
        self.receiver = InventoryReceiver(inventory=self.inventory, last_seen_ns=lambda _: START)
        self.receiver.changed("Node", node_facts(labels=LABELS), START)
        self.volume = VolumeFacts(
            uid="volume",
            name="pv-1",
            created_ns=START,
            capacity_bytes=100 * BYTES_PER_GIB,
            storage_class="gp3",
            claim=claim,
            driver="ebs.csi.aws.com",
            attributes={},
            labels={},
        )
        identity = identify_volume(self.volume, {}, "us-east-1")
        capacity = price_record(GIB_MONTH_USD, kind="volume", sku=identity.sku, unit="gib_month", shape=None)
        balancer = price_record(BALANCER_USD, kind=LOAD_BALANCER, sku="", unit="hour", shape=None)
        self.shelf.replace(
            {
                volume_key(identity): (Since(START, capacity),),
                place_key(self.inventory.place(), LOAD_BALANCER): (Since(START, balancer),),
            },
            frozenset(),
        )
        self.receiver.changed("PersistentVolume", self.volume, START)

    def pod_comes(self, uid: str, at_ns: int) -> None:
        self.receiver.changed("Pod", pod_facts(uid, created_ns=at_ns, bound_ns=at_ns, claims=("data",)), at_ns)

    def pod_goes(self, uid: str, at_ns: int) -> None:
        self.receiver.removed("Pod", uid, None, at_ns)

    def settle(self, through_ns: int) -> None:
        for _ in self.standing.settle(through_ns + LAG_NS):
            pass

    def paid(self, *, day: int | None = None) -> int:
        """Nano-USD of all objects, or of those of a day since START."""
        hours = self.ledger.batch.object_hours
        days = {key: (key[0] * 10**9 - START) // DAY for key in hours}
        return sum(cost.paid for key, cost in hours.items() if day is None or days[key] == day)

    def by_pod(self) -> dict[str, int]:
        """Nano-USD of the volume by pod."""
        found: dict[str, int] = defaultdict(int)
        for (_, pod_id, _), nano in self.ledger.batch.pod_volume_hours.items():
            found[self.ledger.batch.pods[pod_id].uid] += nano
        return dict(found)

    @property
    def rows(self) -> int:
        return len(self.ledger.batch.object_hours) + len(self.ledger.batch.pod_volume_hours)


@given(
    lives=st.lists(st.tuples(st.integers(0, 350), st.integers(1, 350)), max_size=6),
    settled=st.sets(st.integers(1, 359), max_size=5),
)
def test_a_volume_costs_the_same_whoever_mounts_it(lives: list[tuple[int, int]], settled: set[int]) -> None:
    """Six hours with any pods, settled at any moments: its price times its time; pods' parts and the rest are that."""
    shop = Shop()
    events = [(begin, True, str(number)) for number, (begin, _) in enumerate(lives)]
    events += [(min(360, begin + minutes), False, str(number)) for number, (begin, minutes) in enumerate(lives)]
    moments = sorted({*(minute for minute, _, _ in events), *settled, 360})
    for minute in moments:
        for at, comes, uid in sorted(events, key=lambda one: (one[0], one[1])):
            if at == minute:
                (shop.pod_comes if comes else shop.pod_goes)(uid, START + at * MINUTE)
        if minute in settled or minute == 360:
            shop.settle(START + minute * MINUTE)
    assert abs(shop.paid() - 6 * VOLUME_NANO) <= shop.rows
    costs = shop.ledger.batch.object_hours
    assert sum(shop.by_pod().values()) == sum(cost.pods for cost in costs.values())
    assert {(namespace, claim) for _, _, namespace, claim in costs} == {("shop", "data")}
    mounted = {minute for begin, minutes in lives for minute in range(begin, min(360, begin + minutes))}
    assert abs(sum(shop.by_pod().values()) - len(mounted) * VOLUME_NANO / 60) <= shop.rows


def test_two_pods_of_twelve_hours_carry_all_of_it_between_them() -> None:
    """One after the other on one claim: half each, nothing beside them."""
    shop = Shop()
    shop.pod_comes("first", START)
    shop.settle(START + 5 * HOUR)
    shop.pod_goes("first", START + 12 * HOUR)
    shop.pod_comes("second", START + 12 * HOUR)
    shop.settle(START + 12 * HOUR + MINUTE)
    shop.pod_goes("second", START + DAY)
    shop.settle(START + DAY)
    parts = shop.by_pod()
    assert parts["first"] == parts["second"] == pytest.approx(12 * VOLUME_NANO, abs=12)
    assert sum(parts.values()) == shop.paid()


def test_a_stateful_sets_volume_costs_the_same_every_day_of_a_week() -> None:
    """Its pod is restarted every five hours, and away for three minutes each time."""
    shop = Shop()
    at_ns, number = START, 0
    while at_ns < START + 7 * DAY:
        shop.pod_comes(f"db-{number}", at_ns)
        shop.settle(at_ns + HOUR)
        shop.pod_goes(f"db-{number}", at_ns + 5 * HOUR)
        shop.settle(at_ns + 5 * HOUR + MINUTE)
        at_ns, number = at_ns + 5 * HOUR + 3 * MINUTE, number + 1
    shop.settle(START + 7 * DAY)
    days = [shop.paid(day=day) for day in range(timedelta(weeks=1).days)]
    assert days == [pytest.approx(24 * VOLUME_NANO, abs=24)] * 7
    assert 0.98 < sum(shop.by_pod().values()) / shop.paid() < 1.0


def test_a_volume_without_a_claim_is_nobodys() -> None:
    """But it is paid."""
    shop = Shop(claim=None)
    shop.settle(START + 2 * HOUR)
    assert {namespace for _, _, namespace, _ in shop.ledger.batch.object_hours} == {UNCLAIMED}
    assert shop.paid() == pytest.approx(2 * VOLUME_NANO, abs=2)


@pytest.mark.parametrize("pods", [0, 1, 5])
def test_a_service_is_charged_once_whatever_stands_behind_it(pods: int) -> None:
    """From when it has an address to when it is deleted."""
    shop = Shop(claim=None)
    for number in range(pods):
        shop.pod_comes(str(number), START)
    service = ServiceFacts(uid="lb", namespace="shop", name="front", created_ns=START, has_load_balancer=True)
    shop.receiver.changed("Service", service, START)
    shop.settle(START + 90 * MINUTE)
    shop.receiver.removed("Service", "lb", service, START + 3 * HOUR)
    shop.settle(START + 5 * HOUR)
    rows = shop.ledger.batch.object_hours.items()
    balancers = sum(cost.paid for (_, _, namespace, _), cost in rows if namespace == "shop")
    assert balancers == pytest.approx(3 * BALANCER_USD * 1e9, abs=3)
