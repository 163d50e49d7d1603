import pathlib

import pytest

from kube_cost_agent.cgroup_files import CgroupV1Files, CgroupV2Files, OpenFiles
from kube_cost_agent.cgroup_values import io_of_blkio, io_of_stat, stat_value
from kube_cost_agent.readings import IoReading

_POD = "kubepods-besteffort-pod8712f785_1a3e_41ec_a00b_e2dcc77431cb.slice"
_CONTAINER = "docker-73051af271105c07e1f493b34856a77e665e3b0b4fc72f76c807dfbffeb881bd.scope"


def _disks(_: str) -> frozenset[str]:
    return frozenset()


@pytest.fixture
def fixtures(recorded_data: pathlib.Path) -> pathlib.Path:
    return recorded_data / "agent" / "coroot-fixtures" / "cgroup"


@pytest.fixture
def io_stat(fixtures: pathlib.Path) -> bytes:
    return (fixtures / "kubepods.slice" / "kubepods-besteffort.slice" / _POD / _CONTAINER / "io.stat").read_bytes()


def test_unstacked_devices_of_io_stat_are_added_up(io_stat: bytes) -> None:
    """Two disks' bytes and operations are summed."""
    assert io_of_stat(io_stat, _disks) == IoReading(
        read_bytes=44, write_bytes=1_261_076_481, read_operations=66, write_operations=114_167
    )


def test_a_device_mapper_volume_on_a_listed_disk_is_not_counted_twice(io_stat: bytes) -> None:
    """253:0 on 252:0 repeats what 252:0 has, so only 252:0 counts."""
    assert io_of_stat(io_stat, lambda device: frozenset({"252:0"} if device == "253:0" else ())) == IoReading(
        read_bytes=11, write_bytes=630_538_240, read_operations=22, write_operations=57_111
    )


def test_a_stacked_device_whose_disks_are_not_listed_counts(io_stat: bytes) -> None:
    """What stands on a disk that this cgroup's file doesn't list is the only count there is."""
    both = io_of_stat(io_stat, lambda device: frozenset({"8:0"} if device == "253:0" else ()))
    assert both.write_bytes == 1_261_076_481


@pytest.mark.parametrize("text", [b"", b"8:0\n", b"8:0 \n"])
def test_an_io_stat_without_values_is_zero(text: bytes) -> None:
    """A cgroup that never touched a disk has an empty file, some kernels a bare device."""
    assert io_of_stat(text, _disks).read_bytes == 0


def test_recorded_v1_blkio_files_are_added_up_without_the_array_on_top(fixtures: pathlib.Path) -> None:
    """9:1, an md array, stands on 8:32 and 8:48, which are counted already; the Total lines aren't either."""
    folder = next((fixtures / "blkio" / "docker").iterdir())
    io = io_of_blkio(
        (folder / "blkio.throttle.io_service_bytes").read_bytes(),
        (folder / "blkio.throttle.io_serviced").read_bytes(),
        lambda device: frozenset({"8:32", "8:48"} if device == "9:1" else ()),
    )
    assert io == IoReading(
        read_bytes=875_529_547_776 + 998_632_854_016,
        write_bytes=655_360 + 4_603_904 + 753_046_432_768 + 884_175_858_688,
        read_operations=20_689_345 + 23_043_666,
        write_operations=39 + 281 + 27_906_791 + 28_906_992,
    )


def test_a_recorded_v2_container_is_read_whole(fixtures: pathlib.Path) -> None:
    """CPU, memory less inactive file pages, and block I/O of a container's files as a kernel wrote them."""
    folder = fixtures / "kubepods.slice" / "kubepods-besteffort.slice" / _POD / _CONTAINER
    files = CgroupV2Files(folder, below=_disks, open_files=OpenFiles(0), keep=False)
    reading = files.read(1)
    assert reading.cpu_ns == 3_795_681_254_000
    assert reading.working_set_bytes == 48_648_192 - 159_744
    assert reading.io is not None
    assert reading.io.read_operations == 66


def test_recorded_v1_files_are_read_whole(fixtures: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """CPU in nanoseconds, total_inactive_file off the usage, and the throttle files for block I/O."""
    name = next((fixtures / "cpuacct" / "docker").iterdir()).name
    memory = tmp_path / "memory"
    memory.mkdir()
    (memory / "memory.stat").write_bytes((fixtures / "memory" / "docker" / name / "memory.stat").read_bytes())
    (memory / "memory.usage_in_bytes").write_text("15984865280\n")  # the recording has no usage: its rss + cache
    files = CgroupV1Files(
        cpuacct=fixtures / "cpuacct" / "docker" / name,
        memory=memory,
        blkio=fixtures / "blkio" / "docker" / name,
        below=_disks,
        open_files=OpenFiles(0),
        keep=False,
    )
    reading = files.read(1)
    assert reading.cpu_ns == 107_292_866_812_141
    assert reading.working_set_bytes == 15_984_865_280 - 1_601_998_848
    assert reading.io is not None
    assert reading.io.write_operations == 39 + 281 + 27_906_791 + 28_906_992 + 4


def test_a_key_is_found_by_its_whole_name(fixtures: pathlib.Path) -> None:
    """total_inactive_file of a v1 memory.stat isn't inactive_file, which stands before it."""
    text = (next((fixtures / "memory" / "docker").iterdir()) / "memory.stat").read_bytes()
    assert stat_value(text, b"total_pgpgin") == 5_542_721_218
    assert stat_value(text, b"cache") == 3_206_844_416
    assert stat_value(b"inactive_file 1\ntotal_inactive_file 2", b"total_inactive_file") == 2


def test_a_missing_key_is_an_error_that_names_it() -> None:
    """A memory.stat without the key can't be guessed at."""
    with pytest.raises(ValueError, match="inactive_file"):
        stat_value(b"anon 1\n", b"inactive_file")
