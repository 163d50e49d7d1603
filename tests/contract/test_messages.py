"""The wire format, byte by byte: what is deployed reads what will be, and the other way round.

`KUBE_COST_UPDATE_GOLDEN=1` writes the golden files anew; a diff in one of them is a new layout.
"""

import math
import os
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import wire_records
from harness.wire_records import WireRecord, pack, unpack
from kube_cost_common.messages.codec import Record, RecordDecoder, encode
from kube_cost_common.messages.prices import PriceDemand, PriceRecord, PriceRequest, Shape
from kube_cost_common.messages.status import StatusReport
from kube_cost_common.messages.usage import PodUsage, RootUsage, UsageSample

GOLDEN = Path(__file__).parent / "golden"
BYTES_A_LINE = 32

every_record = pytest.mark.parametrize("wire", wire_records.ALL, ids=lambda wire: wire.name)


def golden_file(record: Record) -> Path:
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(record).__name__).lower()
    return GOLDEN / f"{name}.msgpack.hex"


def golden_bytes(record: Record) -> bytes:
    if os.environ.get("KUBE_COST_UPDATE_GOLDEN") == "1":
        digits = encode(record).hex()
        lines = [digits[at : at + 2 * BYTES_A_LINE] for at in range(0, len(digits), 2 * BYTES_A_LINE)]
        golden_file(record).write_text("\n".join(lines) + "\n")
    return bytes.fromhex(golden_file(record).read_text())


def decode(record: Record, plain: object) -> Any:
    return RecordDecoder(type(record)).decode(pack(plain))


@every_record
def test_a_records_bytes_are_those_of_its_golden_file(wire: WireRecord) -> None:
    """Nothing about the layout changes by accident."""
    assert encode(wire.record) == golden_bytes(wire.record)


@every_record
def test_another_reader_finds_the_fields_in_their_order(wire: WireRecord) -> None:
    """The msgpack package reads the golden bytes as the list spelled out in the harness."""
    assert unpack(golden_bytes(wire.record)) == wire.plain


@every_record
def test_what_another_writer_writes_is_read(wire: WireRecord) -> None:
    """The plain list, written by the msgpack package, is the record."""
    assert decode(wire.record, wire.plain) == wire.record


def test_every_kind_of_record_is_in_the_contract() -> None:
    """A record without a golden file isn't released."""
    assert {type(wire.record) for wire in wire_records.ALL} == set(Record.__subclasses__())
    assert {golden_file(wire.record) for wire in wire_records.ALL} == set(GOLDEN.glob("*.msgpack.hex"))


def test_no_field_of_the_examples_is_at_its_default() -> None:
    """Else a golden file wouldn't show where the field is; version is the one that is always 1."""
    for wire in wire_records.ALL:
        for field in msgspec.structs.fields(type(wire.record))[1:]:
            assert field.default is msgspec.NODEFAULT or getattr(wire.record, field.name) != field.default
    sample, demand = wire_records.USAGE_SAMPLE.record, wire_records.PRICE_DEMAND.record
    assert isinstance(sample, UsageSample)
    assert isinstance(demand, PriceDemand)
    assert None not in msgspec.structs.astuple(sample.pods[0])
    assert None not in msgspec.structs.astuple(sample.roots[0])
    assert None not in msgspec.structs.astuple(demand.requests[0])


def test_a_version_that_is_not_first_is_found_when_the_reader_is_made() -> None:
    """Keyword-only fields come last in msgspec, so a record that isn't keyword-only would hide its version."""

    class Misplaced(msgspec.Struct, array_like=True, frozen=True):
        name: str
        version: int = 1

    misplaced: Any = Misplaced
    with pytest.raises(TypeError, match="kw_only"):
        RecordDecoder(misplaced)


@every_record
def test_fields_that_an_older_writer_did_not_know_get_their_defaults(wire: WireRecord) -> None:
    """Cut after the fields that were there from the start, the others are as their defaults say."""
    defaults = {field.name: field.default for field in msgspec.structs.fields(type(wire.record))[wire.required :]}
    assert decode(wire.record, wire.plain[: wire.required]) == msgspec.structs.replace(wire.record, **defaults)


def test_the_defaults_of_later_fields_stay_what_they_are() -> None:
    """An old price has no labels and no note, an old report no node, an old sample doesn't say what its machine is."""
    price = decode(wire_records.PRICE_RECORD.record, wire_records.PRICE_RECORD.plain[:18])
    report = decode(wire_records.STATUS_REPORT.record, wire_records.STATUS_REPORT.plain[:10])
    sample = decode(wire_records.USAGE_SAMPLE.record, wire_records.USAGE_SAMPLE.plain[:11])
    assert isinstance(price, PriceRecord)
    assert isinstance(sample, UsageSample)
    assert isinstance(report, StatusReport)
    assert (price.labels_hash, price.note, report.node) == ("", "", "")
    assert (sample.vcpu, sample.memory_bytes) == (0.0, 0)


def test_parts_of_an_older_writer_get_their_defaults() -> None:
    """Unknown network, block I/O and ephemeral storage are None, and a shape has no GPUs."""
    plain = list(wire_records.USAGE_SAMPLE.plain)
    plain[9] = [["node", 1.0, 2.0]]
    plain[10] = [["u", "n", "p", 1, 2, False, 0.5, 8.0]]
    sample = decode(wire_records.USAGE_SAMPLE.record, plain)
    assert sample.roots == [RootUsage(name="node", cpu_seconds=1.0, memory_byte_seconds=2.0)]
    pod = PodUsage(
        uid="u", namespace="n", name="p", since_ns=1, last_ns=2, ended=False, cpu_seconds=0.5, memory_byte_seconds=8.0
    )
    assert sample.pods == [pod]
    assert msgspec.structs.astuple(pod)[8:] == (None,) * 8

    demand = decode(
        wire_records.PRICE_DEMAND.record, [1, "c", [["aws", "r", "z", "instance", "m5.large", "linux", "spot"]]]
    )
    bare = demand.requests[0]
    assert isinstance(bare, PriceRequest)
    assert (bare.shape, bare.labels) == (None, {})

    price = list(wire_records.PRICE_RECORD.plain)
    price[12] = [2.0, 8.0]
    assert decode(wire_records.PRICE_RECORD.record, price).shape == Shape(vcpu=2.0, memory_gib=8.0, gpus=0.0)


def test_defaults_are_not_shared() -> None:
    """What one reader does to a request's labels isn't seen in another request."""
    plain = [1, "c", [["aws", "r", "z", "instance", "m5.large", "linux", "spot"]] * 2]
    first, second = decode(wire_records.PRICE_DEMAND.record, plain).requests
    first.labels["team"] = "search"
    assert second.labels == {}


LATER_FIELDS = st.lists(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text() | st.binary(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=5,
    ),
    max_size=3,
)


def appended(plain: Any, later: list[Any]) -> Any:
    """Append `later` to a record and to each of its parts: the lists that hold anything but texts and parts."""
    if not isinstance(plain, list):
        return plain
    is_part = any(not isinstance(field, list | str) for field in plain)
    return [appended(field, later) for field in plain] + (later if is_part else [])


@every_record
@given(later=LATER_FIELDS)
def test_fields_of_a_later_minor_version_are_passed_over(wire: WireRecord, later: list[Any]) -> None:
    """Whatever is appended to a record and to its parts, the fields known here are read."""
    assert decode(wire.record, appended(wire.plain, later)) == wire.record


def test_later_fields_are_appended_to_parts_too() -> None:
    """The test before would show nothing if its lists weren't longer."""
    longer = appended(wire_records.USAGE_SAMPLE.plain, ["later"])
    assert [len(longer), len(longer[9]), len(longer[9][0]), len(longer[10]), len(longer[10][0])] == [14, 2, 10, 1, 17]


def test_a_whole_number_is_a_float_where_a_float_is_meant() -> None:
    """Other writers send 2.0 as 2."""
    plain = list(wire_records.PRICE_RECORD.plain)
    plain[8] = 2
    usd = decode(wire_records.PRICE_RECORD.record, plain).usd
    assert (usd, type(usd)) == (2.0, float)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1.0])
def test_what_a_number_may_be_is_the_readers_business(value: float) -> None:
    """The codec knows the layout alone: NaN and infinity pass here, and each input refuses them by name."""
    plain = [1, "a", "i", "v", 1, 1, True, [], [["n", {}, value]], []]
    read = decode(wire_records.STATUS_REPORT.record, plain).counters[0].value
    assert read == value or (math.isnan(read) and math.isnan(value))
