"""What a node costs and since when, by the book."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import msgspec
import pytest

from harness.bench import DEFAULTS
from harness.records import LABELS, MINUTE, START, node_facts, price_record
from kube_cost_aggregator.state.facts import NodeFacts, StorageClassFacts, VolumeFacts
from kube_cost_aggregator.state.prices import PriceBook, PriceShelf, Since, instance_key, volume_key
from kube_cost_aggregator.state.volumes import VolumeIdentity, by_name, identify_volume
from kube_cost_common.domain.attached_gpus import ACCELERATOR_LABEL, GPUS_LABEL
from kube_cost_common.domain.nodes import ON_DEMAND, SPOT, NodeIdentity, identify
from kube_cost_common.domain.resources import Resources
from kube_cost_common.messages.prices import Shape, Tier, Unpriced, Weights, labels_hash

N1_WITH_T4 = {**LABELS, "node.kubernetes.io/instance-type": "n1-standard-4", ACCELERATOR_LABEL: "nvidia-tesla-t4"}
SPOT_LABELS = {**LABELS, "karpenter.sh/capacity-type": "spot"}


def identity_of(facts: NodeFacts) -> NodeIdentity:
    return identify(provider_id=facts.provider_id, labels=facts.labels)


def since(usd: float, minutes: float = 0) -> Since:
    return Since(START + round(minutes * MINUTE), price_record(usd))


def book(
    facts: NodeFacts, records: Mapping[str, Sequence[Since]], wanted_labels: frozenset[str] = frozenset()
) -> PriceBook:
    """A book whose keys are `capacity` or `capacity#label hash`."""
    named = {instance_key(identity_of(facts), *name.partition("#")[::2]): values for name, values in records.items()}
    return PriceBook(named, wanted_labels)


def timeline(facts: NodeFacts, of: PriceBook) -> list[tuple[float, float, float | None]]:
    """Minutes since START, what is paid, and what on demand costs."""
    return [
        ((change.since_ns - START) / MINUTE, change.price.usd_per_hour, change.price.on_demand_usd_per_hour)
        for change in of.node_timeline(facts, identity_of(facts))
    ]


def test_a_nodes_price_changes_when_its_records_do() -> None:
    """On demand it pays what on demand costs."""
    node = node_facts()
    prices = book(node, {ON_DEMAND: [since(0.4), since(0.5, 10)], SPOT: [since(0.1)]})
    assert timeline(node, prices) == [(0, 0.4, 0.4), (10, 0.5, 0.5)]
    now = prices.node_prices(node, identity_of(node))
    assert now.now is not None
    assert (now.now.usd_per_hour, now.on_demand, now.spot) == (0.5, 0.5, 0.1)


def test_a_spot_nodes_timeline_has_the_changes_of_both_prices() -> None:
    """What it pays and what it saves change at moments of their own; the first of each reaches back."""
    node = node_facts(labels=SPOT_LABELS)
    prices = book(node, {ON_DEMAND: [since(0.4, 5), since(0.5, 15)], SPOT: [since(0.1, 10), since(0.2, 20)]})
    assert timeline(node, prices) == [(5, 0.1, 0.4), (10, 0.1, 0.4), (15, 0.1, 0.5), (20, 0.2, 0.5)]


def test_spot_without_a_price_on_demand_claims_no_savings() -> None:
    """Nothing is known to compare with."""
    node = node_facts(labels=SPOT_LABELS)
    assert timeline(node, book(node, {SPOT: [since(0.1)]})) == [(0, 0.1, None)]


def test_a_spot_node_without_a_spot_price_has_none() -> None:
    """The price on demand isn't what it pays."""
    node = node_facts(labels=SPOT_LABELS)
    assert timeline(node, book(node, {ON_DEMAND: [since(0.4)]})) == []


def test_of_two_records_of_one_moment_the_later_holds() -> None:
    """There is one change."""
    node = node_facts()
    assert timeline(node, book(node, {ON_DEMAND: [since(0.4), since(0.6)]})) == [(0, 0.6, 0.6)]


class TestLabels:
    node = node_facts(labels={**LABELS, "pool": "batch", "secret": "x"})
    hashed = f"{ON_DEMAND}#{labels_hash({'pool': 'batch'})}"

    def test_a_price_for_a_nodes_labels_comes_before_the_plain_one(self) -> None:
        """Whoever wrote it meant this node."""
        records = {ON_DEMAND: [since(0.4)], self.hashed: [since(0.1)]}
        assert timeline(self.node, book(self.node, records, wanted_labels=frozenset({"pool", "team"}))) == [
            (0, 0.1, 0.1)
        ]

    def test_without_one_the_plain_price_holds(self) -> None:
        """Labels that no custom price fits change nothing."""
        records = {ON_DEMAND: [since(0.4)]}
        assert timeline(self.node, book(self.node, records, wanted_labels=frozenset({"pool"}))) == [(0, 0.4, 0.4)]

    def test_labels_that_nobody_wants_are_not_looked_at(self) -> None:
        """Nor sent to pricing."""
        prices = book(self.node, {ON_DEMAND: [since(0.4)], self.hashed: [since(0.1)]})
        assert timeline(self.node, prices) == [(0, 0.4, 0.4)]
        assert prices.node_labels(self.node, identity_of(self.node)) == {}


class TestAttachedGpus:
    """Of an N1 machine the type doesn't say which GPUs it has: its price is its own."""

    node = replace(node_facts(labels=N1_WITH_T4, capacity=Resources(4.0, 15.0, 1.0)), provider_id="gce://p/z/n1")
    hashed = f"{ON_DEMAND}#{labels_hash({ACCELERATOR_LABEL: 'nvidia-tesla-t4', GPUS_LABEL: '1'})}"

    def test_its_price_is_the_one_of_what_is_attached(self) -> None:
        """Though nobody wrote a price of their own."""
        prices = book(self.node, {ON_DEMAND: [since(0.19)], self.hashed: [since(0.54)]})
        assert timeline(self.node, prices) == [(0, 0.54, 0.54)]

    def test_without_one_the_plain_machines_price_isnt_taken(self) -> None:
        """It has no price, and says why by its own key."""
        key = instance_key(identity_of(self.node), *self.hashed.partition("#")[::2])
        why = Unpriced(key, "no_price", "no GPU of that kind")
        prices = replace(book(self.node, {ON_DEMAND: [since(0.19)]}), unpriced={key: why})
        assert timeline(self.node, prices) == []
        assert prices.why_unpriced(self.node, identity_of(self.node)) == why

    def test_a_machine_without_any_has_the_plain_price(self) -> None:
        """And asks for nothing else."""
        plain = node_facts(labels={**N1_WITH_T4, ACCELERATOR_LABEL: ""}, capacity=Resources(4.0, 15.0))
        plain = replace(plain, provider_id="gce://p/z/n1")
        prices = book(plain, {ON_DEMAND: [since(0.19)], self.hashed: [since(0.54)]})
        assert timeline(plain, prices) == [(0, 0.19, 0.19)]
        assert prices.node_labels(plain, identity_of(plain)) == {}


class TestShapes:
    def test_the_nominal_shape_is_what_the_price_is_split_over(self) -> None:
        """Though the kernel reports a little less."""
        node = node_facts(capacity=Resources(4.0, 15.3))
        (change,) = book(node, {ON_DEMAND: [since(0.4)]}).node_timeline(node, identity_of(node))
        assert change.price.shape == Resources(4.0, 16.0)

    @pytest.mark.parametrize("shape", [None, Shape(0.0, 0.0)])
    def test_without_one_it_is_the_nodes_capacity(self, shape: Shape | None) -> None:
        """The best that is known."""
        node = node_facts(capacity=Resources(4.0, 15.3))
        record = Since(START, price_record(shape=shape))
        (change,) = book(node, {ON_DEMAND: [record]}).node_timeline(node, identity_of(node))
        assert change.price.shape == node.capacity

    def test_a_providers_own_weights_split_the_price(self) -> None:
        """Where it sells cores and memory apart."""
        node = node_facts()
        record = Since(START, price_record(0.4, weights=Weights(1.0, 0.0, 0.0)))
        (change,) = book(node, {ON_DEMAND: [record]}).node_timeline(node, identity_of(node))
        assert change.price.unit_prices == (0.1, 0.0, 0.0)


def test_a_node_may_be_assumed_to_cost_the_default() -> None:
    """By its capacity, marked as an estimate; a price that comes later is used instead."""
    shelf = PriceShelf(defaults=DEFAULTS, changed=lambda: None)
    node = node_facts()
    assert timeline(node, shelf.book) == []
    shelf.assume(node.uid)
    (change,) = shelf.book.node_timeline(node, identity_of(node))
    assert change.price.usd_per_hour == pytest.approx(4 * 0.03 + 16 * 0.004)
    assert (change.price.estimated, change.price.source) == (True, "estimate")
    shelf.replace({instance_key(identity_of(node), ON_DEMAND): [since(0.4)]}, frozenset())
    assert timeline(node, shelf.book) == [(0, 0.4, 0.4)]


def test_without_a_default_nothing_is_assumed() -> None:
    """It was switched off."""
    shelf = PriceShelf(defaults=None, changed=lambda: None)
    shelf.assume("node-uid")
    assert not shelf.book.assumed


class TestVolumes:
    volume = VolumeFacts(
        uid="v",
        name="pv-1",
        created_ns=START,
        capacity_bytes=100 * 1024**3,
        storage_class="fast",
        claim=None,
        driver="ebs.csi.aws.com",
        attributes={},
        labels={"topology.kubernetes.io/zone": "us-east-1a"},
    )

    def classes(self, **parameters: str) -> Mapping[str, StorageClassFacts]:
        return by_name([StorageClassFacts(uid="c", name="fast", provisioner="p", parameters=parameters)])

    def test_its_type_is_its_storage_classs(self) -> None:
        """Else what its driver makes."""
        assert identify_volume(self.volume, self.classes(type="io2"), "us-east-1").sku == "io2"
        assert identify_volume(self.volume, self.classes(), "us-east-1").sku == "gp3"
        assert identify_volume(self.volume, {}, "us-east-1") == ("aws", "us-east-1", "us-east-1a", "gp3", 0.0, 0.0)

    def test_on_premises_it_is_the_storage_class(self) -> None:
        """Whose parameters mean nothing here."""
        volume = replace(self.volume, driver="rook-ceph.rbd.csi.ceph.com")
        assert identify_volume(volume, self.classes(type="io2"), "") == ("custom", "", "us-east-1a", "fast", 0.0, 0.0)

    def test_it_costs_by_its_provisioned_size(self) -> None:
        """730 hours are a month."""
        identity = VolumeIdentity("aws", "us-east-1", "us-east-1a", "gp3")
        prices = PriceBook({volume_key(identity): [since(0.08)]})
        usd, source = prices.volume_usd_per_hour(self.volume, identity)
        assert usd == pytest.approx(100 * 0.08 / 730)
        assert source == "api"
        assert PriceBook().volume_usd_per_hour(self.volume, identity) == (None, "")

    @pytest.mark.parametrize(("gib", "usd"), [(1, 0.60), (4, 0.60), (4.5, 1.20), (8, 1.20), (32767, 2.40)])
    def test_a_whole_disk_costs_what_the_next_size_up_does(self, gib: float, usd: float) -> None:
        """A cloud that sells sizes sells no part of one."""
        identity = VolumeIdentity("azure", "eastus", "eastus-1", "Premium_LRS")
        sizes = [Tier(start=0, usd=0.60), Tier(start=8, usd=2.40), Tier(start=4, usd=1.20)]
        record = msgspec.structs.replace(since(0.60).record, kind="volume", unit="disk_month", tiers=sizes)
        prices = PriceBook({volume_key(identity): [Since(0, record)]})
        volume = replace(self.volume, capacity_bytes=int(gib * 2**30))
        assert prices.volume_usd_per_hour(volume, identity)[0] == pytest.approx(usd / 730)
