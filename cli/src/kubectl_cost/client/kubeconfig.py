"""Who we are to which API server, by kubectl's own rules: a kubeconfig with its exec plugins, else a pod's account."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kube_cost_common.runtime.kubernetes_loaders import import_loaders
from kubectl_cost.client.connection import Trust
from kubectl_cost.client.finding import Where
from kubectl_cost.faults import BadInputError, CannotAnswerError

LOAD_SECONDS = 60.0
"""How long loading may take: an exec plugin may ask its cloud."""

_IN_CLUSTER_VARIABLE = "KUBERNETES_SERVICE_HOST"


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """An API server, and what shows it who we are."""

    host: str
    headers: Mapping[str, str]
    trust: Trust
    proxy: str


def load_credentials(where: Where, environ: Mapping[str, str]) -> Credentials:
    """Return what the kubeconfig says, with what was said otherwise."""
    paths = where.kubeconfig or environ.get("KUBECONFIG", "") or "~/.kube/config"
    found = [path for path in (Path(one).expanduser() for one in paths.split(":") if one) if path.is_file()]
    loaders = import_loaders()
    configuration = loaders.configuration()
    if found:
        try:
            asyncio.run(_load(loaders, configuration, ":".join(map(str, found)), where.context))
        except Exception as error:
            detail = str(error) or repr(error)
            raise CannotAnswerError(f"the kubeconfig {paths} can't be used: {detail}") from error
    elif environ.get(_IN_CLUSTER_VARIABLE) and not where.kubeconfig:
        try:
            loaders.in_cluster_loader(token_filename=_ACCOUNT_TOKEN, cert_filename=_ACCOUNT_AUTHORITY).load_and_set(
                configuration
            )
        except loaders.error as error:
            raise CannotAnswerError(f"the pod's service account can't be used: {error}") from error
    else:
        raise CannotAnswerError(
            f"there is no kubeconfig ({paths}); name one by --kubeconfig or KUBECONFIG, or say where the aggregator "
            "answers by --url or KUBE_COST_URL"
        )
    return _credentials(configuration, where)


_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
_ACCOUNT_TOKEN = f"{_ACCOUNT}/token"
_ACCOUNT_AUTHORITY = f"{_ACCOUNT}/ca.crt"


async def _load(loaders: Any, configuration: Any, paths: str, context: str) -> None:
    async with asyncio.timeout(LOAD_SECONDS):
        await loaders.load_kube_config(
            config_file=paths, context=context or None, client_configuration=configuration, persist_config=False
        )


def _credentials(configuration: Any, where: Where) -> Credentials:
    # A token file may end with a newline, which no header may.
    authorization = " ".join(configuration.api_key.get("BearerToken", "").split())
    if where.token:
        authorization = f"Bearer {where.token}"
    headers = {"Authorization": authorization} if authorization else {}
    if where.as_user:
        headers["Impersonate-User"] = where.as_user
    if where.as_group:
        if not where.as_user:
            raise BadInputError("--as-group needs --as")
        headers["Impersonate-Group"] = where.as_group
    own = not where.token
    trust = Trust(
        authority=where.authority or configuration.ssl_ca_cert or "",
        server_name=where.server_name or configuration.tls_server_name or "",
        insecure=where.insecure or not configuration.verify_ssl,
        certificate=(configuration.cert_file or "") if own else "",
        key=(configuration.key_file or "") if own else "",
    )
    return Credentials(
        host=where.server or configuration.host, headers=headers, trust=trust, proxy=configuration.proxy or ""
    )
