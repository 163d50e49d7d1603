"""Identifiers as Kubernetes makes them, but from a seed: the same seed and order give the same names."""

import hashlib
import random
import uuid
from datetime import UTC, datetime

# The alphabet of k8s.io/apimachinery/pkg/util/rand: no vowels, so that no word appears by chance.
SUFFIX_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


def rfc3339(time_ns: int) -> str:
    """Unix nanoseconds as the API server writes a time: whole seconds, rounded down, in UTC."""
    return datetime.fromtimestamp(time_ns // 1_000_000_000, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Names:
    """A source of uids, suffixes and container ids, and of the chance in the simulated cluster."""

    def __init__(self, *, seed: int) -> None:
        self._seed = seed
        self._count = 0
        self._random = random.Random(f"names/{seed}")  # noqa: S311 - reproducible, not secret

    def uid(self) -> str:
        """A version 4 UUID."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def suffix(self, length: int = 5) -> str:
        """Letters and digits as in a generated name."""
        return "".join(self._random.choices(SUFFIX_ALPHABET, k=length))

    def hexadecimal(self, length: int) -> str:
        """Lower-case hexadecimal digits, as in a container id or a static pod's hash."""
        return f"{self._random.getrandbits(4 * length):0{length}x}"

    def template_hash(self, text: str) -> str:
        """The pod-template-hash of a ReplicaSet, the same for the same text."""
        number = int.from_bytes(hashlib.blake2b(f"{self._seed}/{text}".encode(), digest_size=8).digest(), "big")
        return "".join(SUFFIX_ALPHABET[(number >> (6 * place)) % len(SUFFIX_ALPHABET)] for place in range(10))

    def chance(self, purpose: str) -> random.Random:
        """A stream of chance of its own for a purpose, so that one purpose's draws never move another's."""
        return random.Random(f"{self._seed}/{purpose}")  # noqa: S311 - reproducible, not secret
