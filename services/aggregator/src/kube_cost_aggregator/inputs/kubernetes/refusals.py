"""What is said instead of an answer: `metav1.Status` by the API server, any text by what stands before it."""

import msgspec

from kube_cost_aggregator.inputs.kubernetes.errors import (
    ApiError,
    ForbiddenError,
    GoneError,
    UnauthorizedError,
    UnexpectedStatusError,
)
from kube_cost_aggregator.inputs.kubernetes.shapes import Status

_LONGEST_RETRY_AFTER_SECONDS = 300.0  # a server that asks for more is asked again all the same
_QUOTED_CHARACTERS = 200

_VERSION_TOO_LARGE = "ResourceVersionTooLarge"


def refusal_of_response(
    *, status: int, body: bytes, retry_after: str, host: str, verb: str, plural: str, group: str
) -> ApiError:
    """Return the error that an answer with a status other than 200 is. `retry_after` is that header, or empty."""
    try:
        said = msgspec.json.decode(body, type=Status)
    except msgspec.DecodeError:
        said = Status()
        said.message = body[:_QUOTED_CHARACTERS].decode(errors="replace").strip() or "no reason given"
    if status == 401:
        return UnauthorizedError(host=host)
    if status == 403:
        return ForbiddenError(verb=verb, plural=plural, group=group, message=said.message)
    seconds = float(retry_after) if retry_after.isdecimal() else 0.0
    return _refusal(said, code=status, retry_after_seconds=seconds)


def refusal_in_watch(said: Status) -> ApiError:
    """Return the error that an ERROR event of a watch is."""
    return _refusal(said, code=said.code, retry_after_seconds=0.0)


def _refusal(said: Status, *, code: int, retry_after_seconds: float) -> ApiError:
    details = said.details
    # A version of the future: etcd was restored from a backup, or this replica of the server is far behind.
    too_large = details is not None and any(cause.reason == _VERSION_TOO_LARGE for cause in details.causes)
    message = said.message or said.reason or "no reason given"
    if code == 410 or too_large:
        return GoneError(message=message)
    if details is not None:
        retry_after_seconds = max(retry_after_seconds, float(details.retry_after_seconds))
    return UnexpectedStatusError(
        status=code,
        message=message,
        retry_after_seconds=min(retry_after_seconds, _LONGEST_RETRY_AFTER_SECONDS),
    )
