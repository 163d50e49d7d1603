"""What the outputs read, each at the moment it is needed: immutable snapshots, handed in by the composition root."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from kube_cost_aggregator.state.components import Components
from kube_cost_aggregator.state.rates import Rates
from kube_cost_aggregator.state.timings import Timings
from kube_cost_aggregator.state.totals import Totals
from kube_cost_common.domain.sharing import NOTHING_SHARED, SharingRules
from kube_cost_common.runtime.clock import Clock
from kube_cost_common.runtime.health import Counters, Problems, Readiness


class WatchFacts(Protocol):
    """How a watch of the API server is."""

    @property
    def kind(self) -> str:
        """The resource it follows."""
        ...

    @property
    def synced(self) -> bool:
        """Whether it has been listed."""
        ...

    @property
    def last_event_ns(self) -> int | None:
        """When the server last said anything, Unix nanoseconds."""
        ...

    @property
    def problem(self) -> str:
        """What is wrong now, a sentence; empty when nothing is."""
        ...


class PrepareRates(Protocol):
    """Does in steps what bringing rates up to date takes, of all nodes or, without `usage`, of those with new pods."""

    def __call__(self, *, usage: bool) -> Iterator[object]:
        """Return the steps."""
        ...


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What is shown. `cluster` is empty where the cluster has no name.

    `rates` brings the rates up to date before it returns them; `pod_rates` does so but for usage and volumes, None
    where that is no less. `prepare_rates` does most of that beforehand, step by step. `last_samples` has the end of
    each node's last usage sample in Unix nanoseconds. `pending_messages` is None while nobody knows. Above
    `info_max_pods` pods these are shown without their workloads and labels. With `opencost_names` prices stand under
    those too.
    """

    cluster: str
    version: str
    revision: str
    rates: Callable[[], Rates]
    pod_rates: Callable[[], Rates] | None = None
    prepare_rates: PrepareRates | None = None
    totals: Callable[[], Totals]
    last_samples: Callable[[], Mapping[str, int]]
    watches: Callable[[], Sequence[WatchFacts]]
    bus_connected: Callable[[], bool]
    pending_messages: Callable[[], int | None]
    sharing: SharingRules = NOTHING_SHARED
    label_names: tuple[str, ...] = ()
    info_max_pods: int = 0
    opencost_names: bool = False
    components: Components
    timings: Timings
    counters: Counters
    problems: Problems
    readiness: Readiness
    clock: Clock
