"""Subjects and keys of the bus, and how a name from outside becomes one token of them.

A token may hold any byte that a Kubernetes or cloud name can hold, so each is escaped byte by byte: what is outside
``[A-Za-z0-9-]`` becomes ``=XX`` (upper-case hexadecimal), and an empty part becomes ``_``. The true name always
travels in the payload too; a payload that names another one than its subject is refused by its reader.
"""

import re

_OTHER = re.compile(r"[^A-Za-z0-9-]")
_TOKEN = re.compile(r"_|(?:[A-Za-z0-9-]|=[0-9A-F]{2})+")

USAGE_SUBJECTS = "kce.v1.usage.>"
STATUS_SUBJECTS = "kce.v1.status.>"
COST_SUBJECTS = "kce.v1.cost.>"


def escape(part: str) -> str:
    """Return `part` as one subject token."""
    if not part:
        return "_"
    return _OTHER.sub(_escaped, part)


def _escaped(character: re.Match[str]) -> str:
    return "".join(f"={byte:02X}" for byte in character[0].encode())


def unescape(token: str) -> str:
    """Return the name that `token` stands for; raise ValueError where it isn't what `escape` writes."""
    if not _TOKEN.fullmatch(token):
        raise ValueError(f"not an escaped name: {token!r}")
    if token == "_":  # noqa: S105 - a subject token
        return ""
    raw = re.sub(r"=([0-9A-F]{2})", lambda match: chr(int(match[1], 16)), token)
    name = raw.encode("latin-1").decode()
    if escape(name) != token:
        raise ValueError(f"not an escaped name: {token!r}")
    return name


def usage_subject(cluster: str, node: str) -> str:
    """Return the subject that the agent of `node` publishes its usage samples on."""
    return f"kce.v1.usage.{escape(cluster)}.{escape(node)}"


def status_subject(component: str, instance: str) -> str:
    """Return the subject that one process of a service reports its health and counters on."""
    return f"kce.v1.status.{escape(component)}.{escape(instance)}"


def cost_subject(cluster: str) -> str:
    """Return the subject that the aggregator of `cluster` tells costs on."""
    return f"kce.v1.cost.{escape(cluster)}"


def demand_key(cluster: str) -> str:
    """Return the key in `kce_demand` under which the aggregator of `cluster` says which prices it needs."""
    return escape(cluster)


def alert_cursor_key(cluster: str) -> str:
    """Return the key in `kce_alerts` of how far the snapshots of `cluster` have been read."""
    return escape(cluster)


def alert_key(cluster: str, budget: str) -> str:
    """Return the key in `kce_alerts` of what people have been told of a budget."""
    return f"{escape(cluster)}.{escape(budget)}"


def usage_message_id(node: str, session: str, seq: int) -> str:
    """Return the `Nats-Msg-Id` of a usage sample: unique per agent process, so that only a retry repeats it."""
    return f"{escape(node)}-{session}-{seq}"


def cost_message_id(cluster: str, at_ns: int, part: int) -> str:
    """Return the `Nats-Msg-Id` of a part of a cost snapshot: one a moment."""
    return f"{escape(cluster)}-{at_ns}-{part}"
