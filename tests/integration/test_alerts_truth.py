"""What a message says of money, held to the simulated cluster's own truth at the moment that it is about."""

import re
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

from harness.alerting import budget
from harness.compared import Row
from harness.everything import ledger_rows, settled_costs, truth_rows
from harness.twin import Twin
from kube_cost_alerts.evaluator import Moment, evaluate
from kube_cost_alerts.links import Links
from kube_cost_alerts.routing import Telling
from kube_cost_alerts.wording import worded
from kube_cost_common.messages.alerts import AlertMemory
from kube_cost_simulator.everything.scenarios import everything_scenario

MINUTES = 30


def spent(rows: Iterable[Row]) -> dict[str, int]:
    """Nano-USD by namespace."""
    return {row.namespace: row.nano_usd for row in rows if row.kind == "namespace"}


async def test_what_was_spent_is_the_truth_to_a_percent(tmp_path: Path) -> None:
    """At 80, 100 and 120 %: as settled in that minute, volumes and traffic included."""
    twin = Twin(scenario=everything_scenario(), folder=tmp_path, seed=6)
    await twin.start()
    memory: AlertMemory | None = None
    name, usd = "", 0.0
    told: list[float] = []
    for minute in range(MINUTES):
        await twin.run(60)
        await twin.catch_up()
        await twin.settle_standing()
        settled = spent(ledger_rows(tmp_path))
        if minute == 9:
            # Of the namespace that costs most: 80 % some minutes from here.
            name = max((one for one in settled if not one.startswith("__")), key=lambda one: settled[one])
            usd = 2.2 * settled[name] / 1e9
        if not name:
            continue
        now_ns = twin.clock.now_ns()
        moment = Moment(cluster="prod", at_ns=now_ns, month_start_ns=1, owner="x")
        row = budget(name, usd=usd, spent=settled[name] / 1e9)
        before = len(memory.intents) if memory else 0
        memory = evaluate(row, memory, Telling(), moment)
        for intent in memory.intents[before:]:
            text = worded(intent, cluster="prod", links=Links(), now_ns=now_ns).text
            shown = re.search(r"Spent This Month: \S+ \(([\d.]+)%\)", text)
            assert shown is not None
            truth = spent(truth_rows(await settled_costs(twin)))
            true = Fraction(truth[name], 10**9) * 100 / Fraction(usd)
            assert abs(Fraction(shown[1]) / true - 1) <= Fraction(1, 100), f"{shown[1]} %, in truth {float(true):.2f} %"
            told.append(intent.percent)
    twin.close()
    assert told == [80.0, 100.0, 120.0]
