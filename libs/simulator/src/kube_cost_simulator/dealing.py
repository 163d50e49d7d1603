"""Which request meets which fault, and when: one by one as a test orders them, or by a schedule from a seed."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Generic, TypeVar

from kube_cost_simulator.clock import Clock

F = TypeVar("F", bound=StrEnum)
M = TypeVar("M", bound=StrEnum)


@dataclass(frozen=True)
class _Order(Generic[F]):
    fault: F
    about: str


class Dealer(Generic[F, M]):
    """Deals faults to the occasions on which they can happen, each at most once for each time it was ordered.

    `moments` says on which occasions a fault can happen. `done` counts what was dealt.
    """

    def __init__(self, *, moments: Mapping[F, frozenset[M]], chance: Random, clock: Clock) -> None:
        self._moments = moments
        self._chance = chance
        self._clock = clock
        self._ordered: list[_Order[F]] = []
        self._schedules: list[tuple[float, Iterator[tuple[float, _Order[F]]]]] = []
        self.done: Counter[F] = Counter()

    def order(self, fault: F, about: str = "") -> None:
        """Let a fault happen on the next occasion that fits, `about` one thing (a resource, a node) or anything."""
        self._ordered.append(_Order(fault, about))

    def each_once(self, *, gap_seconds: float, about: str = "", faults: Iterable[F] | None = None) -> None:
        """Order all faults, or some, each once, in an order from the seed, so many seconds from one to the next."""
        order = list(self._moments if faults is None else faults)
        self._chance.shuffle(order)
        self._begin((gap_seconds, _Order(fault, about)) for fault in order)

    def at_random(self, *, mean_gap_seconds: float) -> None:
        """From now on order any fault about any thing, for ever, with random gaps between them."""
        faults = list(self._moments)

        def draw() -> Iterator[tuple[float, _Order[F]]]:
            while True:
                yield self._chance.expovariate(1 / mean_gap_seconds), _Order(self._chance.choice(faults), "")

        self._begin(draw())

    def behave(self) -> None:
        """Drop what was ordered and hasn't happened, and all schedules."""
        self._ordered.clear()
        self._schedules.clear()

    @property
    def outstanding(self) -> list[F]:
        """What was ordered, is due, and hasn't found its occasion."""
        self._take_due()
        return [order.fault for order in self._ordered]

    def deal(self, moment: M, about: str) -> F | None:
        """The fault for an occasion, counted as done; None if it goes as it should."""
        self._take_due()
        for index, order in enumerate(self._ordered):
            if moment in self._moments[order.fault] and order.about in {"", about}:
                del self._ordered[index]
                self.done[order.fault] += 1
                return order.fault
        return None

    def _begin(self, schedule: Iterator[tuple[float, _Order[F]]]) -> None:
        self._schedules.append((self._clock.monotonic(), schedule))

    def _take_due(self) -> None:
        now = self._clock.monotonic()
        going_on = []
        for since, schedule in self._schedules:
            at = since
            while at <= now:
                gap_and_order = next(schedule, None)
                if gap_and_order is None:
                    break
                gap, order = gap_and_order
                at += gap
                # What waits for its occasion isn't piled up.
                if order not in self._ordered:
                    self._ordered.append(order)
            else:
                going_on.append((at, schedule))
        self._schedules = going_on
