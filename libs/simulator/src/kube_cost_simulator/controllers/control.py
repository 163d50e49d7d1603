"""What every controller works with."""

from dataclasses import dataclass
from random import Random
from typing import Any

from kube_cost_simulator.agenda import Agenda
from kube_cost_simulator.names import Names
from kube_cost_simulator.pods import PodLifecycle
from kube_cost_simulator.resources import Resource
from kube_cost_simulator.store import ObjectStore

NANOSECONDS_PER_SECOND = 1_000_000_000


@dataclass(frozen=True)
class Control:
    """The parts of the cluster that a controller acts on; `chance` is for its churn."""

    agenda: Agenda
    store: ObjectStore
    names: Names
    pods: PodLifecycle
    chance: Random

    def update(self, resource: Resource, namespace: str, name: str, **parts: Any) -> None:
        """Write new parts (`spec`, `status`, `metadata`) of an object, where they differ from what is there."""
        stored = self.store.get(resource, namespace, name)
        if stored is None:
            return
        merged = {part: {**stored.content.get(part, {}), **value} for part, value in parts.items()}
        if any(stored.content.get(part) != value for part, value in merged.items()):
            self.store.put(resource, {**stored.content, **merged})
