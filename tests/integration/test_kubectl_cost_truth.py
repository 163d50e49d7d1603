"""What `kubectl cost` prints of the demo's cluster, held to that cluster's own truth."""

import json
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import structlog
from aiohttp import web

from harness.api import World
from harness.cli import golden, kubectl_cost
from harness.clock import TurnedClock
from harness.costs import Shown
from harness.everything import settled_costs
from harness.twin import Twin
from kube_cost_aggregator.outputs.answers.costs_schema import COSTS
from kube_cost_aggregator.outputs.api import Api
from kube_cost_common.runtime.http import serving
from kube_cost_simulator.demo import demo_scenario

SEED = 7
WITHIN = Fraction(1, 100)


@asynccontextmanager
async def demo(folder: Path) -> AsyncIterator[tuple[Twin, str]]:
    """The demo's cluster after an hour, and the address of an aggregator that has its ledger."""
    twin = Twin(scenario=demo_scenario(), folder=folder, seed=SEED)
    await twin.start()
    await twin.run(3600)
    await twin.catch_up()
    clock = TurnedClock(unix_seconds=twin.clock.now_ns() // 10**9)
    shown = Shown(clock=clock, totals=twin.ledger.totals)
    api = Api(store=twin.store, sources=shown.sources, log=structlog.get_logger())
    routes: list[web.RouteDef] = World(shown=shown, others=[(COSTS, api.costs)]).routes()
    try:
        async with serving(host="127.0.0.1", port=0, routes=routes) as port:
            yield twin, f"http://127.0.0.1:{port}"
    finally:
        twin.close()


async def asked(url: str, *arguments: str) -> dict[str, Any]:
    typed = await kubectl_cost(*arguments, "-o", "json", "--url", url)
    assert typed.code == 0, typed.errors
    read: dict[str, Any] = json.loads(typed.out)
    return read


def near(found: str, truth: Fraction, total: Fraction) -> bool:
    return abs(Fraction(found) - truth) <= max(truth * WITHIN, total / 10_000)


async def test_totals_are_the_truths(tmp_path: Path) -> None:
    """By namespace, workload, node: each row to 1 %, all of them to 0.1 %; and the table is the golden one."""
    async with demo(tmp_path) as (twin, url):
        truth = await settled_costs(twin)
        namespaces, nodes = await asked(url, "namespace"), await asked(url, "node")
        workloads = await asked(url, "controller")
        table = await kubectl_cost("namespace", "--url", url)
    by_namespace: dict[str, Fraction] = defaultdict(Fraction)
    by_node: dict[str, Fraction] = defaultdict(Fraction)
    by_workload: dict[tuple[str, ...], Fraction] = defaultdict(Fraction)
    for row in truth.rows:
        by_namespace[row.namespace] += row.usd
        if row.kind in {"cpu", "memory", "gpu"}:
            by_node[truth.nodes[row.node].name] += row.usd
        if row.pod:
            by_workload[(row.namespace, *truth.pods[row.pod].workload)] += row.usd
    total = truth.total
    assert abs(Fraction(namespaces["total"]["total_usd"]) - total) < total / 1000
    assert {item["namespace"] for item in namespaces["items"]} >= {name for name, usd in by_namespace.items() if usd}
    for item in namespaces["items"]:
        assert near(item["total_usd"], by_namespace[item["namespace"]], total), item
    for item in nodes["items"]:
        assert near(item["total_usd"], by_node[item["node"]], total), item
    for item in workloads["items"]:
        key = (item["namespace"], item["workload_kind"], item["workload"])
        assert near(item["total_usd"], by_workload[key], total), item
    assert table.out == golden("demo-namespace.table", table.out)


async def test_the_deployments_pods_are_those_that_ran(tmp_path: Path) -> None:
    """POD COUNT is how many pods of a namespace ran in the window, and the average is the total of each."""
    async with demo(tmp_path) as (twin, url):
        read = await asked(url, "namespace", "production")
    (item,) = read["items"]
    pods = [pod for pod in twin.cluster.history.pods if pod.namespace == "production"]
    assert item["pods"] == len(pods)
    assert abs(Fraction(item["average_pod_usd"]) * len(pods) - Fraction(item["total_usd"])) < Fraction(1, 10**7)
