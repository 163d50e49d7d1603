"""How much of pods' names is shown."""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal

Show = Literal["plain", "hash", "drop"]

HASH_BYTES = 8
"""16 hexadecimal digits: of a million names two are alike once in 37 million clusters."""


@dataclass(frozen=True, kw_only=True)
class PodNames:
    """What stands for a pod's name: the name itself, a hash that only who has the key can make, or nothing."""

    show: Show = "plain"
    key: bytes = b""

    def __post_init__(self) -> None:
        if self.show == "hash" and not self.key:
            raise ValueError("names can't be hashed without a secret: anybody could hash all likely names")

    def shown(self, name: str) -> str:
        """Return what stands for a name; the same for the same name, whichever process is asked."""
        if self.show == "plain" or not name:
            return name
        if self.show == "drop":
            return ""
        return blake2b(name.encode(), key=self.key[:64], digest_size=HASH_BYTES).hexdigest()


PLAIN = PodNames()
