from collections import Counter
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_cost_agent.pod_totals import FOLD_AFTER_READS
from kube_cost_agent.readings import (
    CgroupReading,
    IoReading,
    NetworkReading,
    NodeReading,
    Parts,
    PodSummary,
    StorageReading,
    Summary,
)
from kube_cost_agent.sampler import ENDED_SAMPLES, Sampler
from kube_cost_common.messages.usage import PodUsage, UsageSample

_S = 1_000_000_000
_START_NS = 1_700_000_000 * _S
_TOTALS = (
    "cpu_seconds",
    "memory_byte_seconds",
    "receive_bytes",
    "transmit_bytes",
    "read_bytes",
    "write_bytes",
    "read_operations",
    "write_operations",
    "ephemeral_byte_seconds",
)


def _sampler() -> Sampler:
    return Sampler(cluster="c", node="n", boot_id="b", session="00ff", start_ns=_START_NS)


def _cgroup(
    cpu_seconds: float = 0, memory_bytes: int = 0, *, inode: int = 1, io: tuple[int, int, int, int] | None = None
) -> CgroupReading:
    return CgroupReading(
        inode=inode,
        cpu_ns=round(cpu_seconds * _S),
        working_set_bytes=memory_bytes,
        io=None
        if io is None
        else IoReading(read_bytes=io[0], write_bytes=io[1], read_operations=io[2], write_operations=io[3]),
    )


def _at(seconds: float, pods: Mapping[str, CgroupReading | Parts], unreadable: Sequence[str] = ()) -> NodeReading:
    return NodeReading(
        at_ns=_START_NS + round(seconds * _S),
        roots={},
        pods={uid: {"pod": p} if isinstance(p, CgroupReading) else p for uid, p in pods.items()},
        unreadable=frozenset(unreadable),
    )


def _end(sampler: Sampler, seconds: float) -> UsageSample:
    return sampler.sample(_START_NS + round(seconds * _S))


def _pod(sample: UsageSample, uid: str = "u") -> PodUsage:
    (pod,) = (pod for pod in sample.pods if pod.uid == uid)
    return pod


def _summary(
    uid: str = "u",
    network: tuple[float, int, int] | None = None,
    storage: tuple[float, int] | None = None,
    name: str = "web-0",
) -> PodSummary:
    return PodSummary(
        uid=uid,
        namespace="shop",
        name=name,
        network=None
        if network is None
        else NetworkReading(time_ns=round(network[0] * _S), receive_bytes=network[1], transmit_bytes=network[2]),
        ephemeral_storage=None
        if storage is None
        else StorageReading(time_ns=round(storage[0] * _S), used_bytes=storage[1]),
    )


def test_a_sample_has_the_kernels_totals_and_integrated_memory() -> None:
    """CPU as the kernel counts it since the pod's birth, memory from the first read to the last, I/O as it is."""
    sampler = _sampler()
    sampler.take(_at(1, {"u": _cgroup(100, 10, io=(1, 2, 3, 4))}))
    sampler.take(_at(6, {"u": _cgroup(101.5, 30, io=(5, 6, 7, 8))}))
    sample = _end(sampler, 7)
    assert (sample.cluster, sample.node, sample.boot_id, sample.session, sample.seq) == ("c", "n", "b", "00ff", 0)
    assert _pod(sample) == PodUsage(
        uid="u",
        namespace="",
        name="",
        since_ns=_START_NS + _S,
        last_ns=_START_NS + 6 * _S,
        ended=False,
        cpu_seconds=101.5,
        memory_byte_seconds=100.0,
        read_bytes=5,
        write_bytes=6,
        read_operations=7,
        write_operations=8,
    )


def test_roots_have_totals_as_pods_have() -> None:
    """The cgroups above the pods are integrated and counted likewise."""
    sampler = _sampler()
    for seconds in (0, 2):
        sampler.take(
            NodeReading(
                at_ns=_START_NS + seconds * _S,
                roots={"node": {"": _cgroup(5 + seconds, 7)}, "kubepods": {"kubepods": _cgroup(1, 1)}},
                pods={},
            )
        )
    roots = {root.name: (root.cpu_seconds, root.memory_byte_seconds) for root in _end(sampler, 2).roots}
    assert roots == {"node": (7.0, 14.0), "kubepods": (1.0, 2.0)}


@given(ends=st.lists(st.integers(1, 300 * _S), min_size=1, max_size=20))
def test_each_sample_starts_where_the_one_before_ended(ends: list[int]) -> None:
    """Start and end are contiguous from the session's start, and the sequence has no gap."""
    sampler = _sampler()
    before_ns = _START_NS
    for seq, step_ns in enumerate(ends):
        sample = sampler.sample(before_ns + step_ns)
        assert (sample.start_ns, sample.end_ns, sample.seq) == (before_ns, before_ns + step_ns, seq)
        before_ns = sample.end_ns


def test_an_ended_pod_is_in_exactly_five_more_samples() -> None:
    """A pod that is gone keeps its last totals in five samples, marked, and then is forgotten."""
    sampler = _sampler()
    sampler.take(_at(0, {"u": _cgroup(3, 8)}))
    sampler.take(_at(5, {"u": _cgroup(4, 8)}))
    alive = _pod(_end(sampler, 6))
    sampler.take(_at(10, {}))
    ended = []
    for seconds in range(11, 21):
        ended.append([(pod.ended, pod.cpu_seconds, pod.last_ns) for pod in _end(sampler, seconds).pods])
        sampler.take(_at(seconds + 0.5, {}))
    assert not alive.ended
    assert ended == [[(True, 4.0, alive.last_ns)]] * 5 + [[]] * 5


def test_a_pod_that_lived_between_two_samples_is_reported_ended() -> None:
    """A pod that was read once and is gone before any sample isn't lost."""
    sampler = _sampler()
    sampler.take(_at(0, {"u": _cgroup(3)}))
    sampler.take(_at(5, {}))
    assert [(pod.uid, pod.ended, pod.cpu_seconds) for pod in _end(sampler, 6).pods] == [("u", True, 3.0)]


def test_an_unreadable_pod_has_not_ended() -> None:
    """A pod that is listed and couldn't be read keeps its last totals and lives."""
    sampler = _sampler()
    sampler.take(_at(0, {"u": _cgroup(3)}))
    sampler.take(_at(5, {}, unreadable=["u"]))
    assert not _pod(_end(sampler, 6)).ended


def test_a_pod_that_comes_back_lives_on_without_the_gaps_memory() -> None:
    """The same uid is one pod; while it wasn't there it held no memory that is known of."""
    sampler = _sampler()
    sampler.take(_at(0, {"u": _cgroup(3, 10)}))
    sampler.take(_at(5, {}))
    sampler.take(_at(20, {"u": _cgroup(1, 10, inode=2)}))
    sampler.take(_at(21, {"u": _cgroup(2, 10, inode=2)}))
    pod = _pod(_end(sampler, 22))
    assert (pod.ended, pod.cpu_seconds, pod.memory_byte_seconds) == (False, 5.0, 10.0)


@pytest.mark.parametrize(("cpu_seconds", "inode"), [(1, 1), (1, 2), (50, 2)], ids=["fell", "fell, new", "rose, new"])
def test_a_counter_that_began_anew_is_added(cpu_seconds: float, inode: int) -> None:
    """A fall, or another inode even without one, means that the counter began anew: all of it is new."""
    sampler = _sampler()
    sampler.take(_at(0, {"u": _cgroup(40, inode=1)}))
    sampler.take(_at(5, {"u": _cgroup(cpu_seconds, inode=inode)}))
    assert _pod(_end(sampler, 6)).cpu_seconds == 40 + cpu_seconds


def test_io_of_a_device_that_went_is_kept_and_nothing_is_counted_twice() -> None:
    """When a volume is detached its line leaves io.stat: the sum falls, and what remains was counted already."""
    sampler = _sampler()
    sampler.take(_at(0, {"u": _cgroup(io=(150, 0, 0, 0))}))
    sampler.take(_at(5, {"u": _cgroup(io=(100, 0, 0, 0))}))
    sampler.take(_at(10, {"u": _cgroup(io=(103, 0, 0, 0))}))
    assert _pod(_end(sampler, 11)).read_bytes == 153


def test_containers_that_end_stay_in_the_sum_of_their_pod() -> None:
    """Under containerd's driver mismatch a pod is the sum of its containers, and one that ended was used."""
    sampler = _sampler()
    sampler.take(_at(0, {"u": {"slice": _cgroup(0), "a": _cgroup(5, 10), "b": _cgroup(7, 20)}}))
    sampler.take(_at(5, {"u": {"slice": _cgroup(0), "b": _cgroup(8, 20), "c": _cgroup(1, 5)}}))
    assert _pod(_end(sampler, 6)).cpu_seconds == 14.0
    for read in range(2 * FOLD_AFTER_READS):
        sampler.take(_at(10 + read, {"u": {"slice": _cgroup(0), "b": _cgroup(8, 20), "c": _cgroup(1, 5)}}))
    assert _pod(_end(sampler, 60)).cpu_seconds == 14.0


def test_a_name_is_known_as_soon_as_the_kubelet_has_told_it() -> None:
    """Before, the pod is sent by its uid alone; after, under namespace and name, and when it has ended too."""
    sampler = _sampler()
    sampler.take(_at(0, {"u": _cgroup(1)}))
    unknown = _pod(_end(sampler, 1))
    sampler.learn(Summary(pods=[_summary()]))
    known = _pod(_end(sampler, 2))
    sampler.learn(Summary(pods=[]))
    sampler.take(_at(5, {}))
    ended = _pod(_end(sampler, 6))
    assert (unknown.namespace, unknown.name) == ("", "")
    assert (known.namespace, known.name) == (ended.namespace, ended.name) == ("shop", "web-0")


def test_a_name_told_before_the_cgroup_is_seen_is_kept() -> None:
    """A pod that the kubelet lists first is named in its first sample."""
    sampler = _sampler()
    sampler.learn(Summary(pods=[_summary()]))
    sampler.take(_at(0, {"u": _cgroup(1)}))
    assert _pod(_end(sampler, 1)).name == "web-0"


def test_network_totals_are_the_last_known_and_none_before() -> None:
    """Unknown isn't 0, a summary without the block keeps the totals, and a new sandbox adds to them."""
    sampler = _sampler()
    sampler.take(_at(0, {"u": _cgroup(1)}))
    seen = [_pod(_end(sampler, 1)).transmit_bytes]
    for seconds, network in enumerate([(10.0, 5, 100), None, (20.0, 5, 130), (30.0, 1, 7)], start=2):
        sampler.learn(Summary(pods=[_summary(network=network)]))
        seen.append(_pod(_end(sampler, seconds)).transmit_bytes)
    assert seen == [None, 100, 100, 130, 137]


def test_a_block_that_is_not_newer_is_not_taken_again() -> None:
    """Each block has its own time: an older reading of the network isn't a counter that fell."""
    sampler = _sampler()
    sampler.take(_at(0, {"u": _cgroup(1)}))
    sampler.learn(Summary(pods=[_summary(network=(20.0, 50, 100))]))
    sampler.learn(Summary(pods=[_summary(network=(10.0, 40, 90))]))
    sampler.learn(Summary(pods=[_summary(network=(20.0, 50, 100))]))
    assert _pod(_end(sampler, 1)).receive_bytes == 50


def test_ephemeral_storage_is_integrated_from_the_first_read_to_the_last() -> None:
    """What is told at 10 s counts for the 10 s before; then each level holds until the next."""
    sampler = _sampler()
    sampler.take(_at(0, {"u": _cgroup(1)}))
    assert _pod(_end(sampler, 1)).ephemeral_byte_seconds is None
    sampler.take(_at(10, {"u": _cgroup(1)}))
    sampler.learn(Summary(pods=[_summary(storage=(9.0, 100))]))
    assert _pod(_end(sampler, 11)).ephemeral_byte_seconds == 1000.0
    sampler.take(_at(15, {"u": _cgroup(1)}))
    sampler.learn(Summary(pods=[_summary(storage=(14.0, 10))]))
    sampler.take(_at(17, {"u": _cgroup(1)}))
    assert _pod(_end(sampler, 18)).ephemeral_byte_seconds == 1520.0


_PART = st.builds(
    _cgroup,
    st.integers(0, 10**6),
    st.integers(0, 10**12),
    inode=st.integers(1, 2),
    io=st.none() | st.tuples(*[st.integers(0, 10**15)] * 4),
)
_STEP = st.tuples(
    st.integers(1, 10),
    st.dictionaries(st.sampled_from(["u", "v"]), st.dictionaries(st.sampled_from("abc"), _PART, min_size=1)),
    st.tuples(st.integers(0, 100), st.integers(0, 10**12), st.integers(0, 10**12)),
    st.booleans(),
)


@given(steps=st.lists(_STEP, max_size=12))
def test_no_total_of_a_pod_ever_falls_while_it_is_known(
    steps: list[tuple[int, dict[str, dict[str, CgroupReading]], tuple[int, int, int], bool]],
) -> None:
    """Whatever counters, containers and summaries come, no total falls within a session nor turns to unknown."""
    sampler = _sampler()
    seconds = 0
    before: dict[str, PodUsage] = {}
    ended_samples: Counter[str] = Counter()
    for step, pods, (time, rx, tx), sampled in steps:
        seconds += step
        sampler.take(_at(seconds, pods))
        sampler.learn(Summary(pods=[_summary("u", (time, rx, tx), (time, rx))]))
        if not sampled:
            continue
        now = {pod.uid: pod for pod in _end(sampler, seconds).pods}
        for uid in now.keys() & before.keys():
            if ended_samples[uid] == ENDED_SAMPLES:  # forgotten meanwhile, so this is another pod
                continue
            for field in _TOTALS:
                old, new = getattr(before[uid], field), getattr(now[uid], field)
                assert old is None or (new is not None and new >= old), field
            assert now[uid].since_ns == before[uid].since_ns
            assert now[uid].last_ns >= before[uid].last_ns
        ended_samples = Counter({uid: ended_samples[uid] + 1 for uid, pod in now.items() if pod.ended})
        before = now
