"""Where the API server is and who we are to it: from a kubeconfig, or from what every pod is given."""

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from structlog.typing import FilteringBoundLogger

from kube_cost_aggregator.inputs.kubernetes.errors import NoClusterError
from kube_cost_common.runtime.clock import Clock
from kube_cost_common.runtime.kubernetes_loaders import import_loaders

REFRESH_SECONDS = 60.0
"""How often credentials are read again; a service account's token is replaced about ten minutes before it ends."""

LOAD_SECONDS = 60.0
"""How long loading may take: an exec plugin may ask its cloud."""

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds its token and the cluster's certificate authority."""

_IN_CLUSTER_VARIABLE = "KUBERNETES_SERVICE_HOST"


class Connection:
    """An API server's address and the credentials for it, read again as they change."""

    def __init__(
        self,
        *,
        configuration: Any,
        renew: Callable[[], Awaitable[object]],
        renew_seconds: float,
        clock: Clock,
        log: FilteringBoundLogger,
    ) -> None:
        """Take a loaded configuration of the library, and what brings it up to date, at most every `renew_seconds`."""
        self.host: str = configuration.host
        self.proxy: str | None = configuration.proxy
        self.server_name: str | None = configuration.tls_server_name
        self.ssl_context = _ssl_context(configuration)
        self._configuration = configuration
        self._renew = renew
        self._renew_seconds = renew_seconds
        self._clock = clock
        self._log = log
        self._renewed_at = clock.monotonic()
        self._certificate = _certificate_state(configuration)

    async def authorization(self) -> str:
        """Return the value for the header Authorization, about a minute old at most; empty if certificates do it."""
        if self._clock.monotonic() - self._renewed_at >= self._renew_seconds:
            await self._bring_up_to_date()
        # A token file may end with a newline, which no header may.
        return " ".join(self._configuration.api_key.get("BearerToken", "").split())

    def refused(self) -> None:
        """Note that the server doesn't accept the credentials: they are renewed before the next request."""
        self._renewed_at = float("-inf")

    def trust_again(self) -> None:
        """Read the certificate authority again, in case it was replaced."""
        if self._configuration.ssl_ca_cert:
            with contextlib.suppress(OSError, ssl.SSLError):
                self.ssl_context.load_verify_locations(self._configuration.ssl_ca_cert)

    async def _bring_up_to_date(self) -> None:
        self._renewed_at = self._clock.monotonic()
        try:
            async with asyncio.timeout(LOAD_SECONDS):
                await self._renew()
            self._show_new_certificate()
        except Exception as error:  # noqa: BLE001 - the library raises what it likes; what we have may still do
            self._log.warning("credentials can't be read again", error=repr(error))

    def _show_new_certificate(self) -> None:
        state = _certificate_state(self._configuration)
        if state == self._certificate:
            return
        _load_certificate(
            ssl.create_default_context(), self._configuration
        )  # a mismatched pair would break the real one
        _load_certificate(self.ssl_context, self._configuration)
        self._certificate = state


async def load_connection(
    *,
    kubeconfig: str,
    environ: Mapping[str, str],
    clock: Clock,
    log: FilteringBoundLogger,
    service_account: Path = SERVICE_ACCOUNT,
) -> Connection:
    """Return the connection that `kubeconfig` describes (a path, or several joined by `:`), or a pod's own.

    An empty `kubeconfig` means a pod's own, else `~/.kube/config`. Raises NoClusterError, which says what is missing.
    """
    default = _default_kubeconfig()
    try:
        if kubeconfig:
            return await _from_kubeconfig(kubeconfig, clock, log)
        if environ.get(_IN_CLUSTER_VARIABLE):
            return _from_pod(environ, service_account, clock, log)
        if _is_there(default):
            return await _from_kubeconfig(default, clock, log)
    except NoClusterError:
        raise
    except Exception as error:
        in_pod = not kubeconfig and environ.get(_IN_CLUSTER_VARIABLE)
        source = "the pod's service account" if in_pod else f"the kubeconfig {kubeconfig or default}"
        raise NoClusterError(f"{source} can't be used: {str(error) or repr(error)}") from error
    raise NoClusterError(
        f"no kubeconfig: none is named, there is no {default}, and this isn't a pod ({_IN_CLUSTER_VARIABLE} isn't set)"
    )


async def _from_kubeconfig(paths: str, clock: Clock, log: FilteringBoundLogger) -> Connection:
    if not _is_there(paths):
        raise NoClusterError(f"no kubeconfig: there is no file {paths}")
    loaders = import_loaders()
    configuration = loaders.configuration()
    async with asyncio.timeout(LOAD_SECONDS):
        loader = await loaders.load_kube_config(
            config_file=paths, client_configuration=configuration, persist_config=False
        )

    async def renew() -> None:
        # Runs the exec plugin where its credentials have run out (or don't say when they do), reads token files.
        await loader.load_and_set(configuration)

    return Connection(configuration=configuration, renew=renew, renew_seconds=REFRESH_SECONDS, clock=clock, log=log)


def _from_pod(environ: Mapping[str, str], service_account: Path, clock: Clock, log: FilteringBoundLogger) -> Connection:
    loaders = import_loaders()
    configuration = loaders.configuration()
    loaders.in_cluster_loader(
        token_filename=str(service_account / "token"),
        cert_filename=str(service_account / "ca.crt"),
        environ=dict(environ),
    ).load_and_set(configuration)

    async def renew() -> None:
        # Calls the library's hook, which reads the file again when it did so a minute ago or longer.
        await configuration.get_api_key_with_prefix("BearerToken")

    return Connection(configuration=configuration, renew=renew, renew_seconds=0.0, clock=clock, log=log)


def _default_kubeconfig() -> str:
    return str(Path("~/.kube/config").expanduser())


def _is_there(paths: str) -> bool:
    return any(Path(path).expanduser().is_file() for path in paths.split(":"))


def _ssl_context(configuration: Any) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    # From Python 3.13 on the default is stricter than Kubernetes' own clients, and refuses authorities in use.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if configuration.cert_file:
        _load_certificate(context, configuration)
    return context


def _load_certificate(context: ssl.SSLContext, configuration: Any) -> None:
    context.load_cert_chain(configuration.cert_file, keyfile=configuration.key_file)


def _certificate_state(configuration: Any) -> tuple[str, int] | None:
    if not configuration.cert_file:
        return None
    return configuration.cert_file, Path(configuration.cert_file).stat().st_mtime_ns
