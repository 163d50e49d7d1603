"""Where the aggregator is: at a URL, else a Service that the API server of the kubeconfig leads to."""

import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass

from kubectl_cost.client.connection import Connection, Trust
from kubectl_cost.client.server import Server
from kubectl_cost.faults import BadInputError

URL_VARIABLE = "KUBE_COST_URL"
NAMESPACE = "kube-cost"
SERVICE = "kube-cost-exporter:9090"

_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_SERVICE = re.compile(r"(https?:)?[a-z]([a-z0-9-]{0,61}[a-z0-9])?(:[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?)?")


@dataclass(frozen=True, kw_only=True)
class Where:
    """What was said of the way there. What is empty is as the kubeconfig says; `url` means none is needed."""

    url: str = ""
    service_namespace: str = NAMESPACE
    service: str = SERVICE
    kubeconfig: str = ""
    context: str = ""
    server: str = ""
    """The API server's URL."""
    token: str = ""
    as_user: str = ""
    as_group: str = ""
    authority: str = ""
    """The file of who signs the server's certificate."""
    server_name: str = ""
    insecure: bool = False
    seconds: float = 30.0
    """How long an answer may take."""


def find_server(where: Where, environ: Mapping[str, str]) -> Server:
    """Return the aggregator; raise BadInputError or CannotAnswerError where the way there isn't known."""
    url = where.url or environ.get(URL_VARIABLE, "")
    if url:
        return Server(connection=_direct(where, url), named=checked_url(url))
    from kubectl_cost.client.kubeconfig import load_credentials  # noqa: PLC0415 - a quarter of a second, and only here
    from kubectl_cost.client.proxied import ProxiedServer  # noqa: PLC0415 - likewise

    credentials = load_credentials(where, environ)
    if not _NAMESPACE.fullmatch(where.service_namespace):
        raise BadInputError(f"--service-namespace: {where.service_namespace!r} is no name of a namespace")
    if not _SERVICE.fullmatch(where.service):
        raise BadInputError(f"--service: {where.service!r} is no Service; expected [http: or https:]NAME[:PORT]")
    path = f"/api/v1/namespaces/{where.service_namespace}/services/{where.service}/proxy"
    connection = Connection(
        base=checked_url(credentials.host) + path,
        headers=credentials.headers,
        trust=credentials.trust,
        proxy=credentials.proxy,
        seconds=where.seconds,
    )
    return ProxiedServer(connection=connection, namespace=where.service_namespace, service=where.service)


def checked_url(url: str) -> str:
    """Return a URL without a slash at its end; raise BadInputError where it is none of HTTP."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
        raise BadInputError(f"{url!r} is no URL of an HTTP server, such as http://127.0.0.1:9090")
    return url.rstrip("/")


def _direct(where: Where, url: str) -> Connection:
    trust = Trust(authority=where.authority, server_name=where.server_name, insecure=where.insecure)
    headers = {"Authorization": f"Bearer {where.token}"} if where.token else {}
    return Connection(base=checked_url(url), headers=headers, trust=trust, seconds=where.seconds)
