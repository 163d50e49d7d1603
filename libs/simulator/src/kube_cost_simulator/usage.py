"""What a pod uses over time: constant rates, piece by piece, whose totals are exact integers at any moment."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from random import Random
from typing import NamedTuple

NANOSECONDS_PER_SECOND = 1_000_000_000


class Rates(NamedTuple):
    """Use at one moment. CPU in millicores, memory in bytes, I/O per second.

    `gpu_permille` is how active the engines of the pod's GPUs are because of it, in thousandths of each.
    """

    cpu_millicores: int = 0
    memory_bytes: int = 0
    receive_bytes_per_second: int = 0
    transmit_bytes_per_second: int = 0
    read_bytes_per_second: int = 0
    write_bytes_per_second: int = 0
    read_operations_per_second: int = 0
    write_operations_per_second: int = 0
    gpu_permille: int = 0


class Totals(NamedTuple):
    """Rates × nanoseconds, in the order of `Rates`: exact, and additive."""

    cpu_millicore_ns: int = 0
    memory_byte_ns: int = 0
    receive_byte_ns: int = 0
    transmit_byte_ns: int = 0
    read_byte_ns: int = 0
    write_byte_ns: int = 0
    read_operation_ns: int = 0
    write_operation_ns: int = 0
    gpu_permille_ns: int = 0


NO_USE = Rates()
NOTHING = Totals()


def accumulated(totals: Totals, rates: Rates, duration_ns: int) -> Totals:
    """`totals` after `rates` have been going on for `duration_ns`."""
    return Totals(*(total + rate * duration_ns for total, rate in zip(totals, rates, strict=True)))


@dataclass(frozen=True)
class UsagePhase:
    """Constant rates for a while."""

    seconds: int
    rates: Rates


@dataclass(frozen=True)
class UsageProfile:
    """How pods of a template use resources: phases, repeated for ever, each varied by ± `jitter_percent` in a pod."""

    phases: tuple[UsagePhase, ...]
    jitter_percent: int = 0

    def timeline(self, *, start_ns: int, chance: Random) -> "UsageTimeline":
        """The use of one pod that begins at `start_ns` (Unix nanoseconds)."""
        return UsageTimeline(
            start_ns=start_ns,
            phases=tuple(
                (phase.seconds * NANOSECONDS_PER_SECOND, varied(phase.rates, self.jitter_percent, chance))
                for phase in self.phases
            ),
        )


def varied(rates: Rates, percent: int, chance: Random) -> Rates:
    """`rates` each multiplied by 1 ± up to `percent` in whole percents, but for the GPUs', which stays."""
    if percent == 0:
        return rates
    drawn = (rate * (100 + chance.randint(-percent, percent)) // 100 for rate in rates[:-1])
    return Rates(*drawn)._replace(gpu_permille=rates.gpu_permille)


def steady(rates: Rates) -> UsageProfile:
    """A profile that never changes."""
    return UsageProfile(phases=(UsagePhase(3600, rates),))


ALWAYS_IDLE = steady(NO_USE)


@dataclass(frozen=True)
class UsageTimeline:
    """One pod's use: phases of (nanoseconds, rates) from `start_ns`, repeated until `end_ns` if it has ended.

    In its `pauses`, each a start and an end in Unix nanoseconds, it uses nothing.
    """

    start_ns: int
    phases: tuple[tuple[int, Rates], ...]
    end_ns: int | None = None
    pauses: tuple[tuple[int, int], ...] = ()

    def ended(self, at_ns: int) -> "UsageTimeline":
        """The same use, ending at `at_ns`."""
        return replace(self, end_ns=at_ns)

    def paused(self, from_ns: int, to_ns: int) -> "UsageTimeline":
        """The same use, with one more pause; it must not begin before the last one ends."""
        return replace(self, pauses=(*self.pauses, (from_ns, to_ns)))

    def totals(self, at_ns: int) -> Totals:
        """Everything used from the start until `at_ns` or the end, whichever is first."""
        until_ns = at_ns if self.end_ns is None else min(at_ns, self.end_ns)
        totals = self._without_pauses(until_ns)
        begun = bisect_left(self.pauses, (until_ns, 0))
        if not begun:
            return totals
        from_ns, to_ns = self.pauses[begun - 1]
        skipped = without(self._without_pauses(min(to_ns, until_ns)), self._without_pauses(from_ns))
        return without(without(totals, skipped), self._skipped[begun - 1])

    @cached_property
    def _skipped(self) -> list[Totals]:
        """What would have been used in all pauses before each."""
        skipped = [NOTHING]
        for from_ns, to_ns in self.pauses[:-1]:
            one = without(self._without_pauses(to_ns), self._without_pauses(from_ns))
            skipped.append(summed((skipped[-1], one)))
        return skipped

    def _without_pauses(self, until_ns: int) -> Totals:
        elapsed_ns = until_ns - self.start_ns
        if elapsed_ns <= 0:
            return NOTHING
        cycle_ns = sum(duration_ns for duration_ns, _ in self.phases)
        cycles, rest_ns = divmod(elapsed_ns, cycle_ns)
        totals = NOTHING
        for duration_ns, rates in self.phases:
            totals = accumulated(totals, rates, cycles * duration_ns + max(0, min(rest_ns, duration_ns)))
            rest_ns -= duration_ns
        return totals

    def rates(self, at_ns: int) -> Rates:
        """The rates at `at_ns`; none before the start, in pauses, and from the end on."""
        if at_ns < self.start_ns or (self.end_ns is not None and at_ns >= self.end_ns):
            return NO_USE
        begun = bisect_left(self.pauses, (at_ns + 1, 0))
        if begun and at_ns < self.pauses[begun - 1][1]:
            return NO_USE
        rest_ns = (at_ns - self.start_ns) % sum(duration_ns for duration_ns, _ in self.phases)
        for duration_ns, rates in self.phases:
            if rest_ns < duration_ns:
                return rates
            rest_ns -= duration_ns
        raise AssertionError("the phases cover their cycle")


def without(totals: Totals, part: Totals) -> Totals:
    """`totals` less a part of them."""
    return Totals(*(whole - some for whole, some in zip(totals, part, strict=True)))


def summed(totals: Sequence[Totals]) -> Totals:
    """The sum of totals."""
    return Totals(*(sum(column) for column in zip(*totals, strict=True))) if totals else NOTHING
