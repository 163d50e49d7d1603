from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from kube_cost_aggregator.inputs.budget_file import BudgetFile
from kube_cost_common.domain.budgets import Budget, Scope
from kube_cost_common.runtime.clock import SystemClock
from kube_cost_common.runtime.followed_file import MAX_FILE_BYTES
from kube_cost_common.runtime.health import Counters

NANO = 10**9
SHOP = Scope("namespace", "shop")
BUDGETS = {SHOP: Budget(5000 * NANO, "file"), Scope("cluster", "prod"): Budget(20_000 * NANO, "file")}
GOOD = "budgets:\n- {namespace: shop, monthly_usd: 5000}\n- {cluster: true, monthly_usd: '20,000'}\n"


class _File:
    """A file of budgets and who follows it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "budgets.yaml"
        self.counters = Counters()
        self.budgets = BudgetFile(
            path=self.path, cluster="prod", clock=SystemClock(), log=structlog.get_logger(), counters=self.counters
        )

    def write(self, text: str) -> None:
        self.path.write_text(text)

    @property
    def faults(self) -> float:
        return sum(counted.value for counted in self.counters.counts())


@pytest.fixture
def file(tmp_path: Path) -> _File:
    return _File(tmp_path)


async def test_the_file_is_read_at_the_start(file: _File) -> None:
    """At once."""
    file.write(GOOD)
    await file.budgets.start()
    assert file.budgets.now.budgets == BUDGETS
    assert file.faults == 0


async def test_a_change_counts_once_it_has_been_there_twice(file: _File) -> None:
    """In the middle of a month too."""
    file.write(GOOD)
    await file.budgets.start()
    file.write(GOOD.replace("5000", "6000"))
    await file.budgets.check()
    assert file.budgets.now.budgets[SHOP].nano == 5000 * NANO
    await file.budgets.check()
    assert file.budgets.now.budgets[SHOP].nano == 6000 * NANO


@pytest.mark.parametrize("bad", ["budgets: [", "teams: []", "", "\x00", "#" * (MAX_FILE_BYTES + 1), None])
async def test_a_file_that_can_not_be_read_leaves_what_was(file: _File, bad: str | None) -> None:
    """The fault names the file; it is counted and logged once."""
    file.write(GOOD)
    await file.budgets.start()
    if bad is None:
        file.path.unlink()
    else:
        file.write(bad)
    with capture_logs() as logs:
        for _ in range(4):
            await file.budgets.check()
    assert file.budgets.now.budgets == BUDGETS
    (fault,) = file.budgets.now.faults
    assert str(file.path) in fault
    assert file.faults == 1
    assert len(logs) == 1
    file.write(GOOD)
    await file.budgets.check()
    await file.budgets.check()
    assert file.budgets.now.faults == ()


async def test_a_bad_entry_is_a_fault_beside_the_good_ones(file: _File) -> None:
    """Named by file and number."""
    file.write(GOOD + "- {namespace: ml, monthly_usd: viel}\n")
    await file.budgets.start()
    assert file.budgets.now.budgets == BUDGETS
    (fault,) = file.budgets.now.faults
    assert fault.startswith(f"{file.path}: entry 3: ")


async def test_a_file_that_is_not_there_is_a_fault(file: _File) -> None:
    """And there are no budgets."""
    await file.budgets.start()
    assert not file.budgets.now.budgets
    assert "can't be read" in file.budgets.now.faults[0]
