"""What the machine is, as its kernel says."""

import os
from typing import NamedTuple


class Machine(NamedTuple):
    """The vCPUs that are online, and the memory that the kernel manages; 0 where that isn't known.

    They are what the kubelet reports as the node's capacity.
    """

    vcpu: float = 0.0
    memory_bytes: int = 0


UNKNOWN_MACHINE = Machine()


def read_machine() -> Machine:
    """Return what the kernel says of the machine; a container's own limits change nothing of it."""
    try:
        vcpu = os.sysconf("SC_NPROCESSORS_ONLN")
        memory_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return UNKNOWN_MACHINE
    return Machine(float(max(0, vcpu)), max(0, memory_bytes))
