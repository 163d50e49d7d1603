"""What clouds have answered, and how long it is good for."""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from kube_cost_common.messages.prices import (
    CONTROL_PLANE,
    LOAD_BALANCER,
    NETWORK,
    SPOT,
    VOLUME,
    VOLUME_IOPS,
    VOLUME_THROUGHPUT,
    PriceRequest,
)
from kube_cost_common.runtime.clock import Clock
from kube_cost_pricing.providers.source import Answer

EARLY = 0.25
"""The last part of its time in which an answer is renewed together with others that are due."""


class Topic(Enum):
    """The four questions that a cloud can be asked."""

    INSTANCES = "instances"
    SPOT = "spot"
    STORAGE = "storage"
    NETWORK = "network"


def topic_of(request: PriceRequest) -> Topic:
    """Return the question that a request belongs to."""
    if request.kind in {VOLUME, VOLUME_IOPS, VOLUME_THROUGHPUT}:
        return Topic.STORAGE
    if request.kind in {NETWORK, LOAD_BALANCER, CONTROL_PLANE}:
        return Topic.NETWORK
    return Topic.SPOT if request.capacity == SPOT else Topic.INSTANCES


@dataclass(frozen=True, kw_only=True)
class Lifetimes:
    """How long an answer is good for, in seconds; each is shortened at random by up to `jitter` of itself."""

    instances_seconds: float = 3600.0
    spot_seconds: float = 300.0
    storage_seconds: float = 86_400.0
    network_seconds: float = 3600.0
    jitter: float = 0.1

    def of(self, topic: Topic) -> float:
        """Return the lifetime of the answers to a question."""
        by_topic: Mapping[Topic, float] = {
            Topic.INSTANCES: self.instances_seconds,
            Topic.SPOT: self.spot_seconds,
            Topic.STORAGE: self.storage_seconds,
            Topic.NETWORK: self.network_seconds,
        }
        return by_topic[topic]


@dataclass(slots=True, kw_only=True)
class Entry:
    """What is known about one request. Times are monotonic seconds.

    `answer` is None while nothing was answered; `due_at` is when it is to be asked (again); `wanted_at` is when it was
    last looked up. `failure` is why the last attempt gave nothing, empty where it did.
    """

    request: PriceRequest
    topic: Topic
    answer: Answer | None
    due_at: float
    wanted_at: float
    failure: str = ""


class AnswerCache:
    """The entries of one provider, by price key."""

    def __init__(self, *, lifetimes: Lifetimes, clock: Clock, unwanted_seconds: float = 300.0) -> None:
        """`unwanted_seconds` after it was last looked up an entry is dropped instead of renewed."""
        self._lifetimes = lifetimes
        self._clock = clock
        self._unwanted_seconds = unwanted_seconds
        self._entries: dict[str, Entry] = {}

    def find(self, key: str) -> Entry | None:
        """Return the entry of a key, which is wanted by that."""
        entry = self._entries.get(key)
        if entry is not None:
            entry.wanted_at = self._clock.monotonic()
        return entry

    def add(self, key: str, request: PriceRequest, *, answered_ago_seconds: float | None = None) -> Entry:
        """Take up a request; `answered_ago_seconds` if a process before this one was answered."""
        now = self._clock.monotonic()
        topic = topic_of(request)
        due_at = now if answered_ago_seconds is None else now + self._lifetime(topic) - answered_ago_seconds
        entry = self._entries[key] = Entry(request=request, topic=topic, answer=None, due_at=due_at, wanted_at=now)
        return entry

    def answered(self, key: str, answer: Answer) -> None:
        """Keep an answer for its lifetime."""
        entry = self._entries.get(key)
        if entry is not None:
            entry.answer, entry.failure = answer, ""
            entry.due_at = self._clock.monotonic() + self._lifetime(entry.topic)

    def failed(self, key: str, failure: str, *, again_in_seconds: float) -> None:
        """Note that a request wasn't answered. An answer of before stands."""
        entry = self._entries.get(key)
        if entry is not None:
            entry.failure = failure
            entry.due_at = self._clock.monotonic() + again_in_seconds

    def ask_soon(self, question: tuple[Topic, str]) -> None:
        """Let what wasn't answered of a question be asked now."""
        now = self._clock.monotonic()
        for entry in self._entries.values():
            if entry.failure and _group(entry) == question:
                entry.due_at = min(entry.due_at, now)

    def is_fresh(self, entry: Entry) -> bool:
        """Whether its answer needn't be renewed yet."""
        return entry.due_at > self._clock.monotonic()

    def next_due_in_seconds(self) -> float | None:
        """Return in how many seconds the next entry is due, 0 if one is; None if there is none."""
        due_at = min((entry.due_at for entry in self._entries.values()), default=None)
        return None if due_at is None else max(0.0, due_at - self._clock.monotonic())

    def due(self) -> dict[tuple[Topic, str], dict[str, PriceRequest]]:
        """Return what is to be asked now, by question and region, and drop what nobody wants any more.

        With an entry that is due go those of its question and region that soon would be.
        """
        now = self._clock.monotonic()
        for key in [key for key, entry in self._entries.items() if now - entry.wanted_at > self._unwanted_seconds]:
            del self._entries[key]
        groups = {_group(entry) for entry in self._entries.values() if entry.due_at <= now}
        asked: dict[tuple[Topic, str], dict[str, PriceRequest]] = {group: {} for group in groups}
        for key, entry in self._entries.items():
            group = _group(entry)
            early = EARLY * self._lifetimes.of(entry.topic) if entry.answer is not None and not entry.failure else 0.0
            if group in groups and entry.due_at - early <= now:
                asked[group][key] = entry.request
        return asked

    def entries(self) -> Iterable[Entry]:
        """Return all entries."""
        return self._entries.values()

    def _lifetime(self, topic: Topic) -> float:
        whole = self._lifetimes.of(topic)
        return whole * (1.0 - random.uniform(0.0, self._lifetimes.jitter))  # noqa: S311 - no secret


def _group(entry: Entry) -> tuple[Topic, str]:
    return entry.topic, entry.request.region
