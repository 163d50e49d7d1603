"""Small files that are rewritten many times a second and never seen half written."""

import ctypes
import os
from pathlib import Path

# renameat2(2): the two names change places in one step, and ext4 doesn't flush as it does when a file is replaced.
AT_FDCWD = -100
RENAME_EXCHANGE = 2


class AtomicFiles:
    """Writes files so that who opens one reads one version of it whole.

    A file has a twin in `staging`, on the same file system: the new content is written to the twin, then the two change
    places. Where the system can't do that the twin replaces the file, which takes longer. Who keeps a file open reads
    an old version until the second write after, so a file shouldn't be written more often than readers take to read.
    """

    def __init__(self, *, staging: Path) -> None:
        self._staging = staging
        self._twins: dict[str, str] = {}
        self._count = 0
        self._library: ctypes.CDLL | None = None
        self._exchanges = True

    def write(self, path: str, content: str) -> None:
        """Make `content` the file's; its directory must be there, or FileNotFoundError."""
        twin = self._twins.get(path)
        if twin is None:
            twin = self._new_twin()
        encoded = content.encode()
        descriptor = os.open(twin, os.O_WRONLY | os.O_CREAT, 0o644)
        try:
            os.pwrite(descriptor, encoded, 0)
            if os.fstat(descriptor).st_size != len(encoded):
                os.ftruncate(descriptor, len(encoded))
        finally:
            os.close(descriptor)
        if path in self._twins and self._exchange(twin, path):
            return
        Path(twin).rename(path)
        self._twins[path] = twin

    def forget(self, path: str) -> None:
        """Drop the twin of a file that was removed."""
        twin = self._twins.pop(path, None)
        if twin is not None:
            Path(twin).unlink(missing_ok=True)

    def _new_twin(self) -> str:
        self._staging.mkdir(parents=True, exist_ok=True)
        self._count += 1
        return f"{self._staging}/{self._count}"

    def _exchange(self, one: str, other: str) -> bool:
        """Let two files change places; False if this system has no way to."""
        if not self._exchanges:
            return False
        try:
            if self._library is None:
                self._library = ctypes.CDLL(None, use_errno=True)
            rename = self._library.renameat2
        except (AttributeError, OSError):
            self._exchanges = False
            return False
        return bool(rename(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE) == 0)
