"""The Cloud Billing Catalog over gRPC: one page a call, and its errors in our words."""

import asyncio
from pathlib import Path
from typing import Any

import google.auth
import grpc
from google.api_core import exceptions
from google.auth.exceptions import GoogleAuthError
from google.cloud.billing_v1 import CloudCatalogAsyncClient, ListSkusRequest
from google.cloud.billing_v1.services.cloud_catalog.transports import CloudCatalogGrpcAsyncIOTransport
from google.rpc.error_details_pb2 import RetryInfo

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
from kube_cost_pricing.providers.gcp.settings import GcpSettings

LARGEST_PAGE_BYTES = 64 * 1024 * 1024
"""A page of 5000 SKUs has 4 to 8 MB."""

PERMISSION = (
    "the Cloud Billing Catalog can't be read: give the pricing service a Google service account by Workload Identity "
    "(any one: the list needs no role) or an API key, and enable cloudbilling.googleapis.com in its project"
)

_SCOPE = "https://www.googleapis.com/auth/cloud-billing.readonly"

_REASONS: tuple[tuple[type[exceptions.GoogleAPICallError], str], ...] = (
    (exceptions.ResourceExhausted, THROTTLED),
    (exceptions.TooManyRequests, THROTTLED),
    (exceptions.DeadlineExceeded, TIMEOUT),
    (exceptions.Unauthenticated, DENIED),
    (exceptions.PermissionDenied, DENIED),
    (exceptions.Forbidden, DENIED),
    (exceptions.Unauthorized, DENIED),
    (exceptions.ServiceUnavailable, CONNECTION),
    (exceptions.OutOfRange, INVALID),
    (exceptions.ClientError, INVALID),
    (exceptions.ServerError, SERVER),
)
"""The more special first: most of these are also a ClientError or a ServerError."""


class CatalogApi:
    """Asks for pages. Connects, and looks for credentials, at the first."""

    def __init__(self, *, settings: GcpSettings) -> None:
        self._settings = settings
        self._client: CloudCatalogAsyncClient | None = None
        self._channel: grpc.aio.Channel | None = None
        self._connecting = asyncio.Lock()

    async def page(self, service: str, token: str) -> Any:
        """Return one page of a service's SKUs, a protobuf `ListSkusResponse`; raise CallFailedError."""
        settings = self._settings
        client = await self._connected()
        request = ListSkusRequest(parent=f"services/{service}", page_size=settings.page_size, page_token=token)
        try:
            pager = await client.list_skus(
                request=request, retry=None, timeout=settings.call_timeout_seconds, metadata=await self._metadata()
            )
            async for page in pager.pages:
                if page is not None:  # gRPC gives None for what can't be read
                    return page
                break
        except exceptions.GoogleAPICallError as error:
            raise failure(error) from error
        except GoogleAuthError as error:
            raise CallFailedError(DENIED, f"{PERMISSION}: {_first_line(error)}") from error
        raise CallFailedError(ANSWER, "a page that can't be read")

    async def close(self) -> None:
        """End the connection."""
        if self._channel is not None:
            await self._channel.close()

    async def _connected(self) -> CloudCatalogAsyncClient:
        async with self._connecting:
            if self._client is None:
                self._channel = await self._open()
                self._client = CloudCatalogAsyncClient(
                    transport=CloudCatalogGrpcAsyncIOTransport(channel=self._channel)
                )
            return self._client

    async def _open(self) -> grpc.aio.Channel:
        settings = self._settings
        options = [("grpc.max_receive_message_length", LARGEST_PAGE_BYTES)]
        if settings.endpoint.startswith("http://"):
            return grpc.aio.insecure_channel(settings.endpoint.removeprefix("http://"), options=options)
        host = settings.endpoint.removeprefix("https://")
        if settings.api_key_file is not None:
            return grpc.aio.secure_channel(_with_port(host), grpc.ssl_channel_credentials(), options=options)
        try:
            credentials, _ = await asyncio.to_thread(google.auth.default, scopes=[_SCOPE])
        except GoogleAuthError as error:
            raise CallFailedError(DENIED, f"{PERMISSION}: {_first_line(error)}") from error
        return CloudCatalogGrpcAsyncIOTransport.create_channel(
            host=_with_port(host),
            credentials=credentials,
            quota_project_id=settings.quota_project or None,
            options=options,
        )

    async def _metadata(self) -> tuple[tuple[str, str], ...]:
        file = self._settings.api_key_file
        return () if file is None else (("x-goog-api-key", await asyncio.to_thread(_read_key, file)),)


def failure(error: exceptions.GoogleAPICallError) -> CallFailedError:
    """Return what a gRPC error is; what Google says of waiting is in a RetryInfo."""
    reason = next((reason for kind, reason in _REASONS if isinstance(error, kind)), SERVER)
    told = [
        detail.retry_delay.seconds + detail.retry_delay.nanos / 1e9
        for detail in error.details
        if isinstance(detail, RetryInfo)
    ]
    text = f"{PERMISSION}: {_first_line(error)}" if reason == DENIED else _first_line(error)
    return CallFailedError(reason, text, retry_after_seconds=max(told, default=None))


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]


def _with_port(host: str) -> str:
    return host if ":" in host else f"{host}:443"


def _read_key(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError as error:
        raise CallFailedError(DENIED, f"the API key can't be read: {error}") from error
