"""A kubelet's summary endpoint, served over real TLS by certificates made for the test."""

import asyncio
import json
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from harness.nats import free_port
from kube_cost_agent.kubelet import Kubelet, KubeletAddress, KubeletError

_BODY = json.dumps(
    {
        "node": {"nodeName": "n"},
        "pods": [{"podRef": {"name": "web-0", "namespace": "shop", "uid": "6a4ce4a0-ba47-11ea-b2a7-0cc47ac5979e"}}],
    }
).encode()
_NODE = "node-1.example"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class _Authority:
    ca: Path
    certificate: Path
    key: Path


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, timeout=30)


def _authority(folder: Path) -> _Authority:
    """Make a CA and a serving certificate for `node-1.example` alone, as a kubelet has it."""
    folder.mkdir()
    ec = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    _openssl(
        folder, "req", "-x509", *ec, "-keyout", "ca.key", "-out", "ca.crt", "-days", "2", "-subj",
        "/CN=test kubelet CA", "-addext", "basicConstraints=critical,CA:TRUE",
        "-addext", "keyUsage=critical,keyCertSign",
    )  # fmt: skip
    _openssl(folder, "req", *ec, "-keyout", "node.key", "-out", "node.csr", "-subj", f"/CN=system:node:{_NODE}")
    (folder / "san").write_text(f"subjectAltName=DNS:{_NODE}\n")
    _openssl(
        folder, "x509", "-req", "-in", "node.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
        "-out", "node.crt", "-days", "2", "-extfile", "san",
    )  # fmt: skip
    return _Authority(ca=folder / "ca.crt", certificate=folder / "node.crt", key=folder / "node.key")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> _Authority:
    return _authority(tmp_path_factory.mktemp("kubelet") / "own")


@pytest.fixture(scope="module")
def other_authority(tmp_path_factory: pytest.TempPathFactory) -> _Authority:
    return _authority(tmp_path_factory.mktemp("kubelet") / "other")


class _KubeletServer:
    """Serves `/stats/summary` to whoever has `token`; `answer` may be replaced by one that misbehaves."""

    def __init__(self) -> None:
        self.token = "first"
        self.answer: Handler = self._summary
        self.port = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return web.Response(status=401, text="Unauthorized")
        return await self.answer(request)

    async def _summary(self, _: web.Request) -> web.StreamResponse:
        return web.Response(body=_BODY, content_type="application/json")


@pytest.fixture
async def server(authority: _Authority) -> AsyncIterator[_KubeletServer]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(authority.certificate, authority.key)
    kubelet = _KubeletServer()
    app = web.Application()
    app.router.add_get("/stats/summary", kubelet.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        kubelet.port = runner.addresses[0][1]
        yield kubelet
    finally:
        await runner.cleanup()


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text("first\n")
    return file


@pytest.fixture
def rotate(token_file: Path) -> Callable[[str], object]:
    return token_file.write_text


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def ask(
    server: _KubeletServer, authority: _Authority, token_file: Path, session: aiohttp.ClientSession
) -> Callable[..., Kubelet]:
    """Makes a kubelet client that is right in everything but what is given."""

    def make(**wrong: object) -> Kubelet:
        right: dict[str, object] = {
            "url": f"https://127.0.0.1:{server.port}",
            "token_file": str(token_file),
            "ca_file": str(authority.ca),
            "server_name": _NODE,
            "insecure": False,
            "timeout_seconds": 5.0,
        }
        return Kubelet(address=KubeletAddress(**{**right, **wrong}), session=session)  # type: ignore[arg-type]

    return make


async def _reason(kubelet: Kubelet) -> str:
    with pytest.raises(KubeletError) as caught:
        await kubelet.summary()
    return caught.value.reason


async def test_a_trusted_kubelet_is_asked_with_the_token(ask: Callable[..., Kubelet]) -> None:
    """With CA, server name and token the summary is had, though the URL names an address."""
    assert [pod.name for pod in (await ask().summary()).pods] == ["web-0"]


async def test_a_rotated_token_is_read_anew(
    ask: Callable[..., Kubelet], server: _KubeletServer, rotate: Callable[[str], object]
) -> None:
    """Kubernetes rewrites the file; the next call has the new token."""
    kubelet = ask()
    await kubelet.summary()
    server.token = "second"
    assert await _reason(kubelet) == "refused"
    rotate("second")
    assert len((await kubelet.summary()).pods) == 1


async def test_another_ca_is_not_trusted(ask: Callable[..., Kubelet], other_authority: _Authority) -> None:
    """A certificate that our CA didn't sign is refused, before the token is sent."""
    assert await _reason(ask(ca_file=str(other_authority.ca))) == "tls"


async def test_another_name_is_not_trusted(ask: Callable[..., Kubelet]) -> None:
    """The certificate is for node-1, so it proves nothing of node-2."""
    assert await _reason(ask(server_name="node-2.example")) == "tls"


async def test_an_address_that_the_certificate_does_not_name_is_not_trusted(ask: Callable[..., Kubelet]) -> None:
    """Without a server name the URL's host has to be in the certificate."""
    assert await _reason(ask(server_name="")) == "tls"


async def test_an_insecure_kubelet_is_asked_only_by_an_explicit_flag(
    ask: Callable[..., Kubelet], other_authority: _Authority
) -> None:
    """The flag leaves certificate and name unchecked."""
    kubelet = ask(ca_file=str(other_authority.ca), server_name="", insecure=True)
    assert len((await kubelet.summary()).pods) == 1


@pytest.mark.parametrize(
    ("setting", "reason"), [("token_file", "token"), ("ca_file", "tls")], ids=["no token file", "no CA file"]
)
async def test_a_missing_file_is_named(ask: Callable[..., Kubelet], setting: str, reason: str) -> None:
    """A file that isn't mounted is an error that names it."""
    with pytest.raises(KubeletError, match="/nowhere/file") as caught:
        await ask(**{setting: "/nowhere/file"}).summary()
    assert caught.value.reason == reason


async def test_a_slow_kubelet_is_given_up(ask: Callable[..., Kubelet], server: _KubeletServer) -> None:
    """An answer that doesn't come within the time is left."""

    async def slow(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    server.answer = slow
    assert await _reason(ask(timeout_seconds=0.2)) == "slow"


@pytest.mark.parametrize("body", [b"<html>bad gateway</html>", b"", _BODY[:-10], b'{"pods": 7}'])
async def test_garbage_is_malformed(ask: Callable[..., Kubelet], server: _KubeletServer, body: bytes) -> None:
    """An answer of 200 that is no summary is said to be none."""

    async def garbage(_: web.Request) -> web.StreamResponse:
        return web.Response(body=body)

    server.answer = garbage
    assert await _reason(ask()) == "malformed"


async def test_a_truncated_answer_is_an_error(ask: Callable[..., Kubelet], server: _KubeletServer) -> None:
    """A connection that ends before the announced length gives no summary."""

    async def truncated(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(len(_BODY))})
        await response.prepare(request)
        await response.write(_BODY[:40])
        assert request.transport is not None
        request.transport.abort()
        return response

    server.answer = truncated
    assert await _reason(ask()) == "away"


@pytest.mark.parametrize(("status", "reason"), [(403, "refused"), (404, "status"), (500, "status"), (302, "status")])
async def test_other_answers_are_errors(
    ask: Callable[..., Kubelet], server: _KubeletServer, status: int, reason: str
) -> None:
    """Only 200 is a summary; a redirect isn't followed, since the token would go with it."""

    async def other(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": "/stats/summary"})

    server.answer = other
    assert await _reason(ask()) == reason


async def test_a_kubelet_that_is_not_there_is_away(ask: Callable[..., Kubelet]) -> None:
    """Nobody listens."""
    assert await _reason(ask(url=f"https://127.0.0.1:{free_port()}")) == "away"
