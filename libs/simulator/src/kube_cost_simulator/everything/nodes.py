"""The nodes: every cloud's, with GPUs cut in all ways, without an agent, and none at all behind a virtual one."""

from dataclasses import replace

from kube_cost_simulator.cloud_nodes import (
    Machine,
    azure_node,
    google_node,
    karpenter_node,
    managed_node,
    virtual_node,
    with_gpus,
)
from kube_cost_simulator.scenario import GpuHardware, NodeFact, PriceWalk

STEADY = "ip-10-2-1-1.ec2.internal"
BATCH = "ip-10-2-2-1.ec2.internal"
KARPENTER = "ip-10-2-3-1.ec2.internal"
RESTRICTED = "ip-10-2-4-1.ec2.internal"
WHOLE_GPU = "ip-10-2-5-1.ec2.internal"
SLICED_GPU = "ip-10-2-5-2.ec2.internal"
CUT_GPUS = "ip-10-2-5-3.ec2.internal"

M5_XLARGE = Machine("m5.xlarge", 4, 16, 16098104, 3920, 15081272, "0.192", "0.0768")
R5_LARGE = Machine("r5.large", 2, 16, 15896616, 1930, 15206440, "0.126", "0.0441")
C5_2XLARGE = Machine("c5.2xlarge", 8, 16, 15896988, 7910, 14880156, "0.34", "0.1387")
C6I_XLARGE = Machine("c6i.xlarge", 4, 8, 7936000, 3920, 6946816, "0.17", "0.0653")
G5_XLARGE = Machine("g5.xlarge", 4, 16, 15896616, 3920, 14880156, "1.006", "0.4208")
G4DN_XLARGE = Machine("g4dn.xlarge", 4, 16, 15896616, 3920, 14880156, "0.526", "0.1905")
P4D_24XLARGE = Machine("p4d.24xlarge", 96, 1152, 1176329616, 95690, 1160000000, "21.957642")
N2_STANDARD_4 = Machine("n2-standard-4", 4, 16, 16393244, 3920, 13591584, "0.194236", "0.0469")
E2_STANDARD_2 = Machine("e2-standard-2", 2, 8, 8145404, 1930, 6252540, "0.06701142")
D4S_V5 = Machine("Standard_D4s_v5", 4, 16, 16374268, 3860, 14243836, "0.192", "0.0384")

A10G = GpuHardware("NVIDIA A10G", 1, 23028)
T4_SLICED = GpuHardware("Tesla T4", 1, 15360, replicas=4)
A100_CUT = GpuHardware("NVIDIA A100-SXM4-40GB", 8, 40960, mig=("1g.5gb", "1g.5gb", "2g.10gb", "3g.20gb"))


def amazon_nodes() -> tuple[NodeFact, ...]:
    """EKS node groups, one of them spot, and Karpenter's spot node, which is interrupted and back within a minute."""
    interrupted = karpenter_node(KARPENTER, C6I_XLARGE, zone="us-east-1c", pool="flexible", capacity_type="spot")
    return (
        managed_node(STEADY, M5_XLARGE, zone="us-east-1a", pool="general"),
        managed_node(BATCH, C5_2XLARGE, zone="us-east-1b", pool="batch", capacity_type="spot"),
        replace(interrupted, leaves_after_seconds=1310, cycle_seconds=1350, jitter_seconds=30),
    )


def special_nodes() -> tuple[NodeFact, ...]:
    """One where no agent may run, and GPUs: a whole one, one in four time slices, eight cut into MIG instances."""
    return (
        replace(managed_node(RESTRICTED, R5_LARGE, zone="us-east-1a", pool="restricted"), agent=False),
        with_gpus(managed_node(WHOLE_GPU, G5_XLARGE, zone="us-east-1a", pool="gpu"), A10G),
        with_gpus(
            karpenter_node(SLICED_GPU, G4DN_XLARGE, zone="us-east-1b", pool="gpu-shared", capacity_type="spot"),
            T4_SLICED,
        ),
        with_gpus(managed_node(CUT_GPUS, P4D_24XLARGE, zone="us-east-1b", pool="gpu-mig"), A100_CUT),
    )


def google_nodes() -> tuple[NodeFact, ...]:
    """GKE node pools, one of them spot."""
    return (
        google_node("gke-shop-default-pool-6f3a2b1c-x7k2", E2_STANDARD_2, zone="us-central1-a", pool="default-pool"),
        google_node(
            "gke-shop-spot-pool-91d4e7aa-b3qz",
            N2_STANDARD_4,
            zone="us-central1-b",
            pool="spot-pool",
            capacity_type="spot",
        ),
    )


def azure_nodes() -> tuple[NodeFact, ...]:
    """AKS node pools, one of them spot, and the virtual node."""
    return (
        azure_node(0, D4S_V5, zone=1, pool="nodepool1"),
        azure_node(0, D4S_V5, zone=2, pool="spotpool", capacity_type="spot"),
        virtual_node(),
    )


def price_walks() -> tuple[PriceWalk, ...]:
    """Spot prices that move."""
    return (PriceWalk(BATCH, 437, 30), PriceWalk(KARPENTER, 613, 40), PriceWalk(SLICED_GPU, 1511, 20))
