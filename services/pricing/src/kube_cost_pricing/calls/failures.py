"""What can go wrong when a cloud is asked, in seven words."""

THROTTLED = "throttled"
SERVER = "server"
TIMEOUT = "timeout"
CONNECTION = "connection"
DENIED = "denied"
INVALID = "invalid"
ANSWER = "answer"

REASONS = frozenset({THROTTLED, SERVER, TIMEOUT, CONNECTION, DENIED, INVALID, ANSWER})
"""Too many calls; a fault of theirs (5xx); no answer in time; no connection, or one that broke; credentials or a
permission missing (401, 403); they don't understand the question (other 4xx); an answer that can't be one."""

PASSING = frozenset({THROTTLED, SERVER, TIMEOUT, CONNECTION})
"""What may be over at the next attempt; `answer` may be, but isn't asked for again at once."""


class CallFailedError(Exception):
    """One call to a cloud that gave no usable answer.

    `reason` is one of `REASONS`; `detail` says in a sentence what was asked and what came, without any secret, and for
    `denied` which permission to add; `retry_after_seconds` is how long they told us to wait, None where they didn't.
    """

    def __init__(self, reason: str, detail: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.retry_after_seconds = retry_after_seconds
