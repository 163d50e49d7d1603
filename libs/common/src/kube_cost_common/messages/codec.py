"""How records become bytes: MessagePack arrays, the first field of each the major version of its layout.

Fields are only ever appended, with defaults, and that doesn't raise the version: an older reader passes over what it
doesn't know, a newer one fills in what is missing. A greater major version is refused, since nothing is known of it.
"""

from typing import Generic, TypeVar

import msgspec

MAX_RECORD_BYTES = 1_000_000
"""Just under nats-server's default max_payload of 1 MiB (1,048,576 bytes), which counts headers too."""


class Part(msgspec.Struct, array_like=True, frozen=True, kw_only=True, gc=False):
    """A piece of a record: an array on the wire, immutable here. Its fields keep their order for ever."""


class Record(msgspec.Struct, array_like=True, frozen=True, kw_only=True):
    """What travels by itself. The first field says the major version of the layout.

    Every kind of record is `kw_only` too: msgspec puts keyword-only fields, and so the version, after the others.
    """

    version: int = 1


class DecodeError(ValueError):
    """Bytes from the bus that are no record of the kind that was expected.

    `reason` is one of a closed set, for counters: `oversized`, `version`, `malformed`.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class _Head(msgspec.Struct, array_like=True):
    version: int


R = TypeVar("R", bound=Record)


def encode(record: Record) -> bytes:
    """Return the bytes of `record`."""
    return msgspec.msgpack.encode(record)


class RecordDecoder(Generic[R]):
    """Reads records of one type; made once for a type, since msgspec compiles its layout."""

    def __init__(self, record_type: type[R], *, major: int = 1) -> None:
        if record_type.__struct_fields__[0] != "version":
            raise TypeError(f"{record_type.__name__} must be kw_only, so that its version comes first")
        self._major = major
        self._head = msgspec.msgpack.Decoder(_Head)
        self._body = msgspec.msgpack.Decoder(record_type)

    def decode(self, payload: bytes) -> R:
        """Return the record in `payload`; raise DecodeError, which says why, where there is none.

        The layout alone is checked. What a value may be is the reader's to say: a float may be NaN or infinite.
        """
        if len(payload) > MAX_RECORD_BYTES:
            raise DecodeError("oversized", f"{len(payload)} bytes, at most {MAX_RECORD_BYTES} are read")
        try:
            version = self._head.decode(payload).version
            if not 1 <= version <= self._major:
                raise DecodeError("version", f"major version {version}, this reader knows {self._major}")
            return self._body.decode(payload)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise DecodeError("malformed", str(error)) from error
