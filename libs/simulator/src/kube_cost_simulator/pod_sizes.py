"""The sizes that pods are sold by where they have no machine of their own: AWS Fargate, Azure Container Instances."""

from fractions import Fraction
from typing import NamedTuple

from kube_cost_simulator.prices import PodSizing
from kube_cost_simulator.reservation import PodRequests, reserved
from kube_cost_simulator.scenario import MIB, Resources


class PodSize(NamedTuple):
    """vCPUs and GB as the provider counts them: 2^30 bytes with AWS, 10^9 with Azure."""

    vcpu: Fraction
    gb: Fraction


FARGATE_SIZES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("0.25", ("0.5", "1", "2")),
    ("0.5", ("1", "2", "3", "4")),
    ("1", ("2", "3", "4", "5", "6", "7", "8")),
    ("2", tuple(str(gb) for gb in range(4, 17))),
    ("4", tuple(str(gb) for gb in range(8, 31))),
    ("8", tuple(str(gb) for gb in range(16, 61, 4))),
    ("16", tuple(str(gb) for gb in range(32, 121, 8))),
)
"""vCPUs and the GB that they come with (Amazon EKS user guide, Fargate Pod configuration)."""

FARGATE_OVERHEAD_BYTES = 256 * MIB
"""Added to each pod's memory for kubelet, kube-proxy and containerd (the same guide)."""

# azure-aci, the virtual kubelet's provider: a container that asks for nothing gets 1 vCPU and 1.5 GB, and what it asks
# for comes in steps of 10 millicores and 0.1 GB.
ACI_DEFAULT = PodSize(Fraction(1), Fraction(3, 2))
ACI_STEP = PodSize(Fraction(1, 100), Fraction(1, 10))


def sold_size(sizing: PodSizing, requests: PodRequests) -> PodSize:
    """The size that a pod with these requests is sold by; ValueError if the provider has none so large."""
    return fargate_size(reserved(requests)) if sizing == "fargate" else aci_size(requests)


def fargate_size(amount: Resources) -> PodSize:
    """The smallest combination that holds what is reserved and Fargate's own."""
    vcpu, gb = Fraction(amount.cpu_millicores, 1000), Fraction(amount.memory_bytes + FARGATE_OVERHEAD_BYTES, 2**30)
    for vcpu_text, gb_texts in FARGATE_SIZES:
        if Fraction(vcpu_text) >= vcpu:
            for gb_text in gb_texts:
                if Fraction(gb_text) >= gb:
                    return PodSize(Fraction(vcpu_text), Fraction(gb_text))
    raise ValueError(f"Fargate has no pod of {float(vcpu)} vCPU and {float(gb)} GB")


def aci_size(requests: PodRequests) -> PodSize:
    """The sum over the containers that stay, each rounded up to whole steps."""
    vcpu = gb = Fraction(0)
    for container in requests.containers:
        if not container.init or container.sidecar:
            cpu, memory = container.spec.cpu_millicores, container.spec.memory_bytes
            vcpu += steps_up(Fraction(cpu, 1000), ACI_STEP.vcpu) if cpu else ACI_DEFAULT.vcpu
            gb += steps_up(Fraction(memory, 10**9), ACI_STEP.gb) if memory else ACI_DEFAULT.gb
    return PodSize(vcpu, gb)


def steps_up(amount: Fraction, step: Fraction) -> Fraction:
    """The smallest whole number of steps that is at least `amount`."""
    return -(-amount // step) * step


def capacity_provisioned(requests: PodRequests) -> str:
    """The annotation in which Fargate says the size of a pod: `0.25vCPU 0.5GB`."""
    size = fargate_size(reserved(requests))
    return f"{float(size.vcpu):g}vCPU {float(size.gb):g}GB"
