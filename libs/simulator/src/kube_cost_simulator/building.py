"""Pieces that scenarios are put together from, in the units that people think in."""

from collections.abc import Mapping
from fractions import Fraction

from kube_cost_simulator.scenario import (
    MIB,
    CapacityType,
    ContainerFact,
    NodeFact,
    Resources,
    Shape,
    TemplateFact,
    VolumeFact,
)
from kube_cost_simulator.usage import Rates, UsagePhase, UsageProfile

REGION = "us-east-1"


def asked(cpu_millicores: int, memory_mebibytes: int) -> Resources:
    """Requests in millicores and MiB."""
    return Resources(cpu_millicores, memory_mebibytes * MIB)


def using(cpu_millicores: int, memory_mebibytes: int, network_kilobytes: int = 4, disk_kilobytes: int = 2) -> Rates:
    """Rates in millicores, MiB, and kB per second received and written; half as much is sent and read."""
    return Rates(
        cpu_millicores=cpu_millicores,
        memory_bytes=memory_mebibytes * MIB,
        receive_bytes_per_second=network_kilobytes * 1000,
        transmit_bytes_per_second=network_kilobytes * 500,
        read_bytes_per_second=disk_kilobytes * 500,
        write_bytes_per_second=disk_kilobytes * 1000,
        read_operations_per_second=max(1, disk_kilobytes // 8),
        write_operations_per_second=max(1, disk_kilobytes // 4),
    )


def swinging(low: Rates, high: Rates, seconds: int = 90) -> UsageProfile:
    """Use that goes up and down, differently in each pod."""
    return UsageProfile((UsagePhase(seconds, low), UsagePhase(seconds // 2, high)), jitter_percent=20)


def aws_node(
    name: str,
    *,
    instance_type: str,
    zone: str,
    shape: tuple[int, int],
    memory: tuple[int, int],
    on_demand: str,
    spot: str,
    capacity_type: CapacityType,
) -> NodeFact:
    """An EKS node; `shape` is nominal vCPU and GiB, `memory` capacity and allocatable in KiB as the kernel reports."""
    vcpu, memory_gib = shape
    capacity_kib, allocatable_kib = memory
    number = sum(name.encode())
    return NodeFact(
        name=name,
        provider_id=f"aws:///{zone}/i-0{number:016x}",
        labels={
            "topology.kubernetes.io/region": REGION,
            "topology.kubernetes.io/zone": zone,
            "failure-domain.beta.kubernetes.io/region": REGION,
            "failure-domain.beta.kubernetes.io/zone": zone,
            "node.kubernetes.io/instance-type": instance_type,
            "beta.kubernetes.io/instance-type": instance_type,
            "eks.amazonaws.com/capacityType": "SPOT" if capacity_type == "spot" else "ON_DEMAND",
            "eks.amazonaws.com/nodegroup": "batch" if capacity_type == "spot" else "general",
        },
        capacity_type=capacity_type,
        shape=Shape(Fraction(vcpu), Fraction(memory_gib)),
        capacity=Resources(vcpu * 1000, capacity_kib * 1024),
        # amazon-eks-ami: 60 m of the first core, 10 m of the second, 5 m of the next two, 2.5 m of the others.
        allocatable=Resources(vcpu * 1000 - {2: 70, 4: 80, 8: 90}[vcpu], allocatable_kib * 1024),
        on_demand_usd_per_hour=Fraction(on_demand),
        spot_usd_per_hour=Fraction(spot),
        system_rates=using(90, 420, 6, 8),
        max_pods=58,
    )


def container(
    name: str,
    image: str,
    requests: Resources,
    *,
    limits: Resources | None = None,
    command: tuple[str, ...] = (),
    environment: Mapping[str, str] | None = None,
    init: bool = False,
    sidecar: bool = False,
    usage_share: int = 1,
) -> ContainerFact:
    """A container with what real ones carry: a command and environment."""
    return ContainerFact(
        name=name,
        image=image,
        requests=requests,
        limits=limits,
        command=command,
        environment=environment or {"LOG_LEVEL": "info", "SERVICE_NAME": name},
        init=init or sidecar,
        sidecar=sidecar,
        usage_share=usage_share,
    )


def template(app: str, usage: UsageProfile, *containers: ContainerFact, team: str = "platform") -> TemplateFact:
    """A template with the labels that people put on pods."""
    labels = {"app": app, "app.kubernetes.io/name": app, "team": team}
    return TemplateFact(containers=containers, usage=usage, labels=labels)


def on_host(app: str, rates: Rates, main: ContainerFact) -> TemplateFact:
    """A template on the node's own network."""
    return TemplateFact(containers=(main,), usage=swinging(rates, rates), labels={"k8s-app": app}, host_network=True)


def gp3_volume(name: str, size_gib: int, zone: str, claim: tuple[str, str] | None) -> VolumeFact:
    """A gp3 volume."""
    return VolumeFact(f"pvc-{name}", f"vol-0{name.replace('-', '')[:16]}", "gp3", size_gib, REGION, zone, claim)
