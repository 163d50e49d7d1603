"""A pod as the cluster knows it, and what a controller asks for when it wants one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kube_cost_simulator.history import PodHistory
from kube_cost_simulator.reservation import PodRequests
from kube_cost_simulator.scenario import TemplateFact
from kube_cost_simulator.scheduling import NodeRoom
from kube_cost_simulator.usage import NOTHING, Totals, UsageTimeline

Json = dict[str, Any]


@dataclass(frozen=True)
class ContainerRun:
    """A container as it runs now, since `started_ns` (Unix nanoseconds; None while it waits for its restart).

    `restarts` is how often it was restarted, `last_state` how it ended before, `used_before` what its pod had used when
    it began.
    """

    started_ns: int | None
    restarts: int = 0
    last_state: Json = field(default_factory=dict)
    used_before: Totals = NOTHING


@dataclass
class PodState:
    """A pod as the cluster knows it. `kubelet_uid` differs from `uid` for a static pod, times are Unix nanoseconds.

    `runs` has the containers that were restarted, by name; `workload` is kind and name of what a person wrote.
    """

    uid: str
    kubelet_uid: str
    namespace: str
    name: str
    template: TemplateFact
    quality_of_service: str
    created_ns: int
    requests: list[PodRequests]
    container_ids: Mapping[str, str]
    claims: Mapping[str, str]
    only_node: str | None = None
    run_ns: int | None = None
    exit_code: int = 0
    room: NodeRoom | None = None
    started_ns: int | None = None
    ended_ns: int | None = None
    terminating: bool = False
    usage: UsageTimeline | None = None
    runs: Mapping[str, ContainerRun] = field(default_factory=dict)
    history: PodHistory | None = None
    workload: tuple[str, str] = ("", "")
    labels: Mapping[str, str] = field(default_factory=dict)
    on_change: Callable[["PodState", int], None] | None = field(default=None, repr=False)

    @property
    def claim_names(self) -> tuple[str, ...]:
        """The claims that it mounts, each once."""
        return tuple(dict.fromkeys(self.claims.get(mount.claim, mount.claim) for mount in self.template.mounts))

    @property
    def node(self) -> str | None:
        """The node's name, None while it isn't bound."""
        return None if self.room is None else self.room.fact.name

    @property
    def running(self) -> bool:
        """Whether its containers run now."""
        return self.started_ns is not None and self.ended_ns is None


@dataclass(frozen=True)
class PodOrder:
    """What a controller asks for when it wants a pod; `on_change` hears of its start, its end and its removal.

    A pod of no `workload` stands for itself.
    """

    namespace: str
    name: str
    template: TemplateFact
    owner: Json | None = None
    generate_name: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    restart_policy: str = "Always"
    claims: Mapping[str, str] = field(default_factory=dict)
    only_node: str | None = None
    bind_now: bool = False
    run_ns: int | None = None
    exit_code: int = 0
    content: Json | None = None
    workload: tuple[str, str] | None = None
    on_change: Callable[[PodState, int], None] | None = None
