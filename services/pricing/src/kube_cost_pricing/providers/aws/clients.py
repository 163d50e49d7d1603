"""AWS's SDK: clients that are opened at the first call and try nothing again by themselves; errors in our words."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import aioboto3
from aiobotocore.config import AioConfig
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
    TokenRetrievalError,
)
from botocore.parsers import ResponseParserError
from structlog.typing import FilteringBoundLogger

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
from kube_cost_pricing.providers.aws.settings import AwsSettings

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
_DENIED = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "UnauthorizedOperation",
        "UnrecognizedClientException",
        "InvalidClientTokenId",
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "SignatureDoesNotMatch",
        "InvalidSignatureException",
        "OptInRequired",
        "InvalidIdentityToken",
    }
)
_NO_CREDENTIALS = (NoCredentialsError, PartialCredentialsError, ProfileNotFound, TokenRetrievalError)


class AwsClients:
    """One client for each service and region."""

    def __init__(self, *, settings: AwsSettings, log: FilteringBoundLogger) -> None:
        self._settings = settings
        self._log = log
        self._stack = AsyncExitStack()
        self._clients: dict[tuple[str, str], Any] = {}
        self._opening = asyncio.Lock()
        self._session: aioboto3.Session | None = None

    async def call(self, service: str, region: str, operation: str, parameters: dict[str, Any]) -> Any:
        """Return the answer to one request; raise CallFailedError."""
        try:
            client = await self._client(service, region)
            return await getattr(client, operation)(**parameters)
        except ClientError as error:
            raise _refusal(service, error) from error
        except _NO_CREDENTIALS as error:
            raise CallFailedError(DENIED, f"{_how_to_allow(service)}: {error}") from error
        except (ReadTimeoutError, ConnectTimeoutError) as error:
            raise CallFailedError(TIMEOUT, f"{service} in {region}: {_words(error)}") from error
        except (EndpointConnectionError, ConnectionClosedError, HTTPClientError) as error:
            raise CallFailedError(CONNECTION, f"{service} in {region}: {_words(error)}") from error
        except (BotoCoreError, ResponseParserError, ValueError, KeyError) as error:
            raise CallFailedError(ANSWER, f"{service} in {region}: {_words(error)}") from error

    async def close(self) -> None:
        """End all connections."""
        await self._stack.aclose()

    async def _client(self, service: str, region: str) -> Any:
        async with self._opening:
            client = self._clients.get((service, region))
            if client is None:
                if self._session is None:
                    self._session = aioboto3.Session()
                settings = self._settings
                seconds = settings.call_timeout_seconds
                client = await self._stack.enter_async_context(
                    self._session.client(
                        service,
                        region_name=region,
                        endpoint_url=(settings.pricing_endpoint if service == PRICING else settings.ec2_endpoint)
                        or None,
                        config=AioConfig(
                            retries={"total_max_attempts": 1, "mode": "standard"},
                            connect_timeout=min(10.0, seconds),
                            read_timeout=seconds,
                        ),
                    )
                )
                self._clients[service, region] = client
            return client


def _refusal(service: str, error: ClientError) -> CallFailedError:
    code = str(error.response.get("Error", {}).get("Code", ""))
    message = str(error.response.get("Error", {}).get("Message", ""))[:300]
    metadata = error.response.get("ResponseMetadata", {})
    status = int(metadata.get("HTTPStatusCode") or 0)
    headers = metadata.get("HTTPHeaders", {})
    told = str(headers.get("retry-after", ""))
    retry_after = float(told) if told.isdecimal() else None
    said = f"{service}: {code}: {message}"
    if code in _THROTTLING or status == 429:
        return CallFailedError(THROTTLED, said, retry_after_seconds=retry_after)
    if code in _DENIED or status in {401, 403}:
        return CallFailedError(DENIED, f"{_how_to_allow(service)}: {code}: {message}")
    if status >= 500 or not status:
        return CallFailedError(SERVER, said, retry_after_seconds=retry_after)
    return CallFailedError(INVALID, said)


def _how_to_allow(service: str) -> str:
    return f"AWS refuses {PERMISSIONS[service]}: give the pricing service's role the policy {POLICY}"


def _words(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
