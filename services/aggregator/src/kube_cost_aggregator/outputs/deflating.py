"""One gzip member made of pieces that were compressed on their own, so that only changed ones are compressed anew.

Deflate blocks that end with a full flush end on a byte and refer to nothing before them, so such pieces may stand in
any order (RFC 1951; zlib's manual on Z_FULL_FLUSH). Header and trailer are RFC 1952's.
"""

import struct
import zlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from kube_cost_aggregator.outputs.chunks import Chunk

LEVEL = 6

_HEADER = bytes((0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255))  # deflate, no name, no time, unknown system
_LAST_BLOCK = b"\x03\x00"  # an empty final block with fixed codes


class Exposition(NamedTuple):
    """What is served: the pieces of the identity body, and the gzip body. Immutable, swapped whole."""

    pieces: tuple[bytes, ...]
    gzip: bytes
    size_bytes: int
    series: int

    def identity(self) -> bytes:
        """Return the plain body."""
        return b"".join(self.pieces)


class Deflated:
    """Keeps the compressed form of chunks, by their key."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], tuple[Chunk, bytes]] = {}
        self.compressed = 0

    def stale_bytes(self, chunks: Sequence[tuple[tuple[str, str], Chunk]]) -> int:
        """Return how much text would have to be compressed."""
        kept = self._kept
        return sum(
            len(chunk.text) for key, chunk in chunks if (known := kept.get(key)) is None or known[0] is not chunk
        )

    def assemble(self, chunks: Sequence[tuple[tuple[str, str], Chunk]]) -> Exposition:
        """Return the bodies of these chunks in this order; keys are unique. One caller at a time, in any thread.

        `compressed` counts the chunks that were compressed for it.
        """
        packer = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        now: dict[tuple[str, str], tuple[Chunk, bytes]] = {}
        for key, chunk in chunks:
            known = self._kept.get(key)
            if known is None or known[0] is not chunk:
                known = (chunk, packer.compress(chunk.text) + packer.flush(zlib.Z_FULL_FLUSH))
                self.compressed += 1
            now[key] = known
        self._kept = now
        pieces = tuple(chunk.text for chunk, _ in now.values())
        size = sum(map(len, pieces))
        trailer = struct.pack("<II", _crc(pieces), size & 0xFFFFFFFF)
        body = b"".join((_HEADER, *(packed for _, packed in now.values()), _LAST_BLOCK, trailer))
        return Exposition(pieces, body, size, sum(chunk.series for chunk, _ in now.values()))


def _crc(pieces: Iterable[bytes]) -> int:
    crc = 0
    for piece in pieces:
        crc = zlib.crc32(piece, crc)
    return crc
