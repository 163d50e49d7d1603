"""What is no record is refused for one of a closed set of reasons, whatever the bytes are."""

import struct
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import wire_records
from harness.wire_records import WireRecord, pack, unknown_extension, unpack
from kube_cost_common.messages.codec import MAX_RECORD_BYTES, DecodeError, Record, RecordDecoder, encode
from kube_cost_common.messages.prices import WantedLabels

REASONS = {"oversized", "version", "malformed"}
FEW_BYTES = 20_000_000

every_record = pytest.mark.parametrize("wire", wire_records.ALL, ids=lambda wire: wire.name)


def refusal(record: Record, payload: bytes) -> str:
    """Return the reason that `payload` is refused for."""
    with pytest.raises(DecodeError) as caught:
        RecordDecoder(type(record)).decode(payload)
    assert str(caught.value) == f"{caught.value.reason}: {caught.value.detail}"
    return caught.value.reason


def is_read_or_refused(record: Record, payload: bytes) -> bool:
    """Whether `payload` gives a record, or an error of ours for a known reason; anything else is raised."""
    try:
        return isinstance(RecordDecoder(type(record)).decode(payload), type(record))
    except DecodeError as error:
        return error.reason in REASONS


@every_record
@pytest.mark.parametrize("version", [2, 3, 2**31, 2**64 - 1])
def test_a_greater_major_version_is_refused_as_such(wire: WireRecord, version: int) -> None:
    """Nothing is known of its layout, so it isn't guessed, even where it looks the same."""
    assert refusal(wire.record, pack([version, *wire.plain[1:]])) == "version"


@every_record
def test_a_greater_major_version_is_refused_whatever_follows(wire: WireRecord) -> None:
    """The version is looked at before the layout: another layout is no malformed one."""
    assert refusal(wire.record, pack([2, {"all": "different"}])) == "version"


@every_record
@pytest.mark.parametrize("version", [0, -1, -(2**63)])
def test_a_version_that_never_was_is_refused(wire: WireRecord, version: int) -> None:
    """Versions are counted from 1."""
    assert refusal(wire.record, pack([version, *wire.plain[1:]])) == "version"


@every_record
@pytest.mark.parametrize("version", ["1", 1.0, True, None, [1], b"\x01"])
def test_a_version_of_another_type_is_malformed(wire: WireRecord, version: object) -> None:
    """1.0 and true aren't 1."""
    assert refusal(wire.record, pack([version, *wire.plain[1:]])) == "malformed"


@every_record
def test_a_record_that_was_cut_off_is_malformed_at_every_byte(wire: WireRecord) -> None:
    """From no byte at all to all but one."""
    payload = encode(wire.record)
    assert {refusal(wire.record, payload[:length]) for length in range(len(payload))} == {"malformed"}


@every_record
def test_bytes_after_a_record_are_malformed(wire: WireRecord) -> None:
    """Two records in one payload are none."""
    payload = encode(wire.record)
    assert refusal(wire.record, payload + b"\x00") == "malformed"
    assert refusal(wire.record, payload + payload) == "malformed"


@every_record
def test_a_field_that_was_always_there_may_not_be_missing(wire: WireRecord) -> None:
    """One field fewer than the oldest writer sends."""
    assert refusal(wire.record, pack(wire.plain[: wire.required - 1])) == "malformed"


@every_record
@pytest.mark.parametrize("plain", [{}, {"version": 1}, "1", 1, None, 1.5, True, [], b"\x91\x01"])
def test_what_is_no_list_of_fields_is_malformed(wire: WireRecord, plain: object) -> None:
    """A map with the right names isn't a record either."""
    assert refusal(wire.record, pack(plain)) == "malformed"


def with_wrong_types(plain: list[Any]) -> Iterator[list[Any]]:
    """Yield `plain` once for each of its fields and its parts' fields, that one being of a type it never has."""
    for at, field in enumerate(plain):
        yield [*plain[:at], unknown_extension(), *plain[at + 1 :]]
        if isinstance(field, list):
            yield from ([*plain[:at], wrong, *plain[at + 1 :]] for wrong in with_wrong_types(field))


@every_record
def test_a_field_of_a_wrong_type_is_malformed_wherever_it_is(wire: WireRecord) -> None:
    """An extension type stands for each field in turn, at each depth."""
    reasons = [refusal(wire.record, pack(plain)) for plain in with_wrong_types(wire.plain)]
    assert len(reasons) >= len(wire.plain)
    assert set(reasons) == {"malformed"}


@pytest.mark.parametrize(
    ("field", "value"),
    [(1, "now"), (1, 1.5), (2, b"prod-eu"), (2, None), (6, True), (9, {}), (10, [{"uid": "u"}]), (10, ["u"])],
)
def test_a_like_type_is_not_taken_for_the_right_one(field: int, value: object) -> None:
    """No number from a text, no text from bytes, no integer from true, no part from a map."""
    plain = list(wire_records.USAGE_SAMPLE.plain)
    plain[field] = value
    assert refusal(wire_records.USAGE_SAMPLE.record, pack(plain)) == "malformed"


def test_a_text_that_is_not_utf_8_is_malformed() -> None:
    """Its decoder raises an error of another family, which doesn't get out."""
    assert refusal(wire_records.WANTED_LABELS.record, b"\x92\x01\x91\xa1\xff") == "malformed"
    assert refusal(wire_records.WANTED_LABELS.record, b"\x92\x01\x91\xa3\xed\xa0\x80") == "malformed"


@every_record
@given(payload=st.binary(max_size=200))
def test_garbage_is_never_anything_but_refused(wire: WireRecord, payload: bytes) -> None:
    """Any bytes."""
    assert is_read_or_refused(wire.record, payload)


@every_record
@given(data=st.data())
def test_a_damaged_record_is_read_or_refused(wire: WireRecord, data: st.DataObject) -> None:
    """A few bytes of a good record are replaced."""
    payload = bytearray(encode(wire.record))
    for _ in range(data.draw(st.integers(1, 4))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    assert is_read_or_refused(wire.record, bytes(payload))


@every_record
def test_the_greatest_record_is_read_and_a_byte_more_is_oversized(wire: WireRecord) -> None:
    """The limit is checked before anything is read."""
    later = pack([*wire.plain, "x" * 70_000])
    fill = MAX_RECORD_BYTES - len(later) + 70_000
    greatest = pack([*wire.plain, "x" * fill])
    assert len(greatest) == MAX_RECORD_BYTES
    assert RecordDecoder(type(wire.record)).decode(greatest) == wire.record
    assert refusal(wire.record, pack([*wire.plain, "x" * (fill + 1)])) == "oversized"
    assert refusal(wire.record, b"\xc1" * (MAX_RECORD_BYTES + 1)) == "oversized"


@every_record
@pytest.mark.parametrize("opening", [b"\x91", b"\xdc\x00\x01", b"\xdd\x00\x00\x00\x01", b"\x81\xa1n"])
@pytest.mark.parametrize("where", ["for the record", "as a field", "after the fields"])
def test_lists_in_lists_without_end_are_malformed(wire: WireRecord, opening: bytes, where: str) -> None:
    """As deep as the size allows: the stack isn't used up, also where nothing but skipping is to be done."""
    before = {
        "for the record": b"",
        "as a field": b"\x92\x01",
        "after the fields": pack([*wire.plain, None])[:-1],
    }[where]
    deep = before + opening * ((MAX_RECORD_BYTES - len(before)) // len(opening))
    assert refusal(wire.record, deep) == "malformed"


@every_record
@pytest.mark.parametrize(
    "kind", [b"\xdd", b"\xdf", b"\xdb", b"\xc6", b"\xc9"], ids=["list", "map", "text", "bin", "ext"]
)
@pytest.mark.parametrize("length", [2**32 - 1, 2**31, 2**28])
def test_a_length_that_is_a_lie_takes_no_memory(wire: WireRecord, kind: bytes, length: int) -> None:
    """A prefix that claims up to 2^32 elements stands for each field, and after all of them."""
    lie = kind + struct.pack(">I", length)
    heads = [pack(wire.plain[:at]) for at in range(len(wire.plain) + 1)]
    tracemalloc.start()
    try:
        for head in heads:
            # The list's own length says that there is one more field: the lie.
            payload = struct.pack(">BH", 0xDC, len(unpack(head)) + 1) + pack_fields(head) + lie
            assert refusal(wire.record, payload) == "malformed"
        assert tracemalloc.get_traced_memory()[1] < FEW_BYTES
    finally:
        tracemalloc.stop()


def pack_fields(packed_list: bytes) -> bytes:
    """Return the fields of a packed list without the list's own head."""
    return b"".join(pack(field) for field in unpack(packed_list))


def test_as_many_small_parts_as_fit_are_read() -> None:
    """A million empty names: a list of eight bytes each, and no more."""
    count = MAX_RECORD_BYTES - 7
    payload = b"\x92\x01\xdd" + struct.pack(">I", count) + b"\xa0" * count
    tracemalloc.start()
    try:
        read = RecordDecoder(WantedLabels).decode(payload)
        assert tracemalloc.get_traced_memory()[1] < FEW_BYTES
    finally:
        tracemalloc.stop()
    assert len(read.names) == count
