"""What is held while pods come and go: no more after an hour than after a quarter of one."""

from pathlib import Path

import pytest

from harness.growth import LIVES_MINUTES, NODES, PODS_A_MINUTE, SAMPLES_AFTER_END, Growth

SETTLED_MINUTES = 10
"""By then every kind of thing has come and gone: pods, their last samples, nodes."""

MINUTES = 60

BLOCKS_OF_A_POD = 9
"""What an hour holds of a pod: its number, a record, six amounts, its place."""


@pytest.mark.timeout(300)  # half a minute of computing, on a machine that others use too
async def test_an_hour_of_a_thousand_pods_a_minute_leaves_nothing_behind(tmp_path: Path) -> None:
    """60,000 pods and 12 nodes later everything is as large as it was, to the object."""
    growth = Growth(folder=tmp_path)
    try:
        await growth.start()
        for _ in range(SETTLED_MINUTES):
            await growth.minute()
        early = growth.counted()
        for _ in range(MINUTES):
            await growth.minute()
        late = growth.counted()
    finally:
        growth.close()

    assert early.series > PODS_A_MINUTE * LIVES_MINUTES
    # One node more than there are: the one that has just been replaced.
    assert early.baselines <= PODS_A_MINUTE * (LIVES_MINUTES + SAMPLES_AFTER_END) * (NODES + 1) / NODES
    assert early.hour_pods > PODS_A_MINUTE * (SETTLED_MINUTES - 1)
    # The pods of the hour that runs are held until it is over; how many, nodes decide that are replaced.
    assert late.hour_pods <= PODS_A_MINUTE * (SETTLED_MINUTES + LIVES_MINUTES)
    same = dict.fromkeys(("hour_pods", "objects", "blocks"), 0)
    assert late._replace(**same) == early._replace(**same)
    assert late.objects - early.objects <= early.objects / 100
    blocks_of_an_hour = BLOCKS_OF_A_POD * (late.hour_pods - early.hour_pods)
    assert late.blocks - early.blocks - blocks_of_an_hour <= early.blocks / 50
