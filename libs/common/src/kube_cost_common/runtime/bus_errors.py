"""What can be wrong with the bus, in words."""

from typing import Literal

OLDEST_SERVER = (2, 11)
"""Debian's nats-server 2.9 knows no message TTL and ignores it silently; 2.11 knows all that we ask of it."""

Reason = Literal[
    "disconnected", "timeout", "denied", "no_stream", "not_found", "conflict", "too_large", "unavailable", "rejected"
]


class BusError(Exception):
    """What was asked of the bus was not done, or not known to be done.

    `reason` is one of a closed set, for counters. After `timeout` it may have been done all the same: the retry of a
    publish carries the same message id.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason: Reason = reason
        self.detail = detail


class BusClosedError(Exception):
    """The server has closed our connection for good, as it does when our user is removed from it."""


def version_problem(version: str) -> str | None:
    """Return a sentence that says why a nats-server of that version won't do, or None if it will."""
    try:
        major, minor = (int(part) for part in version.split(".")[:2])
    except ValueError:
        return f"nats-server says its version is {version!r}; at least 2.11 is needed"
    if (major, minor) < OLDEST_SERVER:
        return f"nats-server {version} is too old; at least 2.11 is needed"
    return None
