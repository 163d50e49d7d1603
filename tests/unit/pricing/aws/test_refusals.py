import errno
import json

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    InvalidRegionError,
    NoCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
    SSLError,
)
from botocore.parsers import ResponseParserError

from kube_cost_pricing.calls.failures import (
    ANSWER,
    CONNECTION,
    DENIED,
    INVALID,
    SERVER,
    THROTTLED,
    TIMEOUT,
    CallFailedError,
)
from kube_cost_pricing.providers.aws.refusals import (
    EC2,
    PERMISSIONS,
    POLICY,
    PRICING,
    CredentialsFailedError,
    UnknownTypesError,
    failure,
)

URL = "https://pricing.us-east-1.amazonaws.com"


def refused(code: str, status: int, operation: str = "GetProducts", **headers: str) -> ClientError:
    said = {"Error": {"Code": code, "Message": "no\nreally"}}
    metadata = {"HTTPStatusCode": status, "HTTPHeaders": headers}
    return ClientError({**said, "ResponseMetadata": metadata}, operation)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (refused("ThrottlingException", 400), THROTTLED),
        (refused("RequestLimitExceeded", 503), THROTTLED),
        (refused("Whatever", 429), THROTTLED),
        (refused("InternalErrorException", 500), SERVER),
        (refused("Unavailable", 503), SERVER),
        (refused("AccessDeniedException", 400), DENIED),
        (refused("UnauthorizedOperation", 403), DENIED),
        (refused("UnrecognizedClientException", 400), DENIED),
        (refused("Whatever", 403), DENIED),
        (refused("ValidationException", 400), INVALID),
        (NoCredentialsError(), DENIED),
        (ProfileNotFound(profile="costs"), DENIED),
        (CredentialRetrievalError(provider="iam", error_msg="no"), DENIED),
        (FileNotFoundError(errno.ENOENT, "no such file", "/token"), DENIED),
        (ReadTimeoutError(endpoint_url=URL), TIMEOUT),
        (ConnectTimeoutError(endpoint_url=URL), TIMEOUT),
        (TimeoutError(), TIMEOUT),
        (EndpointConnectionError(endpoint_url=URL), CONNECTION),
        (SSLError(endpoint_url=URL, error="certificate"), CONNECTION),
        (ConnectionResetError(errno.ECONNRESET, "reset"), CONNECTION),
        (InvalidRegionError(region_name="no region!"), INVALID),
        (ResponseParserError("what"), ANSWER),
        (ValueError("what"), ANSWER),
        (CallFailedError(SERVER, "HTTP 500"), SERVER),
    ],
)
def test_what_the_sdk_raises_has_a_reason(error: Exception, reason: str) -> None:
    """One of the words that the callers act on, in one line."""
    failed = failure(PRICING, "us-east-1", error)
    assert failed.reason == reason
    assert failed.detail
    assert "\n" not in failed.detail


@pytest.mark.parametrize("service", [PRICING, EC2])
def test_a_denial_names_the_permission_and_the_policy(service: str) -> None:
    """The one line for the user."""
    detail = failure(service, "us-east-1", refused("AccessDenied", 403)).detail
    assert PERMISSIONS[service] in detail
    assert POLICY in detail


def test_the_policy_is_one_with_all_permissions() -> None:
    """JSON as IAM takes it, of reading alone."""
    (statement,) = json.loads(POLICY)["Statement"]
    assert sorted(statement["Action"]) == sorted(PERMISSIONS.values())
    assert statement["Effect"] == "Allow"


def test_stss_denial_is_another_than_the_services() -> None:
    """The policy isn't what is missing, and the credentials are looked for anew."""
    failed = failure(PRICING, "us-east-1", refused("AccessDenied", 403, "AssumeRoleWithWebIdentity"))
    assert isinstance(failed, CredentialsFailedError)
    assert "sts:AssumeRoleWithWebIdentity" in failed.detail
    assert POLICY not in failed.detail


def test_an_unknown_type_is_told_from_other_faults_of_the_question() -> None:
    """Of EC2 alone, whose question names several types."""
    assert isinstance(failure(EC2, "us-east-1", refused("InvalidParameterValue", 400)), UnknownTypesError)
    assert not isinstance(failure(PRICING, "us-east-1", refused("InvalidParameterValue", 400)), UnknownTypesError)


@pytest.mark.parametrize(("told", "seconds"), [("7", 7.0), ("soon", None), ("", None)])
def test_it_says_how_long_to_wait(told: str, seconds: float | None) -> None:
    """Where AWS told it."""
    error = refused("ThrottlingException", 400, **{"retry-after": told})
    assert failure(PRICING, "us-east-1", error).retry_after_seconds == seconds
