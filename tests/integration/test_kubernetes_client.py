import asyncio
import contextlib
import os
import socket
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog

from harness.apiserver import ApiServer, answering, running_apiserver
from harness.certificates import make_certificate, secure_server
from harness.clock import TurnedClock
from harness.kubernetes_watch import write_kubeconfig
from kube_cost_aggregator.inputs.kubernetes.client import ApiClient, ApiRequest, api_client
from kube_cost_aggregator.inputs.kubernetes.connection import Connection, load_connection
from kube_cost_aggregator.inputs.kubernetes.errors import (
    CertificateRefusedError,
    NoClusterError,
    UnauthorizedError,
    UnreachableError,
)

PODS = ApiRequest(verb="list", plural="pods", group="", path="/api/v1/pods", params={"limit": "1"})
LOG = structlog.get_logger()


@pytest.fixture
async def api() -> AsyncIterator[ApiServer]:
    async with running_apiserver() as server:
        yield server


@contextlib.asynccontextmanager
async def client_of(kubeconfig: Path, clock: TurnedClock | None = None) -> AsyncIterator[ApiClient]:
    async with api_client(kubeconfig=str(kubeconfig), environ={}, clock=clock or TurnedClock(), log=LOG) as client:
        yield client


def sent(api: ApiServer) -> list[str | None]:
    return [asked.headers.get("Authorization") for asked in api.requests]


async def load(kubeconfig: str = "", **environ: str) -> Connection:
    return await load_connection(kubeconfig=kubeconfig, environ=environ, clock=TurnedClock(), log=LOG)


async def test_a_token_is_sent(api: ApiServer, tmp_path: Path) -> None:
    """The kubeconfig's token is the bearer token."""
    async with client_of(write_kubeconfig(tmp_path, api.url, user={"token": "t0"})) as client:
        await client.get(PODS, seconds=5.0)
    assert sent(api) == ["Bearer t0"]


async def test_a_user_with_nothing_sends_nothing(api: ApiServer, tmp_path: Path) -> None:
    """Without credentials there is no header."""
    async with client_of(write_kubeconfig(tmp_path, api.url)) as client:
        await client.get(PODS, seconds=5.0)
    assert sent(api) == [None]


async def test_a_token_file_is_read_again_every_minute(api: ApiServer, tmp_path: Path) -> None:
    """Its new content is sent a minute later, without its newline, and not before."""
    file, clock = tmp_path / "token", TurnedClock()
    file.write_text("first\n")
    async with client_of(write_kubeconfig(tmp_path, api.url, user={"tokenFile": str(file)}), clock) as client:
        await client.get(PODS, seconds=5.0)
        file.write_text("second\n")
        await client.get(PODS, seconds=5.0)
        clock.turn(61.0)
        await client.get(PODS, seconds=5.0)
    assert sent(api) == ["Bearer first", "Bearer first", "Bearer second"]


async def test_a_token_file_that_is_gone_leaves_the_old_token(api: ApiServer, tmp_path: Path) -> None:
    """What can't be read again may still do; the server says if it doesn't."""
    file, clock = tmp_path / "token", TurnedClock()
    file.write_text("first")
    async with client_of(write_kubeconfig(tmp_path, api.url, user={"tokenFile": str(file)}), clock) as client:
        file.unlink()
        clock.turn(61.0)
        await client.get(PODS, seconds=5.0)
    assert sent(api) == ["Bearer first"]


def exec_plugin(folder: Path, expires: str) -> dict[str, object]:
    """A plugin that gives token 1 at its first run, token 2 at its second, and so on."""
    script = folder / "plugin"
    script.write_text(
        f"""#!{sys.executable}
import json, pathlib
count = pathlib.Path({str(folder / "count")!r})
number = int(count.read_text()) + 1 if count.exists() else 1
count.write_text(str(number))
status = {{"token": f"token-{{number}}", "expirationTimestamp": {expires!r}}}
print(json.dumps({{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}}))
"""
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(script)}}


@pytest.mark.parametrize(
    ("expires", "expected"),
    [
        ("2000-01-01T00:00:00Z", ["Bearer token-1", "Bearer token-2"]),
        ("2100-01-01T00:00:00Z", ["Bearer token-1", "Bearer token-1"]),
    ],
    ids=["run out", "good"],
)
async def test_an_exec_plugin_runs_again_when_its_token_has_run_out(
    api: ApiServer, tmp_path: Path, expires: str, expected: list[str]
) -> None:
    """Looked at once a minute; a token that is still good stays."""
    clock = TurnedClock()
    async with client_of(write_kubeconfig(tmp_path, api.url, user=exec_plugin(tmp_path, expires)), clock) as client:
        await client.get(PODS, seconds=5.0)
        clock.turn(61.0)
        await client.get(PODS, seconds=5.0)
    assert sent(api) == expected


async def test_refused_credentials_are_renewed_before_the_next_request(api: ApiServer, tmp_path: Path) -> None:
    """After a 401 the token is read again at once."""
    file = tmp_path / "token"
    file.write_text("old")
    api.lists.append(answering(401, {"message": "Unauthorized"}))
    async with client_of(write_kubeconfig(tmp_path, api.url, user={"tokenFile": str(file)})) as client:
        file.write_text("new")
        with pytest.raises(UnauthorizedError):
            await client.get(PODS, seconds=5.0)
        await client.get(PODS, seconds=5.0)
    assert sent(api) == ["Bearer old", "Bearer new"]


async def test_a_pods_token_is_read_again(tmp_path: Path) -> None:
    """The library reads the mounted token again once a minute of its own has passed, and not before."""
    (tmp_path / "token").write_text("first\n")
    certificate, _ = make_certificate(tmp_path)
    (tmp_path / "ca.crt").write_bytes(certificate.read_bytes())
    connection = await load_connection(
        kubeconfig="",
        environ={"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"},
        clock=TurnedClock(),
        log=LOG,
        service_account=tmp_path,
    )
    assert connection.host == "https://10.96.0.1:443"
    (tmp_path / "token").write_text("second\n")
    assert await connection.authorization() == "Bearer first"
    turn_the_librarys_clock(connection)
    assert await connection.authorization() == "Bearer second"


def turn_the_librarys_clock(connection: Connection) -> None:
    """Let the token that the library holds be a minute old: it keeps the time of its next reading in the loader."""
    hook = connection._configuration.refresh_api_key_hook
    (loader,) = (cell.cell_contents for cell in hook.__closure__)
    loader.token_expires_at = loader.token_expires_at.min


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "no kubeconfig: there is no file"),
        ("", "can't be used"),
        ("{", "can't be used"),
        ("current-context: x\ncontexts: []\nclusters: []\nusers: []\n", "Expected object with name x"),
    ],
    ids=["no file", "empty", "no YAML", "no such context"],
)
async def test_a_kubeconfig_that_cannot_be_used_is_named(tmp_path: Path, content: str | None, expected: str) -> None:
    """The sentence has its path and what is wrong with it."""
    path = tmp_path / "kubeconfig"
    if content is not None:
        path.write_text(content)
    with pytest.raises(NoClusterError) as caught:
        await load(str(path))
    assert expected in str(caught.value)
    assert str(path) in str(caught.value)


async def test_an_exec_plugin_that_fails_says_why(tmp_path: Path) -> None:
    """Its own words are in the sentence."""
    user = {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": "sh",
            "args": ["-c", "echo no >&2; exit 3"],
        }
    }
    with pytest.raises(NoClusterError, match=r"process returned 3\. no"):
        await load(str(write_kubeconfig(tmp_path, "http://127.0.0.1:1", user=user)))


async def test_outside_of_a_cluster_without_a_kubeconfig_there_is_no_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence says what was looked for."""
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(NoClusterError, match="this isn't a pod"):
        await load()


async def test_the_kubeconfig_of_the_home_is_the_last_resort(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As kubectl does."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".kube").mkdir()
    write_kubeconfig(tmp_path, "http://127.0.0.1:1").rename(tmp_path / ".kube/config")
    assert (await load()).host == "http://127.0.0.1:1"


async def test_a_pod_without_its_token_says_so(tmp_path: Path) -> None:
    """A pod with automountServiceAccountToken: false."""
    with pytest.raises(NoClusterError, match="the pod's service account can't be used: Service token file"):
        await load_connection(
            kubeconfig="",
            environ={"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"},
            clock=TurnedClock(),
            log=LOG,
            service_account=tmp_path,
        )


async def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The sentence has its address and the system's reason."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host = f"http://127.0.0.1:{free.getsockname()[1]}"
        async with client_of(write_kubeconfig(tmp_path, host)) as client:
            with pytest.raises(UnreachableError, match=f"can't reach the API server at {host}"):
                await client.get(PODS, seconds=5.0)


async def test_a_server_of_another_authority_is_refused_until_it_is_known(tmp_path: Path) -> None:
    """The sentence says what to look at; an authority that was replaced in its file is trusted from then on."""
    certificate, key = make_certificate(tmp_path)
    authority = tmp_path / "ca.crt"
    authority.write_bytes(make_certificate(tmp_path, "another")[0].read_bytes())
    async with secure_server(certificate, key) as url:
        kubeconfig = write_kubeconfig(tmp_path, url, cluster={"certificate-authority": str(authority)})
        async with client_of(kubeconfig) as client:
            with pytest.raises(CertificateRefusedError, match=r"the certificate of the API server at .* is refused"):
                await client.get(PODS, seconds=5.0)
            authority.write_bytes(certificate.read_bytes())
            with pytest.raises(CertificateRefusedError):
                await client.get(PODS, seconds=5.0)
            assert await client.get(PODS, seconds=5.0) == b"{}"


async def test_the_loaders_leave_the_library_as_it_is() -> None:
    """In a process of its own: the models aren't imported, and who imports the library later gets all of it."""
    script = """
import sys
from kube_cost_common.runtime.kubernetes_loaders import import_loaders
loaders = import_loaders()
assert loaders.configuration()
loaded = [name for name in sys.modules if name.startswith("kubernetes_asyncio")]
assert not loaded, loaded
import kubernetes_asyncio.client
assert kubernetes_asyncio.client.CoreV1Api
assert import_loaders().error
assert sys.modules["kubernetes_asyncio.client"].CoreV1Api
"""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, env=dict(os.environ))
    assert await process.wait() == 0
