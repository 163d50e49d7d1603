"""Keeps the history of volumes, Services and namespaces, read from the objects as they change."""

from decimal import InvalidOperation
from fractions import Fraction
from typing import Any

from kube_cost_simulator.agenda import Agenda
from kube_cost_simulator.history import History
from kube_cost_simulator.objects.quantities import number
from kube_cost_simulator.records import (
    NamespaceHistory,
    NamespaceState,
    ServiceHistory,
    ServiceState,
    VolumeHistory,
    VolumeState,
)
from kube_cost_simulator.resources import (
    NAMESPACES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    SERVICES,
    STORAGE_CLASSES,
)
from kube_cost_simulator.scenario import GIB
from kube_cost_simulator.store import DELETED, ObjectStore, StoreEvent

Json = dict[str, Any]

CLOUD_CLASSES = ("service.k8s.aws/", "eks.amazonaws.com/", "networking.gke.io/")
"""Load balancer classes that the clouds themselves look after start so: a Service of another's isn't billed."""


class Recorder:
    """Listens to the store; who changes an object, the scenario or a client, doesn't matter."""

    def __init__(self, *, store: ObjectStore, agenda: Agenda, history: History) -> None:
        self._store = store
        self._agenda = agenda
        self._history = history
        self._volumes: dict[str, VolumeHistory] = {}
        self._services: dict[tuple[str, str], ServiceHistory] = {}
        self._namespaces: dict[str, NamespaceHistory] = {}

    def start(self) -> None:
        """Listen from now on."""
        self._store.listen(self._changed)

    def _changed(self, event: StoreEvent) -> None:
        resource, content = event.stored.resource, event.stored.content
        gone = event.kind == DELETED
        if resource is PERSISTENT_VOLUMES:
            self._volume(content, gone=gone)
        elif resource is PERSISTENT_VOLUME_CLAIMS:
            volume = self._store.get(PERSISTENT_VOLUMES, "", (content.get("spec") or {}).get("volumeName") or "")
            if volume is not None:
                self._volume(volume.content, gone=False)
        elif resource is SERVICES:
            self._service(content, gone=gone)
        elif resource is NAMESPACES:
            self._namespace(content, gone=gone)

    def _volume(self, content: Json, *, gone: bool) -> None:
        name, now_ns = content["metadata"]["name"], self._agenda.now_ns
        if gone:
            self._volumes.pop(name).deleted_ns = now_ns
            return
        spec = content.get("spec") or {}
        gib = gib_of(spec)
        state = VolumeState(now_ns, gib, self._claim_of(spec.get("claimRef")))
        history = self._volumes.get(name)
        if history is None:
            history = self._volumes[name] = self._new_volume(content, gib)
            self._history.volumes.append(history)
        last = history.states[-1] if history.states else None
        if last is None or (last.gib, last.claim) != (state.gib, state.claim):
            history.states.append(state)

    def _claim_of(self, reference: Json | None) -> tuple[str, str] | None:
        """The claim that a volume refers to, if that one exists and not just another of its name."""
        if reference is None:
            return None
        key = (reference.get("namespace", ""), reference.get("name", ""))
        claim = self._store.get(PERSISTENT_VOLUME_CLAIMS, *key)
        if claim is None or claim.content["metadata"]["uid"] != reference.get("uid"):
            return None
        return key

    def _new_volume(self, content: Json, gib: Fraction) -> VolumeHistory:
        name = (content.get("spec") or {}).get("storageClassName") or ""
        storage_class = self._store.get(STORAGE_CLASSES, "", name)
        parameters = {} if storage_class is None else storage_class.content.get("parameters") or {}
        return VolumeHistory(
            name=content["metadata"]["name"],
            uid=content["metadata"]["uid"],
            storage_class=name,
            iops=int(parameters.get("iops", 0)) or int(int(parameters.get("iopsPerGB", 0)) * gib),
            mib_per_second=int(parameters.get("throughput", 0)),
            states=[],
        )

    def _service(self, content: Json, *, gone: bool) -> None:
        key, now_ns = (content["metadata"]["namespace"], content["metadata"]["name"]), self._agenda.now_ns
        if gone:
            self._services.pop(key).deleted_ns = now_ns
            return
        history = self._services.get(key)
        if history is None:
            history = self._services[key] = ServiceHistory(*key, uid=content["metadata"]["uid"], states=[])
            self._history.services.append(history)
        state = ServiceState(now_ns, has_load_balancer(content))
        if not history.states or history.states[-1].has_load_balancer != state.has_load_balancer:
            history.states.append(state)

    def _namespace(self, content: Json, *, gone: bool) -> None:
        metadata, now_ns = content["metadata"], self._agenda.now_ns
        if gone:
            self._namespaces.pop(metadata["name"]).deleted_ns = now_ns
            return
        history = self._namespaces.get(metadata["name"])
        if history is None:
            history = self._namespaces[metadata["name"]] = NamespaceHistory(metadata["name"], metadata["uid"], [])
            self._history.namespaces.append(history)
        state = NamespaceState(now_ns, dict(metadata.get("labels") or {}), dict(metadata.get("annotations") or {}))
        last = history.states[-1] if history.states else None
        if last is None or (last.labels, last.annotations) != (state.labels, state.annotations):
            history.states.append(state)


def gib_of(spec: Json) -> Fraction:
    """The size of a volume; 0 where a client wrote nothing that can be read."""
    try:
        return Fraction(number(str((spec.get("capacity") or {}).get("storage", "0")))) / GIB
    except InvalidOperation:
        return Fraction(0)


def has_load_balancer(service: Json) -> bool:
    """Whether the cloud keeps a load balancer for a Service, and it has an address."""
    spec = service.get("spec") or {}
    own_class = spec.get("loadBalancerClass") or ""
    if spec.get("type") != "LoadBalancer" or (own_class and not own_class.startswith(CLOUD_CLASSES)):
        return False
    return bool(((service.get("status") or {}).get("loadBalancer") or {}).get("ingress"))
