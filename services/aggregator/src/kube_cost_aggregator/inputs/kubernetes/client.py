"""Requests to the API server, on a session of our own."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp.connector import NEEDS_CLEANUP_CLOSED
from structlog.typing import FilteringBoundLogger

from kube_cost_aggregator.inputs.kubernetes.connection import Connection, load_connection
from kube_cost_aggregator.inputs.kubernetes.errors import (
    CertificateRefusedError,
    SilenceError,
    UnreachableError,
    UnreadableError,
)
from kube_cost_aggregator.inputs.kubernetes.refusals import refusal_of_response
from kube_cost_common.runtime.clock import Clock

CONNECT_SECONDS = 10.0
LONGEST_LINE_BYTES = 16 * 1024 * 1024
"""No event is longer: etcd takes 1.5 MiB an object, which JSON makes larger by a small factor."""


@dataclass(frozen=True, kw_only=True)
class ApiRequest:
    """A GET of all objects of a kind. `verb`, `plural` and `group` are what a ClusterRole says."""

    verb: str
    plural: str
    group: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    accept: str = "application/json"


class EventStream:
    """A watch that is open."""

    def __init__(self, *, response: aiohttp.ClientResponse, host: str) -> None:
        self._response = response
        self._host = host

    async def lines(self, silence_seconds: float) -> AsyncGenerator[bytes, None]:
        """Yield whole lines as they come; what is left when the server hangs up in one isn't a line.

        Raises SilenceError when nothing at all has come for so many seconds, UnreachableError when the connection
        breaks, UnreadableError when a line doesn't end.
        """
        begun: list[bytes] = []
        begun_bytes = 0
        while chunk := await self._read(silence_seconds):
            first, *rest = chunk.split(b"\n")
            begun.append(first)
            begun_bytes += len(first)
            if begun_bytes > LONGEST_LINE_BYTES:
                raise UnreadableError(what="a watch", fault=f"a line is longer than {LONGEST_LINE_BYTES} bytes")
            if rest:
                yield b"".join(begun)
                for line in rest[:-1]:
                    yield line
                begun, begun_bytes = [rest[-1]], len(rest[-1])

    def close(self) -> None:
        """Hang up: whoever waits for a line gets UnreachableError."""
        # A TLS goodbye that nobody waits for would outlive the session, and the loop.
        connection = self._response.connection
        if connection is not None and connection.transport is not None:
            connection.transport.abort()
        self._response.close()

    async def _read(self, silence_seconds: float) -> bytes:
        """Return what has come, nothing at the stream's end."""
        with _named_faults(self._host, silence_seconds):
            async with asyncio.timeout(silence_seconds):
                return await self._response.content.readany()


class ApiClient:
    """Asks the API server. All its errors are ApiErrors."""

    def __init__(self, *, connection: Connection, session: aiohttp.ClientSession) -> None:
        self._connection = connection
        self._session = session

    async def get(self, request: ApiRequest, *, seconds: float) -> bytes:
        """Return the body of the answer; give up after `seconds`."""
        with self._named_faults(seconds):
            async with asyncio.timeout(seconds), await self._answer(request) as response:
                return await response.read()

    @asynccontextmanager
    async def stream(self, request: ApiRequest, *, seconds: float) -> AsyncIterator[EventStream]:
        """Open a watch, whose answer has to begin within `seconds`; it is closed at the end of the block."""
        with self._named_faults(seconds):
            async with asyncio.timeout(seconds):
                response = await self._answer(request)
        stream = EventStream(response=response, host=self._connection.host)
        try:
            yield stream
        finally:
            stream.close()

    async def _answer(self, request: ApiRequest) -> aiohttp.ClientResponse:
        """Return an answer of status 200, to be closed by the caller."""
        headers = {"Accept": request.accept, "Accept-Encoding": "gzip"}
        if authorization := await self._connection.authorization():
            headers["Authorization"] = authorization
        response = await self._session.get(
            self._connection.host + request.path,
            params=request.params,
            headers=headers,
            proxy=self._connection.proxy,
            server_hostname=self._connection.server_name,
            allow_redirects=False,
        )
        if response.status == 200:
            return response
        if response.status == 401:
            self._connection.refused()
        async with response:
            body = await response.read()
        raise refusal_of_response(
            status=response.status,
            body=body,
            retry_after=response.headers.get("Retry-After", ""),
            host=self._connection.host,
            verb=request.verb,
            plural=request.plural,
            group=request.group,
        )

    @contextmanager
    def _named_faults(self, seconds: float) -> Iterator[None]:
        try:
            with _named_faults(self._connection.host, seconds):
                yield
        except CertificateRefusedError:
            self._connection.trust_again()
            raise


@asynccontextmanager
async def api_client(
    *, kubeconfig: str, environ: Mapping[str, str], clock: Clock, log: FilteringBoundLogger
) -> AsyncIterator[ApiClient]:
    """Open a client of the API server that `kubeconfig` names, else of the cluster this is a pod of.

    Raises NoClusterError, which says what is missing. Connects at the first request.
    """
    connection = await load_connection(kubeconfig=kubeconfig, environ=environ, clock=clock, log=log)
    async with aiohttp.ClientSession(
        # Before Python 3.12.7 a TLS connection given up while it waits for an answer isn't closed with its session.
        connector=aiohttp.TCPConnector(ssl=connection.ssl_context, limit=0, enable_cleanup_closed=NEEDS_CLEANUP_CLOSED),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
        trust_env=True,
    ) as session:
        yield ApiClient(connection=connection, session=session)


@contextmanager
def _named_faults(host: str, seconds: float) -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        if isinstance(error, aiohttp.ClientError):
            raise UnreachableError(host=host, reason=f"no connection within {CONNECT_SECONDS:g} s") from error
        raise SilenceError(host=host, seconds=seconds) from None
    except aiohttp.ClientConnectorCertificateError as error:
        raise CertificateRefusedError(host=host, reason=str(error.certificate_error)) from error
    except (aiohttp.ClientError, OSError) as error:
        raise UnreachableError(host=host, reason=str(error) or type(error).__name__) from error
