"""What a pod holds of its node: the scheduler's rule."""

from collections.abc import Iterable
from dataclasses import dataclass

from kube_cost_simulator.scenario import NONE_RESERVED, Resources


@dataclass(frozen=True)
class ContainerRequests:
    """Requests of one container: as its spec asks, and as its status says they are (None while it says nothing)."""

    name: str
    spec: Resources
    status: Resources | None = None
    init: bool = False
    sidecar: bool = False

    @property
    def held(self) -> Resources:
        """The greater of both: a container that is being resized holds the larger size until it is done."""
        return self.spec if self.status is None else self.spec.larger(self.status)


@dataclass(frozen=True)
class PodRequests:
    """The requests of a pod from `from_ns` (Unix nanoseconds) on. Init containers are in the order of the spec."""

    from_ns: int
    containers: tuple[ContainerRequests, ...]
    pod_level: Resources | None = None
    overhead: Resources = NONE_RESERVED


def total(amounts: Iterable[Resources]) -> Resources:
    """The sum of amounts."""
    return sum(amounts, NONE_RESERVED)


def reserved(requests: PodRequests) -> Resources:
    """What the pod holds (cost-model.md §2; k8s.io/component-helpers/resource, PodRequests).

    Sidecars start before the init containers declared after them and run on beside the containers.
    """
    main = total(container.held for container in requests.containers if not container.init)
    sidecars = NONE_RESERVED
    greatest_start = NONE_RESERVED
    for container in requests.containers:
        if container.sidecar:
            sidecars += container.held
            greatest_start = greatest_start.larger(sidecars)
        elif container.init:
            greatest_start = greatest_start.larger(container.held + sidecars)
    amount = (main + sidecars).larger(greatest_start)
    if requests.pod_level is not None:
        amount = Resources(
            requests.pod_level.cpu_millicores or amount.cpu_millicores,
            requests.pod_level.memory_bytes or amount.memory_bytes,
            amount.gpus,
            amount.devices,
        )
    return amount + requests.overhead
