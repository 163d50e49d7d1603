import pathlib

from kube_cost_agent.block_devices import BlockDevices


def _device(sysfs: pathlib.Path, number: str, folder: str, *, partition: bool = False) -> pathlib.Path:
    path = sysfs / "devices" / folder
    path.mkdir(parents=True)
    (path / "dev").write_text(f"{number}\n")
    if partition:
        (path / "partition").write_text("1\n")
    by_number = sysfs / "dev" / "block"
    by_number.mkdir(parents=True, exist_ok=True)
    (by_number / number).symlink_to(path)
    return path


def _stand(top: pathlib.Path, on: pathlib.Path) -> None:
    (top / "slaves").mkdir(exist_ok=True)
    (top / "slaves" / on.name).symlink_to(on)


def test_what_a_volume_stands_on_is_found_down_to_the_disk(tmp_path: pathlib.Path) -> None:
    """LVM on RAID on a partition: array, partition and the partition's disk are below the volume."""
    _device(tmp_path, "8:0", "sda")
    partition = _device(tmp_path, "8:1", "sda/sda1", partition=True)
    array = _device(tmp_path, "9:0", "md0")
    volume = _device(tmp_path, "253:0", "dm-0")
    _stand(array, partition)
    _stand(volume, array)
    devices = BlockDevices(tmp_path)
    assert devices.below("253:0") == {"9:0", "8:1", "8:0"}
    assert devices.below("8:0") == frozenset()


def test_an_unknown_device_stands_on_nothing(tmp_path: pathlib.Path) -> None:
    """Without sysfs every device is counted."""
    assert BlockDevices(tmp_path).below("259:3") == frozenset()


def test_numbers_are_looked_up_anew_after_forget(tmp_path: pathlib.Path) -> None:
    """A number may be given to another device."""
    disk = _device(tmp_path, "8:0", "sda")
    volume = _device(tmp_path, "253:0", "dm-0")
    devices = BlockDevices(tmp_path)
    assert devices.below("253:0") == frozenset()
    _stand(volume, disk)
    devices.forget()
    assert devices.below("253:0") == {"8:0"}
