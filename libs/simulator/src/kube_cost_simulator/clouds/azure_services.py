"""The rows of a region's disks, traffic, load balancers, AKS and container instances: eastus' list prices of 2026."""

from collections.abc import Mapping, Sequence

from kube_cost_simulator.clouds.azure_rows import Row, row

TIERS: Sequence[int] = (1, 2, 3, 4, 6, 10, 15, 20, 30, 40, 50, 60, 70, 80)

PREMIUM_USD: Sequence[float] = (
    *(0.60, 1.20, 2.40, 5.28, 10.21, 19.71, 38.02, 73.22, 135.17, 259.05, 495.57, 946.08, 1802.06, 3604.11),
)
STANDARD_SSD_USD: Sequence[float] = (
    *(0.30, 0.60, 1.20, 2.40, 4.80, 9.60, 19.20, 38.40, 76.80, 153.60, 307.20, 614.40, 1228.80, 2457.60),
)
STANDARD_HDD_USD: Sequence[float] = (*(1.54, 3.01, 5.89, 11.33, 21.76, 40.96, 77.83, 143.36, 262.14, 524.29, 1048.58),)
"""USD per disk and month, by tier; hard disks from S4 on. https://azure.microsoft.com/pricing/details/managed-disks/"""

_DISKS: Mapping[str, tuple[str, Sequence[int], Sequence[float], Mapping[str, float]]] = {
    "Premium SSD Managed Disks": ("P", TIERS, PREMIUM_USD, {"LRS": 1.0, "ZRS": 1.5}),
    "Standard SSD Managed Disks": ("E", TIERS, STANDARD_SSD_USD, {"LRS": 1.0, "ZRS": 1.5}),
    "Standard HDD Managed Disks": ("S", TIERS[3:], STANDARD_HDD_USD, {"LRS": 1.0}),
}

_BY_GIB: Sequence[tuple[str, str, Sequence[tuple[str, str, float, float]]]] = (
    (
        "Azure Premium SSD v2",
        "Premium LRS",
        (
            ("Provisioned Capacity", "1 GiB/Hour", 0.0, 0.000110),
            ("Provisioned IOPS", "1/Hour", 0.0, 0.0),
            ("Provisioned IOPS", "1/Hour", 3000.0, 0.000007),
            ("Provisioned Throughput (MBps)", "1/Hour", 0.0, 0.0),
            ("Provisioned Throughput (MBps)", "1/Hour", 125.0, 0.000056),
        ),
    ),
    (
        "Ultra Disks",
        "Ultra LRS",
        (
            ("Provisioned Capacity", "1 GiB/Hour", 0.0, 0.000164),
            ("Provisioned IOPS", "1/Hour", 0.0, 0.000068),
            ("Provisioned Throughput (MBps)", "1/Hour", 0.0, 0.000479),
            ("Reservation per vCPU Provisioned", "1/Hour", 0.0, 0.00600),
        ),
    ),
)

_TRAFFIC: Sequence[tuple[str, float, float]] = (
    ("Standard Data Transfer In", 0.0, 0.0),
    ("Standard Data Transfer Out", 0.0, 0.0),
    ("Standard Data Transfer Out", 100.0, 0.087),
    ("Standard Data Transfer Out", 10335.0, 0.083),
    ("Standard Data Transfer Out", 51295.0, 0.07),
    ("Standard Inter-Region Data Transfer", 0.0, 0.02),
    ("Standard Inter-Availability Zone Data Transfer In", 0.0, 0.01),
    ("Standard Inter-Availability Zone Data Transfer Out", 0.0, 0.01),
    ("Standard Data Transfer Out - China", 0.0, 0.16),
)

_CONTAINERS: Sequence[tuple[str, str, str, float]] = (
    ("Standard", "vCPU Duration", "1 Hour", 0.0405),
    ("Standard", "Memory Duration", "1 GB Hour", 0.00445),
    ("Standard", "Windows Software Duration", "1 Second", 0.000012),
    ("Standard Spot", "vCPU Duration", "1 Hour", 0.01215),
    ("Standard Spot", "Memory Duration", "1 GB Hour", 0.001335),
    ("Confidential containers ACI", "vCPU Duration", "1 Hour", 0.0513),
)


def service_rows(region: str) -> list[Row]:
    """Return the rows of `region`, all but its machines."""
    return [*_disk_rows(region), *_by_gib_rows(region), *_traffic_rows(region), *_cluster_rows(region)]


def global_rows() -> list[Row]:
    """Return the rows of what is sold at one price everywhere."""

    def rules(sku: str, meter: str, unit: str, usd: float) -> Row:
        return row(
            service="Load Balancer", product="Load Balancer", sku=sku, meter=meter, region="Global", usd=usd, unit=unit
        )

    return [
        rules("Standard", "Standard Included LB Rules and Outbound Rules", "1 Hour", 0.025),
        rules("Standard", "Standard Overage LB Rules and Outbound Rules", "1/Hour", 0.01),
        rules("Standard", "Standard Data Processed", "1 GB", 0.005),
        rules("Standard", "Standard Included LB Rules and Outbound Rules - Free", "1 Hour", 0.0),
        rules("Gateway", "Gateway", "1 Hour", 0.013),
    ]


def _disk_rows(region: str) -> list[Row]:
    found = []
    for product, (letter, tiers, prices, redundancies) in _DISKS.items():
        for redundancy, factor in redundancies.items():
            for tier, usd in zip(tiers, prices, strict=True):
                sku = f"{letter}{tier} {redundancy}"
                for meter, unit, price in (
                    (f"{sku} Disk", "1/Month", round(usd * factor, 4)),
                    (f"{sku} Disk Mount", "1/Month", round(usd * 0.06, 4)),
                    (f"{sku} Disk Operations", "10K", 0.002),
                    (f"{letter}{tier} - Special {redundancy} Disk", "1/Month", round(usd * 0.5, 4)),
                ):
                    found.append(
                        row(
                            service="Storage",
                            product=product,
                            sku=sku,
                            meter=meter,
                            region=region,
                            usd=price,
                            unit=unit,
                            arm_sku=f"{product.split(' Managed')[0].replace(' ', '_')}_Managed_Disk_{letter}{tier}",
                        )
                    )
        found.append(
            row(
                service="Storage",
                product=product,
                sku="Snapshots LRS",
                meter="LRS Snapshots",
                region=region,
                usd=0.05,
                unit="1 GB/Month",
            )
        )
    return found


def _by_gib_rows(region: str) -> list[Row]:
    return [
        row(
            service="Storage",
            product=product,
            sku=sku,
            meter=f"{sku} {meter}",
            region=region,
            usd=usd,
            unit=unit,
            tier=tier,
        )
        for product, sku, meters in _BY_GIB
        for meter, unit, tier, usd in meters
    ]


def _traffic_rows(region: str) -> list[Row]:
    return [
        row(
            service="Bandwidth",
            product=product,
            sku="Standard",
            meter=meter,
            region=region,
            usd=round(usd * factor, 6),
            unit="1 GB",
            tier=tier,
        )
        for product, factor in (("Rtn Preference: MGN", 1.0), ("Bandwidth - Routing Preference: Internet", 0.92))
        for meter, tier, usd in _TRAFFIC
    ]


def _cluster_rows(region: str) -> list[Row]:
    aks = "Azure Kubernetes Service"
    found = [
        row(service=aks, product=product, sku=sku, meter=meter, region=region, usd=usd, unit="1 Hour")
        for product, sku, meter, usd in (
            (aks, "Standard", "Standard Uptime SLA", 0.1),
            (aks, "Standard", "Standard Long Term Support", 0.6),
            (aks, "FreeTierInfrastructureCost", "FreeTierInfrastructureCost Uptime SLA", 0.05),
            (f"{aks} - Automatic", "Automatic", "Automatic Hosted Control Plane", 0.16),
        )
    ]
    aci = "Container Instances"
    return found + [
        row(service=aci, product=aci, sku=sku, meter=f"{sku} {meter}", region=region, usd=usd, unit=unit)
        for sku, meter, unit, usd in _CONTAINERS
    ]
