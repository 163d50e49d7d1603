"""How to connect to a database, and how to speak of it without its password."""

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from kube_cost_aggregator.history.store import StoreError

_HOST = r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)?(:\d+)?"
_HOSTS = re.compile(f"{_HOST}(,{_HOST})*")
_SHAPE: Final = (
    "isn't of the form postgresql://user:password@host:port/database; in user and password write @ as %40, / as %2F, "
    ": as %3A, ? as %3F, # as %23, % as %25"
)


@dataclass(frozen=True)
class Target:
    """Where a database is. `dsn` has its password, and isn't shown; `str` names host and database."""

    dsn: str = field(repr=False)
    host: str
    database: str

    def __str__(self) -> str:
        return f"database {self.database!r} on {self.host}"


def parse_dsn(dsn: str) -> Target:
    """Return where a database is; raise StoreError where `dsn` doesn't say so, without a word of what is in it.

    What it says in a way that can be read twice is refused: half of a password with an @ in it would be a host's name.
    """
    try:
        parts = urlsplit(dsn)
        options = parse_qs(parts.query, strict_parsing=True) if parts.query else {}
    except ValueError:
        raise StoreError(f"the database's DSN {_SHAPE}") from None
    user, at, hosts = parts.netloc.rpartition("@")
    clear = (
        parts.scheme in {"postgresql", "postgres"}
        and dsn.count("@") == bool(at)
        and "#" not in dsn
        and user.count(":") <= 1
        and "/" not in parts.path[1:]
        and _HOSTS.fullmatch(hosts)
    )
    if not clear:
        raise StoreError(f"the database's DSN {_SHAPE}")
    host = hosts or options.get("host", ["its default host"])[-1]
    named = unquote(parts.path[1:]) or options.get("dbname", options.get("database", [""]))[-1]
    return Target(dsn, host, named or unquote(user.partition(":")[0]) or "by default")
