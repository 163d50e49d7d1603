"""How `kubectl cost` finds the aggregator, and what it says when it doesn't."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import click
import pytest
from aiohttp import web

from harness.certificates import make_certificate, secure_server
from harness.cli import Typed, dear_hours, kubectl_cost
from harness.kubernetes_watch import write_kubeconfig
from harness.served_api import served_api
from kube_cost_common.runtime.http import serving
from kubectl_cost.client.server import Server
from kubectl_cost.faults import CannotAnswerError
from kubectl_cost.report import Column, Report
from kubectl_cost.running import run

PROXY = "/api/v1/namespaces/{}/services/{}/proxy"


@dataclass
class FakeApiServer:
    """Proxies a Service to an aggregator, or answers as it was told; keeps the headers of what it was asked."""

    target: str
    url: str = ""
    path: str = PROXY.format("kube-cost", "kube-cost-exporter:9090")
    refusal: web.Response | None = None
    asked: list[dict[str, str]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(dict(request.headers))
        if self.refusal is not None:
            return self.refusal
        if not request.path.startswith(self.path):
            return status(404, f'services "{request.path.split("/")[6]}" not found', {"kind": "services"})
        async with (
            aiohttp.ClientSession() as session,
            session.get(self.target + request.path_qs.removeprefix(self.path)) as answer,
        ):
            return web.Response(status=answer.status, body=await answer.read(), content_type=answer.content_type)


def status(code: int, message: str, details: dict[str, Any] | None = None) -> web.Response:
    """An answer of the API server's own."""
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code}
    return web.json_response({**body, "details": details or {}}, status=code)


@asynccontextmanager
async def api_server(folder: Path) -> AsyncIterator[FakeApiServer]:
    async with served_api(folder, ledger=dear_hours) as (url, _):
        fake = FakeApiServer(url.removesuffix("/api/v1/"))
        async with serving(host="127.0.0.1", port=0, routes=[web.get("/{path:.*}", fake.answer)]) as port:
            fake.url = f"http://127.0.0.1:{port}"
            yield fake


async def typed_with(kubeconfig: Path, *arguments: str) -> Typed:
    return await kubectl_cost(*(arguments or ("namespace",)), KUBECONFIG=str(kubeconfig))


async def test_the_way_leads_through_the_api_servers_proxy(tmp_path: Path) -> None:
    """Without a URL: by the kubeconfig's user, to the Service that is the default."""
    async with api_server(tmp_path) as api:
        typed = await typed_with(write_kubeconfig(tmp_path, api.url, user={"token": "mine"}))
    assert typed.code == 0, typed.errors
    assert "shop" in typed.out
    assert {headers["Authorization"] for headers in api.asked} == {"Bearer mine"}


async def test_the_service_may_be_another(tmp_path: Path) -> None:
    """In another namespace, with another port, over HTTPS."""
    async with api_server(tmp_path) as api:
        api.path = PROXY.format("finops", "https:costs:web")
        kubeconfig = write_kubeconfig(tmp_path, api.url)
        typed = await typed_with(kubeconfig, "ns", "--service-namespace", "finops", "--service", "https:costs:web")
    assert typed.code == 0, typed.errors


async def test_kubectls_own_flags_hold(tmp_path: Path) -> None:
    """--kubeconfig and --context choose, --token and --as say who asks."""
    async with api_server(tmp_path) as api:
        kubeconfig = str(write_kubeconfig(tmp_path, api.url, user={"token": "mine"}))
        flags = (
            "--kubeconfig",
            kubeconfig,
            "--context",
            "test",
            "--token",
            "other",
            "--as",
            "jane",
            "--as-group",
            "dev",
        )
        typed = await kubectl_cost("namespace", *flags)
        elsewhere = await kubectl_cost("namespace", "--kubeconfig", kubeconfig, "--context", "nowhere")
    assert typed.code == 0, typed.errors
    headers = api.asked[0]
    who = (headers["Authorization"], headers["Impersonate-User"], headers["Impersonate-Group"])
    assert who == ("Bearer other", "jane", "dev")
    assert (elsewhere.code, elsewhere.out) == (1, "")
    assert "nowhere" in elsewhere.errors


async def test_an_exec_plugin_says_who_asks(tmp_path: Path) -> None:
    """As kubectl runs it."""
    script = tmp_path / "plugin"
    status_of = '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"made"}}'
    script.write_text(f"#!{sys.executable}\nprint('{status_of}')\n")
    script.chmod(0o755)
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(script)}}
    async with api_server(tmp_path) as api:
        typed = await typed_with(write_kubeconfig(tmp_path, api.url, user=user))
    assert typed.code == 0, typed.errors
    assert api.asked[0]["Authorization"] == "Bearer made"


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        (status(401, "Unauthorized"), ["doesn't know who you are", "--context"]),
        (
            status(403, 'services "kube-cost-exporter:9090" is forbidden: User "jane" cannot get resource'),
            ['User "jane"', "services/proxy", '"kube-cost-exporter:9090"', 'verbs ["get"]'],
        ),
        (
            status(503, 'no endpoints available for service "kube-cost-exporter:9090"'),
            ["no pod that is ready", "get pods"],
        ),
        (web.Response(status=503, text="error trying to reach service: dial tcp: refused"), ["refused"]),
        (status(500, "etcd is away"), ["etcd is away"]),
        (
            web.json_response({"detail": "prices aren't read yet"}, status=503),
            ["can't answer yet", "prices aren't read"],
        ),
        (web.Response(status=302, headers={"Location": "http://127.0.0.1:1/"}), ["302"]),
        (web.Response(text="<html>hello</html>"), ["is it an aggregator?"]),
        (web.json_response({"unexpected": 1}), ["older than this command"]),
    ],
    ids=range(9),
)
async def test_what_fails_is_said_with_what_to_do(tmp_path: Path, refusal: web.Response, said: list[str]) -> None:
    """In a sentence on standard error, and the exit code is 1."""
    async with api_server(tmp_path) as api:
        api.refusal = refusal
        typed = await typed_with(write_kubeconfig(tmp_path, api.url))
    assert (typed.code, typed.out) == (1, "")
    assert [words for words in said if words not in typed.errors] == []
    assert len(api.asked) == 1


async def test_a_service_that_is_not_there_is_named(tmp_path: Path) -> None:
    """With the options that name another."""
    async with api_server(tmp_path) as api:
        typed = await typed_with(write_kubeconfig(tmp_path, api.url), "ns", "--service-namespace", "elsewhere")
    assert typed.code == 1
    assert "no Service kube-cost-exporter in the namespace elsewhere" in typed.errors
    assert "--service-namespace" in typed.errors


async def test_a_certificate_of_an_unknown_authority_is_refused(tmp_path: Path) -> None:
    """Unless its authority is named, in the kubeconfig or by the option, or any will do."""
    certificate, key = make_certificate(tmp_path)
    async with secure_server(certificate, key) as url:
        unknown = await kubectl_cost("namespace", "--url", url)
        known = await kubectl_cost("namespace", "--url", url, "--certificate-authority", str(certificate))
        any_will_do = await kubectl_cost("namespace", "--url", url, "--insecure-skip-tls-verify")
        cluster = {"certificate-authority": str(certificate)}
        by_kubeconfig = await typed_with(write_kubeconfig(tmp_path, url, cluster=cluster))
        misnamed = await kubectl_cost(
            "namespace", "--url", url, "--certificate-authority", str(certificate), "--tls-server-name", "other.example"
        )
    assert unknown.code == 1
    assert "isn't trusted" in unknown.errors
    assert "--certificate-authority" in unknown.errors
    assert "isn't trusted" in misnamed.errors
    for typed in (known, any_will_do, by_kubeconfig):  # it is reached, and is no aggregator
        assert "has no 'costs'" in typed.errors


async def test_nobody_at_the_address(tmp_path: Path) -> None:
    """The address is said; without a kubeconfig both ways are."""
    typed = await kubectl_cost("namespace", "--url", "http://127.0.0.1:1")
    assert (typed.code, "http://127.0.0.1:1 can't be reached" in typed.errors) == (1, True)
    lost = await kubectl_cost("namespace", KUBECONFIG=str(tmp_path / "none"))
    assert (lost.code, "--url or KUBE_COST_URL" in lost.errors) == (1, True)
    (tmp_path / "broken").write_text("{")
    broken = await kubectl_cost("namespace", KUBECONFIG=str(tmp_path / "broken"))
    assert (broken.code, "can't be used" in broken.errors) == (1, True)


def test_watching_goes_on_when_an_answer_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It asks again after each pause, says what went wrong, and ends at Ctrl-C without a word."""
    monkeypatch.setattr(click, "clear", lambda: None)
    answers: list[str | Exception] = ["one", CannotAnswerError("away"), "two"]
    pauses: list[float] = []

    def ask(_: Server, wide: bool) -> Report:
        assert not wide
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return Report(kind="Test", columns=[Column("A", "a")], rows=[{"a": answer}])

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if not answers:
            raise KeyboardInterrupt

    where = dict.fromkeys(
        ("kubeconfig", "context", "server", "token", "as_user", "as_group", "certificate_authority", "tls_server_name"),
        "",
    )
    options = {
        **where,
        "url": "http://127.0.0.1:1",
        "service_namespace": "a",
        "service": "b",
        "insecure_skip_tls_verify": False,
        "request_timeout": 1.0,
        "output": "table",
        "watch": True,
        "watch_seconds": 15.0,
    }
    run(options, ask, pause=pause)
    printed = capsys.readouterr()
    assert (printed.out, printed.err, pauses) == ("A\none\nA\ntwo\n", "error: away\n", [15.0, 15.0, 15.0])
