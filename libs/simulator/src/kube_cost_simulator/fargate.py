"""AWS Fargate under EKS: every pod of a profile gets a node of its own, which goes with it."""

from fractions import Fraction

from kube_cost_simulator.nodes import NodeLifecycle
from kube_cost_simulator.pod_sizes import PodSize, fargate_size
from kube_cost_simulator.pod_state import PodState
from kube_cost_simulator.reservation import reserved
from kube_cost_simulator.scenario import NodeFact, Resources, Shape, Taint

COMPUTE_TYPE = "eks.amazonaws.com/compute-type"
REGION = "us-east-1"
ZONES = ("us-east-1a", "us-east-1b", "us-east-1c")

MACHINES = ((2, 4037540), (2, 7935896), (4, 16073844), (8, 32411028), (16, 64970272), (16, 130014784))
"""vCPU and KiB of the machines behind: the node shows them, not the size that was asked for and is paid."""

RESERVED_BYTES = 100 * 1024**2


class FargateNodes:
    """Makes the node that a pod of a Fargate profile runs on, and takes it away with the pod."""

    def __init__(self, *, nodes: NodeLifecycle) -> None:
        self._nodes = nodes
        self._made = 0

    def node_for(self, pod: PodState, at_ns: int) -> str:
        """Let a node join for a pod; returns its name."""
        self._made += 1
        size = fargate_size(reserved(pod.requests[-1]))
        fact = fargate_node(size, number=self._made)
        self._nodes.join(fact, at_ns)
        return fact.name

    def pod_removed(self, pod: PodState, at_ns: int) -> None:
        """The node of a pod that is gone leaves."""
        if pod.room is not None and pod.room.fact.pod_sized == "fargate":
            self._nodes.leave(pod.room.fact.name, at_ns)


def fargate_node(size: PodSize, *, number: int) -> NodeFact:
    """The node of one pod, as EKS writes it. Nobody pays for it: the pod is sold by its own size."""
    vcpu, kib = next(
        machine for machine in MACHINES if machine[0] >= size.vcpu and machine[1] * 1024 >= size.gb * 10**9 * 95 / 100
    )
    zone = ZONES[number % len(ZONES)]
    ip = f"10.7.{number // 250 % 250}.{number % 250 + 1}"
    host = f"ip-{ip.replace('.', '-')}.ec2.internal"
    capacity = Resources(vcpu * 1000, kib * 1024)
    return NodeFact(
        name=f"fargate-{host}",
        provider_id=f"aws:///{zone}/{number:032x}/fargate-{host}",
        labels={
            "beta.kubernetes.io/arch": "amd64",
            "beta.kubernetes.io/os": "linux",
            COMPUTE_TYPE: "fargate",
            "failure-domain.beta.kubernetes.io/region": REGION,
            "failure-domain.beta.kubernetes.io/zone": zone,
            "kubernetes.io/hostname": host,
            "topology.kubernetes.io/region": REGION,
            "topology.kubernetes.io/zone": zone,
        },
        capacity_type="on_demand",
        shape=Shape(Fraction(vcpu), Fraction(kib, 1024**2)),
        capacity=capacity,
        allocatable=capacity - Resources(0, RESERVED_BYTES),
        on_demand_usd_per_hour=Fraction(0),
        max_pods=1,
        agent=False,
        pod_sized="fargate",
        taints=(Taint(COMPUTE_TYPE, "fargate"),),
        internal_ip=ip,
        os_image="Amazon Linux 2",
        kernel_version="5.10.244-240.970.amzn2.x86_64",
    )
