"""Where the bus is, and how long anything on it may take."""

import random
import ssl
from dataclasses import dataclass
from typing import Any


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

    def client_options(self) -> dict[str, Any]:
        """Return what nats-py's `connect` is told of these settings."""
        return {
            "servers": list(self.servers),
            "name": self.name,
            "max_reconnect_attempts": -1,  # upstream gives up for ever after 60
            "connect_timeout": self.connect_timeout_seconds,
            "ping_interval": self.ping_interval_seconds,
            "max_outstanding_pings": 2,
            "flush_timeout": self.request_timeout_seconds,
            "inbox_prefix": self.inbox_prefix,
            "tls_handshake_first": self.tls and self.tls_handshake_first,
            "nkeys_seed": self.nkey_seed_file or None,
        }

    def tls_context(self) -> ssl.SSLContext:
        """Return the TLS context for one connect; raises OSError where the CA file can't be read."""
        return ssl.create_default_context(cafile=self.tls_ca_file or None)

    def reconnect_delay_seconds(self, attempt: int) -> float:
        """Return how long to wait before a connect, at random: up to 1 s at first, twice that at each attempt."""
        longest = min(self.reconnect_max_seconds, 2.0 ** min(attempt, 10))
        return random.uniform(self.reconnect_min_seconds, longest)  # noqa: S311 - no secret
