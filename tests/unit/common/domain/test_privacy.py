"""How much of pods' names is shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_cost_common.domain.privacy import PLAIN, PodNames

NAMES = st.text(st.characters(codec="utf-8"), min_size=1)


@given(NAMES)
def test_plain_is_the_name_and_drop_is_nothing(name: str) -> None:
    """As they say."""
    assert PLAIN.shown(name) == name
    assert PodNames(show="drop").shown(name) == ""


@given(NAMES, NAMES)
def test_a_hash_is_the_same_for_the_same_name_and_key(one: str, other: str) -> None:
    """And another one for another name, or by another key; it has nothing of the name."""
    names, others = PodNames(show="hash", key=b"a"), PodNames(show="hash", key=b"b")
    assert names.shown(one) == PodNames(show="hash", key=b"a").shown(one)
    assert (names.shown(one) == names.shown(other)) is (one == other)
    assert names.shown(one) != others.shown(one)
    assert len(names.shown(one)) == 16


def test_without_a_key_nothing_is_hashed() -> None:
    """A hash that anybody can make hides nothing."""
    with pytest.raises(ValueError, match="secret"):
        PodNames(show="hash")


def test_no_name_stays_none() -> None:
    """Of a pod that the kubelet hasn't named yet."""
    assert PodNames(show="hash", key=b"a").shown("") == ""
