"""What more spot would save."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_cost_common.domain.spot import TARGET_SHARE, PricedNode, potential_savings, spot_share

USD = st.none() | st.floats(min_value=0, max_value=100)
NODES = st.lists(st.builds(PricedNode, st.booleans(), USD, USD))


def test_a_cluster_without_spot() -> None:
    """Ten machines at 0.10 that would be 0.03 on spot: seven of them save 0.07 each."""
    assert potential_savings([PricedNode(False, 0.10, 0.03)] * 10) == pytest.approx(0.49)


def test_what_is_spot_already_counts() -> None:
    """Five of ten are: two more."""
    nodes = [PricedNode(False, 0.10, 0.03)] * 5 + [PricedNode(True, 0.10, 0.03)] * 5
    assert potential_savings(nodes) == pytest.approx(0.14)


def test_beyond_the_target_there_is_no_more() -> None:
    """Eight of ten."""
    assert potential_savings([PricedNode(False, 0.1, 0.03)] * 2 + [PricedNode(True, 0.1, 0.03)] * 8) == 0.0


def test_the_ratio_is_of_nodes_with_both_prices() -> None:
    """One whose spot price nobody knows is still on-demand spend that could move."""
    nodes = [PricedNode(False, 0.10, 0.04), PricedNode(False, 0.10, None)]
    assert potential_savings(nodes) == pytest.approx(0.7 * 0.20 * 0.6)
    assert potential_savings([PricedNode(False, 0.10, None), PricedNode(True, 0.10, 0.04)]) == 0.0


def test_dearer_spot_saves_nothing() -> None:
    """And costs nothing here: nobody has to move."""
    assert potential_savings([PricedNode(False, 0.10, 0.12)]) == 0.0


@given(NODES)
def test_it_is_never_more_than_the_target_costs(nodes: list[PricedNode]) -> None:
    """Nor less than nothing."""
    spend = sum(node.on_demand or 0.0 for node in nodes)
    assert 0.0 <= potential_savings(nodes) <= TARGET_SHARE * spend + 1e-9


def test_the_share_of_spot_is_by_the_price_on_demand() -> None:
    """Whatever is paid; nodes without that price count for neither, and nothing known is no share."""
    nodes = [PricedNode(True, 0.30, 0.01), PricedNode(False, 0.10, None), PricedNode(True, None, 0.02)]
    assert spot_share(nodes) == pytest.approx(0.75)
    assert spot_share([PricedNode(True, None, 0.02)]) is None
