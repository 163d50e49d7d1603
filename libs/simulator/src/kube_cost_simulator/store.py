"""The objects of the cluster, their one resourceVersion, and what happened lately."""

import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from kube_cost_simulator.resources import RESOURCES, Resource

ADDED = "ADDED"
MODIFIED = "MODIFIED"
DELETED = "DELETED"

Json = dict[str, Any]
Key = tuple[str, str]


class StoredObject:
    """One version of one object, never changed after it was stored, with its encodings made once."""

    def __init__(self, *, resource: Resource, content: Json) -> None:
        self.resource = resource
        self.content = content

    @property
    def key(self) -> Key:
        """Namespace (empty for a cluster's object) and name."""
        metadata = self.content["metadata"]
        return metadata.get("namespace", ""), metadata["name"]

    @cached_property
    def encoded(self) -> bytes:
        """The object as JSON."""
        return json.dumps(self.content, separators=(",", ":")).encode()

    @cached_property
    def encoded_item(self) -> bytes:
        """The object as an item of a typed list, where kind and apiVersion are the list's."""
        item = {name: value for name, value in self.content.items() if name not in {"kind", "apiVersion"}}
        return json.dumps(item, separators=(",", ":")).encode()

    @cached_property
    def encoded_metadata(self) -> bytes:
        """The object as PartialObjectMetadata in JSON."""
        partial = {
            "kind": "PartialObjectMetadata",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": self.content["metadata"],
        }
        return json.dumps(partial, separators=(",", ":")).encode()


@dataclass(frozen=True)
class StoreEvent:
    """One change: `kind` is ADDED, MODIFIED or DELETED; `previous` is what the change replaced."""

    version: int
    kind: str
    stored: StoredObject
    previous: StoredObject | None


class ExpiredError(Exception):
    """The resourceVersion asked for is older than what the log still holds."""

    def __init__(self, *, asked: int, oldest: int) -> None:
        super().__init__(f"too old resource version: {asked} ({oldest})")
        self.asked = asked
        self.oldest = oldest


class ObjectStore:
    """Objects by resource, one counter for all of them, and a bounded log of changes for each resource."""

    def __init__(self, *, log_capacity: int) -> None:
        self._version = 1
        self._objects: dict[Resource, dict[Key, StoredObject]] = {resource: {} for resource in RESOURCES}
        self._log: dict[Resource, deque[StoreEvent]] = {resource: deque() for resource in RESOURCES}
        self._dropped: dict[Resource, int] = dict.fromkeys(RESOURCES, 0)
        self._lost: dict[Resource, int] = dict.fromkeys(RESOURCES, 0)
        self._log_capacity = log_capacity
        self._listeners: list[Callable[[StoreEvent], None]] = []

    @property
    def version(self) -> int:
        """The resourceVersion of the last change."""
        return self._version

    def listen(self, listener: Callable[[StoreEvent], None]) -> None:
        """Call `listener` after every change; it must return at once and not change the store."""
        self._listeners.append(listener)

    def forget(self, listener: Callable[[StoreEvent], None]) -> None:
        """Stop calling `listener`."""
        self._listeners.remove(listener)

    def get(self, resource: Resource, namespace: str, name: str) -> StoredObject | None:
        """The object as it is now, None if there is none."""
        return self._objects[resource].get((namespace, name))

    def objects(self, resource: Resource) -> list[StoredObject]:
        """All objects of a resource as they are now, in order of their writing."""
        return list(self._objects[resource].values())

    def put(self, resource: Resource, content: Json) -> StoredObject:
        """Store `content` as the newest version of its object, giving it the next resourceVersion."""
        metadata = content["metadata"]
        key = (metadata.get("namespace", ""), metadata["name"])
        previous = self._objects[resource].get(key)
        stored = self._stamp(resource, content)
        self._objects[resource][key] = stored
        self._record(MODIFIED if previous else ADDED, stored, previous)
        return stored

    def remove(self, resource: Resource, namespace: str, name: str) -> StoredObject | None:
        """Delete an object; the change carries its last state under a new resourceVersion. None if there was none."""
        previous = self._objects[resource].pop((namespace, name), None)
        if previous is None:
            return None
        stored = self._stamp(resource, previous.content)
        self._record(DELETED, stored, previous)
        return stored

    def _stamp(self, resource: Resource, content: Json) -> StoredObject:
        self._version += 1
        metadata = {**content["metadata"], "resourceVersion": str(self._version)}
        return StoredObject(resource=resource, content={**content, "metadata": metadata})

    def _record(self, kind: str, stored: StoredObject, previous: StoredObject | None) -> None:
        event = StoreEvent(version=self._version, kind=kind, stored=stored, previous=previous)
        log = self._log[stored.resource]
        log.append(event)
        if len(log) > self._log_capacity:
            self._lost[stored.resource] = self._dropped[stored.resource] = log.popleft().version
        for listener in self._listeners:
            listener(event)

    def compact(self) -> None:
        """Forget every logged change, as etcd's compaction does: older resourceVersions are gone from now on."""
        for resource, log in self._log.items():
            if log:
                self._lost[resource] = log[-1].version
            log.clear()
            self._dropped[resource] = self._version

    def oldest(self, resource: Resource) -> int:
        """The oldest version of which the objects of a resource are still known."""
        return self._dropped[resource]

    def events_since(self, resource: Resource, version: int, *, going_on: bool = False) -> list[StoreEvent]:
        """Changes of a resource after `version`, oldest first; ExpiredError if that is older than the log.

        One whose watch is `going_on` is only refused if it really missed a change.
        """
        oldest = (self._lost if going_on else self._dropped)[resource]
        if version < oldest:
            raise ExpiredError(asked=version, oldest=oldest)
        newer: list[StoreEvent] = []
        for event in reversed(self._log[resource]):
            if event.version <= version:
                break
            newer.append(event)
        newer.reverse()
        return newer

    def snapshot(self, resource: Resource, version: int) -> list[StoredObject]:
        """All objects as they were at `version`, by namespace and name; ExpiredError if that is too long ago."""
        objects = dict(self._objects[resource])
        for event in reversed(self.events_since(resource, version)):
            if event.previous is None:
                del objects[event.stored.key]
            else:
                objects[event.stored.key] = event.previous
        return [objects[key] for key in sorted(objects)]
