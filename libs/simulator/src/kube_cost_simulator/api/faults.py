"""What an API server, or what stands before it, does to its clients, and when it can."""

from dataclasses import dataclass
from enum import StrEnum


class Moment(StrEnum):
    """When a fault can happen."""

    LIST = "list"
    NEXT_PAGE = "next page"
    WATCH = "watch"
    LINE = "line"


class Fault(StrEnum):
    """What an API server, or what stands before it, does."""

    SERVER_ERROR = "500"
    TOO_MANY_REQUESTS = "429 with Retry-After"
    SLOW = "a slow answer"
    SILENT = "no answer and no FIN"
    RESET = "a connection reset before the answer"
    STALE_LIST = "a list of an older state"
    CUT_LIST = "a list cut in the middle"
    CONTINUE_GONE = "410 on a continue token"
    GONE_STATUS = "410 as status of a watch"
    BEHIND = "504, the version is too large"
    GONE_EVENT = "410 as ERROR event"
    ERROR_EVENT = "500 as ERROR event"
    CUT_BETWEEN_LINES = "a watch cut between lines"
    CUT_MID_LINE = "a watch cut in a line"
    ENDED = "a watch ended early"
    HALF_OPEN = "a watch half open"
    DUPLICATED = "events that come again"
    LATE = "late events"
    BOOKMARKS_ONLY = "bookmarks only"


ANSWERS = frozenset({Moment.LIST, Moment.NEXT_PAGE, Moment.WATCH})
MOMENTS = {
    Fault.SERVER_ERROR: ANSWERS,
    Fault.TOO_MANY_REQUESTS: ANSWERS,
    Fault.SLOW: ANSWERS,
    Fault.SILENT: ANSWERS,
    Fault.RESET: ANSWERS,
    Fault.STALE_LIST: frozenset({Moment.LIST}),
    Fault.CUT_LIST: frozenset({Moment.LIST, Moment.NEXT_PAGE}),
    Fault.CONTINUE_GONE: frozenset({Moment.NEXT_PAGE}),
    Fault.GONE_STATUS: frozenset({Moment.WATCH}),
    Fault.BEHIND: frozenset({Moment.WATCH}),
    **{fault: frozenset({Moment.LINE}) for fault in list(Fault)[list(Fault).index(Fault.GONE_EVENT) :]},
}
"""A fault of a line happens when there is one to send: quiet resources have none."""


@dataclass(frozen=True)
class FaultTimes:
    """How long faults last, seconds, and how many changes a stale list is behind."""

    slow_seconds: float = 2.0
    retry_after_seconds: int = 1
    late_seconds: float = 1.0
    bookmarks_seconds: float = 3.0
    bookmark_gap_seconds: float = 0.2
    stale_changes: int = 100
    repeated_lines: int = 5
