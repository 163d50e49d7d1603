from pathlib import Path

import pytest

from kube_cost_simulator.atomic_files import AtomicFiles


@pytest.mark.parametrize("exchanges", [True, False])
def test_who_opened_a_file_reads_its_version_whole(tmp_path: Path, exchanges: bool) -> None:
    """A reader that opened before a write reads the old content after it, one that opens then the new, either way."""
    files = AtomicFiles(staging=tmp_path / "staging")
    files._exchanges = exchanges
    path = tmp_path / "cpu.stat"
    old = "usage_usec 1000000\n"
    files.write(str(path), old)
    for new in ("usage_usec 2\n", "usage_usec 30000000000\n", "usage_usec 4\n"):
        with path.open() as opened_before:
            files.write(str(path), new)
            assert opened_before.read() == old
        assert path.read_text() == new
        old = new


def test_a_forgotten_file_leaves_no_twin(tmp_path: Path) -> None:
    """When a cgroup has gone its twin goes too."""
    files = AtomicFiles(staging=tmp_path / "staging")
    path = tmp_path / "io.stat"
    for content in ("a", "b", "c"):
        files.write(str(path), content)
    files.forget(str(path))
    assert list((tmp_path / "staging").iterdir()) == []
