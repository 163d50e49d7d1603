"""AWS's SDK: clients that are opened at the first call and try nothing again by themselves."""

import asyncio
from functools import partial
from typing import Any

import aioboto3
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from kube_cost_pricing.calls.failures import CallFailedError
from kube_cost_pricing.providers.aws.bounded_session import BoundedSession
from kube_cost_pricing.providers.aws.refusals import EC2, PRICING, CredentialsFailedError, failure
from kube_cost_pricing.providers.aws.settings import AwsSettings

__all__ = ["EC2", "PRICING", "AwsClients"]

_CONNECT_SECONDS = 10.0


class AwsClients:
    """One client for each service and region. Credentials that fail are looked for anew at the next call."""

    def __init__(self, *, settings: AwsSettings) -> None:
        self._settings = settings
        self._clients: dict[tuple[str, str], Any] = {}
        self._opening = asyncio.Lock()
        self._session: aioboto3.Session | None = None

    async def call(self, service: str, region: str, operation: str, parameters: dict[str, Any]) -> Any:
        """Return the answer to one request; raise CallFailedError."""
        try:
            async with asyncio.timeout(self._settings.call_timeout_seconds):
                client = await self._client(service, region)
                return await getattr(client, operation)(**parameters)
        except (
            CallFailedError,
            ClientError,
            BotoCoreError,
            ResponseParserError,
            OSError,  # TimeoutError is one
            ValueError,
            KeyError,
        ) as error:
            failed = failure(service, region, error)
            if isinstance(failed, CredentialsFailedError):
                await self._forget(service, region)
            raise failed from error

    async def close(self) -> None:
        """End all connections."""
        clients, self._clients = self._clients, {}
        for client in clients.values():
            await client.close()

    async def _client(self, service: str, region: str) -> Any:
        async with self._opening:
            client = self._clients.get((service, region))
            if client is None:
                session = self._session = self._session or self._new_session()
                settings = self._settings
                endpoint = settings.pricing_endpoint if service == PRICING else settings.ec2_endpoint
                opening = session.client(service, region_name=region, endpoint_url=endpoint or None)
                client = self._clients[service, region] = await opening.__aenter__()
            return client

    async def _forget(self, service: str, region: str) -> None:
        """Drop a client with the credentials that it found, and the session that would give them to the next."""
        self._session = None
        client = self._clients.pop((service, region), None)
        if client is not None:
            await client.close()

    def _new_session(self) -> aioboto3.Session:
        seconds = self._settings.call_timeout_seconds
        session = get_session()
        # As the default it is for STS too, whose client the SDK makes by itself. A client's own configuration would
        # lose `http_session_cls` when the two are merged.
        session.set_default_client_config(
            AioConfig(
                http_session_cls=partial(BoundedSession, max_bytes=self._settings.max_answer_bytes),
                retries={"total_max_attempts": 1, "mode": "standard"},
                connect_timeout=min(_CONNECT_SECONDS, seconds),
                read_timeout=seconds,
            )
        )
        return aioboto3.Session(botocore_session=session)
