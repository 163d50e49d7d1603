"""Prices from the table that is shipped: no server, no secret, no network."""

from kube_cost_common.domain.resources import Resources
from kube_cost_common.domain.unit_prices import split
from kube_cost_price_snapshot import load
from kubectl_cost.estimate.costs import Prices
from kubectl_cost.faults import BadInputError


def shipped_prices(*, provider: str, region: str, instance_type: str, volume_type: str) -> Prices:
    """Return what pods on such a machine, and volumes of such a type, cost; raise BadInputError for an unknown one."""
    table = load()
    found = table.nearest_price(provider, region, instance_type, "on_demand")
    if found is None or found.shape is None:
        raise BadInputError(
            f"--instance-type: the shipped table has no price of {instance_type!r} of {provider}; it has "
            f"{len(table.instance_types(provider))} types in {', '.join(table.regions(provider)) or 'no region'}"
        )
    shape = Resources(found.shape.vcpu, found.shape.memory_gib, found.shape.gpus)
    volume = table.nearest_volume_price(provider, region, volume_type)
    elsewhere = f", for want of one in {region}" if found.elsewhere else ""
    machine = f"{instance_type} ({shape.vcpu:g} vCPU, {shape.memory_gib:g} GiB)"
    price = f"the list price on demand in {found.region}{elsewhere}: ${found.usd_per_hour:g} per hour"
    about = [f"Pods on {machine} at {price}, as of {found.as_of}."]
    if volume is not None:
        price = f"${volume.usd_per_gib_month:g} per GiB and month, as of {volume.as_of}"
        about.append(f"Storage on {volume_type} in {volume.region}: {price}.")
        if volume.disk_gib is not None:
            about.append("Disks are sold whole: small volumes cost more than this.")
    return Prices(
        unit=split(found.usd_per_hour, shape),
        gib_month=None if volume is None else volume.usd_per_gib_month,
        about=tuple(about),
    )
