"""What is still to happen in the simulated cluster, in order of time."""

import heapq
from collections.abc import Callable


class Agenda:
    """Actions at moments (Unix nanoseconds). Those of the same moment run in the order they were put down.

    `now_ns` is the moment of the action that runs, or up to which they have run.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Callable[[int], None]]] = []
        self._count = 0
        self.now_ns = 0

    def at(self, time_ns: int, action: Callable[[int], None]) -> None:
        """Run `action(time_ns)` at `time_ns`."""
        self._count += 1
        heapq.heappush(self._heap, (time_ns, self._count, action))

    @property
    def next_ns(self) -> int | None:
        """When the next action is due, None if there is none."""
        return self._heap[0][0] if self._heap else None

    def run_until(self, time_ns: int) -> None:
        """Run every action due at or before `time_ns`, those included that they put down."""
        while self._heap and self._heap[0][0] <= time_ns:
            due_ns, _, action = heapq.heappop(self._heap)
            self.now_ns = max(self.now_ns, due_ns)
            action(due_ns)
        self.now_ns = max(self.now_ns, time_ns)
