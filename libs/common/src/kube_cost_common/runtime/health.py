"""What a process knows of its own health: what it waits for, what ails it, what it counted."""

from collections.abc import Callable, Mapping

from kube_cost_common.messages.status import Reading


class Readiness:
    """Ready once every named condition has been met; a lost bus or API later doesn't make it unready again."""

    def __init__(self, conditions: Mapping[str, str]) -> None:
        """Take condition names and what to say while one is missing: `{"prices": "no price has arrived yet"}`."""
        self._missing = dict(conditions)
        self._stopping = False

    def met(self, condition: str) -> None:
        """Note that a condition has been met."""
        self._missing.pop(condition, None)

    def stopping(self) -> None:
        """Note that the process is about to end: it is not ready from now on."""
        self._stopping = True

    @property
    def missing(self) -> list[str]:
        """What is still missing, in sentences; empty when ready."""
        return ["stopping"] if self._stopping else list(self._missing.values())

    @property
    def ready(self) -> bool:
        """Whether all is there."""
        return not self.missing


class Counters:
    """Counters and gauges of this process, by metric name and labels, for its status report."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
        self._gauges: list[Callable[[], list[Reading]]] = []

    def add(self, name: str, amount: float = 1, /, **labels: str) -> None:
        """Add `amount` to the counter `name` with `labels`."""
        key = (name, tuple(sorted(labels.items())))
        self._counts[key] = self._counts.get(key, 0.0) + amount

    def gauge(self, read: Callable[[], list[Reading]]) -> None:
        """Register a function that reads gauges when a report is made."""
        self._gauges.append(read)

    def counts(self) -> list[Reading]:
        """Return the counters as they are now."""
        return [Reading(name=name, labels=dict(labels), value=value) for (name, labels), value in self._counts.items()]

    def gauges(self) -> list[Reading]:
        """Return the gauges as they are now."""
        return [reading for read in self._gauges for reading in read()]


class Problems:
    """What is wrong right now, a sentence for each cause, said and taken back by who knows."""

    def __init__(self) -> None:
        self._said: dict[str, str] = {}

    def say(self, cause: str, sentence: str) -> bool:
        """Note a problem; return whether its cause is new, so that only the first of a row is logged."""
        new = cause not in self._said
        self._said[cause] = sentence
        return new

    def over(self, cause: str) -> bool:
        """Note that it is over; return whether it was there."""
        return self._said.pop(cause, None) is not None

    def sentences(self) -> list[str]:
        """Return what is wrong now."""
        return list(self._said.values())
