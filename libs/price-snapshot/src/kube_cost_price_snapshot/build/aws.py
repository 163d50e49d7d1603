"""AWS: on-demand Linux prices of us-east-1, and shapes."""

from pathlib import Path

import msgspec

from kube_cost_common.messages.prices import Shape
from kube_cost_price_snapshot.table import Row, Table, VolumeRow

_PRICES = "ec2_ondemand_linux_aws.json"
_SHAPES = "instance_shapes_moto.json"

_MIB_PER_GIB = 1024

_FORMER_TYPES = {
    "cr1.8xlarge": Shape(vcpu=32, memory_gib=244),
    "dl1.24xlarge": Shape(vcpu=96, memory_gib=768),  # its eight Gaudi are no GPUs to Kubernetes
    "f1.2xlarge": Shape(vcpu=8, memory_gib=122),
    "f1.4xlarge": Shape(vcpu=16, memory_gib=244),
    "f1.16xlarge": Shape(vcpu=64, memory_gib=976),
    "g2.2xlarge": Shape(vcpu=8, memory_gib=15, gpus=1),
    "g2.8xlarge": Shape(vcpu=32, memory_gib=60, gpus=4),
    "g3s.xlarge": Shape(vcpu=4, memory_gib=30.5, gpus=1),
    "g3.4xlarge": Shape(vcpu=16, memory_gib=122, gpus=1),
    "g3.8xlarge": Shape(vcpu=32, memory_gib=244, gpus=2),
    "g3.16xlarge": Shape(vcpu=64, memory_gib=488, gpus=4),
    "g4ad.xlarge": Shape(vcpu=4, memory_gib=16, gpus=1),
    "g4ad.2xlarge": Shape(vcpu=8, memory_gib=32, gpus=1),
    "g4ad.4xlarge": Shape(vcpu=16, memory_gib=64, gpus=1),
    "g4ad.8xlarge": Shape(vcpu=32, memory_gib=128, gpus=2),
    "g4ad.16xlarge": Shape(vcpu=64, memory_gib=256, gpus=4),
    "i3.metal": Shape(vcpu=72, memory_gib=512),
    "p2.xlarge": Shape(vcpu=4, memory_gib=61, gpus=1),
    "p2.8xlarge": Shape(vcpu=32, memory_gib=488, gpus=8),
    "p2.16xlarge": Shape(vcpu=64, memory_gib=732, gpus=16),
    "p3.2xlarge": Shape(vcpu=8, memory_gib=61, gpus=1),
    "p3.8xlarge": Shape(vcpu=32, memory_gib=244, gpus=4),
    "p3.16xlarge": Shape(vcpu=64, memory_gib=488, gpus=8),
    "u-9tb1.112xlarge": Shape(vcpu=448, memory_gib=9216),
    "u-12tb1.112xlarge": Shape(vcpu=448, memory_gib=12288),
    "u-18tb1.112xlarge": Shape(vcpu=448, memory_gib=18432),
    "u-24tb1.112xlarge": Shape(vcpu=448, memory_gib=24576),
}
"""Types that are still priced but no longer described by the shapes file: AWS's own instance type tables."""

_EBS_USD_PER_GIB_MONTH = {"gp2": 0.10, "gp3": 0.08, "io1": 0.125, "io2": 0.125, "sc1": 0.015, "st1": 0.045}
_EBS_AS_OF = "2026-08-03"
"""AWS's EBS pricing page, us-east-1: the capacity alone, without what is provisioned beyond the free part."""


class _Prices(msgspec.Struct):
    currency: str
    generated: str
    prices: dict[str, dict[str, float]]


class _Described(msgspec.Struct):
    vcpu: float
    mem_mib: float
    gpus: float = 0
    gpu: str = ""
    gpu_mem_mib: float = 0


def read(folder: Path) -> Table:
    """Return the table made of the two files in `folder`; raise msgspec.ValidationError or OSError."""
    source = msgspec.json.decode((folder / _PRICES).read_bytes(), type=_Prices)
    described = msgspec.json.decode((folder / _SHAPES).read_bytes(), type=dict[str, _Described])
    whole_gpus = {one.gpu: one.gpu_mem_mib for one in described.values() if one.gpus == 1}
    regions = sorted(source.prices)
    skus = {sku for prices in source.prices.values() for sku in prices}
    return Table(
        provider="aws",
        as_of=source.generated[:10],
        sources=[
            "AWS Price List, as generated into aws/karpenter-provider-aws (Apache-2.0)",
            "machine shapes: DescribeInstanceTypes, as shipped by moto 5.2.5 (Apache-2.0), and AWS's type tables",
            "volumes: AWS EBS pricing page",
        ],
        unit=f"{source.currency} per hour, Linux",
        regions=regions,
        instances={
            sku: Row(
                shape=_shape(sku, described, whole_gpus),
                on_demand=[source.prices[region].get(sku) for region in regions],
                spot=[],
            )
            for sku in skus
        },
        volumes=[VolumeRow(sku, "us-east-1", usd, _EBS_AS_OF) for sku, usd in _EBS_USD_PER_GIB_MONTH.items()],
    )


def _shape(sku: str, described: dict[str, _Described], whole_gpus: dict[str, float]) -> Shape | None:
    """Return vCPU, GiB and GPUs; a part of a GPU (g6f) is known by its part of the memory of a whole one."""
    known = described.get(sku)
    if known is None:
        return _FORMER_TYPES.get(sku)
    gpus = known.gpus
    if known.gpu and not gpus:
        gpus = known.gpu_mem_mib / whole_gpus[known.gpu]
    return Shape(vcpu=known.vcpu, memory_gib=known.mem_mib / _MIB_PER_GIB, gpus=gpus)
