"""Nodes as the managed services of three clouds, Karpenter and NVIDIA's operator label them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from kube_cost_simulator.building import using
from kube_cost_simulator.scenario import CapacityType, GpuHardware, NodeFact, Resources, Shape, Taint

GPU_TAINT = Taint("nvidia.com/gpu", "present")
AZURE_SPOT_TAINT = Taint("kubernetes.azure.com/scalesetpriority", "spot")
SUBSCRIPTION = "8f1f6f0c-4c6e-4a9f-9a35-2f6f0f7c1f11"


@dataclass(frozen=True)
class Machine:
    """A type of machine: nominal vCPU and GiB, KiB as the kernel reports them and as the kubelet leaves to pods."""

    instance_type: str
    vcpu: int
    memory_gib: int
    capacity_kib: int
    allocatable_millicores: int
    allocatable_kib: int
    on_demand: str
    spot: str | None = None


def machine_node(
    name: str,
    machine: Machine,
    *,
    provider_id: str,
    region: str,
    zone: str,
    labels: Mapping[str, str],
    capacity_type: CapacityType,
) -> NodeFact:
    """A node on a machine, with the labels that every cloud sets and `labels`."""
    return NodeFact(
        name=name,
        provider_id=provider_id,
        labels={
            "topology.kubernetes.io/region": region,
            "topology.kubernetes.io/zone": zone,
            "failure-domain.beta.kubernetes.io/region": region,
            "failure-domain.beta.kubernetes.io/zone": zone,
            "node.kubernetes.io/instance-type": machine.instance_type,
            "beta.kubernetes.io/instance-type": machine.instance_type,
            "beta.kubernetes.io/arch": "amd64",
            "beta.kubernetes.io/os": "linux",
            **labels,
        },
        capacity_type=capacity_type,
        shape=Shape(Fraction(machine.vcpu), Fraction(machine.memory_gib)),
        capacity=Resources(machine.vcpu * 1000, machine.capacity_kib * 1024),
        allocatable=Resources(machine.allocatable_millicores, machine.allocatable_kib * 1024),
        on_demand_usd_per_hour=Fraction(machine.on_demand),
        spot_usd_per_hour=None if machine.spot is None else Fraction(machine.spot),
        system_rates=using(80, 400, 6, 8),
        max_pods=110,
    )


def managed_node(
    name: str, machine: Machine, *, zone: str, pool: str, capacity_type: CapacityType = "on_demand"
) -> NodeFact:
    """A node of an EKS managed node group in us-east-1."""
    return machine_node(
        name,
        machine,
        provider_id=f"aws:///{zone}/i-0{sum(name.encode()):016x}",
        region=zone[:-1],
        zone=zone,
        labels={
            "eks.amazonaws.com/nodegroup": pool,
            "eks.amazonaws.com/capacityType": "SPOT" if capacity_type == "spot" else "ON_DEMAND",
            "eks.amazonaws.com/nodegroup-image": "ami-0b5a1c5d0e7a3f2c1",
            "k8s.io/cloud-provider-aws": "4a3c7f5b9d1e2f60718293a4b5c6d7e8",
            "topology.k8s.aws/zone-id": "use1-az1",
        },
        capacity_type=capacity_type,
    )


def karpenter_node(
    name: str, machine: Machine, *, zone: str, pool: str, capacity_type: CapacityType = "on_demand"
) -> NodeFact:
    """A node that Karpenter made in us-east-1."""
    family = machine.instance_type.partition(".")[0]
    return machine_node(
        name,
        machine,
        provider_id=f"aws:///{zone}/i-0{sum(name.encode()):016x}",
        region=zone[:-1],
        zone=zone,
        labels={
            "karpenter.sh/nodepool": pool,
            "karpenter.sh/capacity-type": "spot" if capacity_type == "spot" else "on-demand",
            "karpenter.sh/initialized": "true",
            "karpenter.sh/registered": "true",
            "karpenter.k8s.aws/ec2nodeclass": "default",
            "karpenter.k8s.aws/instance-family": family,
            "karpenter.k8s.aws/instance-cpu": str(machine.vcpu),
            "karpenter.k8s.aws/instance-memory": str(machine.memory_gib * 1024),
        },
        capacity_type=capacity_type,
    )


def google_node(
    name: str, machine: Machine, *, zone: str, pool: str, capacity_type: CapacityType = "on_demand"
) -> NodeFact:
    """A node of a GKE node pool."""
    spot = {"cloud.google.com/gke-spot": "true"} if capacity_type == "spot" else {}
    node = machine_node(
        name,
        machine,
        provider_id=f"gce://shop-prod-417309/{zone}/{name}",
        region=zone.rpartition("-")[0],
        zone=zone,
        labels={
            "cloud.google.com/gke-nodepool": pool,
            "cloud.google.com/gke-provisioning": "spot" if capacity_type == "spot" else "standard",
            "cloud.google.com/gke-boot-disk": "pd-balanced",
            "cloud.google.com/gke-container-runtime": "containerd",
            "cloud.google.com/gke-os-distribution": "cos",
            "cloud.google.com/machine-family": machine.instance_type.partition("-")[0],
            "topology.gke.io/zone": zone,
            **spot,
        },
        capacity_type=capacity_type,
    )
    return replace(node, os_image="Container-Optimized OS from Google", kernel_version="6.6.97+")


def azure_node(
    number: int, machine: Machine, *, zone: int, pool: str, capacity_type: CapacityType = "on_demand"
) -> NodeFact:
    """A node of an AKS node pool in eastus: the `number`th of its scale set. Spot ones keep pods away by a taint."""
    scale_set = f"aks-{pool}-20956280-vmss"
    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/mc_shop_shop-prod_eastus"
    resource = f"providers/Microsoft.Compute/virtualMachineScaleSets/{scale_set}/virtualMachines/{number}"
    spot = {AZURE_SPOT_TAINT.key: "spot"} if capacity_type == "spot" else {}
    node = machine_node(
        f"{scale_set}{number:06}",
        machine,
        provider_id=f"azure://{group}/{resource}",
        region="eastus",
        zone=f"eastus-{zone}",
        labels={
            "agentpool": pool,
            "kubernetes.azure.com/agentpool": pool,
            "kubernetes.azure.com/cluster": "MC_shop_shop-prod_eastus",
            "kubernetes.azure.com/mode": "user",
            "kubernetes.azure.com/nodepool-type": "VirtualMachineScaleSets",
            "kubernetes.azure.com/os-sku": "Ubuntu",
            "kubernetes.azure.com/role": "agent",
            "kubernetes.azure.com/storageprofile": "managed",
            "topology.disk.csi.azure.com/zone": f"eastus-{zone}",
            **spot,
        },
        capacity_type=capacity_type,
    )
    return replace(
        node,
        taints=(AZURE_SPOT_TAINT,) if spot else (),
        os_image="Ubuntu 22.04.5 LTS",
        kernel_version="5.15.0-1089-azure",
    )


def virtual_node() -> NodeFact:
    """The virtual kubelet of AKS: a node that is no machine, behind which Azure Container Instances run."""
    size = Resources(10_000_000, 4 * 1024**4)
    return NodeFact(
        name="virtual-node-aci-linux",
        provider_id="",
        labels={
            "alpha.service-controller.kubernetes.io/exclude-balancer": "true",
            "beta.kubernetes.io/os": "linux",
            "kubernetes.azure.com/managed": "false",
            "kubernetes.azure.com/role": "agent",
            "kubernetes.io/role": "agent",
            "node-role.kubernetes.io/agent": "",
            "node.kubernetes.io/exclude-from-external-load-balancers": "true",
            "type": "virtual-kubelet",
        },
        capacity_type="on_demand",
        shape=Shape(Fraction(0), Fraction(0)),
        capacity=size,
        allocatable=size,
        on_demand_usd_per_hour=Fraction(0),
        max_pods=5000,
        agent=False,
        pod_sized="aci",
        taints=(Taint("virtual-kubelet.io/provider", "azure"),),
        os_image="",
        kernel_version="",
    )


def with_gpus(node: NodeFact, hardware: GpuHardware) -> NodeFact:
    """A node with GPUs, as the device plugin offers them and GPU feature discovery labels them."""
    profiles = [profile for _ in range(hardware.count) for profile in hardware.mig]
    devices = tuple((f"nvidia.com/mig-{profile}", profiles.count(profile)) for profile in sorted(set(profiles)))
    units = Resources(gpus=0 if profiles else hardware.count * hardware.replicas, devices=devices)
    product = hardware.model.replace(" ", "-") + ("-SHARED" if hardware.replicas > 1 else "")
    return replace(
        node,
        labels={
            **node.labels,
            "nvidia.com/gpu.present": "true",
            "nvidia.com/gpu.count": str(hardware.count),
            "nvidia.com/gpu.memory": str(hardware.memory_mib),
            "nvidia.com/gpu.product": product,
            "nvidia.com/gpu.replicas": str(hardware.replicas),
            "nvidia.com/gpu.sharing-strategy": "time-slicing" if hardware.replicas > 1 else "none",
            "nvidia.com/mig.capable": "true" if profiles else "false",
            "nvidia.com/mig.strategy": "mixed",
            **{f"{name}.count": str(count) for name, count in devices},
        },
        shape=replace(node.shape, gpus=Fraction(hardware.count)),
        capacity=node.capacity + units,
        allocatable=node.allocatable + units,
        taints=(*node.taints, GPU_TAINT),
        gpu_hardware=hardware,
    )
