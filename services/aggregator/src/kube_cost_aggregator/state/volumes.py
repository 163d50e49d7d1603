"""What a persistent volume is called in a price list."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from kube_cost_aggregator.state.facts import StorageClassFacts, VolumeFacts
from kube_cost_common.domain.nodes import CUSTOM
from kube_cost_common.domain.resources import BYTES_PER_GIB

_DRIVERS: Mapping[str, tuple[str, str]] = {
    "ebs.csi.aws.com": ("aws", "gp3"),
    "awsElasticBlockStore": ("aws", "gp2"),
    "pd.csi.storage.gke.io": ("gcp", "pd-standard"),
    "gcePersistentDisk": ("gcp", "pd-standard"),
    "disk.csi.azure.com": ("azure", "StandardSSD_LRS"),
    "azureDisk": ("azure", "Standard_LRS"),
}
"""Provider by CSI driver or in-tree plugin, and the volume type each makes where the storage class names none."""

_TYPE_PARAMETERS = ("type", "skuname", "storageaccounttype")
_IOPS_PARAMETERS = ("iops", "provisioned-iops-on-create", "diskiopsreadwrite")
_THROUGHPUT_PARAMETERS = ("throughput", "provisioned-throughput-on-create", "diskmbpsreadwrite")
"""In lower case: some of the CSI drivers compare them without case. An Azure MBps is taken as a MiB/s."""


class VolumeIdentity(NamedTuple):
    """What a volume's price depends on: for on-premises storage the `sku` is the storage class.

    `iops` and `mib_per_second` are those that were asked for, 0 where none were; what of them is free the price says.
    """

    provider: str
    region: str
    zone: str
    sku: str
    iops: float = 0.0
    mib_per_second: float = 0.0


def identify_volume(
    volume: VolumeFacts, storage_classes: Mapping[str, StorageClassFacts], default_region: str
) -> VolumeIdentity:
    """Return the identity of `volume`; `storage_classes` are by name, `default_region` is where its cluster runs."""
    provider, default_type = _DRIVERS.get(volume.driver, (CUSTOM, volume.storage_class))
    storage_class = storage_classes.get(volume.storage_class)
    parameters = storage_class.parameters if storage_class is not None and provider != CUSTOM else {}
    return VolumeIdentity(
        provider=provider,
        region=volume.labels.get("topology.kubernetes.io/region", "") or default_region,
        zone=volume.labels.get("topology.kubernetes.io/zone", ""),
        sku=_first(parameters, _TYPE_PARAMETERS) or default_type,
        iops=_iops(parameters, volume.capacity_bytes / BYTES_PER_GIB),
        mib_per_second=_amount(_first(parameters, _THROUGHPUT_PARAMETERS)),
    )


def _iops(parameters: Mapping[str, str], gib: float) -> float:
    return _amount(_first(parameters, _IOPS_PARAMETERS)) or gib * _amount(_first(parameters, ("iopspergb",)))


def _first(parameters: Mapping[str, str], names: Iterable[str]) -> str:
    by_name = {name.lower(): value for name, value in parameters.items()}
    return next((by_name[name] for name in names if by_name.get(name)), "")


def _amount(text: str) -> float:
    """Return a number that may end in Mi, as GKE's throughputs do; 0 where it is none."""
    number = text.strip().removesuffix("Mi")
    return float(number) if number.isdecimal() else 0.0


def by_name(storage_classes: Iterable[StorageClassFacts]) -> dict[str, StorageClassFacts]:
    """Return storage classes by name."""
    return {storage_class.name: storage_class for storage_class in storage_classes}
