"""How answers come over the wire: never more bytes than an answer can have, and faults that the SDK can't read."""

from types import TracebackType
from typing import Any, Self

import aiohttp
from aiobotocore.httpsession import AIOHTTPSession

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

_CHUNK_BYTES = 65_536
_READABLE = (b"{", b"<?xml", b"<Response", b"<ErrorResponse")
"""How errors begin that botocore reads; of anything else it says that it can't parse it, and not the status."""


class BoundedSession:
    """The SDK's HTTP session, which hangs up after `max_bytes` of an answer. The SDK makes it, and ends it."""

    def __init__(self, *, max_bytes: int, **arguments: Any) -> None:
        self._max_bytes = max_bytes
        self._session = AIOHTTPSession(**arguments)

    async def __aenter__(self) -> Self:
        await self._session.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.__aexit__(kind, error, trace)

    async def close(self) -> None:
        """End all connections."""
        await self._session.close()

    async def send(self, request: Any) -> Any:
        """Return the answer with its body; raise what the SDK's own session does, or CallFailedError."""
        request.stream_output = True  # else it reads the body whole
        response = await self._session.send(request)
        body = await self._body(response.raw)
        response._content = body  # noqa: SLF001 - where the SDK looks for what has been read
        if response.status_code >= 400 and not body.lstrip().startswith(_READABLE):
            raise _unreadable(response.status_code, response.headers.get("retry-after", ""))
        return response

    async def _body(self, raw: aiohttp.ClientResponse) -> bytes:
        body = bytearray()
        try:
            async for chunk in raw.content.iter_chunked(_CHUNK_BYTES):
                body += chunk
                if len(body) > self._max_bytes:
                    raise CallFailedError(ANSWER, f"an answer of more than {self._max_bytes} bytes")
        except aiohttp.ServerTimeoutError as error:
            raise CallFailedError(TIMEOUT, "the answer stopped in the middle") from error
        except (aiohttp.ClientError, ConnectionError) as error:
            raise CallFailedError(CONNECTION, f"the connection broke in the answer: {type(error).__name__}") from error
        finally:
            raw.close()  # nothing where the answer has been read to its end: that connection is kept
        return bytes(body)


def _unreadable(status: int, told: str) -> CallFailedError:
    wait_seconds = float(told) if told.isdecimal() else None
    reason = {401: DENIED, 403: DENIED, 407: DENIED, 408: TIMEOUT, 429: THROTTLED}.get(
        status, SERVER if status >= 500 else INVALID
    )
    return CallFailedError(reason, f"HTTP {status}, which isn't AWS's own answer", retry_after_seconds=wait_seconds)
