"""Sharing moves money, and makes or loses none."""

from hypothesis import given
from hypothesis import strategies as st

from kube_cost_common.domain.basis import counted_requests, counted_usage
from kube_cost_common.domain.resources import NOTHING, Resources
from kube_cost_common.domain.sharing import NOTHING_SHARED, How, SharingRules, divided

PSEUDO = ("__idle__", "__system__", "__cluster__")
NAMES = st.sampled_from(["a", "b", "c", "kube-system", "monitoring"])
COSTS = st.dictionaries(st.one_of(NAMES, st.sampled_from(PSEUDO)), st.integers(0, 10**15))
HOWS: list[How] = ["none", "weighted", "even"]
HOW = st.sampled_from(HOWS)
RULES = st.dictionaries(st.sampled_from([*PSEUDO, "kube-system", "monitoring"]), HOW).map(
    lambda lines: SharingRules(lines=lines, pseudo=PSEUDO)
)


@given(st.integers(-(10**18), 10**18), st.dictionaries(NAMES, st.integers(0, 10**12), min_size=1))
def test_parts_are_the_whole(amount: int, weights: dict[str, int]) -> None:
    """To the nano, none further from its share than one."""
    total = sum(weights.values())
    if not total:
        return
    parts = divided(amount, weights)
    assert sum(parts.values()) == amount
    for name, part in parts.items():
        assert abs(part * total - amount * weights[name]) < total


@given(RULES, COSTS, COSTS)
def test_the_sum_stays(rules: SharingRules, own: dict[str, int], given_now: dict[str, int]) -> None:
    """Whatever is shared how."""
    assert sum(rules.moved(own, given_now).values()) == 0


@given(RULES, COSTS)
def test_who_is_shared_has_nothing_left_and_takes_nothing(rules: SharingRules, costs: dict[str, int]) -> None:
    """All of it is moved at once, unless there is nobody to take it."""
    moved = rules.moved(costs, costs)
    for line, how in rules.lines.items():
        if moved and how != "none" and costs.get(line):
            assert moved[line] == -costs[line]
        if how == "none" and line in PSEUDO:
            assert line not in moved


def test_weighted_is_by_what_each_costs_and_even_is_the_same_for_each() -> None:
    """Ten of idle over two namespaces that cost 3 and 1."""
    own = {"a": 3, "b": 1, "__idle__": 10}
    weighted = SharingRules(lines={"__idle__": "weighted"}, pseudo=PSEUDO)
    assert weighted.moved(own, own) == {"a": 8, "b": 2, "__idle__": -10}
    even = SharingRules(lines={"__idle__": "even"}, pseudo=PSEUDO)
    assert even.moved(own, own) == {"a": 5, "b": 5, "__idle__": -10}


def test_nothing_is_moved_where_nobody_else_costs_anything() -> None:
    """Nor without rules."""
    rules = SharingRules(lines={"__idle__": "weighted"}, pseudo=PSEUDO)
    assert rules.moved({"__idle__": 10}, {"__idle__": 10}) == {}
    assert NOTHING_SHARED.moved({"a": 1, "__idle__": 10}, {"__idle__": 10}) == {}


def test_the_basis_says_what_counts() -> None:
    """GPUs are held whole under each; by usage requests count where nobody looked."""
    requests, usage = Resources(2.0, 4.0, 1.0), Resources(1.0, 6.0, 0.0)
    assert (counted_requests("max", requests, usage), counted_usage("max", usage)) == (requests, usage)
    assert (counted_requests("request", requests, usage), counted_usage("request", usage)) == (requests, NOTHING)
    assert (counted_requests("usage", requests, usage), counted_usage("usage", usage)) == (
        Resources(0.0, 0.0, 1.0),
        usage,
    )
    assert (counted_requests("usage", requests, None), counted_usage("usage", None)) == (requests, NOTHING)
