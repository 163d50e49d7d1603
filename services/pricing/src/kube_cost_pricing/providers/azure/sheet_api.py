"""The price sheet by Azure's SDK, in its asynchronous form. Imported only when a subscription is configured."""

import asyncio
from typing import Any, cast

import aiohttp
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestTimeoutError,
    ServiceResponseTimeoutError,
)
from azure.core.pipeline import PipelineResponse, policies
from azure.core.pipeline.transport import AioHttpTransport
from azure.core.rest import AsyncHttpResponse
from azure.identity.aio import DefaultAzureCredential
from azure.mgmt.consumption.aio import ConsumptionManagementClient

from kube_cost_common.runtime.clock import Clock
from kube_cost_pricing.calls.failures import ANSWER, CONNECTION, DENIED, TIMEOUT, CallFailedError
from kube_cost_pricing.providers.azure.failures import failed_status
from kube_cost_pricing.providers.azure.sessions import open_session
from kube_cost_pricing.providers.azure.settings import AzureSettings

WORDS = "Azure price sheet"

DENIED_SENTENCE = (
    "give the identity `Cost Management Reader` or `Billing Reader` on the subscription, and let the enrollment's"
    ' administrator switch on "Account owners can view charges" (EA), or give it `EnrollmentReader` on the enrollment'
    " (EA) or `Billing profile reader` (MCA): it needs Microsoft.Consumption/pricesheets/read"
)
"""https://learn.microsoft.com/azure/cost-management-billing/costs/assign-access-acm-data"""

_NO_TOKEN = "neither the environment nor Workload Identity nor Managed Identity gives a token"  # noqa: S105 - a sentence

_PUBLIC = "https://management.azure.com"


class PriceSheetApi:
    """Reads a page of the sheet. The client has no policy but for its name, a proxy and the token: no retries."""

    def __init__(self, *, settings: AzureSettings, clock: Clock, credential: AsyncTokenCredential | None) -> None:
        self._settings = settings
        self._clock = clock
        self._given = credential
        self._own: DefaultAzureCredential | None = None
        self._session: aiohttp.ClientSession | None = None
        self._client: ConsumptionManagementClient | None = None

    async def page(self, skip_token: str) -> bytes:
        """Return the page that `skip_token` names, the first one for an empty one; raise CallFailedError."""
        try:
            return await self._read(skip_token)
        except ClientAuthenticationError as error:
            sentence = _NO_TOKEN if error.status_code is None else DENIED_SENTENCE
            raise CallFailedError(DENIED, f"{WORDS}: {sentence}") from error
        except HttpResponseError as error:
            raise self._failed(error) from error
        except (ServiceRequestTimeoutError, ServiceResponseTimeoutError, TimeoutError) as error:
            raise CallFailedError(TIMEOUT, f"{WORDS}: no answer in time") from error
        except (AzureError, aiohttp.ClientError, OSError) as error:
            raise CallFailedError(CONNECTION, f"{WORDS}: {type(error).__name__}") from error

    async def close(self) -> None:
        """End connections. A credential that was handed in is its owner's to close."""
        if self._client is not None:
            await self._client.close()
            self._client = None
        if self._session is not None:
            await self._session.close()
            self._session = None
        if self._own is not None:
            await self._own.close()
            self._own = None

    async def _read(self, skip_token: str) -> bytes:
        """The SDK hands over the response unread: its models of a whole sheet take gigabytes."""
        options: dict[str, Any] = {"stream": True, "cls": _response}
        if self._settings.arm_endpoint.startswith("http://"):
            options["enforce_https"] = False
        async with asyncio.timeout(self._settings.call_timeout_seconds):
            got = await self._opened().price_sheet.get(
                expand="properties/meterDetails", skiptoken=skip_token or None, **options
            )
            response = cast("AsyncHttpResponse", got)
            try:
                return await self._body(response)
            finally:
                await response.close()

    async def _body(self, response: AsyncHttpResponse) -> bytes:
        parts, size = [], 0
        async for part in response.iter_bytes():
            size += len(part)
            if size > self._settings.max_body_bytes:
                raise CallFailedError(ANSWER, f"{WORDS}: a page of more than {self._settings.max_body_bytes} B")
            parts.append(part)
        return b"".join(parts)

    def _failed(self, error: HttpResponseError) -> CallFailedError:
        """A body that breaks off is an HttpResponseError too, with the status 200 or none."""
        if error.status_code is None or error.status_code < 300:
            return CallFailedError(CONNECTION, f"{WORDS}: the answer broke off")
        response = cast("AsyncHttpResponse | None", error.response)
        after = response.headers.get("Retry-After") if response is not None else None
        return failed_status(error.status_code, WORDS, after, self._clock.now_ns(), denied=DENIED_SENTENCE)

    def _opened(self) -> ConsumptionManagementClient:
        if self._client is None:
            endpoint = self._settings.arm_endpoint.rstrip("/")
            audience = endpoint if endpoint.startswith("https://") else _PUBLIC
            self._session = open_session(total_seconds=self._settings.call_timeout_seconds)
            token = policies.AsyncBearerTokenCredentialPolicy(self._credential(), f"{audience}/.default")
            self._client = ConsumptionManagementClient(
                self._credential(),
                self._settings.subscription_id,
                base_url=endpoint,
                transport=AioHttpTransport(session=self._session, session_owner=False),
                policies=[policies.UserAgentPolicy("kube-cost-pricing"), policies.ProxyPolicy(), token],
            )
        return self._client

    def _credential(self) -> AsyncTokenCredential:
        if self._given is not None:
            return self._given
        if self._own is None:
            self._own = DefaultAzureCredential(
                exclude_shared_token_cache_credential=True,
                exclude_visual_studio_code_credential=True,
                exclude_developer_cli_credential=True,
                exclude_powershell_credential=True,
            )
        return self._own


def _response(pipeline: PipelineResponse[Any, AsyncHttpResponse], _body: Any, _headers: Any) -> AsyncHttpResponse:
    return pipeline.http_response
