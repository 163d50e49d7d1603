"""What an agent says of its node: cumulative totals, never rates, so that a lost sample loses no usage."""

from kube_cost_common.messages.codec import Part, Record

ROOT_NODE = "node"
ROOT_KUBEPODS = "kubepods"
ROOT_BURSTABLE = "burstable"
ROOT_BESTEFFORT = "besteffort"


class PodUsage(Part, frozen=True):
    """The totals of one pod. CPU and I/O count from the pod's birth, the memory integral from `since_ns`.

    `since_ns` is when this agent process first saw the pod, `last_ns` when it last read it, both Unix nanoseconds of
    the node's clock. A pod that is gone stays in five more samples with its last totals, `ended` being true.
    Network, block I/O, ephemeral storage and GPUs are None while nothing is known of them: that is not 0.
    `gpu_seconds` is how long it kept GPUs busy since this agent process first heard of its having one.
    """

    uid: str
    namespace: str
    name: str
    since_ns: int
    last_ns: int
    ended: bool
    cpu_seconds: float
    memory_byte_seconds: float
    receive_bytes: int | None = None
    transmit_bytes: int | None = None
    read_bytes: int | None = None
    write_bytes: int | None = None
    read_operations: int | None = None
    write_operations: int | None = None
    ephemeral_byte_seconds: float | None = None
    gpu_seconds: float | None = None


class RootUsage(Part, frozen=True):
    """The totals of a cgroup above the pods: `node`, `kubepods`, `burstable` or `besteffort`.

    Network is the node's own interfaces', and only `node` has it.
    """

    name: str
    cpu_seconds: float
    memory_byte_seconds: float
    read_bytes: int | None = None
    write_bytes: int | None = None
    read_operations: int | None = None
    write_operations: int | None = None
    receive_bytes: int | None = None
    transmit_bytes: int | None = None


class UsageSample(Record, frozen=True, kw_only=True):
    """One interval of one node.

    `sent_at_ns`, `start_ns` and `end_ns` are Unix nanoseconds of the agent's clock, which never steps within a
    session; the reader brings them to the bus's clock. `start_ns` is the `end_ns` of the sample before; the first of
    a session starts where the session did. `session` is 64 random bits in hexadecimal, one per agent process, `seq`
    counts its samples from 0. `boot_id` is the kernel's: another one means that the kernel's counters began anew.
    `vcpu` and `memory_bytes` are the machine's, 0 where the agent doesn't say: what is known of a node that came and
    went while nobody watched.
    """

    sent_at_ns: int
    cluster: str
    node: str
    boot_id: str
    session: str
    seq: int
    start_ns: int
    end_ns: int
    roots: list[RootUsage]
    pods: list[PodUsage]
    vcpu: float = 0.0
    memory_bytes: int = 0
