"""What SKUs are prices of."""

import json
from pathlib import Path

import pytest

from kube_cost_common.messages.prices import ON_DEMAND, SPOT
from kube_cost_pricing.providers.gcp.facts import CORE, GPU, LOCAL_SSD, RAM, UPGRADE_CORE, WHOLE, Key
from kube_cost_pricing.providers.gcp.machine_names import Custom, Predefined, Shared, parse
from kube_cost_pricing.providers.gcp.sorting import sort


@pytest.mark.parametrize(
    ("description", "key"),
    [
        ("N2 Instance Core running in Americas", Key(CORE, "n2", ON_DEMAND)),
        ("N2D AMD Instance Ram running in Americas", Key(RAM, "n2d", ON_DEMAND)),
        ("N2 Custom Instance Core running in Americas", Key(CORE, "n2 custom", ON_DEMAND)),
        ("N2 Custom Extended Instance Ram running in Americas", Key(RAM, "n2 custom extended", ON_DEMAND)),
        ("N1 Predefined Instance Core running in Americas", Key(CORE, "n1", ON_DEMAND)),
        ("Custom Instance Core running in Americas", Key(CORE, "n1 custom", ON_DEMAND)),
        ("Compute optimized Core running in Americas", Key(CORE, "c2", ON_DEMAND)),
        ("C4A Arm Instance Core running in Americas", Key(CORE, "c4a", ON_DEMAND)),
        ("C4 Instance Local SSD running in Americas", Key(LOCAL_SSD, "c4", ON_DEMAND)),
        ("Micro Instance with burstable CPU running in Americas", Key(WHOLE, "f1-micro", ON_DEMAND)),
        (
            "Memory Optimized Upgrade Premium for Memory-optimized Instance Core running in Americas",
            Key(UPGRADE_CORE, "memory-optimized", ON_DEMAND),
        ),
    ],
)
def test_what_it_is_a_price_of(description: str, key: Key) -> None:
    """Told from the whole description."""
    assert sort(description=description, group="CPU", usage="OnDemand") == key


@pytest.mark.parametrize(
    "description",
    [
        "Sole Tenancy Premium for N2 Instance Core running in Americas",
        "Reserved N2 Instance Core running in Americas",
        "Commitment v1: N2 Cpu in Americas for 1 Year",
        "N2 Instance Core running in Americas - DWS Defined Duration",
        "Memory Optimized Upgrade Premium for Memory-optimized Instance Core running in Americas - DWS Calendar Mode",
        "Capacity Optimized N2 Instance Core",
        "Something else entirely",
    ],
)
def test_what_is_like_it_and_isnt(description: str) -> None:
    """Has a reason instead."""
    assert isinstance(sort(description=description, group="CPU", usage="OnDemand"), str)


def test_spot_is_told_by_its_usage() -> None:
    """And by the description's beginning."""
    text = "Spot Preemptible N2 Instance Core running in Americas"
    assert sort(description=text, group="CPU", usage="Preemptible") == Key(CORE, "n2", SPOT)


def test_gpus_are_told_by_their_group() -> None:
    """By the name between the maker's and the place."""
    text = "Nvidia Tesla A100 GPU running in Americas"
    assert sort(description=text, group="GPU", usage="OnDemand") == Key(GPU, "a100", ON_DEMAND)
    text = "Nvidia Tesla A100 GPU attached to Spot Preemptible VMs running in Americas"
    assert sort(description=text, group="GPU", usage="Preemptible") == Key(GPU, "a100", SPOT)


def test_recorded_skus_all_have_a_place(recorded_data: Path) -> None:
    """Those of OpenCost's sample and the 84 rebuilt ones."""
    folder = recorded_data / "pricing/gcp"
    sample = json.loads((folder / "opencost_skus_sample.json").read_text())["skus"]
    rebuilt = json.loads((folder / "skus_reconstructed_3regions.json").read_text())
    for one in [*sample, *(rebuilt["skus"] if isinstance(rebuilt, dict) else rebuilt)]:
        category = one["category"]
        key = sort(description=one["description"], group=category["resourceGroup"], usage=category["usageType"])
        assert isinstance(key, Key), one["description"]


@pytest.mark.parametrize(
    ("name", "what"),
    [
        (
            "n2-standard-4",
            Predefined(family="n2", kind="standard", count=4, counts_gpus=False, suffixes=frozenset()),
        ),
        ("a2-highgpu-1g", Predefined(family="a2", kind="highgpu", count=1, counts_gpus=True, suffixes=frozenset())),
        (
            "z3-highmem-192-highlssd-metal",
            Predefined(
                family="z3", kind="highmem", count=192, counts_gpus=False, suffixes=frozenset({"highlssd", "metal"})
            ),
        ),
        ("custom-2-4096", Custom(family="n1", vcpu=2.0, memory_gib=4.0, extended=False)),
        ("n2-custom-8-65536-ext", Custom(family="n2", vcpu=8.0, memory_gib=64.0, extended=True)),
        ("e2-custom-micro-1024", Custom(family="e2", vcpu=0.25, memory_gib=1.0, extended=False)),
        ("e2-medium", Shared(family="e2", vcpu=1.0, memory_gib=4.0, whole=False)),
        ("f1-micro", Shared(family="f1", vcpu=0.2, memory_gib=0.6, whole=True)),
        ("m5.large", None),
        ("", None),
    ],
)
def test_machine_names(name: str, what: object) -> None:
    """What each says."""
    assert parse(name) == what
