"""Readings in, one usage sample out. No IO and no clock: times come with the readings."""

from collections.abc import Mapping

from kube_cost_agent.machine import UNKNOWN_MACHINE, Machine
from kube_cost_agent.pod_totals import CgroupTotals, PodTotals
from kube_cost_agent.readings import NetworkReading, NodeReading, PodSummary, Summary
from kube_cost_common.messages.usage import ROOT_NODE, PodUsage, RootUsage, UsageSample

ENDED_SAMPLES = 5
"""How many samples a pod that is gone stays in, so that its last totals arrive though a sample be lost."""


class Sampler:
    """The totals of one node in one session: the life of the agent's process under one boot of the kernel."""

    def __init__(
        self,
        *,
        cluster: str,
        node: str,
        boot_id: str,
        session: str,
        start_ns: int,
        machine: Machine = UNKNOWN_MACHINE,
    ) -> None:
        """Begin a session: `session` is 64 random bits in hexadecimal, `start_ns` its clock's first moment."""
        self._cluster = cluster
        self._node = node
        self._boot_id = boot_id
        self._session = session
        self._machine = machine
        self._seq = 0
        self._sampled_to_ns = start_ns
        self._roots: dict[str, CgroupTotals] = {}
        self._pods: dict[str, PodTotals] = {}
        self._summaries: dict[str, PodSummary] = {}
        self._network: NetworkReading | None = None

    @property
    def boot_id(self) -> str:
        """The kernel's boot that this session belongs to; under another one a new session has to begin."""
        return self._boot_id

    def take(self, reading: NodeReading) -> None:
        """Take one look at the cgroup tree. A pod that isn't in it has ended."""
        for name, parts in reading.roots.items():
            root = self._roots.get(name)
            if root is None:
                self._roots[name] = CgroupTotals(reading.at_ns, parts)
            else:
                root.follow(reading.at_ns, parts)
        for uid, parts in reading.pods.items():
            pod = self._pods.get(uid)
            if pod is None:
                self._pods[uid] = pod = PodTotals(uid, reading.at_ns, parts)
                if uid in self._summaries:
                    pod.learn(self._summaries[uid])
            else:
                pod.follow(reading.at_ns, parts)
        for uid, pod in self._pods.items():
            if pod.ended_samples_left is None and uid not in reading.pods and uid not in reading.unreadable:
                pod.ended_samples_left = ENDED_SAMPLES

    def learn(self, summary: Summary) -> None:
        """Take what the kubelet says. What it doesn't speak of keeps its last known values."""
        self._summaries = {pod.uid: pod for pod in summary.pods}
        if summary.network is not None:
            self._network = summary.network
        for uid, said in self._summaries.items():
            pod = self._pods.get(uid)
            if pod is not None:
                pod.learn(said)

    def learn_gpus(self, at_ns: int, busy: Mapping[tuple[str, str], float]) -> None:
        """Take how many GPUs pods keep busy at `at_ns`, by namespace and name; pods that it doesn't name use none."""
        for pod in self._pods.values():
            if pod.ended_samples_left is None and pod.name:
                pod.learn_gpus(at_ns, busy.get((pod.namespace, pod.name)))

    def sample(self, end_ns: int) -> UsageSample:
        """Return the sample that ends at `end_ns` and starts where the one before ended.

        A pod whose name the kubelet hasn't told yet is in it with an empty one: its uid identifies it.
        """
        for pod in self._pods.values():
            pod.hold_gpus(end_ns)
        sample = UsageSample(
            sent_at_ns=end_ns,
            cluster=self._cluster,
            node=self._node,
            boot_id=self._boot_id,
            session=self._session,
            seq=self._seq,
            start_ns=self._sampled_to_ns,
            end_ns=end_ns,
            roots=[
                _root_usage(name, root, self._network if name == ROOT_NODE else None)
                for name, root in self._roots.items()
            ],
            pods=[_pod_usage(pod) for pod in self._pods.values()],
            vcpu=self._machine.vcpu,
            memory_bytes=self._machine.memory_bytes,
        )
        self._seq += 1
        self._sampled_to_ns = end_ns
        self._forget_ended()
        return sample

    def _forget_ended(self) -> None:
        for uid, pod in list(self._pods.items()):
            if pod.ended_samples_left is not None:
                pod.ended_samples_left -= 1
                if pod.ended_samples_left == 0:
                    del self._pods[uid]


def _root_usage(name: str, root: CgroupTotals, network: NetworkReading | None) -> RootUsage:
    read_bytes, write_bytes, read_operations, write_operations = root.io
    return RootUsage(
        name=name,
        cpu_seconds=root.cpu_seconds,
        memory_byte_seconds=root.memory_byte_seconds,
        read_bytes=read_bytes,
        write_bytes=write_bytes,
        read_operations=read_operations,
        write_operations=write_operations,
        receive_bytes=None if network is None else network.receive_bytes,
        transmit_bytes=None if network is None else network.transmit_bytes,
    )


def _pod_usage(pod: PodTotals) -> PodUsage:
    read_bytes, write_bytes, read_operations, write_operations = pod.cgroups.io
    return PodUsage(
        uid=pod.uid,
        namespace=pod.namespace,
        name=pod.name,
        since_ns=pod.since_ns,
        last_ns=pod.last_ns,
        ended=pod.ended_samples_left is not None,
        cpu_seconds=pod.cgroups.cpu_seconds,
        memory_byte_seconds=pod.cgroups.memory_byte_seconds,
        receive_bytes=pod.receive_bytes,
        transmit_bytes=pod.transmit_bytes,
        read_bytes=read_bytes,
        write_bytes=write_bytes,
        read_operations=read_operations,
        write_operations=write_operations,
        ephemeral_byte_seconds=pod.ephemeral_byte_seconds,
        gpu_seconds=pod.gpu_seconds,
    )
