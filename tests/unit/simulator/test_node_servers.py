import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from kube_cost_simulator.building import asked, container, template
from kube_cost_simulator.clock import SystemClock
from kube_cost_simulator.cloud_nodes import with_gpus
from kube_cost_simulator.live import LiveCluster, LiveSettings
from kube_cost_simulator.main import SCENARIOS, parser
from kube_cost_simulator.resources import NODES
from kube_cost_simulator.scenario import GpuHardware, NamespaceFact, NodeFact, Scenario, WorkloadFact
from kube_cost_simulator.store import StoreEvent
from kube_cost_simulator.usage import ALWAYS_IDLE


async def nodes_of(scenario: Scenario, directory: Path) -> list[dict[str, Any]]:
    """What nodes.json says once a pod runs on Fargate, each node with what its DCGM exporter answers."""
    settings = LiveSettings(directory=directory, seed=1, token="t")
    live = LiveCluster(scenario=scenario, settings=settings, clock=SystemClock())
    found: list[dict[str, Any]] = []
    ready, on_fargate = asyncio.Event(), asyncio.Event()

    def hear(event: StoreEvent) -> None:
        if event.stored.resource is NODES and event.stored.key[1].startswith("fargate-"):
            on_fargate.set()

    live.cluster.store.listen(hear)

    async def look() -> None:
        await ready.wait()
        await on_fargate.wait()
        found.extend(json.loads((directory / "nodes.json").read_text()))
        async with aiohttp.ClientSession() as session:
            for node in found:
                if "dcgm_url" in node:
                    async with session.get(node["dcgm_url"]) as answer:
                        node["dcgm"] = await answer.text()
        live.stop()

    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(live.run(lambda _: ready.set()), name="cluster")
        group.create_task(look(), name="look")
    return found


async def test_only_nodes_with_an_agent_are_in_the_file(node: NodeFact, tmp_path: Path) -> None:
    """Not one where none may run, nor a pod's node of Fargate; one with GPUs has an exporter beside its kubelet."""
    closed = replace(node, name="closed", agent=False)
    with_gpu = with_gpus(replace(node, name="gpu"), GpuHardware("Tesla T4", 1, 15360))
    function = template("function", ALWAYS_IDLE, container("main", "image", asked(100, 100)))
    fact = WorkloadFact("Deployment", "default", "function", replace(function, fargate_profile="edge"))
    scenario = Scenario(
        name="live",
        nodes=(node, closed, with_gpu),
        namespaces=(NamespaceFact("default"),),
        workloads=(fact,),
    )
    nodes = await nodes_of(scenario, tmp_path)
    assert [(found["name"], "dcgm" in found) for found in nodes] == [("n1", False), ("gpu", True)]
    assert "DCGM_FI_PROF_GR_ENGINE_ACTIVE" in nodes[1]["dcgm"]
    assert sorted(path.name for path in (tmp_path / "cgroups").iterdir() if path.name[0] != ".") == ["gpu", "n1"]


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_every_scenario_can_be_asked_for(name: str) -> None:
    """By its name on the command line."""
    options = parser().parse_args(["--directory", "d", "--scenario", name])
    assert SCENARIOS[options.scenario]().name == name
