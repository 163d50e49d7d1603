"""A file that people change while a service runs."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path

MAX_FILE_BYTES = 1024 * 1024
"""As much as a ConfigMap can hold."""


class FollowedFile:
    """Hands on what is in a file when that has changed, whatever replaces it: an editor, a rename, a swapped symlink.

    Its bytes are compared, since a file's time and inode can stay the same. New bytes count once they have been the
    same for two looks: not everybody who writes a file replaces it in one go, and half a list is often a valid one.
    """

    def __init__(self, *, path: Path, take: Callable[[bytes | str], Awaitable[None]]) -> None:
        """`take` gets the file's bytes, or the end of a sentence that says why there are none."""
        self._path = path
        self._take = take
        self._seen = ""
        self._taken = ""

    async def start(self) -> None:
        """Read the file for the first time and hand on what is there."""
        content, self._seen = await asyncio.to_thread(self._read)
        self._taken = self._seen
        await self._take(content)

    async def check(self) -> None:
        """Look at the file, and hand on what has been in it since the look before."""
        content, state = await asyncio.to_thread(self._read)
        settled, self._seen = state == self._seen, state
        if settled and state != self._taken:
            self._taken = state
            await self._take(content)

    def _read(self) -> tuple[bytes | str, str]:
        """Return the content, and what tells one state of the file from another."""
        try:
            with self._path.open("rb") as file:
                content = file.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            reason = f"can't be read: {error.strerror or error}"
            return reason, reason
        if len(content) > MAX_FILE_BYTES:
            return f"is larger than {MAX_FILE_BYTES} bytes", "too large"
        return content, hashlib.sha256(content).hexdigest()
