"""Which usage samples are fit to be settled. What comes over the bus is an input from outside."""

import re
from collections.abc import Iterator
from functools import lru_cache

from kube_cost_common.messages.codec import DecodeError, RecordDecoder
from kube_cost_common.messages.names import usage_subject
from kube_cost_common.messages.usage import PodUsage, RootUsage, UsageSample

MAX_PODS = 2_000
"""Pods in one sample, ended ones included. A kubelet holds 110 by default, and 500 are about what any is run with."""

MAX_NODES = 8192
"""Whose subjects are remembered, of each the escaped name."""

MAX_SAMPLE_HOURS = 24
MAX_NAME = 253  # the longest name that Kubernetes allows
MAX_UID = 64
MAX_ROOTS = 16
MAX_BOOT_ID = 64  # the kernel's is a UUID of 36 characters

MAX_VCPU = 1e5
MAX_MEMORY_BYTES = 2**53  # 8 PiB; the largest machines have some thousands of vCPUs and tens of TiB

MAX_CPU_SECONDS = 1e12  # 1,000 vCPUs for 30 years
MAX_BYTE_SECONDS = 1e23  # 100 TiB for 30 years
MAX_COUNT = 2**62

_UID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_NAME = re.compile(r"[a-z0-9.-]+")  # as the API server allows them, RFC 1123
_POD = re.compile(r"[A-Za-z0-9_.-]{1,64} (?:[a-z0-9.-]{1,253} [a-z0-9.-]{1,253}| )")
"""Uid, namespace and name with blanks between; the latter two may both be missing."""

_SESSION = re.compile(r"[0-9a-f]{16}")


class SampleError(ValueError):
    """A sample that is refused. `reason` is one of a closed set, for counters; `detail` names what is wrong."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class SampleReader:
    """Reads and checks usage samples of one cluster."""

    def __init__(self, *, cluster: str) -> None:
        self._cluster = cluster
        self._decoder = RecordDecoder(UsageSample)
        self._subject = lru_cache(maxsize=MAX_NODES)(usage_subject)

    def read(self, subject: str, payload: bytes) -> UsageSample:
        """Return the sample in a message; raise SampleError where it is none, or none that can be settled."""
        try:
            sample = self._decoder.decode(payload)
        except DecodeError as error:
            raise SampleError(error.reason, error.detail) from error
        if subject != self._subject(sample.cluster, sample.node):
            raise SampleError("subject", f"a sample of node {sample.node[:MAX_NAME]!r} came on {subject[:500]!r}")
        if sample.cluster != self._cluster:
            raise SampleError(
                "cluster", f"a sample of cluster {sample.cluster[:MAX_NAME]!r}; this is {self._cluster!r}"
            )
        if fault := next(_faults(sample), None):
            raise SampleError("value", f"node {sample.node[:MAX_NAME]!r}: {fault}")
        return sample


def _faults(sample: UsageSample) -> Iterator[str]:
    if not _is_name(sample.node):
        yield "the node's name is none"
    if len(sample.boot_id) > MAX_BOOT_ID:
        yield "the boot id is too long"
    if not _SESSION.fullmatch(sample.session):
        yield "the session isn't 64 bits in hexadecimal"
    if not 0 <= sample.seq < MAX_COUNT:
        yield "seq is negative or too great"
    yield from _bad_time(sample)
    yield from _bad_machine(sample)
    if len(sample.pods) > MAX_PODS:
        yield f"it has {len(sample.pods)} pods, at most {MAX_PODS} are read"
    elif len(sample.roots) > MAX_ROOTS:
        yield f"it has {len(sample.roots)} roots, at most {MAX_ROOTS} are read"
    elif len({pod.uid for pod in sample.pods}) != len(sample.pods):
        yield "a pod is in it twice"
    for root in sample.roots:
        yield from _bad_totals(f"root {root.name[:16]!r}", root)
    for pod in [pod for pod in sample.pods if not is_sound(pod, sample.sent_at_ns)]:
        yield from pod_faults(pod, sample.sent_at_ns)


def _bad_machine(sample: UsageSample) -> Iterator[str]:
    if not (0 <= sample.vcpu <= MAX_VCPU and 0 <= sample.memory_bytes <= MAX_MEMORY_BYTES):
        yield f"a machine of {sample.vcpu} vCPUs and {sample.memory_bytes} bytes"


def _bad_time(sample: UsageSample) -> Iterator[str]:
    if not 0 < sample.start_ns < sample.end_ns <= sample.sent_at_ns < MAX_COUNT:
        yield "not start < end <= sent at"
    elif sample.end_ns - sample.start_ns > MAX_SAMPLE_HOURS * 3600 * 10**9:
        yield f"it is longer than {MAX_SAMPLE_HOURS} h"


def is_sound(pod: PodUsage, sent_at_ns: int) -> bool:
    """Whether a pod has no fault, as nearly all have none: one look at what `pod_faults` looks at piece by piece."""
    return (
        _POD.fullmatch(f"{pod.uid} {pod.namespace} {pod.name}") is not None
        and 0 < pod.since_ns <= pod.last_ns <= sent_at_ns
        and 0 <= pod.cpu_seconds <= MAX_CPU_SECONDS
        and 0 <= pod.memory_byte_seconds <= MAX_BYTE_SECONDS
        and 0 <= (pod.ephemeral_byte_seconds or 0.0) <= MAX_BYTE_SECONDS
        and 0 <= (pod.read_bytes or 0) < MAX_COUNT
        and 0 <= (pod.write_bytes or 0) < MAX_COUNT
        and 0 <= (pod.read_operations or 0) < MAX_COUNT
        and 0 <= (pod.write_operations or 0) < MAX_COUNT
        and 0 <= (pod.receive_bytes or 0) < MAX_COUNT
        and 0 <= (pod.transmit_bytes or 0) < MAX_COUNT
        and 0 <= (pod.gpu_seconds or 0.0) <= MAX_CPU_SECONDS
    )


def pod_faults(pod: PodUsage, sent_at_ns: int) -> Iterator[str]:
    """Yield what is wrong with a pod in a sample that was sent at `sent_at_ns`, a sentence each."""
    if not _UID.fullmatch(pod.uid):
        yield f"{pod.uid[:MAX_UID]!r} is no pod uid"
        return
    for name in (pod.namespace, pod.name):
        if name and not _is_name(name):
            yield f"pod {pod.uid}: {name[:MAX_NAME]!r} is no name"
    if bool(pod.namespace) != bool(pod.name):
        yield f"pod {pod.uid}: it has a name without a namespace, or the reverse"
    if not 0 < pod.since_ns <= pod.last_ns <= sent_at_ns:
        yield f"pod {pod.uid}: not since <= last <= sent at"
    yield from _bad_totals(f"pod {pod.uid}", pod)


def _is_name(text: str) -> bool:
    return len(text) <= MAX_NAME and _NAME.fullmatch(text) is not None


def _bad_totals(what: str, totals: PodUsage | RootUsage) -> Iterator[str]:
    # Negated, since every comparison with NaN is false.
    if not 0 <= totals.cpu_seconds <= MAX_CPU_SECONDS:
        yield f"{what}: cpu_seconds is {totals.cpu_seconds}"
    if not 0 <= totals.memory_byte_seconds <= MAX_BYTE_SECONDS:
        yield f"{what}: memory_byte_seconds is {totals.memory_byte_seconds}"
    counts = [totals.read_bytes, totals.write_bytes, totals.read_operations, totals.write_operations]
    counts += [totals.receive_bytes, totals.transmit_bytes]
    if isinstance(totals, PodUsage):
        if totals.gpu_seconds is not None and not 0 <= totals.gpu_seconds <= MAX_CPU_SECONDS:
            yield f"{what}: gpu_seconds is {totals.gpu_seconds}"
        ephemeral = totals.ephemeral_byte_seconds
        if ephemeral is not None and not 0 <= ephemeral <= MAX_BYTE_SECONDS:
            yield f"{what}: ephemeral_byte_seconds is {ephemeral}"
    if any(count is not None and not 0 <= count < MAX_COUNT for count in counts):
        yield f"{what}: a count of bytes or operations is negative or too great"
