"""Asks the node's DCGM exporter how busy its GPUs are."""

import asyncio
from collections.abc import Mapping
from typing import Literal

import aiohttp

from kube_cost_agent.exposition_text import TextError
from kube_cost_agent.gpu_use import PodName, busy_gpus

MAX_ANSWER_BYTES = 8 * 1024**2
"""A hundred times what eight GPUs of seven instances take."""

Reason = Literal["away", "status", "slow", "malformed"]


class DcgmError(Exception):
    """The exporter's figures couldn't be had. `reason` is one of a closed set; the text names the URL."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason: Reason = reason


class Dcgm:
    """One node's DCGM exporter."""

    def __init__(self, *, url: str, timeout_seconds: float, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._timeout_seconds = timeout_seconds
        self._session = session

    async def busy_gpus(self) -> Mapping[PodName, float]:
        """Return how many GPUs each pod keeps busy now, by namespace and name; raise DcgmError."""
        body = await self._body()
        try:
            return busy_gpus(body.decode())
        except (TextError, UnicodeDecodeError) as error:
            raise DcgmError("malformed", f"{self._url} answered what are no metrics: {error}") from error

    async def _body(self) -> bytes:
        try:
            async with (
                asyncio.timeout(self._timeout_seconds),
                self._session.get(self._url, allow_redirects=False) as response,
            ):
                if response.status != 200:
                    raise DcgmError("status", f"{self._url} answered {response.status}")
                body = bytearray()
                async for chunk in response.content.iter_any():
                    body += chunk
                    if len(body) > MAX_ANSWER_BYTES:
                        raise DcgmError("malformed", f"{self._url} answers more than {MAX_ANSWER_BYTES} bytes")
                return bytes(body)
        except TimeoutError as error:
            raise DcgmError("slow", f"{self._url} didn't answer within {self._timeout_seconds:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise DcgmError("away", f"{self._url} can't be read: {error!r}") from error
