"""The files of one cgroup, v1 or v2, read again and again."""

import errno
import os
import pathlib
from typing import Protocol

from kube_cost_agent.cgroup_values import DevicesBelow, io_of_blkio, io_of_stat, stat_value, stat_value_or_zero
from kube_cost_agent.readings import CgroupReading, IoReading

CHUNK_BYTES = 8192

VANISHED = frozenset({errno.ENOENT, errno.ENODEV, errno.ENOTDIR})
"""What a cgroup answers that went between the list and the read: ENODEV from a file that was still open."""


class OpenFiles:
    """How many files may stay open. An open cgroup file is read in 2 to 12 µs, one that isn't in 19 to 33 µs."""

    def __init__(self, limit: int) -> None:
        self._left = limit

    def take(self) -> bool:
        """Return whether one more may stay open."""
        if self._left <= 0:
            return False
        self._left -= 1
        return True

    def give_back(self) -> None:
        """Note that one was closed."""
        self._left += 1


class RereadFile:
    """A file that is read from its start each time, and kept open if it may be.

    Only the kernel's own files are kept open: an ordinary one may be replaced by another under its name.
    """

    __slots__ = ("_fd", "_keep", "_open_files", "_path")

    def __init__(self, path: str, *, open_files: OpenFiles, keep: bool) -> None:
        self._path = path
        self._open_files = open_files
        self._keep = keep
        self._fd = -1

    def read(self) -> bytes:
        """Return the content; raise OSError as the kernel has it."""
        if self._fd >= 0:
            return _whole(self._fd)
        fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        if self._keep and self._open_files.take():
            self._fd = fd
            return _whole(fd)
        try:
            return _whole(fd)
        finally:
            os.close(fd)

    def close(self) -> None:
        """Close it, if it is open; it may be read again."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
            self._open_files.give_back()


class CgroupFiles(Protocol):
    """One cgroup's files."""

    def read(self, inode: int) -> CgroupReading:
        """Return what they say, with the inode of the directory; raise OSError or ValueError."""
        ...

    def close(self) -> None:
        """Close what is open."""
        ...


class CgroupV2Files:
    """A cgroup of the unified hierarchy."""

    def __init__(self, folder: pathlib.Path, *, below: DevicesBelow, open_files: OpenFiles, keep: bool) -> None:
        self._below = below
        self._cpu_stat, self._memory_current, self._memory_stat, self._io_stat = (
            RereadFile(str(folder / name), open_files=open_files, keep=keep)
            for name in ("cpu.stat", "memory.current", "memory.stat", "io.stat")
        )

    def read(self, inode: int) -> CgroupReading:
        """Return what the files say now."""
        return CgroupReading(
            inode=inode,
            cpu_ns=stat_value(self._cpu_stat.read(), b"usage_usec") * 1000,
            working_set_bytes=self._working_set_bytes(),
            io=self._io(),
        )

    def close(self) -> None:
        """Close what is open."""
        for file in (self._cpu_stat, self._memory_current, self._memory_stat, self._io_stat):
            file.close()

    def _working_set_bytes(self) -> int:
        stat = self._memory_stat.read()
        try:
            usage = int(self._memory_current.read())
        except FileNotFoundError:
            # The hierarchy's own root has no memory.current.
            usage = sum(stat_value_or_zero(stat, key) for key in (b"anon", b"file", b"kernel"))
        return max(0, usage - stat_value(stat, b"inactive_file"))

    def _io(self) -> IoReading | None:
        try:
            return io_of_stat(self._io_stat.read(), self._below)
        except FileNotFoundError:
            return None


class CgroupV1Files:
    """A cgroup with a directory in each controller's hierarchy."""

    def __init__(
        self,
        *,
        cpuacct: pathlib.Path,
        memory: pathlib.Path,
        blkio: pathlib.Path | None,
        below: DevicesBelow,
        open_files: OpenFiles,
        keep: bool,
    ) -> None:
        def reread(path: pathlib.Path) -> RereadFile:
            return RereadFile(str(path), open_files=open_files, keep=keep)

        self._below = below
        self._cpu = reread(cpuacct / "cpuacct.usage")
        self._memory_usage = reread(memory / "memory.usage_in_bytes")
        self._memory_stat = reread(memory / "memory.stat")
        self._blkio: list[tuple[RereadFile, RereadFile]] = []
        if blkio is not None:
            # The pod's own cgroup has no process in it, so only the recursive files count its containers.
            self._blkio = [
                (
                    reread(blkio / f"blkio.throttle.io_service_bytes{s}"),
                    reread(blkio / f"blkio.throttle.io_serviced{s}"),
                )
                for s in ("_recursive", "")
            ]

    def read(self, inode: int) -> CgroupReading:
        """Return what the files say now."""
        usage = int(self._memory_usage.read())
        return CgroupReading(
            inode=inode,
            cpu_ns=int(self._cpu.read()),
            working_set_bytes=max(0, usage - stat_value(self._memory_stat.read(), b"total_inactive_file")),
            io=self._io(),
        )

    def close(self) -> None:
        """Close what is open."""
        for file in (
            self._cpu,
            self._memory_usage,
            self._memory_stat,
            *(file for pair in self._blkio for file in pair),
        ):
            file.close()

    def _io(self) -> IoReading | None:
        while self._blkio:
            service_bytes, serviced = self._blkio[0]
            try:
                return io_of_blkio(service_bytes.read(), serviced.read(), self._below)
            except FileNotFoundError:
                service_bytes.close()
                serviced.close()
                del self._blkio[0]
        return None


def _whole(fd: int) -> bytes:
    chunk = os.pread(fd, CHUNK_BYTES, 0)
    if len(chunk) < CHUNK_BYTES:
        return chunk
    chunks = [chunk]
    while chunk:
        chunk = os.pread(fd, CHUNK_BYTES, sum(map(len, chunks)))
        chunks.append(chunk)
    return b"".join(chunks)
