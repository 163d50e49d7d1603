"""A scenario's prices as the file of a user's own prices has them, for a mesh that asks no cloud."""

import json
from collections.abc import Mapping

from kube_cost_simulator.prices import VolumePrice
from kube_cost_simulator.scenario import NodeFact, Scenario

REGION = "topology.kubernetes.io/region"
INSTANCE_TYPE = "node.kubernetes.io/instance-type"

Rule = Mapping[str, str | float]


def custom_prices(scenario: Scenario) -> str:
    """Both prices of each type of machine, and the GiB of each storage class that has a price for them; JSON is YAML.

    What the file has no room for isn't in it: tiers, provisioned IOPS and throughput, traffic, load balancers, control
    planes, pods sold by size. Spot prices are those at the beginning.
    """
    nodes: list[Rule] = []
    for node in scenario.nodes:
        if node.pod_sized is None:
            nodes += [rule for rule in _of_node(node) if rule not in nodes]
    volumes = [_of_class(name, price) for name, price in scenario.prices.volumes.items() if not price.tiers]
    return json.dumps({"currency": "USD", "nodes": nodes, "volumes": volumes}, indent=1)


def _of_node(node: NodeFact) -> list[Rule]:
    machine = {"instance_type": node.labels[INSTANCE_TYPE], "region": node.labels[REGION]}
    rules: list[Rule] = [machine | {"usd_per_hour": float(node.on_demand_usd_per_hour)}]
    if node.spot_usd_per_hour is not None:
        rules.append(machine | {"capacity": "spot", "usd_per_hour": float(node.spot_usd_per_hour)})
    return rules


def _of_class(name: str, price: VolumePrice) -> Rule:
    return {"storage_class": name, "usd_per_gib_month": float(price.usd_per_gib_month)}
