import json
from typing import Any

import pytest

from kube_cost_aggregator.inputs.kubernetes.errors import ApiError, ForbiddenError, GoneError, UnauthorizedError
from kube_cost_aggregator.inputs.kubernetes.refusals import refusal_in_watch, refusal_of_response
from kube_cost_aggregator.inputs.kubernetes.shapes import Status, StatusCause, StatusDetails


def refusal(status: int, body: Any, retry_after: str = "") -> ApiError:
    encoded = body if isinstance(body, bytes) else json.dumps(body).encode()
    return refusal_of_response(
        status=status,
        body=encoded,
        retry_after=retry_after,
        host="https://api",
        verb="list",
        plural="cronjobs",
        group="batch",
    )


def test_a_missing_right_says_what_to_add() -> None:
    """403 names verb, resource and group as a ClusterRole does."""
    error = refusal(403, {"kind": "Status", "message": "cronjobs.batch is forbidden", "code": 403})
    assert isinstance(error, ForbiddenError)
    assert str(error) == (
        "may not list cronjobs: add apiGroups ['batch'], resources ['cronjobs'], verbs [list, watch] to the ClusterRole"
        " (cronjobs.batch is forbidden)"
    )


def test_unknown_credentials_are_said_to_be() -> None:
    """401 names the server."""
    error = refusal(401, {"kind": "Status", "message": "Unauthorized", "code": 401})
    assert isinstance(error, UnauthorizedError)
    assert "https://api" in str(error)


@pytest.mark.parametrize(
    ("body", "retry_after", "seconds"),
    [
        (b"slow down", "7", 7.0),
        ({"message": "busy", "details": {"retryAfterSeconds": 3}}, "", 3.0),
        ({"message": "busy", "details": {"retryAfterSeconds": 3}}, "9", 9.0),
        (b"", "Wed, 21 Oct 2026 07:28:00 GMT", 0.0),
        (b"", "86400", 300.0),
    ],
    ids=["header", "body", "the longer", "a date", "too long"],
)
def test_a_server_says_when_to_come_back(body: Any, retry_after: str, seconds: float) -> None:
    """By header or by body, in seconds, and within reason."""
    assert refusal(429, body, retry_after).retry_after_seconds == seconds


def test_plain_text_is_quoted_in_part() -> None:
    """What a proxy says instead of a Status is in the sentence, cut."""
    error = refusal(503, b"upstream connect error" + b"x" * 10_000)
    assert "503: upstream connect error" in str(error)
    assert len(str(error)) < 300


@pytest.mark.parametrize(
    "said",
    [
        Status(code=410, message="too old resource version"),
        Status(code=504, details=StatusDetails(causes=(StatusCause(reason="ResourceVersionTooLarge"),))),
    ],
    ids=["too old", "of the future"],
)
def test_a_version_that_the_server_lacks_is_gone(said: Status) -> None:
    """Too old, or newer than the server's own (etcd restored from a backup): neither can be gone on from."""
    assert isinstance(refusal_in_watch(said), GoneError)


def test_another_error_is_no_reason_to_list() -> None:
    """A timeout that isn't about versions is only tried again."""
    assert not isinstance(refusal_in_watch(Status(code=504, reason="Timeout")), GoneError)
