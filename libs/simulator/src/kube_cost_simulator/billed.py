"""Facts about what a cloud bills beside machines: volumes with their claims, and load balancers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class StorageClassFact:
    """A StorageClass."""

    name: str
    provisioner: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    default: bool = False
    reclaim_policy: Literal["Delete", "Retain"] = "Delete"


@dataclass(frozen=True)
class VolumeFact:
    """A PersistentVolume and, if `claim` is set, the claim (namespace, name) that it is bound to.

    Times are seconds from the cluster's start. The volume is made at `made_after_seconds` and its claim then or, if it
    lay about before, `claimed_after_seconds`. At `claim_deleted_after_seconds` somebody deletes the claim, which goes
    once no pod mounts it; by its class's reclaim policy the volume then goes too or is left as released. It is deleted
    by hand at `deleted_after_seconds`. `grown` are new sizes in GiB by the time at which the claim asks for each.
    """

    name: str
    handle: str
    storage_class: str
    size_gib: int
    region: str
    zone: str
    claim: tuple[str, str] | None = None
    made_after_seconds: int = 0
    claimed_after_seconds: int | None = None
    claim_deleted_after_seconds: int | None = None
    deleted_after_seconds: int | None = None
    grown: tuple[tuple[int, int], ...] = ()
    shared: bool = False


@dataclass(frozen=True)
class ServiceFact:
    """A Service, made and deleted so many seconds after the cluster's start.

    One of type LoadBalancer has an address, `hostname` or `ip`, from `address_after_seconds` after it was made.
    """

    namespace: str
    name: str
    selector: Mapping[str, str]
    type: Literal["ClusterIP", "LoadBalancer"] = "ClusterIP"
    port: int = 80
    hostname: str | None = None
    address_after_seconds: int = 2
    ip: str | None = None
    load_balancer_class: str | None = None
    made_after_seconds: int = 0
    deleted_after_seconds: int | None = None
