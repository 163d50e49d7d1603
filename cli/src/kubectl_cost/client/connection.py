"""One HTTP connection's worth of settings, and a GET over it: the only place that opens a socket."""

import http.client
import socket
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from kubectl_cost.faults import BadInputError, CannotAnswerError

PIECE_BYTES = 256 * 1024
"""How much of a long answer is held."""


class NamedContext(ssl.SSLContext):
    """TLS that expects the certificate of `server_name`, where that isn't the host that is asked."""

    server_name: str = ""

    def wrap_socket(  # noqa: PLR0917 - the signature is the standard library's
        self,
        sock: socket.socket,
        server_side: bool = False,  # noqa: FBT002
        do_handshake_on_connect: bool = True,  # noqa: FBT002
        suppress_ragged_eofs: bool = True,  # noqa: FBT002
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLSocket:
        """Begin TLS, with the other name."""
        return super().wrap_socket(
            sock,
            server_side,
            do_handshake_on_connect,
            suppress_ragged_eofs,
            self.server_name or server_hostname,
            session,
        )


@dataclass(frozen=True, kw_only=True)
class Trust:
    """Whose certificates are believed. `authority` is a file, empty for the machine's own authorities."""

    authority: str = ""
    server_name: str = ""
    insecure: bool = False
    certificate: str = ""
    """A file with our own certificate, and its key in `key`, where they are what we are known by."""
    key: str = ""

    def context(self) -> ssl.SSLContext:
        """Return what begins TLS; raise BadInputError where a file can't be read."""
        context = NamedContext(ssl.PROTOCOL_TLS_CLIENT)
        context.server_name = self.server_name
        # From Python 3.13 on the default is stricter than Kubernetes' own clients, and refuses authorities in use.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        try:
            if self.authority:
                context.load_verify_locations(self.authority)
            else:
                context.load_default_certs()
            if self.certificate:
                context.load_cert_chain(self.certificate, keyfile=self.key or None)
        except (OSError, ssl.SSLError) as error:
            raise BadInputError(
                f"a certificate can't be read ({self.authority or self.certificate}): {error}"
            ) from error
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    content_type: str
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Connection:
    """Where requests go, and what goes with each. `base` is a URL without a slash at its end."""

    base: str
    headers: Mapping[str, str] = field(default_factory=dict)
    trust: Trust = field(default_factory=Trust)
    proxy: str = ""
    """Empty for what the environment says (HTTPS_PROXY, NO_PROXY)."""
    seconds: float = 30.0

    def get(self, path: str, query: Sequence[tuple[str, str]] = ()) -> Answer:
        """Return the answer, whatever its status; raise CannotAnswerError where there is none."""
        with self._opened(path, query) as response:
            return Answer(response.status, response.headers.get_content_type(), response.read())

    def pieces(self, path: str, query: Sequence[tuple[str, str]] = ()) -> Iterator[Answer]:
        """Yield an answer of status 200 as it comes; one of another status whole.

        Raises CannotAnswerError where there is none, and where it ends before its end.
        """
        with self._opened(path, query) as response:
            kind = response.headers.get_content_type()
            if response.status != 200:
                yield Answer(response.status, kind, response.read())
                return
            while piece := response.read(PIECE_BYTES):
                yield Answer(200, kind, piece)
            if response.length:  # bytes that were promised, which the library doesn't mind
                raise CannotAnswerError(f"{self.base} breaks off before the end")

    @contextmanager
    def _opened(self, path: str, query: Sequence[tuple[str, str]]) -> Iterator[Any]:
        """Open a response, whatever its status, and give what may go wrong until it is closed a sentence."""
        url = self.base + path + (f"?{urllib.parse.urlencode(query)}" if query else "")
        request = urllib.request.Request(url, headers={"Accept": "*/*", **self.headers})  # noqa: S310 - http or https, see finding.py
        proxies = {"http": self.proxy, "https": self.proxy} if self.proxy else None
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler(proxies),
            urllib.request.HTTPSHandler(context=self.trust.context()) if url.startswith("https:") else _Nothing(),
            _NoRedirect(),
        )
        try:
            try:
                opened = opener.open(request, timeout=self.seconds)
            except urllib.error.HTTPError as error:
                opened = error
            with opened:
                yield opened
        except urllib.error.URLError as error:
            raise self._unreachable(error.reason) from error
        except http.client.IncompleteRead as error:
            raise CannotAnswerError(f"{self.base} breaks off before the end") from error
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from error

    def _unreachable(self, reason: object) -> CannotAnswerError:
        if isinstance(reason, ssl.SSLCertVerificationError):
            return CannotAnswerError(
                f"{self.base} shows a certificate that isn't trusted ({reason.verify_message}); name the file of its "
                "authority by --certificate-authority, or in the kubeconfig"
            )
        if isinstance(reason, TimeoutError):
            return CannotAnswerError(
                f"{self.base} doesn't answer within {self.seconds:g} s; --request-timeout says how long to wait"
            )
        return CannotAnswerError(f"{self.base} can't be reached: {str(reason) or repr(reason)}")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Leaves redirects alone: our credentials are for nobody else."""

    def redirect_request(self, *_: Any) -> None:
        """Follow nowhere."""


class _Nothing(urllib.request.BaseHandler):
    """Handles nothing."""
