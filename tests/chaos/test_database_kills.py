"""PostgreSQL is killed while the ledger is written, again and again."""

from pathlib import Path

import pytest

from harness.database_kills import KilledLedger
from harness.postgres import running_postgres

KILLS = 20


@pytest.mark.timeout(600)
async def test_kills_in_mid_batch_leave_exact_sums(tmp_path: Path) -> None:
    """Every table is then what a file has whose writer nothing happened to."""
    with running_postgres() as server:
        killed = KilledLedger(server=server, folder=tmp_path, seed=2)
        await killed.live(kills=KILLS)
        print(f"\n{killed.report}")
        await killed.check()
