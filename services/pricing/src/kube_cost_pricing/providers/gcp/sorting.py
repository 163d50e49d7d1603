"""What a SKU is a price of, told from its description: the catalogue has no other way.

A description is matched whole, from its start, so that "N2D AMD Instance Core" is never taken for N2 and
"N2 Custom Instance Core" never for "N2 Instance Core". The family is read from the text: a new one needs no release.
"""

import re
from collections.abc import Callable

from kube_cost_common.messages.prices import ON_DEMAND, SPOT
from kube_cost_pricing.providers.gcp.facts import (
    CLUSTER,
    CORE,
    DISK,
    DISK_IOPS,
    DISK_THROUGHPUT,
    FORWARDING_RULE,
    GPU,
    INTERNET_TRAFFIC,
    LICENCE_CORE,
    LICENCE_RAM,
    LOCAL_SSD,
    POD_CORE,
    POD_RAM,
    RAM,
    REGION_TRAFFIC,
    UPGRADE_CORE,
    UPGRADE_RAM,
    WHOLE,
    ZONE_TRAFFIC,
    Key,
)

MEMORY_OPTIMIZED = "memory-optimized"
"""The family of M1 and M2 as the catalogue has it."""

_CAPACITIES = {"OnDemand": ON_DEMAND, "Preemptible": SPOT}

_SPECIAL = re.compile(
    r"commitment|committed|reserved|reservation|sole tenancy|calendar mode|\bdws\b|flex[ -]start|defined duration"
    r"|capacity optimized|confidential|overcommit|\bvm state\b|suspended|storage pool|asynchronous|premium",
    re.IGNORECASE,
)
"""Ways to buy that a node's labels don't speak of, and surcharges that are added to another price."""

_PLACE = r"(?: running)?(?: (?:in|for) (?P<place>.+))?"
_PARTS = {"core": CORE, "ram": RAM, "local ssd": LOCAL_SSD}
_UPGRADES = {"core": UPGRADE_CORE, "ram": UPGRADE_RAM}

Match = re.Match[str]


def _machine(match: Match, capacity: str) -> Key:
    words = [match["family"].lower()]
    words += [word for word in ("custom", "extended") if match[word]]
    return Key(_PARTS[match["part"].lower()], " ".join(words), capacity)


def _n1_custom(match: Match, capacity: str) -> Key:
    return Key(_PARTS[match["part"].lower()], "n1 custom extended" if match["extended"] else "n1 custom", capacity)


def _named(name: str) -> Callable[[Match, str], Key]:
    return lambda match, capacity: Key(_PARTS[match["part"].lower()], name, capacity)


def _of(part: str, name: str = "") -> Callable[[Match, str], Key]:
    return lambda _, capacity: Key(part, name, capacity)


def _gpu(match: Match, capacity: str) -> Key:
    return Key(GPU, match["gpu"].lower(), capacity)


_DISK_NAMES = {
    "storage pd": "pd-standard",
    "balanced pd": "pd-balanced",
    "ssd backed pd": "pd-ssd",
    "extreme pd": "pd-extreme",
}
_DISK_PARTS = {
    "capacity": DISK,
    "iops": DISK_IOPS,
    "throughput": DISK_THROUGHPUT,
    "throughput capacity": DISK_THROUGHPUT,
}


def _disk(match: Match, capacity: str) -> Key:
    kind = match["kind"].lower()
    name = _DISK_NAMES.get(kind) or kind.replace(" ", "-")
    return Key(_DISK_PARTS[match["part"].lower()], f"regional-{name}" if match["regional"] else name, capacity)


def _licence(match: Match, capacity: str) -> Key:
    return Key(LICENCE_RAM if match["part"] == "RAM" else LICENCE_CORE, "windows", capacity)


def _rule(match: Match, capacity: str) -> Key:
    return Key(FORWARDING_RULE, "application" if match["application"] else "network", capacity)


def _cluster(match: Match, capacity: str) -> Key:
    return Key(CLUSTER, "extended" if match["mode"] == "Extended Period" else "standard", capacity)


def _pod(match: Match, capacity: str) -> Key:
    words = ["autopilot", *(match["class"] or "").lower().split()]
    return Key(POD_CORE if match["part"] == "mCPU" else POD_RAM, "-".join(words), capacity)


_RULES: tuple[tuple[str, Callable[[Match, str], Key]], ...] = (
    (
        r"(?P<family>[A-Z][A-Za-z]*\d[A-Za-z0-9]*)(?: (?:AMD|Arm|Intel|Predefined|Memory-optimized))?"
        r"(?P<custom> Custom)?(?P<extended> Extended)? Instance (?P<part>Core|Ram|RAM|Local SSD)" + _PLACE,
        _machine,
    ),
    (r"Custom(?P<extended> Extended)? Instance (?P<part>Core|Ram)" + _PLACE, _n1_custom),
    (r"Compute optimized (?:Instance )?(?P<part>Core|Ram)" + _PLACE, _named("c2")),
    (r"Memory-optimized Instance (?P<part>Core|Ram)" + _PLACE, _named(MEMORY_OPTIMIZED)),
    (r"Micro Instance with burstable CPU" + _PLACE, _of(WHOLE, "f1-micro")),
    (r"Small Instance with 1 VCPU" + _PLACE, _of(WHOLE, "g1-small")),
    (
        r"SSD backed Local Storage(?: attached to (?:Spot )?Preemptible VMs?)?" + _PLACE,
        _of(LOCAL_SSD),
    ),
    (
        r"(?P<regional>Regional )?(?P<kind>Storage PD|Balanced PD|SSD backed PD|Extreme PD|Hyperdisk [A-Z][A-Za-z ]*?)"
        r" (?P<part>Capacity|IOPS|Throughput|Throughput Capacity)" + _PLACE,
        _disk,
    ),
    (
        (
            r"Licensing Fee for Windows Server \d{4}(?: R2)? (?:Datacenter|DC) Edition"
            r" (?:\((?P<part>CPU|RAM) cost\)|on VM)"
        ),
        _licence,
    ),
    (r"Network Inter Zone (?:Data Transfer Out|Egress)" + _PLACE, _of(ZONE_TRAFFIC)),
    (r"Network Inter Region (?:Data Transfer Out|Egress) from .+ to (?P<to>.+)", _of(REGION_TRAFFIC)),
    (r"Network Internet (?:Data Transfer Out|Egress) from .+ to (?P<to>.+)", _of(INTERNET_TRAFFIC)),
    (
        (
            r"(?:Cloud Load Balancer|Regional External (?P<application>Application Load Balancer))"
            r" Forwarding Rule Minimum(?: (?:in |for )?(?P<place>.+))?"
        ),
        _rule,
    ),
    (
        r"Network Load Balancing: Forwarding Rule Minimum Service Charge(?P<application>)?" + _PLACE,
        lambda _, capacity: Key(FORWARDING_RULE, "network", capacity),
    ),
    (r"(?P<mode>Zonal|Regional|Autopilot|Extended Period) Kubernetes Clusters" + _PLACE, _cluster),
    (
        (
            r"Autopilot (?P<class>Balanced |Scale-Out x86 |Scale-Out Arm |Arm )?(?:Spot )?"
            r"Pod (?P<part>mCPU|Memory) Requests(?: \((?P<place>.+)\))?"
        ),
        _pod,
    ),
)
_COMPILED = tuple((re.compile(pattern), key) for pattern, key in _RULES)

_GPU = re.compile(
    r"(?:Nvidia )?(?:Tesla )?(?P<gpu>[A-Z0-9].*?)(?: GPU)?"
    r"(?: running| attached to (?:Spot )?Preemptible VMs?(?: running)?)?(?: in (?P<place>.+))?"
)
_UPGRADE = re.compile(
    r"Memory Optimized Upgrade Premium for Memory-optimized Instance (?P<part>Core|Ram)" + _PLACE,
)


def sort(*, description: str, group: str, usage: str) -> Key | str:
    """Return what the SKU is a price of, or in a few words why it is none that is asked for.

    `group` is its category's resourceGroup, `usage` the usageType.
    """
    capacity = _CAPACITIES.get(usage)
    if capacity is None:
        return f"its usage is {usage}"
    text = description.removeprefix("Spot Preemptible ").removeprefix("Preemptible ")
    if "Preemptible" in description:
        capacity = SPOT
    upgrade = _UPGRADE.fullmatch(text)
    special = _SPECIAL.search(text if upgrade is None else upgrade["place"] or "")
    if special is None and upgrade is not None:
        return Key(_UPGRADES[upgrade["part"].lower()], MEMORY_OPTIMIZED, capacity)
    if special is not None:
        return f"it is {special[0].lower()}"
    if group == "GPU":
        gpu = _GPU.fullmatch(text)
        return "no GPU is named" if gpu is None else _gpu(gpu, capacity)
    for pattern, key in _COMPILED:
        match = pattern.fullmatch(text)
        if match is not None:
            return key(match, capacity)
    return "nothing that a node, a volume or a cluster is billed by"
