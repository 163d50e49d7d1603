"""Which block device stands on which, from sysfs: a write to a dm or md device is counted once more below it."""

import os
import pathlib


class BlockDevices:
    """The devices below a device, looked up once; `forget` when devices may have changed.

    /sys isn't a namespace's own: a container sees the node's devices, its default read-only mount will do.
    """

    def __init__(self, sysfs_root: pathlib.Path) -> None:
        self._by_number = sysfs_root / "dev" / "block"
        self._known: dict[str, frozenset[str]] = {}

    def below(self, device: str) -> frozenset[str]:
        """Return all devices that `device` (`major:minor`) stands on, partitions and their disks; empty for a disk."""
        known = self._known.get(device)
        if known is None:
            known = frozenset(self._walk(device, set()))
            self._known[device] = known
        return known

    def forget(self) -> None:
        """Look up anew: numbers of devices that are gone are given to others."""
        self._known.clear()

    def _walk(self, device: str, seen: set[str]) -> set[str]:
        try:
            slaves = list((self._by_number / device / "slaves").iterdir())
        except OSError:  # a disk has none; a device that is gone neither
            return seen
        for slave in slaves:
            folder = pathlib.Path(os.path.realpath(slave))
            for number in _numbers(folder):
                if number not in seen:
                    seen.add(number)
                    self._walk(number, seen)
        return seen


def _numbers(folder: pathlib.Path) -> list[str]:
    """Return the device's number, and its disk's if it is a partition: I/O is counted on the disk."""
    found = []
    folders = [folder, folder.parent] if (folder / "partition").exists() else [folder]
    for each in folders:
        try:
            found.append((each / "dev").read_text(encoding="ascii").strip())
        except OSError:
            continue
    return found
