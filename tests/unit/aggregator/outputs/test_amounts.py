from hypothesis import given
from hypothesis import strategies as st

from harness.costs import node_rate, pod_rate
from kube_cost_aggregator.outputs.amounts import RateSums, current_nodes, node_amounts
from kube_cost_aggregator.state.rates import NodeRate

_SHARES = st.floats(0, 0.01)


@st.composite
def _nodes(draw: st.DrawFn) -> NodeRate:
    name = draw(st.sampled_from(["a", "b", "c"]))
    pods = [
        pod_rate(
            f"pod-{number}",
            cpu,
            namespace=draw(st.sampled_from(["shop", "data"])),
            workload=("Deployment", draw(st.sampled_from(["web", "db"]))),
            savings=cpu / 3,
        )
        for number, cpu in enumerate(draw(st.lists(_SHARES, max_size=6)))
    ]
    price = draw(st.one_of(st.none(), st.floats(0.07, 50)))
    return node_rate(name, *pods, usd_per_hour=price, on_demand=draw(st.one_of(st.none(), st.floats(0, 60))))


@given(_nodes())
def test_pods_system_and_idle_are_the_price(rate: NodeRate) -> None:
    """In whole nano-USD: idle takes what rounding leaves."""
    amounts = node_amounts(rate)
    assert sum(pod.nano for pod in amounts.pods.values()) + amounts.system + amounts.idle == amounts.paid


@given(st.lists(_nodes(), max_size=12))
def test_sums_after_any_changes_are_those_of_a_fresh_start(history: list[NodeRate]) -> None:
    """Taking old rates away and adding new ones leaves nothing behind."""
    kept, nodes = RateSums(), dict[str, NodeRate]()
    for rate in history:
        kept.replace(rate.facts.name, rate)
        nodes[rate.facts.name] = rate
    if history:
        del nodes[history[0].facts.name]
        kept.replace(history[0].facts.name, None)
    fresh = RateSums()
    for rate in nodes.values():
        fresh.replace(rate.facts.name, rate)
    kept.touched.clear()
    fresh.touched.clear()
    assert kept == fresh


@given(st.lists(_nodes(), max_size=12))
def test_all_namespaces_together_are_all_nodes(rates: list[NodeRate]) -> None:
    """Rates by namespace add up to what nodes cost, savings to what spot saves on them."""
    sums = RateSums()
    for number, rate in enumerate(rates):
        sums.replace(f"node-{number}", rate)
    rows = list(sums.by_namespace(sums.namespaces))
    amounts = [node_amounts(rate) for rate in rates]
    assert sum(money.total for _, money in rows) == sum(node.paid for node in amounts)
    saved = sum(node.unallocated_savings + sum(pod.savings for pod in node.pods.values()) for node in amounts)
    assert sum(money.savings for _, money in rows) == saved


def test_of_two_nodes_with_one_name_the_younger_has_it() -> None:
    """A node made anew under its name, the old one not yet gone, is one series."""
    old, new = node_rate("a", uid="1", created_ns=1), node_rate("a", uid="2", created_ns=2)
    assert current_nodes([new, old]) == {"a": new}
