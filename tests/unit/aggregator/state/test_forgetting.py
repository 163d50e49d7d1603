"""What is kept of nodes doesn't grow with how many there have been."""

from dataclasses import replace

import msgspec

from harness.bench import DEFAULTS, Bench
from harness.records import HOUR, MINUTE, START, FakeKernel, MemoryStore, node_facts
from kube_cost_aggregator.state.inventory import GONE_NODE_NS, Inventory
from kube_cost_aggregator.state.ledger import Ledger

HOURS = 24


def replace_a_node_a_minute(bench: Bench, minutes: int) -> None:
    """Each lives for two minutes, under a name of its own; every tenth comes and goes while nobody watches."""
    for number in range(minutes):
        born_ns = START + number * MINUTE
        name = f"n{number}"
        kernel = FakeKernel(node=name, boot_id=name, session=f"{number:016x}", began_ns=born_ns, sampled_ns=born_ns)
        unwatched = number % 10 == 0
        if not unwatched:
            bench.inventory.put_node(node_facts(f"uid-{name}", name, created_ns=born_ns), born_ns)
        for end_ns in (born_ns + MINUTE, born_ns + 2 * MINUTE):
            sample = msgspec.structs.replace(kernel.sample(end_ns), vcpu=4.0, memory_bytes=16 * 2**30)
            bench.settlement.take(sample, sample.sent_at_ns, unwatched=unwatched)
        bench.inventory.end_node(f"uid-{name}", born_ns + 2 * MINUTE)
        bench.settlement.catch_up(born_ns + 2 * MINUTE, connected=True, drained=True)
    bench.settlement.catch_up(START + (minutes + 5) * MINUTE, connected=True, drained=True)
    bench.check()


def test_a_day_of_nodes_that_come_and_go_leaves_six_hours_of_names() -> None:
    """As long as samples may wait on the bus a node that is gone isn't taken up again; nothing else is kept."""
    bench = Bench(nodes=[], priced=False, defaults=DEFAULTS)
    bench.inventory.put_node(node_facts("stays", "stays"), START)
    bench.price()
    replace_a_node_a_minute(bench, HOURS * 60)
    assert set(bench.inventory.nodes) == set(bench.ledger.nodes) == {"stays"}
    assert set(bench.inventory.node_uids) == {"stays"}
    assert bench.inventory.pods == {}
    assert bench.inventory.unkept_nodes <= {"stays"}
    assert bench.settlement._unpriced_since_ns == {}
    assert bench.ledger.gone_nodes == {}
    assert 350 <= len(bench.inventory.gone_nodes) <= 361


def test_a_node_that_is_remembered_as_gone_is_not_taken_up_again() -> None:
    """By no stale list, as long as there may be one."""
    bench = Bench()
    bench.inventory.end_node("node-uid", START)
    bench.inventory.forget_node("node-uid", START)
    bench.inventory.put_node(node_facts(), START + GONE_NODE_NS)
    assert bench.inventory.nodes == {}


async def test_nodes_that_were_gone_before_are_remembered_from_the_start_on() -> None:
    """A new process doesn't know when they went: they are remembered for as long as if it had been just then."""
    store = MemoryStore()
    state = await store.load(now_ns=0, month_start=0)
    ledger = Ledger(store=MemoryStore(state=replace(state, gone_nodes=frozenset({"old"}))))
    await ledger.load(START)
    assert ledger.gone_nodes == {"old": START}
    inventory = Inventory(changed=lambda: None)
    inventory.gone_nodes.update(ledger.gone_nodes)
    inventory.put_node(node_facts("a", "a"), START)
    inventory.forget_node("a", START + 6 * HOUR)
    assert set(inventory.gone_nodes) == {"old", "a"}
    inventory.put_node(node_facts("b", "b"), START)
    inventory.forget_node("b", START + 6 * HOUR + 1)
    assert set(inventory.gone_nodes) == {"a", "b"}
