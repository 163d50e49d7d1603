"""What can become of a message to Slack instead of being taken."""

import re
from enum import StrEnum, unique

_CODE = re.compile(r"[a-z][a-z0-9_]{1,60}")


@unique
class Reason(StrEnum):
    """Why Slack didn't take a message, by what is to be done."""

    THROTTLED = "throttled"  # sent again when Slack says
    AWAY = "away"  # sent again soon: nobody knows whether it was taken
    DENIED = "denied"  # sent again later: somebody has to mend the settings, or the channel
    MESSAGE = "message"  # not sent again as it is


_MESSAGE = frozenset(
    {
        "invalid_blocks",
        "invalid_blocks_format",
        "msg_blocks_too_long",
        "msg_too_long",
        "no_text",
        "invalid_payload",
        "invalid_json",
        "invalid_metadata_format",
        "metadata_too_large",
    }
)
_THROTTLED = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
_AWAY = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout", "rollup_error"})

GONE = frozenset({"thread_not_found", "message_not_found", "cant_update_message", "edit_window_closed"})
"""Of a first message that people have deleted, or may not be changed any more."""


class SlackFailedError(Exception):
    """A message wasn't taken, as far as is known. `code` is Slack's own word, or ours; no secret is in it."""

    def __init__(self, reason: Reason, code: str, *, retry_after_seconds: float = 0.0) -> None:
        super().__init__(f"{reason}: {code}")
        self.reason = reason
        self.code = code
        self.retry_after_seconds = retry_after_seconds


def failure(status: int, code: str, retry_after: str) -> SlackFailedError:
    """Return what an answer means: its status, Slack's word in it (empty for none), its header Retry-After."""
    word = code if _CODE.fullmatch(code) else f"http_{status}"
    if status == 429 or word in _THROTTLED:
        return SlackFailedError(Reason.THROTTLED, "ratelimited", retry_after_seconds=_seconds(retry_after))
    if status >= 500 or status == 408 or word in _AWAY:
        return SlackFailedError(Reason.AWAY, word)
    return SlackFailedError(Reason.MESSAGE if word in _MESSAGE else Reason.DENIED, word)


def _seconds(retry_after: str) -> float:
    """Return what Retry-After says in seconds; a second where it says nothing that can be read."""
    return min(3600.0, max(1.0, float(retry_after))) if retry_after.strip().isdecimal() else 1.0
