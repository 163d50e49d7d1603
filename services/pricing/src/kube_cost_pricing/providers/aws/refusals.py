"""What the SDK raises, in our words: what failed, and for a refusal what to add."""

from collections.abc import Sequence

from botocore.exceptions import (
    ClientError,
    ConfigParseError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointProviderError,
    HTTPClientError,
    InvalidConfigError,
    InvalidRegionError,
    MetadataRetrievalError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
    SSOError,
    TokenRetrievalError,
    UnknownEndpointError,
)
from botocore.exceptions import ConnectionError as NoConnectionError

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

PRICING = "pricing"
EC2 = "ec2"

PERMISSIONS = {PRICING: "pricing:GetProducts", EC2: "ec2:DescribeSpotPriceHistory"}

POLICY = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow",'
    '"Action":["pricing:GetProducts","ec2:DescribeSpotPriceHistory"],"Resource":"*"}]}'
)
"""All that the service needs."""

_THROTTLING = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestLimitExceeded",
        "TooManyRequestsException",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
    }
)
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "OptInRequired"})
_STRANGERS = frozenset(
    {
        "UnrecognizedClientException",
        "InvalidClientTokenId",
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "SignatureDoesNotMatch",
        "InvalidSignatureException",
        "IncompleteSignature",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
    }
)
"""Credentials that AWS doesn't take for anybody's (GovCloud's and China's are known there alone)."""

_UNKNOWN_TYPES = frozenset({"InvalidParameterValue", "InvalidInstanceType"})

_NO_CREDENTIALS = (
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    TokenRetrievalError,
    CredentialRetrievalError,
    MetadataRetrievalError,
    SSOError,
    InvalidConfigError,
    ConfigParseError,
)
_REASONS: Sequence[tuple[tuple[type[Exception], ...], str]] = (
    ((ReadTimeoutError, ConnectTimeoutError, TimeoutError), TIMEOUT),
    ((ParamValidationError, NoRegionError, InvalidRegionError, EndpointProviderError, UnknownEndpointError), INVALID),
    ((NoConnectionError, HTTPClientError, OSError), CONNECTION),
)
"""The first that fits; anything else is an answer that the SDK can't read."""


class CredentialsFailedError(CallFailedError):
    """Credentials that are missing or unknown: others may be there at the next attempt."""


class UnknownTypesError(CallFailedError):
    """EC2 doesn't know one of the instance types that it was asked for."""


def failure(service: str, region: str, error: Exception) -> CallFailedError:
    """Return what an exception of the SDK means for a call to `service` in `region`."""
    where = f"{service} in {region}"
    if isinstance(error, CallFailedError):
        wait_seconds = error.retry_after_seconds
        return CallFailedError(error.reason, f"{where}: {error.detail}", retry_after_seconds=wait_seconds)
    if isinstance(error, ClientError):
        return _refusal(service, error)
    if isinstance(error, _NO_CREDENTIALS) or _is_a_file(error):
        return CredentialsFailedError(DENIED, _no_credentials(service, error))
    reason = next((reason for kinds, reason in _REASONS if isinstance(error, kinds)), ANSWER)
    return CallFailedError(reason, f"{where}: {_words(error) or type(error).__name__}")


def _refusal(service: str, error: ClientError) -> CallFailedError:
    said = error.response.get("Error", {})
    code, message = str(said.get("Code", "")), " ".join(str(said.get("Message", "")).split())[:300]
    metadata = error.response.get("ResponseMetadata", {})
    status = int(metadata.get("HTTPStatusCode") or 0)
    told = str(metadata.get("HTTPHeaders", {}).get("retry-after", ""))
    wait_seconds = float(told) if told.isdecimal() else None
    words = f"{service}: {code}: {message}"
    if code in _THROTTLING or status == 429:
        return CallFailedError(THROTTLED, words, retry_after_seconds=wait_seconds)
    if status >= 500 or not status:
        return CallFailedError(SERVER, words, retry_after_seconds=wait_seconds)
    if code in _UNKNOWN_TYPES and service == EC2:
        return UnknownTypesError(INVALID, words)
    if code in _DENIED or code in _STRANGERS or status in {401, 403} or _is_of_sts(error):
        return _denial(service, error, f"{code}: {message}")
    return CallFailedError(INVALID, words)


def _denial(service: str, error: ClientError, said: str) -> CallFailedError:
    if _is_of_sts(error):
        return CredentialsFailedError(
            DENIED,
            f"AWS STS refuses sts:{error.operation_name}: let the role that the pricing service's account is annotated"
            f" with trust that account and the cluster's OIDC provider: {said}",
        )
    if said.partition(":")[0] in _STRANGERS:
        return CredentialsFailedError(
            DENIED, f"AWS doesn't know the pricing service's credentials for {PERMISSIONS[service]}: {said}"
        )
    return CallFailedError(
        DENIED, f"AWS refuses {PERMISSIONS[service]}: give the pricing service's role the policy {POLICY}: {said}"
    )


def _is_of_sts(error: ClientError) -> bool:
    return str(error.operation_name).startswith("AssumeRole")


def _no_credentials(service: str, error: Exception) -> str:
    return (
        f"no AWS credentials for {PERMISSIONS[service]}: annotate the pricing service's account with"
        " eks.amazonaws.com/role-arn, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE;"
        f" they need the policy {POLICY}: {_words(error)}"
    )


def _is_a_file(error: Exception) -> bool:
    """Whether it is about a file, such as the token of a service account; the network has no names."""
    return isinstance(error, OSError) and error.filename is not None


def _words(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
