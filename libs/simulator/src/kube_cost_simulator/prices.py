"""What things besides machines cost in a simulated cluster: facts, in USD as fractions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

PodSizing = Literal["fargate", "aci"]
"""Who sells a pod by its own size: AWS Fargate, or Azure Container Instances behind a virtual node."""

NONE_USD = Fraction(0)


@dataclass(frozen=True)
class DiskTier:
    """A disk of at most so many GiB costs this much a month, however much of it is provisioned (Azure's tiers)."""

    up_to_gib: int
    usd_per_month: Fraction


@dataclass(frozen=True)
class VolumePrice:
    """What a volume of a storage class costs a month of 730 hours: per GiB, or by `tiers` where there are any.

    IOPS and MiB/s that its storage class provisions beyond the free part are charged each by itself.
    """

    usd_per_gib_month: Fraction = NONE_USD
    free_iops: int = 0
    usd_per_iops_month: Fraction = NONE_USD
    free_mib_per_second: int = 0
    usd_per_mib_per_second_month: Fraction = NONE_USD
    tiers: tuple[DiskTier, ...] = ()


@dataclass(frozen=True)
class NetworkPrice:
    """USD per GiB (2^30 bytes) sent, by class, and which share of all bytes is assumed to be of it."""

    usd_per_gib: Mapping[str, Fraction] = field(default_factory=dict)
    shares: Mapping[str, Fraction] = field(default_factory=dict)

    @property
    def usd_per_byte(self) -> Fraction:
        """What a byte is estimated to cost; 0 where no shares are configured."""
        whole = sum((share * self.usd_per_gib[name] for name, share in self.shares.items()), Fraction(0))
        return whole / 2**30


@dataclass(frozen=True)
class PodSizePrice:
    """USD per hour of a vCPU and of a GB where pods are sold by their own size."""

    usd_per_vcpu_hour: Fraction
    usd_per_gb_hour: Fraction


@dataclass(frozen=True)
class Prices:
    """All of them. `volumes` is by storage class; what isn't in it costs nothing."""

    volumes: Mapping[str, VolumePrice] = field(default_factory=dict)
    network: NetworkPrice = NetworkPrice()
    load_balancer_usd_per_hour: Fraction = NONE_USD
    control_plane_usd_per_hour: Fraction = NONE_USD
    pod_sizes: Mapping[PodSizing, PodSizePrice] = field(default_factory=dict)


NO_PRICES = Prices()
