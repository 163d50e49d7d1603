"""What comes over the bus is an input from outside: it is settled, or refused with its reason."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.bench import DEFAULTS, Bench
from harness.records import MINUTE, START, FakeKernel, pod_facts, used
from kube_cost_aggregator.inputs.samples import MAX_PODS, SampleError, SampleReader, is_sound, pod_faults
from kube_cost_aggregator.state.settlement import Outcome
from kube_cost_common.messages.codec import encode
from kube_cost_common.messages.names import usage_subject
from kube_cost_common.messages.usage import PodUsage, RootUsage, UsageSample

READER = SampleReader(cluster="default")


def sample(**changes: Any) -> UsageSample:
    good = FakeKernel(pods={"pod-uid": (2.0, 6.0)}).sample(START + MINUTE)
    return msgspec.structs.replace(good, **changes)


def read(made: UsageSample) -> UsageSample:
    return READER.read(usage_subject(made.cluster, made.node), encode(made))


def used_with(field: str, value: float) -> PodUsage:
    return msgspec.structs.replace(used(), **{field: value})


def test_a_good_sample_passes() -> None:
    """As it was sent."""
    assert read(sample()) == sample()


def test_a_pod_without_a_name_passes() -> None:
    """The kubelet tells names later than the kernel shows pods."""
    made = sample(pods=[used(namespace="", name="")])
    assert read(made) == made


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), -1.0, -1e-300, 1e308])
@pytest.mark.parametrize("field", ["cpu_seconds", "memory_byte_seconds", "ephemeral_byte_seconds", "gpu_seconds"])
def test_amounts_that_nothing_has_are_refused(field: str, value: float) -> None:
    """Of pods, and of the roots."""
    with pytest.raises(SampleError, match=f"value: node 'n1': pod pod-uid: {field} is"):
        read(sample(pods=[used_with(field, value)]))
    if field not in {"ephemeral_byte_seconds", "gpu_seconds"}:
        root: dict[str, Any] = {"cpu_seconds": 0.0, "memory_byte_seconds": 0.0, field: value}
        with pytest.raises(SampleError, match=f"root 'kubepods': {field} is"):
            read(sample(roots=[RootUsage(name="kubepods", **root)]))


@pytest.mark.parametrize(
    "field",
    ["receive_bytes", "transmit_bytes", "read_bytes", "write_bytes", "read_operations", "write_operations"],
)
@pytest.mark.parametrize("value", [-1, 2**62, 2**63 - 1])
def test_counts_that_nothing_has_are_refused(field: str, value: int) -> None:
    """They would not fit into what they are added up in."""
    with pytest.raises(SampleError, match="a count of bytes or operations is negative or too great"):
        read(sample(pods=[used_with(field, value)]))


FAULTS: dict[str, tuple[Callable[[], UsageSample], str]] = {
    "a pod twice": (lambda: sample(pods=[used(), used()]), "a pod is in it twice"),
    "too many pods": (lambda: sample(pods=[used(str(n)) for n in range(MAX_PODS + 1)]), "2001 pods, at most 2000"),
    "too many roots": (
        lambda: sample(roots=[RootUsage(name=str(n), cpu_seconds=0.0, memory_byte_seconds=0.0) for n in range(17)]),
        "17 roots, at most 16",
    ),
    "an empty node": (lambda: sample(node=""), "the node's name is none"),
    "a node's name too long": (lambda: sample(node="n" * 254), "the node's name is none"),
    "a node with control characters": (lambda: sample(node="n\x00\n1"), "the node's name is none"),
    "a pod's name too long": (lambda: sample(pods=[used(name="n" * 254)]), "is no name"),
    "a pod's name with control characters": (lambda: sample(pods=[used(name="a\nb")]), "is no name"),
    "a namespace of ours": (lambda: sample(pods=[used(namespace="__idle__")]), "is no name"),
    "a name without namespace": (lambda: sample(pods=[used(namespace="")]), "without a namespace"),
    "a namespace without name": (lambda: sample(pods=[used(name="")]), "or the reverse"),
    "a uid too long": (lambda: sample(pods=[used("u" * 65)]), "is no pod uid"),
    "a uid that is a path": (lambda: sample(pods=[used("../etc")]), "is no pod uid"),
    "an empty uid": (lambda: sample(pods=[used("")]), "is no pod uid"),
    "a session of words": (lambda: sample(session="my session"), "the session isn't 64 bits"),
    "a boot id too long": (lambda: sample(boot_id="b" * 65), "the boot id is too long"),
    "a negative seq": (lambda: sample(seq=-1), "seq is negative"),
    "a seq too great": (lambda: sample(seq=2**62), "or too great"),
    "an end before its start": (lambda: sample(end_ns=START - 1), "not start < end <= sent at"),
    "no length": (lambda: sample(end_ns=START), "not start < end <= sent at"),
    "sent before its end": (lambda: sample(sent_at_ns=START + 1), "not start < end <= sent at"),
    "a machine of less than nothing": (lambda: sample(vcpu=-1.0), "a machine of -1.0 vCPUs"),
    "a machine of no number": (lambda: sample(vcpu=float("nan")), "a machine of nan vCPUs"),
    "a machine of too much memory": (lambda: sample(memory_bytes=2**62), "a machine of 0.0 vCPUs and"),
    "a start before time": (lambda: sample(start_ns=0), "not start < end <= sent at"),
    "sent in a far future": (lambda: sample(sent_at_ns=2**62), "not start < end <= sent at"),
    "more than a day": (lambda: sample(start_ns=START + MINUTE - 25 * 60 * MINUTE), "it is longer than 24 h"),
    "last read before first": (lambda: sample(pods=[used(last_ns=START)]), "not since <= last <= sent at"),
    "read after it was sent": (lambda: sample(pods=[used(last_ns=START + 2 * MINUTE)]), "not since <= last"),
    "first seen before time": (lambda: sample(pods=[used(since_ns=0)]), "not since <= last"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named(fault: str) -> None:
    """Each sample is refused for its value, in words."""
    made, words = FAULTS[fault]
    with pytest.raises(SampleError, match=words) as refused:
        read(made())
    assert refused.value.reason == "value"
    assert len(str(refused.value)) < 800


def test_ten_thousand_pods_are_refused() -> None:
    """One node can't have them; by their number or by their bytes."""
    with pytest.raises(SampleError) as refused:
        read(sample(pods=[used(f"{number:036}") for number in range(10_000)]))
    assert refused.value.reason in {"oversized", "value"}


def test_a_node_may_only_speak_for_itself() -> None:
    """A sample that comes on another node's subject is refused."""
    with pytest.raises(SampleError) as refused:
        READER.read(usage_subject("default", "n2"), encode(sample()))
    assert refused.value.reason == "subject"


def test_another_clusters_sample_is_refused() -> None:
    """One mesh is one cluster; a name however long doesn't flood the log."""
    made = sample(cluster="c" * 100_000)
    with pytest.raises(SampleError) as refused:
        read(made)
    assert refused.value.reason == "cluster"
    assert len(str(refused.value)) < 800


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "malformed"),
        (b"\x00", "malformed"),
        (b"{}", "malformed"),
        (b"\x91" * 100_000, "malformed"),
        (b"\x91\x02", "version"),
        (b"\x91\x01", "malformed"),
        (b"\x90" * 1_000_001, "oversized"),
    ],
)
def test_what_is_no_sample_is_refused(payload: bytes, reason: str) -> None:
    """Whatever it is."""
    with pytest.raises(SampleError) as refused:
        READER.read("kce.v1.usage.default.n1", payload)
    assert refused.value.reason == reason


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    payload = bytearray(encode(sample()))
    for _ in range(draw(st.integers(1, 6))):
        payload[draw(st.integers(0, len(payload) - 1))] = draw(st.integers(0, 255))
    cut = draw(st.integers(0, len(payload)))
    return bytes(payload[:cut] if draw(st.booleans()) else payload)


@given(mutated() | st.binary(max_size=200))
def test_bytes_are_a_sample_or_a_sample_error(payload: bytes) -> None:
    """Nothing else is raised, whatever the bytes; and what passes can be settled."""
    try:
        passed = READER.read("kce.v1.usage.default.n1", payload)
    except SampleError:
        return
    settle(passed)


def settle(*passed: UsageSample) -> None:
    for unwatched in (False, True):
        bench = Bench(defaults=DEFAULTS)
        bench.inventory.put_pod(pod_facts())
        for one in passed:
            bench.settlement.take(one, START + 5 * MINUTE, unwatched=unwatched)
        bench.check()


times = st.integers(1, 2**62 - 1)
near_times = st.integers(START - 90 * MINUTE, START + 4 * MINUTE)
numbers = st.floats(0, 1e12) | st.floats(0, 1e3)


@st.composite
def odd_samples(draw: st.DrawFn) -> UsageSample:
    """Fields that each may be, and that nothing has together."""
    uids = draw(st.lists(st.sampled_from(["pod-uid", "a", "b"]), unique=True))
    start, end, sent = sorted(draw(st.lists(near_times | times, min_size=3, max_size=3)))
    pods = []
    for uid in uids:
        since, last = sorted(draw(st.tuples(near_times, near_times)))
        cpu, memory = draw(st.tuples(numbers, numbers))
        changes = {"since_ns": since, "last_ns": last, "cpu_seconds": cpu, "memory_byte_seconds": memory * 1e9}
        pods.append(used(uid, ended=draw(st.booleans()), **changes))
    root = RootUsage(name="kubepods", cpu_seconds=draw(numbers), memory_byte_seconds=0.0)
    session = draw(st.sampled_from(["0" * 16, "1" * 16]))
    boot = draw(st.sampled_from(["boot", "another"]))
    return sample(
        start_ns=start,
        end_ns=end,
        sent_at_ns=sent,
        seq=draw(st.integers(0, 5)),
        session=session,
        boot_id=boot,
        pods=pods,
        roots=[root] if draw(st.booleans()) else [],
        node=draw(st.sampled_from(["n1", "unknown"])),
        vcpu=draw(st.floats(0, 1e5)),
        memory_bytes=draw(st.integers(0, 2**53)),
    )


@given(st.lists(odd_samples(), max_size=6))
def test_whatever_passes_can_be_settled(made: list[UsageSample]) -> None:
    """In any order, and not a nano-USD is made or lost."""
    passed = []
    for one in made:
        try:
            passed.append(read(one))
        except SampleError:
            continue
    settle(*passed)


def test_a_sample_is_settled_as_it_was_read() -> None:
    """The whole way of a good one."""
    bench = Bench()
    assert bench.take(read(sample())) is Outcome.SETTLED


_TEXTS = st.sampled_from(["", "a", "web-1.x", "A", "a b", "ä", "a\n", "x" * 64, "x" * 65, "x" * 253, "x" * 254])
_MOMENTS = st.sampled_from([-1, 0, 1, 5, 9, 10, 11])
_AMOUNTS = st.sampled_from([0.0, -0.0, 1.5, -1e-300, 1e12, 2e12, 1e23, 1e24, float("nan"), float("inf")])
_COUNTS = st.sampled_from([None, 0, 7, -1, 2**62 - 1, 2**62])


@given(
    st.builds(
        PodUsage,
        uid=_TEXTS,
        namespace=_TEXTS,
        name=_TEXTS,
        since_ns=_MOMENTS,
        last_ns=_MOMENTS,
        ended=st.booleans(),
        cpu_seconds=_AMOUNTS,
        memory_byte_seconds=_AMOUNTS,
        ephemeral_byte_seconds=st.none() | _AMOUNTS,
        receive_bytes=_COUNTS,
        transmit_bytes=_COUNTS,
        read_bytes=_COUNTS,
        write_bytes=_COUNTS,
        read_operations=_COUNTS,
        write_operations=_COUNTS,
    )
)
def test_a_pod_is_sound_where_it_has_no_fault(pod: PodUsage) -> None:
    """The quick look at a pod and the thorough one agree."""
    assert is_sound(pod, 10) is (next(pod_faults(pod, 10), None) is None)


@pytest.mark.parametrize("field", [*PodUsage.__struct_fields__])
def test_a_sound_pod_is_unsound_by_any_one_field(field: str) -> None:
    """So that the law above isn't about pods with many faults only."""
    good = used(receive_bytes=1, transmit_bytes=1, read_bytes=1, write_bytes=1)
    good = msgspec.structs.replace(good, read_operations=1, write_operations=1, ephemeral_byte_seconds=1.0)
    assert is_sound(good, START + MINUTE)
    bad: Any = {str: "a b", int: -1, float: -1.0}.get(type(getattr(good, field)))
    if bad is not None:
        assert not is_sound(msgspec.structs.replace(good, **{field: bad}), START + MINUTE)
