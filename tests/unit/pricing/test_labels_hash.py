"""The hash that binds a price to labels is part of the wire: aggregator and pricing must come to the same."""

from hypothesis import given
from hypothesis import strategies as st

from kube_cost_common.messages.prices import labels_hash


def test_a_known_hash() -> None:
    """The value is the same in every version."""
    assert labels_hash({"pool": "batch", "team": "x"}) == "268e10db798c"


def test_no_labels_have_no_hash() -> None:
    """A price for everybody has an empty one."""
    assert labels_hash({}) == ""


@given(labels=st.dictionaries(st.text(), st.text(), min_size=1))
def test_order_does_not_matter(labels: dict[str, str]) -> None:
    """The same pairs in another order are the same labels, and the hash has 12 hexadecimal digits."""
    found = labels_hash(labels)
    assert found == labels_hash(dict(reversed(labels.items())))
    assert len(found) == 12
    assert set(found) <= set("0123456789abcdef")


def test_pairs_do_not_run_together() -> None:
    """Names and values can't be mistaken for each other's parts."""
    assert len({labels_hash(one) for one in ({"a": "bc"}, {"ab": "c"}, {"a": "b", "c": ""}, {"c": "", "a,b": ""})}) == 4
