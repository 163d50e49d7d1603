"""The custom prices file is followed, whatever happens to it."""

from collections.abc import Callable
from pathlib import Path

import pytest
import structlog

from kube_cost_common.runtime.clock import SystemClock
from kube_cost_common.runtime.followed_file import MAX_FILE_BYTES
from kube_cost_common.runtime.health import Counters, Problems
from kube_cost_pricing.custom.file import CustomPricesFile
from kube_cost_pricing.custom.rules import CustomPrices

ONE = "nodes: [{instance_type: m5.large, usd_per_hour: 1}]\n"
TWO = "nodes: [{instance_type: m5.large, usd_per_hour: 2}]\n"
FAULTY = "nodes: [{instance_type: m5.large, usd_per_hour: x}]\n"


class Followed:
    """A CustomPricesFile and what it told."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.taken: list[object] = []
        self.refused: list[str] = []
        self.changes = 0
        self.counters, self.problems = Counters(), Problems()
        self.file = CustomPricesFile(
            path=path,
            usd_per={},
            check_seconds=1.0,
            take=self._take,
            refuse=self.refused.append,
            on_change=self._changed,
            clock=SystemClock(),
            log=structlog.get_logger(),
            counters=self.counters,
            problems=self.problems,
        )

    def _take(self, prices: CustomPrices, read_at_ns: int) -> None:
        assert read_at_ns > 0
        self.taken.append(prices.nodes[0].price if prices.nodes else None)

    def _changed(self) -> None:
        self.changes += 1

    @property
    def errors(self) -> float:
        return sum(reading.value for reading in self.counters.counts())

    @property
    def up(self) -> float:
        return next(one.value for one in self.file.gauges() if one.name == "kube_cost_provider_up")


def write(path: Path, content: str | bytes) -> None:
    path.write_bytes(content.encode() if isinstance(content, str) else content)


async def started(path: Path, content: str | bytes = ONE) -> Followed:
    write(path, content)
    followed = Followed(path)
    await followed.file.start()
    return followed


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "prices.yaml"


async def test_the_file_is_taken_at_the_start(path: Path) -> None:
    """What is there at the start counts at once."""
    followed = await started(path)
    assert (followed.taken, followed.changes, followed.up, followed.errors) == ([1.0], 1, 1.0, 0)


async def test_an_unchanged_file_is_taken_once(path: Path) -> None:
    """Checks that find the same bytes do nothing, also when the file was written again."""
    followed = await started(path)
    for _ in range(3):
        write(path, ONE)
        await followed.file.check()
    assert (followed.taken, followed.changes) == ([1.0], 1)


def rewrite(path: Path) -> None:
    path.write_text(TWO)


def replace(path: Path) -> None:
    path.with_suffix(".new").write_text(TWO)
    path.with_suffix(".new").replace(path)


@pytest.mark.parametrize("change", [rewrite, replace])
async def test_a_change_counts_at_the_second_check(path: Path, change: Callable[[Path], None]) -> None:
    """New bytes that are still there at the next check are taken; half-written ones aren't."""
    followed = await started(path)
    change(path)
    await followed.file.check()
    assert followed.taken == [1.0]
    await followed.file.check()
    assert followed.taken == [1.0, 2.0]


async def test_a_half_written_file_is_never_taken(path: Path) -> None:
    """An empty or cut file in the middle of a save isn't even a fault."""
    followed = await started(path)
    write(path, "")
    await followed.file.check()
    write(path, TWO)
    await followed.file.check()
    await followed.file.check()
    assert (followed.taken, followed.errors) == ([1.0, 2.0], 0)


async def test_a_configmaps_swapped_symlink_is_seen(tmp_path: Path) -> None:
    """The kubelet changes a volume by swapping `..data`; the path that is read stays a link through it."""
    for name, content in (("..one", ONE), ("..two", TWO)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "prices.yaml").write_text(content)
    (tmp_path / "..data").symlink_to("..one")
    path = tmp_path / "prices.yaml"
    path.symlink_to("..data/prices.yaml")
    followed = Followed(path)
    await followed.file.start()
    (tmp_path / "..data_tmp").symlink_to("..two")
    (tmp_path / "..data_tmp").rename(tmp_path / "..data")
    await followed.file.check()
    await followed.file.check()
    assert followed.taken == [1.0, 2.0]


async def test_a_faulty_file_leaves_the_last_good_one(path: Path) -> None:
    """A fault is counted once, said in the problems with its place, and taken back when mended."""
    followed = await started(path)
    write(path, FAULTY)
    for _ in range(4):
        await followed.file.check()
    assert (followed.taken, followed.refused, followed.errors, followed.up) == ([1.0], [], 1.0, 0.0)
    (sentence,) = followed.problems.sentences()
    assert sentence.startswith(
        f"the custom prices file isn't in force: {path}:1: nodes[0].usd_per_hour: expected a num"
    )
    write(path, TWO)
    await followed.file.check()
    await followed.file.check()
    assert (followed.taken, followed.problems.sentences(), followed.up) == ([1.0, 2.0], [], 1.0)


async def test_the_good_file_put_back_counts_again(path: Path) -> None:
    """Back to the bytes before the fault: the problem is over."""
    followed = await started(path)
    for content in (FAULTY, ONE):
        write(path, content)
        await followed.file.check()
        await followed.file.check()
    assert (followed.problems.sentences(), followed.up, followed.taken[-1]) == ([], 1.0, 1.0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, ": can't be read: No such file or directory"),
        (b"nodes:\n- {instance_type: \xff, usd_per_hour: 1}\n", ":2: not UTF-8"),
        (b"#" * (MAX_FILE_BYTES + 1), f": is larger than {MAX_FILE_BYTES} bytes"),
        (b"", ":1: the file is empty"),
        (
            FAULTY.encode(),
            ":1: nodes[0].usd_per_hour: expected a number of USD, 0 or more, found x, which is no number",
        ),
    ],
)
async def test_a_start_with_a_bad_file(path: Path, content: bytes | None, message: str) -> None:
    """At the start there is nothing to keep: whoever asks is told that the prices aren't known, and why."""
    if content is not None:
        write(path, content)
    followed = Followed(path)
    await followed.file.start()
    assert followed.refused == [f"the custom prices file isn't in force: {path}{message}"]
    assert (followed.taken, followed.errors, followed.up) == ([], 1.0, 0.0)
    write(path, TWO)
    await followed.file.check()
    await followed.file.check()
    assert followed.taken == [2.0]


async def test_many_faults_are_cut_short(path: Path) -> None:
    """The problem shows the first five faults and how many more there are."""
    followed = await started(path, "nodes:\n" + "- {usd_per_hour: x, region: a}\n" * 9)
    (sentence,) = followed.problems.sentences()
    assert sentence.count("expected a number") == 5
    assert sentence.endswith("; and 4 more faults")
