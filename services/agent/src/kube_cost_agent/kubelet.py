"""Asks the node's own kubelet for its summary, over HTTPS, with a token that Kubernetes rotates."""

import asyncio
import pathlib
import ssl
from dataclasses import dataclass
from typing import Literal

import aiohttp
import msgspec

from kube_cost_agent.kubelet_summary import SummaryReader
from kube_cost_agent.readings import Summary

MAX_SUMMARY_BYTES = 32 * 1024**2
"""Ten times what 250 pods of several containers take."""

Reason = Literal["away", "tls", "token", "refused", "status", "slow", "malformed"]


class KubeletError(Exception):
    """The summary couldn't be had. `reason` is one of a closed set; the text names the URL and says what to do."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason: Reason = reason


@dataclass(frozen=True, kw_only=True)
class KubeletAddress:
    """Where the kubelet is and how it is known: by a CA and a name, or not at all where `insecure` says so."""

    url: str
    token_file: str
    ca_file: str
    server_name: str
    insecure: bool
    timeout_seconds: float


class Kubelet:
    """One node's kubelet."""

    def __init__(self, *, address: KubeletAddress, session: aiohttp.ClientSession) -> None:
        self._address = address
        self._session = session
        self._url = f"{address.url.rstrip('/')}/stats/summary"
        self._reader = SummaryReader()

    async def summary(self) -> Summary:
        """Return what the kubelet says now; raise KubeletError."""
        body = await self._body()
        try:
            return self._reader.read(body)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise KubeletError("malformed", f"{self._url} answered what is no summary: {error}") from error

    async def _body(self) -> bytes:
        headers = self._headers()
        tls = self._tls()
        try:
            async with (
                asyncio.timeout(self._address.timeout_seconds),
                self._session.get(
                    self._url,
                    headers=headers,
                    ssl=tls,
                    server_hostname=(self._address.server_name or None) if self._is_https else None,
                    allow_redirects=False,
                ) as response,
            ):
                if response.status in {401, 403}:
                    raise KubeletError(
                        "refused", f"{self._url} answered {response.status}: the token needs `get` on `nodes/stats`"
                    )
                if response.status != 200:
                    raise KubeletError("status", f"{self._url} answered {response.status}")
                return await self._bounded(response)
        except TimeoutError as error:
            raise KubeletError(
                "slow", f"{self._url} didn't answer within {self._address.timeout_seconds:g} s"
            ) from error
        except (aiohttp.ClientSSLError, ssl.SSLError) as error:
            raise KubeletError(
                "tls", f"{self._url} isn't trusted: {error}; a CA file and a server name say whom to trust"
            ) from error
        except (aiohttp.ClientError, OSError) as error:
            raise KubeletError("away", f"{self._url} can't be read: {error!r}") from error

    async def _bounded(self, response: aiohttp.ClientResponse) -> bytes:
        chunks = bytearray()
        async for chunk in response.content.iter_any():
            chunks += chunk
            if len(chunks) > MAX_SUMMARY_BYTES:
                raise KubeletError("malformed", f"{self._url} answers more than {MAX_SUMMARY_BYTES} bytes")
        return bytes(chunks)

    @property
    def _is_https(self) -> bool:
        return self._url.startswith("https://")

    def _headers(self) -> dict[str, str]:
        """Return the bearer token of now: the file is rewritten about every hour."""
        if not self._address.token_file:
            return {}
        try:
            token = pathlib.Path(self._address.token_file).read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise KubeletError("token", f"can't read the token in {self._address.token_file}: {error}") from error
        return {"Authorization": f"Bearer {token}"}

    def _tls(self) -> ssl.SSLContext | bool:
        """Return whom to trust, from the CA file of now: it is rotated too."""
        if not self._is_https:
            return True
        if self._address.insecure:
            return False
        try:
            return ssl.create_default_context(cafile=self._address.ca_file or None)
        except (OSError, ssl.SSLError) as error:
            raise KubeletError("tls", f"can't read the CA in {self._address.ca_file}: {error}") from error
