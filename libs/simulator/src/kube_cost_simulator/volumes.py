"""The life of a volume and of its claim: made, bound, grown, released, deleted."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from kube_cost_simulator.agenda import Agenda
from kube_cost_simulator.billed import StorageClassFact, VolumeFact
from kube_cost_simulator.names import Names, rfc3339
from kube_cost_simulator.objects.storage import bound, claim_object, storage_class_object, volume_object
from kube_cost_simulator.pods import PodLifecycle
from kube_cost_simulator.resources import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, STORAGE_CLASSES
from kube_cost_simulator.store import ObjectStore

Json = dict[str, Any]
NANOSECONDS_PER_SECOND = 1_000_000_000
# How long the cloud takes to grow a disk, and to delete one; how often a claim that is still mounted is looked at.
GROW_NS = 3 * NANOSECONDS_PER_SECOND
DELETE_NS = 2 * NANOSECONDS_PER_SECOND
LOOK_NS = NANOSECONDS_PER_SECOND


class VolumeLifecycle:
    """All volumes and claims, and what happens to each when."""

    def __init__(self, *, agenda: Agenda, store: ObjectStore, names: Names, pods: PodLifecycle) -> None:
        self._agenda = agenda
        self._store = store
        self._names = names
        self._pods = pods
        self._classes: dict[str, StorageClassFact] = {}

    def make_classes(self, facts: Sequence[StorageClassFact], at_ns: int) -> None:
        """Write the storage classes."""
        for fact in facts:
            self._classes[fact.name] = fact
            content = storage_class_object(fact, uid=self._names.uid(), created_ns=at_ns)
            self._store.put(STORAGE_CLASSES, content)

    def plan(self, fact: VolumeFact, start_ns: int) -> None:
        """Let happen to a volume what its fact says, counted from `start_ns` (Unix nanoseconds)."""
        if fact.made_after_seconds:
            self._later(start_ns, fact.made_after_seconds, partial(self._make, fact))
        else:
            self._make(fact, start_ns)
        if fact.claimed_after_seconds is not None:
            self._later(start_ns, fact.claimed_after_seconds, partial(self._claim, fact))
        if fact.claim_deleted_after_seconds is not None:
            self._later(start_ns, fact.claim_deleted_after_seconds, partial(self._delete_claim, fact))
        if fact.deleted_after_seconds is not None:
            self._later(start_ns, fact.deleted_after_seconds, partial(self._delete, fact))
        for after_seconds, size_gib in fact.grown:
            self._later(start_ns, after_seconds, partial(self._ask_to_grow, fact, size_gib))

    def _later(self, start_ns: int, after_seconds: int, action: Callable[[int], None]) -> None:
        self._agenda.at(start_ns + after_seconds * NANOSECONDS_PER_SECOND, action)

    def _make(self, fact: VolumeFact, at_ns: int) -> None:
        storage_class = self._classes[fact.storage_class]
        volume_uid, claim_uid = self._names.uid(), self._names.uid()
        volume = volume_object(
            fact,
            driver=storage_class.provisioner,
            reclaim_policy=storage_class.reclaim_policy,
            uid=volume_uid,
            created_ns=at_ns,
        )
        if fact.claim is None or fact.claimed_after_seconds is not None:
            self._store.put(PERSISTENT_VOLUMES, volume)
        else:
            self._bind(fact, fact.claim, volume, claim_uid, at_ns)

    def _claim(self, fact: VolumeFact, at_ns: int) -> None:
        stored = self._store.get(PERSISTENT_VOLUMES, "", fact.name)
        if stored is not None and fact.claim is not None:
            self._bind(fact, fact.claim, stored.content, self._names.uid(), at_ns)

    def _bind(self, fact: VolumeFact, key: tuple[str, str], volume: Json, uid: str, at_ns: int) -> None:
        driver = self._classes[fact.storage_class].provisioner
        claim = claim_object(fact, key, driver=driver, uid=uid, created_ns=at_ns)
        self._store.put(PERSISTENT_VOLUME_CLAIMS, claim)
        self._store.put(PERSISTENT_VOLUMES, bound(volume, claim, at_ns))

    def _ask_to_grow(self, fact: VolumeFact, size_gib: int, at_ns: int) -> None:
        """Somebody changes the claim; the volume follows, and then the claim's status."""
        claim = None if fact.claim is None else self._store.get(PERSISTENT_VOLUME_CLAIMS, *fact.claim)
        if claim is not None:
            spec = {**claim.content["spec"], "resources": {"requests": {"storage": f"{size_gib}Gi"}}}
            self._store.put(PERSISTENT_VOLUME_CLAIMS, {**claim.content, "spec": spec})
            self._agenda.at(at_ns + GROW_NS, partial(self._grow, fact, size_gib))

    def _grow(self, fact: VolumeFact, size_gib: int, _at_ns: int) -> None:
        capacity = {"storage": f"{size_gib}Gi"}
        volume = self._store.get(PERSISTENT_VOLUMES, "", fact.name)
        if volume is not None:
            spec = {**volume.content["spec"], "capacity": capacity}
            self._store.put(PERSISTENT_VOLUMES, {**volume.content, "spec": spec})
        claim = None if fact.claim is None else self._store.get(PERSISTENT_VOLUME_CLAIMS, *fact.claim)
        if claim is not None:
            status = {**claim.content["status"], "capacity": capacity}
            self._store.put(PERSISTENT_VOLUME_CLAIMS, {**claim.content, "status": status})

    def _delete_claim(self, fact: VolumeFact, at_ns: int) -> None:
        """The claim goes as soon as no pod mounts it, and then the volume by its reclaim policy."""
        stored = None if fact.claim is None else self._store.get(PERSISTENT_VOLUME_CLAIMS, *fact.claim)
        if stored is None or fact.claim is None:
            return
        if self._mounted(*fact.claim):
            if "deletionTimestamp" not in stored.content["metadata"]:
                metadata = {**stored.content["metadata"], "deletionTimestamp": rfc3339(at_ns)}
                self._store.put(PERSISTENT_VOLUME_CLAIMS, {**stored.content, "metadata": metadata})
            self._agenda.at(at_ns + LOOK_NS, partial(self._delete_claim, fact))
            return
        self._store.remove(PERSISTENT_VOLUME_CLAIMS, *fact.claim)
        if self._classes[fact.storage_class].reclaim_policy == "Delete":
            self._agenda.at(at_ns + DELETE_NS, partial(self._delete, fact))
            return
        volume = self._store.get(PERSISTENT_VOLUMES, "", fact.name)
        if volume is not None:
            status = {"phase": "Released", "lastPhaseTransitionTime": rfc3339(at_ns)}
            self._store.put(PERSISTENT_VOLUMES, {**volume.content, "status": status})

    def _mounted(self, namespace: str, claim: str) -> bool:
        return any(
            pod.namespace == namespace and pod.room is not None and pod.ended_ns is None and claim in pod.claim_names
            for pod in self._pods.pods.values()
        )

    def _delete(self, fact: VolumeFact, _at_ns: int) -> None:
        self._store.remove(PERSISTENT_VOLUMES, "", fact.name)
