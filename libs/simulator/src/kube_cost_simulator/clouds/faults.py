"""How a cloud's price API can misbehave."""

from enum import StrEnum, unique


@unique
class CloudFault(StrEnum):
    """What happens to a call instead of its answer, or to the answer."""

    THROTTLED = "throttled"  # 429 with Retry-After, ThrottlingException, RequestLimitExceeded, RESOURCE_EXHAUSTED
    SERVER_ERROR = "server_error"
    DENIED = "denied"
    SILENT = "silent"  # never answers
    RESET = "reset"
    TRUNCATED = "truncated"  # ends in the middle, in order
    TRICKLE = "trickle"  # one byte a second
    HUGE = "huge"  # 100 MB
    CURRENCY = "currency"  # another one than was asked for
    ZERO = "zero"
    NEGATIVE = "negative"
    NOT_A_NUMBER = "not_a_number"
    VANISHED = "vanished"  # the rows asked for aren't there any more
    ENDLESS = "endless"  # every page names a next one


class Misbehaviour:
    """What a fake cloud does wrong now, and the times of the calls that it got, in seconds of its clock by endpoint."""

    def __init__(self) -> None:
        self.fault: CloudFault | None = None
        self.calls: list[tuple[str, float]] = []
