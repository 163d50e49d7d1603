"""What a persistent volume is called in a price list."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from kube_cost_aggregator.state.facts import StorageClassFacts, VolumeFacts
from kube_cost_common.domain.nodes import CUSTOM

_DRIVERS: Mapping[str, tuple[str, str]] = {
    "ebs.csi.aws.com": ("aws", "gp3"),
    "awsElasticBlockStore": ("aws", "gp2"),
    "pd.csi.storage.gke.io": ("gcp", "pd-standard"),
    "gcePersistentDisk": ("gcp", "pd-standard"),
    "disk.csi.azure.com": ("azure", "StandardSSD_LRS"),
    "azureDisk": ("azure", "Standard_LRS"),
}
"""Provider by CSI driver or in-tree plugin, and the volume type each makes where the storage class names none."""

_TYPE_PARAMETERS = ("type", "skuName", "skuname", "storageaccounttype")


class VolumeIdentity(NamedTuple):
    """What a volume's price depends on: for on-premises storage the `sku` is the storage class."""

    provider: str
    region: str
    zone: str
    sku: str


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
        sku=_first(parameters) or default_type,
    )


def _first(parameters: Mapping[str, str]) -> str:
    return next((parameters[name] for name in _TYPE_PARAMETERS if parameters.get(name)), "")


def by_name(storage_classes: Iterable[StorageClassFacts]) -> dict[str, StorageClassFacts]:
    """Return storage classes by name."""
    return {storage_class.name: storage_class for storage_class in storage_classes}
