from kube_cost_agent.session_clock import SessionClock


class _SetClock:
    """A clock whose wall time somebody sets."""

    def __init__(self) -> None:
        self.wall_ns = 1_700_000_000_000_000_000
        self.seconds = 50.0

    def now_ns(self) -> int:
        return self.wall_ns

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def test_a_session_starts_at_the_wall_time() -> None:
    """At its start the session's clock is the wall clock."""
    clock = _SetClock()
    assert SessionClock(clock).now_ns() == 1_700_000_000_000_000_000


def test_a_wall_clock_that_is_set_back_does_not_move_it() -> None:
    """NTP stepping the wall clock an hour back leaves the session's clock at the time gone by."""
    clock = _SetClock()
    session = SessionClock(clock)
    clock.seconds += 1.5
    clock.wall_ns -= 3600 * 10**9
    assert session.now_ns() - session.start_ns == 1_500_000_000
