import re

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from kube_cost_common.messages.names import (
    STATUS_SUBJECTS,
    USAGE_SUBJECTS,
    cost_message_id,
    cost_subject,
    demand_key,
    escape,
    status_subject,
    unescape,
    usage_message_id,
    usage_subject,
)
from kube_cost_common.messages.prices import LABELS_KEY, labels_hash, price_key

LEGAL_TOKEN = re.compile(r"[A-Za-z0-9=_-]+")
"""What is legal both in a subject's token and in a key of a bucket, less the dot, which separates tokens."""

NASTY = [
    "",
    "_",
    ".",
    "a.b",
    "*",
    ">",
    "a b",
    " ",
    "\x00",
    "\r\n",
    "=",
    "=2E",
    "ä",
    "日本",
    "😀",
    "a/b",
    "$JS",
    "\\",
    "%2E",
]

nasty = pytest.mark.parametrize("name", NASTY)


def matches(subject: str, pattern: str) -> bool:
    """Whether a subscription to `pattern`, which ends in `>`, receives `subject`."""
    return subject.startswith(pattern.removesuffix(">"))


@given(name=st.text())
@example(name="_")
@example(name="=5F")
def test_a_name_comes_back_from_its_token(name: str) -> None:
    """Whatever the text is."""
    assert unescape(escape(name)) == name


@given(name=st.text())
def test_a_token_has_only_legal_characters_and_is_never_empty(name: str) -> None:
    """No dot, star, angle bracket or space gets into a subject."""
    assert LEGAL_TOKEN.fullmatch(escape(name))


@given(one=st.text(), other=st.text())
def test_two_names_never_have_one_token(one: str, other: str) -> None:
    """Else one node could speak for another."""
    assert (escape(one) == escape(other)) == (one == other)


@given(token=st.text(alphabet="aZ09-=_.2EF", max_size=12))
@example(token="=C3=A4")
def test_only_what_escape_writes_is_read(token: str) -> None:
    """A token is read exactly where escaping the result gives it again."""
    try:
        name = unescape(token)
    except ValueError:
        return
    assert escape(name) == token


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b",
        "a b",
        "ä",
        "*",
        ">",
        "__",
        "a_",
        "=",
        "=2",
        "=2e",  # lower case
        "=41",  # an A needs no escape
        "=2D",  # nor does a hyphen
        "=GG",
        "=FF",  # no UTF-8
        "=C3",  # the first half of an ä
        "=ED=A0=80",  # a surrogate
        "=C0=AE",  # an overlong dot
        "a\n",
    ],
)
def test_what_escape_never_writes_is_refused(token: str) -> None:
    """There is one token for a name, so that a reader can compare them."""
    with pytest.raises(ValueError, match=r"escaped name|codec"):
        unescape(token)


@pytest.mark.parametrize(
    ("name", "token"),
    [
        ("ip-10-0-1-7", "ip-10-0-1-7"),
        ("m5.large", "m5=2Elarge"),
        ("", "_"),
        ("_", "=5F"),
        ("a=b", "a=3Db"),
        ("ä", "=C3=A4"),
        ("a b", "a=20b"),
        ("gp3", "gp3"),
    ],
)
def test_a_token_is_what_it_always_was(name: str, token: str) -> None:
    """Prices are stored under these keys for years."""
    assert escape(name) == token


@nasty
def test_a_usage_subject_has_five_tokens_and_is_in_the_stream(name: str) -> None:
    """The cluster and the node are each one token, whatever they are called."""
    subject = usage_subject(name, name)
    assert subject == f"kce.v1.usage.{escape(name)}.{escape(name)}"
    assert len(subject.split(".")) == 5
    assert matches(subject, USAGE_SUBJECTS)
    assert [unescape(token) for token in subject.split(".")[3:]] == [name, name]


@nasty
def test_a_status_subject_has_five_tokens_and_is_heard(name: str) -> None:
    """The component and the instance are each one token."""
    subject = status_subject(name, name)
    assert subject == f"kce.v1.status.{escape(name)}.{escape(name)}"
    assert len(subject.split(".")) == 5
    assert matches(subject, STATUS_SUBJECTS)


@nasty
def test_a_demand_key_is_one_token(name: str) -> None:
    """A cluster of any name has a key of its own."""
    assert demand_key(name) == escape(name)


@nasty
def test_a_price_key_has_seven_tokens(name: str) -> None:
    """Each part is found again where it was put."""
    parts = [name, f"{name}1", f"{name}2", f"{name}3", f"{name}4", f"{name}5", f"{name}6"]
    provider, region, zone, kind, sku, os, capacity = parts
    key = price_key(provider=provider, region=region, zone=zone, kind=kind, sku=sku, os=os, capacity=capacity)
    assert [unescape(token) for token in key.split(".")] == parts


def test_a_label_bound_price_has_its_hash_after_the_sku() -> None:
    """The hash is part of the fifth token, so that a key has seven parts always."""
    key = price_key(
        provider="aws",
        region="us-east-1",
        zone="",
        kind="instance",
        sku="m5.large",
        os="linux",
        capacity="spot",
        labels_hash="0123456789ab",
    )
    assert key == "aws.us-east-1._.instance.m5=2Elarge=230123456789ab.linux.spot"


@nasty
def test_no_price_has_the_key_of_the_wanted_labels(name: str) -> None:
    """Whatever its parts are: a price's key has dots."""
    key = price_key(provider=name, region="", zone="", kind="", sku="", os="", capacity="")
    assert key != LABELS_KEY
    assert "." not in LABELS_KEY


@given(
    nodes=st.tuples(st.text(), st.text()),
    sessions=st.tuples(st.from_regex("[0-9a-f]{16}", fullmatch=True), st.from_regex("[0-9a-f]{16}", fullmatch=True)),
    seqs=st.tuples(st.integers(0, 20), st.integers(0, 20)),
)
def test_two_samples_never_have_one_message_id(
    nodes: tuple[str, str], sessions: tuple[str, str], seqs: tuple[int, int]
) -> None:
    """The bus drops a repeated id for two minutes, whoever sent it: only a retry may have it."""
    one, other = zip(nodes, sessions, seqs, strict=True)
    assert (usage_message_id(*one) == usage_message_id(*other)) == (one == other)


@nasty
def test_a_message_id_fits_a_header(name: str) -> None:
    """A line break or a character beyond ASCII would break the message's headers."""
    assert usage_message_id(name, "00ff00ff00ff00ff", 7) == f"{escape(name)}-00ff00ff00ff00ff-7"
    assert usage_message_id(name, "00ff00ff00ff00ff", 7).isascii()


@nasty
def test_costs_have_a_subject_a_cluster_and_an_id_a_part(name: str) -> None:
    """One token, and nothing that a header doesn't take."""
    assert cost_subject(name) == f"kce.v1.cost.{escape(name)}"
    assert cost_message_id(name, 17, 2) == f"{escape(name)}-17-2"


LABELS = st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=4)


@given(labels=LABELS.filter(bool))
def test_labels_have_a_hash_of_twelve_digits_whatever_their_order(labels: dict[str, str]) -> None:
    """Twelve lower-case hexadecimal digits, the same for the same pairs."""
    assert re.fullmatch("[0-9a-f]{12}", labels_hash(labels))
    assert labels_hash(dict(reversed(labels.items()))) == labels_hash(labels)


@given(one=LABELS, other=LABELS)
@example(one={"a": "b"}, other={"b": "a"})
@example(one={"a": 'b","c'}, other={"a": "b", "c": ""})
def test_other_labels_have_another_hash(one: dict[str, str], other: dict[str, str]) -> None:
    """Names aren't taken for values, nor one pair for two."""
    assume(one != other)
    assert labels_hash(one) != labels_hash(other)


def test_no_labels_have_no_hash() -> None:
    """A price that is bound to none has a key without one."""
    assert labels_hash({}) == ""


def test_a_hash_is_what_it_always_was() -> None:
    """The first twelve digits of sha256 of [["rack","7"],["team","search"]], as sha256sum says it."""
    assert labels_hash({"team": "search", "rack": "7"}) == "f6883c1061a3"
