"""Where the bus is, and how long anything on it may take."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class BusConfig:
    """Where the bus is and how long anything on it may take."""

    servers: tuple[str, ...]
    """URLs, `nats://host:4222` or `tls://host:4222`; one is taken at random at each reconnect."""

    name: str
    """What the server's monitoring calls this connection."""

    connect_timeout_seconds: float = 5.0
    """For TCP, TLS and the greeting, each."""

    request_timeout_seconds: float = 5.0
    """For an answer of JetStream; ten times what a busy one takes."""

    close_timeout_seconds: float = 4.0
    """For the last bytes at the end: a service has 10 s to stop."""

    ping_interval_seconds: float = 10.0
    """Two pings unanswered are a lost connection: it shows after 20 to 30 s."""

    reconnect_min_seconds: float = 0.25
    """Shortest wait before a connect; 0 would spin."""

    reconnect_max_seconds: float = 8.0
    """Longest wait before a connect. Waits are random, since a thousand agents lose the bus in the same moment."""

    inbox_prefix: str = "_INBOX"
    """Subjects that answers come on. Each user of the server has its own and may subscribe to no other."""

    tls_ca_file: str = ""
    """PEM file of the authorities that may sign the server's certificate; empty with tls:// means the system's."""

    tls_handshake_first: bool = True
    """Speak TLS from the first byte, for which the server needs `handshake_first`. Without TLS it means nothing."""

    nkey_seed_file: str = ""
    """File with this service's nkey seed; empty means no authentication, or what the URL says."""

    @property
    def tls(self) -> bool:
        """Whether TLS is wanted."""
        return bool(self.tls_ca_file) or any(server.startswith("tls://") for server in self.servers)
