"""A node that came and went while nobody watched is charged as far as its samples tell of it."""

from pathlib import Path

import msgspec
import pytest

from harness import rows
from harness.bench import DEFAULTS, USD, Bench
from harness.records import LABELS, MINUTE, START, FakeKernel, node_facts, pod_facts
from kube_cost_aggregator.history.sqlite import open_store
from kube_cost_aggregator.state.inventory import Inventory
from kube_cost_aggregator.state.ledger import Ledger
from kube_cost_aggregator.state.prices import PriceShelf
from kube_cost_aggregator.state.restart import restore
from kube_cost_aggregator.state.settlement import Outcome, Patience, Settlement
from kube_cost_aggregator.state.unlisted import OLDEST_NS
from kube_cost_common.domain.resources import BYTES_PER_GIB, Resources
from kube_cost_common.messages.usage import UsageSample

UID = "unlisted/gone/boot"
SPOT_LABELS = {**LABELS, "karpenter.sh/capacity-type": "spot"}


def minute(number: float) -> int:
    return START + round(number * MINUTE)


class GoneKernel(FakeKernel):
    """A node with 4 vCPU and 15.7 GiB, whose only pod uses 2 vCPUs and 6 GiB."""

    machine = (4.0, round(15.7 * BYTES_PER_GIB))

    def sample(self, end_ns: int, **changes: object) -> UsageSample:
        vcpu, memory_bytes = self.machine
        made = super().sample(end_ns, **changes)  # type: ignore[arg-type]
        return msgspec.structs.replace(made, vcpu=vcpu, memory_bytes=memory_bytes)


@pytest.fixture
def gone() -> GoneKernel:
    return GoneKernel(node="gone", session="9" * 16, pods={"lost": (2.0, 6.0)})


def take(bench: Bench, sample: UsageSample) -> Outcome:
    return bench.settlement.take(sample, sample.sent_at_ns, unwatched=True)


def test_it_is_charged_like_a_known_node_of_its_size(gone: GoneKernel) -> None:
    """Node, pod, system and idle add up to that node's price for the time that its samples cover, estimated."""
    bench = Bench(nodes=[node_facts(allocatable=Resources(3.5, 15.0))])
    assert [take(bench, gone.sample(minute(number))) for number in (1, 2, 3)] == [Outcome.SETTLED] * 3
    (hour,) = bench.ledger.batch.node_hours.values()
    assert hour.seconds == hour.estimated_seconds == 180
    assert hour.paid == pytest.approx(USD * 1e9 * 180 / 3600, abs=1)
    assert hour.system.total > 0
    assert hour.idle.total > 0
    assert bench.state(UID).instance_type == "m5.xlarge"
    assert bench.vcpus(180, "lost") == pytest.approx(2)
    assert bench.gib(180, "lost") == pytest.approx(6)
    assert bench.pod("lost").estimated_seconds == bench.pod("lost").seconds == 180
    bench.check()


def test_it_is_of_the_kind_that_most_nodes_of_its_size_are_of(gone: GoneKernel) -> None:
    """A third node is of another size, and doesn't count."""
    nodes = [
        node_facts("a", "a", labels=SPOT_LABELS),
        node_facts("b", "b"),
        node_facts("c", "c"),
        *(node_facts(uid, uid, labels=SPOT_LABELS, capacity=Resources(4.0, 32.0)) for uid in "def"),
    ]
    bench = Bench(nodes=nodes, priced=False)
    take(bench, gone.sample(minute(1)))
    assert bench.inventory.nodes[UID].identity == bench.inventory.nodes["b"].identity


def test_without_one_of_its_size_it_costs_the_default(gone: GoneKernel) -> None:
    """By the vCPUs and the memory that its agent sees, all of which is there for pods."""
    bench = Bench(nodes=[node_facts(capacity=Resources(2.0, 8.0))], defaults=DEFAULTS)
    assert take(bench, gone.sample(minute(1))) is Outcome.SETTLED
    (hour,) = bench.ledger.batch.node_hours.values()
    assert hour.paid == pytest.approx((4 * 0.03 + 15.7 * 0.004) * 1e9 / 60, abs=1)
    assert hour.system.total == 0
    assert hour.estimated_seconds == 60
    bench.check()


def test_nothing_is_charged_where_nothing_says_what_it_would_cost(gone: GoneKernel) -> None:
    """No node of its size and no default price: it is left to the caller."""
    bench = Bench(nodes=[], priced=False)
    assert take(bench, gone.sample(minute(1))) is Outcome.UNKNOWN_NODE
    assert bench.inventory.nodes == {}


def test_an_agent_that_does_not_say_its_machine_is_left_to_the_caller(gone: GoneKernel) -> None:
    """An older one has no such fields."""
    gone.machine = (0.0, 0)
    bench = Bench(defaults=DEFAULTS)
    assert take(bench, gone.sample(minute(1))) is Outcome.UNKNOWN_NODE


def test_while_nodes_are_watched_it_is_left_to_the_caller(gone: GoneKernel) -> None:
    """A node of the cluster would have been told of."""
    bench = Bench(defaults=DEFAULTS)
    assert bench.take(gone.sample(minute(1))) is Outcome.UNKNOWN_NODE


def test_once_nodes_are_watched_its_samples_are_left_to_the_caller(gone: GoneKernel) -> None:
    """An agent that goes on is none of a node of this cluster: it isn't paid for ever."""
    bench = Bench()
    assert take(bench, gone.sample(minute(1))) is Outcome.SETTLED
    assert bench.take(gone.sample(minute(2))) is Outcome.UNKNOWN_NODE
    bench.wait(minute(2), minute(2.1))
    assert UID not in bench.ledger.nodes


def test_time_before_the_ledger_began_is_not_charged(gone: GoneKernel) -> None:
    """A new ledger on an old stream."""
    bench = Bench()
    bench.ledger.started_at_ns = minute(1)
    assert take(bench, gone.sample(minute(1))) is Outcome.UNKNOWN_NODE
    assert bench.ledger.nodes == {}


def test_a_sample_that_says_it_began_long_ago_is_left_to_the_caller(gone: GoneKernel) -> None:
    """Else one sample with a wrong time would make a node that is paid for years."""
    sample = gone.sample(minute(1))
    old = msgspec.structs.replace(sample, sent_at_ns=sample.start_ns + OLDEST_NS + 1)
    assert take(Bench(), old) is Outcome.UNKNOWN_NODE
    assert take(Bench(), msgspec.structs.replace(old, sent_at_ns=old.sent_at_ns - 1)) is Outcome.SETTLED


def test_it_ends_with_its_last_sample(gone: GoneKernel) -> None:
    """A minute after all samples are settled the ledger is done with it, and it isn't taken up again."""
    bench = Bench()
    for number in (1, 2):
        take(bench, gone.sample(minute(number)))
    bench.wait(minute(2), minute(2.9), drained=False)
    assert UID in bench.ledger.nodes
    bench.wait(minute(3), minute(3.1))
    assert UID not in bench.ledger.nodes
    assert "lost" not in bench.inventory.pods
    assert take(bench, gone.sample(minute(4))) is Outcome.UNKNOWN_NODE
    assert bench.pod("lost").seconds == 120
    bench.check()


def test_a_list_does_not_end_it_again(gone: GoneKernel) -> None:
    """No list has it; it is settled on, sample by sample."""
    bench = Bench()
    take(bench, gone.sample(minute(1)))
    bench.inventory.replace_nodes([node_facts()], minute(1.5))
    assert take(bench, gone.sample(minute(2))) is Outcome.SETTLED
    assert bench.state(UID).settled_through_ns == minute(2)


def test_a_pod_that_the_api_server_still_has_is_that_pod(gone: GoneKernel) -> None:
    """It is charged once, under its workload, as long as samples say."""
    bench = Bench()
    bench.inventory.put_pod(pod_facts("lost", node_name="gone"))
    for number in (1, 2):
        take(bench, gone.sample(minute(number)))
    assert bench.pods == ["lost"]
    assert bench.pod("lost").seconds == pytest.approx(120)
    (row,) = bench.ledger.batch.pods.values()
    assert row.workload_kind == "ReplicaSet"
    bench.check()


def test_another_node_may_have_its_name_by_now() -> None:
    """Each sample is its own node's by its time, and the name stays with the node that has it."""
    later = node_facts("later", "gone", created_ns=minute(10))
    bench = Bench(nodes=[later])
    old, new = (
        GoneKernel(node="gone", session=session, pods={pod: (1.0, 1.0)})
        for session, pod in (("1" * 16, "a"), ("2" * 16, "b"))
    )
    for number in (1, 2):
        assert take(bench, old.sample(minute(number))) is Outcome.SETTLED
    new.began_ns = new.sampled_ns = minute(10)
    assert take(bench, new.sample(minute(11))) is Outcome.SETTLED
    assert bench.state(UID).settled_through_ns == minute(2)
    assert bench.state("later").settled_through_ns == minute(11)
    assert bench.inventory.node_uids["gone"] == "later"
    bench.check()


def test_another_of_its_name_may_have_gone_before() -> None:
    """The known one ends with its last sample, the other begins with its first: the time between is nobody's."""
    bench = Bench()
    known = GoneKernel(pods={"a": (1.0, 1.0)})
    bench.take(known.sample(minute(1)))
    bench.inventory.replace_nodes([], minute(30))
    take(bench, known.sample(minute(2)))
    other = GoneKernel(session="2" * 16, boot_id="other", pods={"b": (1.0, 1.0)})
    other.began_ns = other.sampled_ns = minute(10)
    assert [take(bench, other.sample(minute(number))) for number in (11, 12)] == [Outcome.SETTLED] * 2
    bench.wait(minute(13), minute(13))
    assert bench.ledger.nodes == {}
    by_node = {number: row.seconds for (_, number), row in bench.ledger.batch.node_hours.items()}
    assert sorted(by_node.values()) == [120, 120]
    assert (bench.pod("a").seconds, bench.pod("b").seconds) == (120, 120)
    bench.check()


def test_an_agent_begun_anew_on_a_node_that_went_is_the_nodes() -> None:
    """The same boot is the same node."""
    bench = Bench()
    kernel = GoneKernel(pods={"a": (1.0, 1.0)})
    bench.take(kernel.sample(minute(1)))
    bench.inventory.replace_nodes([], minute(30))
    kernel.restart_agent(minute(2), "2" * 16)
    assert take(bench, kernel.sample(minute(3))) is Outcome.SETTLED
    assert bench.through == 180
    assert set(bench.ledger.nodes) == {"node-uid"}


async def test_a_restart_goes_on_with_it(gone: GoneKernel, tmp_path: Path) -> None:
    """Its rows are those without a restart, at the default price too, which no bucket has."""
    samples = [gone.sample(minute(number)) for number in (1, 2, 3, 4)]
    whole = Bench(nodes=[], priced=False, defaults=DEFAULTS)
    for sample in samples:
        assert take(whole, sample) is Outcome.SETTLED
    store = open_store(tmp_path / "ledger.sqlite")
    for sample in samples:
        inventory, ledger = Inventory(changed=lambda: None), Ledger(store=store)
        restore(inventory, ledger, await ledger.load(START))
        inventory.replace_nodes([], minute(5))
        settlement = Settlement(
            inventory=inventory,
            ledger=ledger,
            prices=PriceShelf(defaults=DEFAULTS, changed=lambda: None),
            patience=Patience(),
        )
        assert settlement.take(sample, sample.sent_at_ns, unwatched=True) is Outcome.SETTLED
        await ledger.commit(sample.end_ns)
    store.close()
    rows.check_sums(tmp_path)
    assert rows.node_seconds(tmp_path) == {UID: 240}
    assert sum(paid for paid, *_ in rows.node_hours(tmp_path).values()) == pytest.approx(whole.paid, abs=1)
    charged, expected = rows.pods(tmp_path)["lost"], whole.pod("lost")
    assert charged.total == pytest.approx(expected.total, abs=2)
    assert charged.estimated_seconds == charged.seconds == expected.seconds
