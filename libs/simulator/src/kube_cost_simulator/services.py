"""The life of a Service: made, reachable from outside, deleted."""

from functools import partial

from kube_cost_simulator.agenda import Agenda
from kube_cost_simulator.billed import ServiceFact
from kube_cost_simulator.names import Names
from kube_cost_simulator.objects.services import service_object, with_address
from kube_cost_simulator.resources import SERVICES
from kube_cost_simulator.store import ObjectStore

NANOSECONDS_PER_SECOND = 1_000_000_000


class ServiceLifecycle:
    """All Services, and what happens to each when."""

    def __init__(self, *, agenda: Agenda, store: ObjectStore, names: Names) -> None:
        self._agenda = agenda
        self._store = store
        self._names = names

    def plan(self, fact: ServiceFact, start_ns: int) -> None:
        """Let happen to a Service what its fact says, counted from `start_ns` (Unix nanoseconds)."""
        made_ns = start_ns + fact.made_after_seconds * NANOSECONDS_PER_SECOND
        if fact.made_after_seconds:
            self._agenda.at(made_ns, partial(self._make, fact))
        else:
            self._make(fact, start_ns)
        if fact.type == "LoadBalancer" and (fact.hostname is not None or fact.ip is not None):
            given_ns = made_ns + fact.address_after_seconds * NANOSECONDS_PER_SECOND
            self._agenda.at(given_ns, partial(self._give_address, fact))
        if fact.deleted_after_seconds is not None:
            self._agenda.at(start_ns + fact.deleted_after_seconds * NANOSECONDS_PER_SECOND, partial(self._delete, fact))

    def _make(self, fact: ServiceFact, at_ns: int) -> None:
        self._store.put(SERVICES, service_object(fact, uid=self._names.uid(), created_ns=at_ns))

    def _give_address(self, fact: ServiceFact, _at_ns: int) -> None:
        stored = self._store.get(SERVICES, fact.namespace, fact.name)
        if stored is not None:
            self._store.put(SERVICES, with_address(stored.content, fact))

    def _delete(self, fact: ServiceFact, _at_ns: int) -> None:
        self._store.remove(SERVICES, fact.namespace, fact.name)
