"""Query parameters, declared as data."""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_cost_aggregator.outputs.parameter_kinds import (
    Choice,
    Decimal,
    FreeText,
    Kind,
    LabelIs,
    LabelPattern,
    NamePattern,
    Order,
    Pattern,
    Sort,
    Whole,
    WindowText,
    YesNo,
)
from kube_cost_aggregator.outputs.parameters import MAX_REPEATED, Asked, Parameter, ParameterError, read_query

NOW_NS = 1_800_000_000 * 10**9  # 2027-01-15T08:00:00Z

BY = Parameter(name="by", kind=Choice(("namespace", "pod")), default="namespace", about="What lines are of.")
LIMIT = Parameter(name="limit", kind=Whole(1, 100), about="How many.")
NAMESPACE = Parameter(name="namespace", kind=NamePattern(), repeated=True, about="Which.")
WINDOW = Parameter(name="window", kind=WindowText(), default="24h", about="When.")
ALL: Sequence[Parameter[Any]] = (BY, LIMIT, NAMESPACE, WINDOW)


def ask(*query: tuple[str, str]) -> Asked:
    return read_query(ALL, query, NOW_NS)


def test_what_is_not_asked_has_its_default_or_none() -> None:
    """A default is read as if it had been asked with."""
    asked = ask()
    assert (asked.one(BY), asked.given(LIMIT), asked.all(NAMESPACE)) == ("namespace", None, ())
    assert (asked.text(WINDOW), asked.one(WINDOW).end - asked.one(WINDOW).start) == ("24h", 86_400)
    assert asked.text(LIMIT) == ""


def test_what_is_asked_is_read() -> None:
    """Each by its kind, and the repeated ones in their order."""
    asked = ask(("namespace", "shop"), ("limit", "7"), ("by", "pod"), ("namespace", "pay*"))
    assert (asked.one(BY), asked.given(LIMIT)) == ("pod", 7)
    assert asked.all(NAMESPACE) == (Pattern("shop"), Pattern("pay*"))


@pytest.mark.parametrize(
    ("query", "parameter", "words"),
    [
        ([("windows", "7d")], "windows", "unknown parameter; there are by, limit, namespace and window"),
        ([("by", "pod"), ("by", "pod")], "by", "more than once"),
        ([("namespace", "a")] * (MAX_REPEATED + 1), "namespace", f"more than {MAX_REPEATED} times"),
        ([("by", "team")], "by", "'team' is none of namespace, pod"),
        ([("limit", "0")], "limit", "whole number from 1 to 100"),
        ([("window", "fortnight")], "window", "24h"),
        ([("x" * 9_000, "")], "x" * 100, "unknown"),
    ],
)
def test_a_wrong_query_is_refused_by_name(query: list[tuple[str, str]], parameter: str, words: str) -> None:
    """With a sentence that says what would be right."""
    with pytest.raises(ParameterError) as caught:
        ask(*query)
    assert caught.value.parameter == parameter
    assert words in caught.value.detail
    assert len(caught.value.detail) < 500


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Choice(("a", "b")), "b", "b"),
        (Sort(("cost", "pod")), "-cost", Order("cost", descending=True)),
        (Sort(("cost", "pod")), "pod", Order("pod", descending=False)),
        (Whole(-5, 5), "-5", -5),
        (Decimal(0, 1), "0.7", 0.7),
        (Decimal(0, 1), "1", 1.0),
        (Decimal(0, 1), "1e-1", 0.1),
        (Decimal(0, 1), "0.4327749060564162", 0.4327749060564162),
        (YesNo(), "true", True),
        (YesNo(), "false", False),
        (FreeText(5), "é =x", "é =x"),
        (NamePattern(), "__idle__", Pattern("__idle__")),
        (LabelPattern(), "app.kubernetes.io/name=w*", LabelIs("app.kubernetes.io/name", Pattern("w*"))),
    ],
)
def test_kinds_read_what_they_are_of(kind: Kind[object], text: str, value: object) -> None:
    """And nothing is lost on the way."""
    assert kind.read(text, NOW_NS) == value


@pytest.mark.parametrize(
    ("kind", "texts"),
    [
        (Choice(("a", "b")), ["", "A", "a ", "a,b"]),
        (Sort(("cost",)), ["", "-", "--cost", "+cost"]),
        (Whole(1, 5), ["", "0", "6", "1.0", "+1", " 1", "1e0", "٣", "9" * 5_000]),
        (Decimal(0, 1), ["", "1.1", "-0.1", "nan", "inf", "2e1", ".5", "1e9999", "0x1", "9" * 5_000]),
        (YesNo(), ["", "True", "1", "yes"]),
        (WindowText(), ["", "0h", "401d", "today ", "2027-01-09/2027-01-02"]),
        (FreeText(5), ["", "123456", "a\nb", "a\0"]),
        (NamePattern(), ["", "a b", "'; DROP TABLE pods; --", "a%", "é", "a" * 254, "a\n"]),
        (LabelPattern(), ["", "team", "team=", "=x", "te am=x", "team='x'", "a/b/c=d"]),
    ],
)
def test_kinds_refuse_everything_else(kind: Kind[object], texts: list[str]) -> None:
    """Nothing is guessed, and nothing but the value's own text reaches what is behind."""
    for text in texts:
        with pytest.raises(ValueError, match=re.escape(repr(text[:40])[:-1])):
            kind.read(text, NOW_NS)


@given(st.text("ab-*", min_size=1, max_size=8), st.text("ab-", max_size=10))
def test_a_pattern_matches_as_a_shells_does(pattern: str, name: str) -> None:
    """`*` is any characters, none included; everything else is itself."""
    assert Pattern(pattern).matches(name) == fnmatchcase(name, pattern)
