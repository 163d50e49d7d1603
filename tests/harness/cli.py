"""`kubectl cost` as a person types it, in this process; golden files of what it prints; a ledger worth looking at."""

import asyncio
import os
from pathlib import Path
from typing import NamedTuple

from click.testing import CliRunner
from msgspec import structs

from harness import two_hours
from kube_cost_aggregator.history.store import Batch, Money, NodeHour, PodHour
from kubectl_cost.main import main

GOLDEN = Path(__file__).parents[1] / "integration" / "golden" / "kubectl-cost"

NANO_TIMES = 12_345_678
"""What a nano-USD of the two hours' ledger comes to in this one."""


class Typed(NamedTuple):
    """What came of a command."""

    code: int
    out: str
    errors: str


async def kubectl_cost(*arguments: str, **environ: str | None) -> Typed:
    """Run a command with these variables, and none of whoever runs the tests."""
    plain = dict.fromkeys((name for name in os.environ if name.startswith(("KUBE", "HTTP", "http"))), None)
    runner = CliRunner(env={"HOME": "/nonexistent", **plain, **environ})
    result = await asyncio.to_thread(runner.invoke, main, list(arguments), prog_name="kubectl cost")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Typed(result.exit_code, result.stdout, result.stderr)


def golden(name: str, text: str) -> str:
    """Return the text of a golden file; `KUBE_COST_UPDATE_GOLDEN=1` writes it anew."""
    file = GOLDEN / name
    if os.environ.get("KUBE_COST_UPDATE_GOLDEN") == "1":
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())
    return file.read_bytes().decode()


def dear_hours() -> Batch:
    """The two hours of `two_hours`, of which each nano-USD costs more, on nodes that the small world has now."""
    batch = two_hours.batch()
    batch.nodes = {
        uid: structs.replace(node, name=name, node_pool=pool)
        for (uid, node), (name, pool) in zip(
            batch.nodes.items(), (("spot-1", "burst"), ("kept-1", "base")), strict=True
        )
    }
    batch.pod_hours = {key: PodHour(_times(hour.money), *hour[1:]) for key, hour in batch.pod_hours.items()}
    batch.node_hours = {
        key: NodeHour(
            paid=hour.paid * NANO_TIMES,
            saved=hour.saved * NANO_TIMES,
            system=_times(hour.system),
            idle=_times(hour.idle),
            seconds=hour.seconds,
            estimated_seconds=hour.estimated_seconds,
        )
        for key, hour in batch.node_hours.items()
    }
    batch.namespace_hours = {key: _times(money) for key, money in batch.namespace_hours.items()}
    return batch


def _times(money: Money) -> Money:
    return Money(*(nano * NANO_TIMES for nano in money))
