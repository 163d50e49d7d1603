"""Objects that cost by their mere being, with what they were when, as far as that isn't settled."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, Protocol, TypeVar

from kube_cost_aggregator.state.pods import nearest


class Being(Protocol):
    """Facts of an object; `created_ns` has the API's whole seconds, as Unix nanoseconds."""

    @property
    def uid(self) -> str:
        """What tells it from another one of its name."""
        ...

    @property
    def created_ns(self) -> int:
        """When it was made."""
        ...


F = TypeVar("F", bound=Being)


class Held(NamedTuple, Generic[F]):
    """From `since_ns` on, an object is what `facts` say."""

    since_ns: int
    facts: F


@dataclass(slots=True, kw_only=True)
class Lifetime(Generic[F]):
    """An object, its states in order of time, and its end, None while it is there. Times are Unix nanoseconds.

    `settled_ns` is what it is settled through, 0 before that is known.
    """

    states: list[Held[F]] = field(default_factory=list)
    end_ns: int | None = None
    settled_ns: int = 0

    @property
    def start_ns(self) -> int:
        """When the first state that is still known began."""
        return self.states[0].since_ns

    @property
    def facts(self) -> F:
        """What it is now, or was at its end."""
        return self.states[-1].facts

    def index_at(self, moment_ns: int) -> int:
        """Return which of its states held at a moment; the first one reaches back."""
        later = next((place for place, held in enumerate(self.states) if held.since_ns > moment_ns), len(self.states))
        return max(0, later - 1)

    def forget_before(self, moment_ns: int) -> None:
        """Drop the states that no unsettled time needs."""
        while len(self.states) > 1 and self.states[1].since_ns <= moment_ns:
            del self.states[0]


class Lifetimes(Generic[F]):
    """Follows the objects of one kind, by uid. `costs` says of which state on one is followed at all."""

    def __init__(self, *, costs: Callable[[F], bool] = lambda _: True) -> None:
        self._costs = costs
        self.known: dict[str, Lifetime[F]] = {}

    def put(self, facts: F, at_ns: int, *, listed: bool = False, changed: bool = False) -> None:
        """Take up an object, or what changed of it; `at_ns` is when that arrived, in a list if `listed`.

        `changed`: it was there before, as something that costs nothing.
        """
        life = self.known.get(facts.uid)
        if life is None:
            if self._costs(facts):
                made_ns = facts.created_ns if listed else nearest(facts.created_ns, at_ns)
                self.known[facts.uid] = Lifetime(states=[Held(at_ns if changed else made_ns, facts)])
            return
        life.end_ns = None  # a list lacked it, and this one has it
        if life.facts != facts:
            life.states.append(Held(max(at_ns, life.states[-1].since_ns), facts))

    def end(self, uid: str, at_ns: int) -> None:
        """Let an object end, never before it began."""
        life = self.known.get(uid)
        if life is not None and life.end_ns is None:
            life.end_ns = max(at_ns, life.states[-1].since_ns)

    def replace(self, facts: Iterable[F], at_ns: int) -> None:
        """Take a whole list. What isn't in it ended when it was last seen: where it is settled to."""
        listed = {one.uid: one for one in facts}
        for uid, life in self.known.items():
            if uid not in listed:
                self.end(uid, life.settled_ns)
        for one in listed.values():
            self.put(one, at_ns, listed=True)
