"""Stops asking an endpoint that fails, and finds out when it works again."""

from dataclasses import dataclass
from enum import Enum

from kube_cost_common.runtime.clock import Clock
from kube_cost_pricing.calls.failures import ANSWER, CONNECTION, SERVER, THROTTLED, TIMEOUT, CallFailedError

COUNTED = frozenset({SERVER, TIMEOUT, CONNECTION, ANSWER, THROTTLED})
"""Failures that may mean that an endpoint is down. A question that is refused says nothing of the next one."""


class State(Enum):
    """Whether calls go through."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, kw_only=True)
class BreakerSettings:
    """After so many failures in a row no call goes for `open_seconds`.

    Each time that the probe then fails too it is twice as long, up to `longest_open_seconds`.
    """

    failures: int = 5
    open_seconds: float = 30.0
    longest_open_seconds: float = 600.0


class Breaker:
    """Of one endpoint. Each call is admitted, and then has succeeded, failed, or was cancelled."""

    def __init__(self, *, settings: BreakerSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._failures = 0
        self._opened_at: float | None = None
        self._open_seconds = settings.open_seconds
        self._probing = False
        self._last: CallFailedError | None = None

    @property
    def state(self) -> State:
        """What holds now."""
        if self._opened_at is None:
            return State.CLOSED
        if self._probing or self._clock.monotonic() - self._opened_at >= self._open_seconds:
            return State.HALF_OPEN
        return State.OPEN

    def refuse(self) -> None:
        """Raise the last failure if no call may go now: none while it is open, one at a time while it is half open."""
        if self._opened_at is None or (self.state is State.HALF_OPEN and not self._probing):
            return
        wait = max(0.0, self._opened_at + self._open_seconds - self._clock.monotonic())
        last = self._last or CallFailedError(SERVER, "it failed")
        raise CallFailedError(
            last.reason,
            f"isn't asked now, after {self._failures} failures in a row: {last.detail}",
            retry_after_seconds=wait,
        )

    def admit(self) -> bool:
        """Let a call go, or raise as `refuse` does; return whether it is the probe."""
        self.refuse()
        if self._opened_at is None:
            return False
        self._probing = True
        return True

    def succeeded(self) -> None:
        """Note that a call was answered."""
        self._failures, self._opened_at, self._probing, self._last = 0, None, False, None
        self._open_seconds = self._settings.open_seconds

    def failed(self, error: CallFailedError, *, probe: bool) -> None:
        """Note that a call failed."""
        if error.reason not in COUNTED:
            if probe:  # it did answer
                self.succeeded()
            return
        self._failures += 1
        self._last = error
        if probe:
            self._probing = False
            self._open_seconds = min(2 * self._open_seconds, self._settings.longest_open_seconds)
            self._opened_at = self._clock.monotonic()
        elif self._opened_at is None and self._failures >= self._settings.failures:
            self._opened_at = self._clock.monotonic()

    def cancelled(self, *, probe: bool) -> None:
        """Note that a call was given up by who asked: that counts for nothing."""
        if probe:
            self._probing = False
