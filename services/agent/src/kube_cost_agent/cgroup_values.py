"""What stands in the files of a cgroup. Pure: bytes in, numbers out; ValueError where they aren't what they should be.

Sources: the kernel's Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/{cpuacct,memory,blkio-controller}.rst.
"""

from collections.abc import Callable, Iterator

from kube_cost_agent.readings import IoReading

DevicesBelow = Callable[[str], frozenset[str]]
"""From a block device `major:minor` to all devices that it stands on; empty for a disk."""


def stat_value(text: bytes, key: bytes) -> int:
    """Return the number after `key` in a flat keyed file as cpu.stat or memory.stat."""
    if text.startswith(key + b" "):
        start = len(key) + 1
    else:
        found = text.find(b"\n" + key + b" ")
        if found < 0:
            raise ValueError(f"no {key.decode()} in it")
        start = found + len(key) + 2
    end = text.find(b"\n", start)
    return int(text[start:] if end < 0 else text[start:end])


def stat_value_or_zero(text: bytes, key: bytes) -> int:
    """Return the number after `key`, or 0 where an older kernel doesn't have it."""
    try:
        return stat_value(text, key)
    except ValueError:
        return 0


def io_of_stat(text: bytes, below: DevicesBelow) -> IoReading:
    """Return the totals in a v2 `io.stat`: lines of `major:minor rbytes=… wbytes=… rios=… wios=…`."""
    devices: dict[str, dict[str, int]] = {}
    for line in text.decode("ascii").splitlines():
        device, *pairs = line.split()
        # Seen on some kernels: a device with nothing behind it.
        devices[device] = {key: int(value) for key, _, value in (pair.partition("=") for pair in pairs)}
    counted = [devices[device] for device in _once(devices, below)]
    return IoReading(
        read_bytes=sum(values.get("rbytes", 0) for values in counted),
        write_bytes=sum(values.get("wbytes", 0) for values in counted),
        read_operations=sum(values.get("rios", 0) for values in counted),
        write_operations=sum(values.get("wios", 0) for values in counted),
    )


def io_of_blkio(service_bytes: bytes, serviced: bytes, below: DevicesBelow) -> IoReading:
    """Return the totals in v1's throttle files: lines of `major:minor Read …`, `major:minor Write …` and others."""
    read_bytes, write_bytes = _reads_and_writes(service_bytes, below)
    read_operations, write_operations = _reads_and_writes(serviced, below)
    return IoReading(
        read_bytes=read_bytes,
        write_bytes=write_bytes,
        read_operations=read_operations,
        write_operations=write_operations,
    )


def _reads_and_writes(text: bytes, below: DevicesBelow) -> tuple[int, int]:
    devices: dict[str, dict[str, int]] = {}
    for line in text.decode("ascii").splitlines():
        words = line.split()
        if len(words) == 3:
            devices.setdefault(words[0], {})[words[1]] = int(words[2])
    counted = [devices[device] for device in _once(devices, below)]
    return sum(values.get("Read", 0) for values in counted), sum(values.get("Write", 0) for values in counted)


def _once(devices: dict[str, dict[str, int]], below: DevicesBelow) -> Iterator[str]:
    """Yield those devices that don't stand on another of them: a write to a dm or md device is counted below too."""
    return (device for device in devices if below(device).isdisjoint(devices))
