"""Volumes, Services, and what they and the rest cost."""

from fractions import Fraction

from kube_cost_simulator.prices import DiskTier, NetworkPrice, PodSizePrice, Prices, VolumePrice
from kube_cost_simulator.scenario import ServiceFact, StorageClassFact, VolumeFact

AMAZON_DISK = "ebs.csi.aws.com"
EAST = ("us-east-1", "us-east-1a")

GP3 = VolumePrice(
    Fraction("0.08"),
    free_iops=3000,
    usd_per_iops_month=Fraction("0.005"),
    free_mib_per_second=125,
    usd_per_mib_per_second_month=Fraction("0.04"),
)
"""us-east-1."""

PREMIUM_TIERS = tuple(
    DiskTier(gib, Fraction(usd)) for gib, usd in ((4, "0.6"), (32, "5.28"), (64, "10.21"), (128, "19.71"), (256, "38"))
)
"""Premium SSD P1, P4, P6, P10, P15, eastus."""


def prices() -> Prices:
    """List prices of the three clouds, and shares of what is sent: a fifth to other zones, a tenth to the internet."""
    return Prices(
        volumes={
            "gp3": GP3,
            "gp3-fast": GP3,
            "gp3-retain": GP3,
            "shared": VolumePrice(Fraction("0.30")),
            "premium-rwo": VolumePrice(Fraction("0.17")),
            "managed-csi-premium": VolumePrice(tiers=PREMIUM_TIERS),
        },
        network=NetworkPrice(
            {"zone": Fraction("0.01"), "region": Fraction("0.02"), "internet": Fraction("0.09")},
            {"zone": Fraction("0.2"), "region": Fraction(0), "internet": Fraction("0.1")},
        ),
        load_balancer_usd_per_hour=Fraction("0.0225"),
        control_plane_usd_per_hour=Fraction("0.10"),
        pod_sizes={
            "fargate": PodSizePrice(Fraction("0.04048"), Fraction("0.004445")),
            "aci": PodSizePrice(Fraction("0.0405"), Fraction("0.00445")),
        },
    )


def storage_classes() -> tuple[StorageClassFact, ...]:
    """One that provisions more than is free, one that keeps volumes, a shared one that has a price, one that hasn't."""
    fast = {"type": "gp3", "iops": "6000", "throughput": "250"}
    return (
        StorageClassFact("gp3", AMAZON_DISK, {"type": "gp3"}, default=True),
        StorageClassFact("gp3-fast", AMAZON_DISK, fast),
        StorageClassFact("gp3-retain", AMAZON_DISK, {"type": "gp3"}, reclaim_policy="Retain"),
        StorageClassFact("shared", "efs.csi.aws.com", {"provisioningMode": "efs-ap"}),
        StorageClassFact("unpriced", "nfs.csi.k8s.io", {"server": "nfs.example.com"}),
        StorageClassFact("premium-rwo", "pd.csi.storage.gke.io", {"type": "pd-ssd"}),
        StorageClassFact("managed-csi-premium", "disk.csi.azure.com", {"skuName": "Premium_LRS"}),
    )


def amazon_volumes() -> tuple[VolumeFact, ...]:
    """Mounted, grown, shared, forgotten, unclaimed, claimed late, released, made late and deleted by hand."""
    return (
        VolumeFact("pvc-ledger-0", "vol-0a1", "gp3", 100, *EAST, ("data", "data-ledger-0")),
        VolumeFact("pvc-ledger-1", "vol-0a2", "gp3-fast", 100, *EAST, ("data", "data-ledger-1")),
        VolumeFact("pvc-queue-0", "vol-0b1", "gp3", 50, *EAST, ("data", "data-queue-0"), grown=((1200, 80),)),
        VolumeFact("pvc-media", "fs-0c1", "shared", 40, *EAST, ("shop", "media"), shared=True),
        VolumeFact("pvc-forgotten", "vol-0d1", "gp3", 500, *EAST, ("shop", "forgotten")),
        VolumeFact("pvc-nfs", "nfs-0d2", "unpriced", 1000, *EAST, ("shop", "on-nfs"), shared=True),
        VolumeFact("pv-spare", "vol-0e1", "gp3", 200, *EAST),
        VolumeFact(
            "pv-late",
            "vol-0e2",
            "gp3",
            120,
            *EAST,
            ("play", "scratch"),
            claimed_after_seconds=1500,
            claim_deleted_after_seconds=2700,
        ),
        VolumeFact(
            "pvc-archive", "vol-0f1", "gp3-retain", 300, *EAST, ("play", "archive"), claim_deleted_after_seconds=1400
        ),
        VolumeFact("pv-restored", "vol-0f2", "gp3", 60, *EAST, made_after_seconds=610, deleted_after_seconds=3010),
    )


def other_volumes() -> tuple[VolumeFact, ...]:
    """One of Google's, and one of Azure's, which is paid by its tier of 128 GiB."""
    return (
        VolumeFact(
            "pvc-search",
            "projects/shop-prod-417309/zones/us-central1-a/disks/pvc-search",
            "premium-rwo",
            64,
            "us-central1",
            "us-central1-a",
            ("payments", "data-search-0"),
        ),
        VolumeFact(
            "pvc-fraud",
            "/subscriptions/8f1f6f0c/resourceGroups/mc_shop/providers/Microsoft.Compute/disks/pvc-fraud",
            "managed-csi-premium",
            100,
            "eastus",
            "eastus-1",
            ("payments", "data-fraud-0"),
        ),
    )


def services() -> tuple[ServiceFact, ...]:
    """Load balancers at once, late, never, for a while, from another's class, and with nobody behind."""
    name = "a1b2c3d4e5f6.us-east-1.elb.amazonaws.com"
    return (
        ServiceFact("shop", "web", {"app": "web"}, "LoadBalancer", hostname=f"web-{name}"),
        ServiceFact("shop", "api", {"app": "api"}),
        ServiceFact("shop", "nobody", {"app": "nobody"}, "LoadBalancer", hostname=f"nobody-{name}"),
        ServiceFact("payments", "late", {}, "LoadBalancer", hostname=f"late-{name}", address_after_seconds=905),
        ServiceFact("payments", "waiting", {}, "LoadBalancer"),
        ServiceFact("payments", "own", {}, "LoadBalancer", ip="203.0.113.7", load_balancer_class="metallb.io/metallb"),
        ServiceFact(
            "payments", "nlb", {}, "LoadBalancer", hostname=f"nlb-{name}", load_balancer_class="service.k8s.aws/nlb"
        ),
        ServiceFact(
            "play",
            "passing",
            {"app": "sandbox"},
            "LoadBalancer",
            ip="34.118.2.9",
            made_after_seconds=1210,
            deleted_after_seconds=2410,
        ),
    )
