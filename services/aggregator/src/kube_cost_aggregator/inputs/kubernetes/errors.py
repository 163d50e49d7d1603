"""What can go wrong between here and the API server: one class a fact, each a sentence for a person."""

from kube_cost_common.runtime.lifecycle import CannotStartError


class NoClusterError(CannotStartError):
    """Nothing says where the API server is, or what does can't be used."""


class ApiError(Exception):
    """A request that the API server didn't answer as hoped."""

    retry_after_seconds: float = 0.0
    """How long the server asks to be left alone."""


class UnreachableError(ApiError):
    """No connection, or one that broke."""

    def __init__(self, *, host: str, reason: str) -> None:
        super().__init__(f"can't reach the API server at {host}: {reason}")


class CertificateRefusedError(ApiError):
    """The server's certificate isn't one we trust."""

    def __init__(self, *, host: str, reason: str) -> None:
        super().__init__(
            f"the certificate of the API server at {host} is refused: {reason}; is the certificate authority in the "
            "kubeconfig (or ca.crt of the service account) the one that signed it?"
        )


class SilenceError(ApiError):
    """A server that stopped answering without closing the connection."""

    def __init__(self, *, host: str, seconds: float) -> None:
        super().__init__(f"the API server at {host} was silent for {seconds:g} s")


class EndedEarlyError(ApiError):
    """A watch that the server ended soon, without an event."""

    def __init__(self) -> None:
        super().__init__("the API server ended a watch at once, without an event")


class UnauthorizedError(ApiError):
    """401: the server doesn't know who we are."""

    def __init__(self, *, host: str) -> None:
        super().__init__(
            f"the API server at {host} doesn't accept our credentials (401): expired, or of another cluster?"
        )


class ForbiddenError(ApiError):
    """403: the server knows us and doesn't let us."""

    def __init__(self, *, verb: str, plural: str, group: str, message: str) -> None:
        self.verb = verb
        self.plural = plural
        self.group = group
        super().__init__(
            f"may not {verb} {plural}: add apiGroups [{group!r}], resources [{plural!r}], verbs [list, watch] to the "
            f"ClusterRole ({message})"
        )


class GoneError(ApiError):
    """410, or a version that the server doesn't have: what we know is too old to go on from."""

    def __init__(self, *, message: str) -> None:
        super().__init__(f"the version to go on from is gone: {message}")


class UnexpectedStatusError(ApiError):
    """Any other status."""

    def __init__(self, *, status: int, message: str, retry_after_seconds: float = 0.0) -> None:
        self.status = status
        self.retry_after_seconds = retry_after_seconds
        super().__init__(f"the API server answered {status}: {message}")


class UnreadableError(ApiError):
    """An answer that isn't what the API says it is."""

    def __init__(self, *, what: str, fault: str) -> None:
        super().__init__(f"{what} from the API server can't be read: {fault}")
