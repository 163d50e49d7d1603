"""Clusters of any size, for loads and days of churn: as many nodes, pods and comings and goings as asked for."""

from fractions import Fraction

from kube_cost_simulator.building import REGION, asked, container, swinging, template, using
from kube_cost_simulator.names import Names
from kube_cost_simulator.scenario import (
    GIB,
    NamespaceFact,
    NodeFact,
    PriceChange,
    ReplicaStep,
    Resources,
    Scenario,
    Shape,
    WorkloadFact,
)

# Instance types with vCPU, GiB, USD per hour on demand and as spot, us-east-1.
INSTANCE_TYPES = (
    ("m5.4xlarge", 16, 64, "0.768", "0.3072"),
    ("r5.2xlarge", 8, 64, "0.504", "0.1764"),
    ("c5.4xlarge", 16, 32, "0.68", "0.2774"),
)
PODS_PER_DEPLOYMENT = 10


def generated_node(number: int) -> NodeFact:
    """The node of that number; every third is spot."""
    instance_type, vcpu, memory_gib, on_demand, spot = INSTANCE_TYPES[number % len(INSTANCE_TYPES)]
    zone = f"{REGION}{'abc'[number % 3]}"
    is_spot = number % 3 == 2
    return NodeFact(
        name=f"ip-10-{number // 65536}-{number // 256 % 256}-{number % 256}.ec2.internal",
        provider_id=f"aws:///{zone}/i-{number:017x}",
        labels={
            "topology.kubernetes.io/region": REGION,
            "topology.kubernetes.io/zone": zone,
            "node.kubernetes.io/instance-type": instance_type,
            "karpenter.sh/capacity-type": "spot" if is_spot else "on-demand",
        },
        capacity_type="spot" if is_spot else "on_demand",
        shape=Shape(Fraction(vcpu), Fraction(memory_gib)),
        capacity=Resources(vcpu * 1000, memory_gib * GIB * 97 // 100 // 1024 * 1024),
        allocatable=Resources(vcpu * 1000 - 110, memory_gib * GIB * 93 // 100 // 1024 * 1024),
        on_demand_usd_per_hour=Fraction(on_demand),
        spot_usd_per_hour=Fraction(spot),
        system_rates=using(150, 600, 10, 10),
        max_pods=234,
    )


def generated_scenario(
    *,
    nodes: int,
    pods: int,
    namespaces: int = 20,
    mean_lifetime_seconds: int | None = 7200,
    cron_jobs: int = 0,
    price_changes_per_node: int = 0,
    seed: int = 1,
) -> Scenario:
    """A cluster of `pods` pods of Deployments on `nodes` nodes.

    Pods live `mean_lifetime_seconds` on average (None: for ever) and are replaced; every fourth Deployment swings
    between its size and one and a half times as much each hour. Each of `cron_jobs` starts a short pod every minute.
    Spot prices change `price_changes_per_node` times in the first day.
    """
    chance = Names(seed=seed).chance("generated")
    node_facts = tuple(generated_node(number) for number in range(nodes))
    names = [f"team-{number}" for number in range(namespaces)]
    workloads = []
    for number in range((pods + PODS_PER_DEPLOYMENT - 1) // PODS_PER_DEPLOYMENT):
        millicores = chance.choice((0, 50, 100, 100, 200, 400))
        mebibytes = 0 if millicores == 0 else chance.choice((64, 128, 256, 512))
        replicas = min(PODS_PER_DEPLOYMENT, pods - number * PODS_PER_DEPLOYMENT)
        low = using(max(5, millicores // 2), max(32, mebibytes // 2))
        high = using(max(20, millicores * chance.choice((8, 13)) // 10), max(64, mebibytes * 9 // 10))
        main = container("server", f"registry.example.com/app-{number}:1.0.{number % 10}", asked(millicores, mebibytes))
        steps = (ReplicaStep(600, replicas * 3 // 2), ReplicaStep(2400, replicas)) if number % 4 == 3 else ()
        workloads.append(
            WorkloadFact(
                "Deployment",
                names[number % namespaces],
                f"app-{number}",
                template(f"app-{number}", swinging(low, high, 60 + number % 90), main, team=f"team-{number % 7}"),
                replicas=replicas,
                replica_steps=steps,
                cycle_seconds=3600,
                mean_lifetime_seconds=mean_lifetime_seconds,
            )
        )
    for number in range(cron_jobs):
        main = container("job", f"registry.example.com/job-{number}:2.1", asked(100, 64))
        workloads.append(
            WorkloadFact(
                "CronJob",
                names[number % namespaces],
                f"job-{number}",
                template(f"job-{number}", swinging(using(80, 40), using(300, 60), 10), main),
                every_seconds=60,
                run_seconds=(2, 50),
                failure_percent=5,
                keep_seconds=30,
                starts_after_seconds=chance.randrange(60),
            )
        )
    changes = tuple(
        PriceChange(
            chance.randrange(1, 86400),
            node.name,
            node.on_demand_usd_per_hour,
            (node.spot_usd_per_hour or node.on_demand_usd_per_hour) * chance.randint(70, 140) / 100,
        )
        for node in node_facts
        if node.capacity_type == "spot"
        for _ in range(price_changes_per_node)
    )
    return Scenario(
        name="generated",
        nodes=node_facts,
        namespaces=tuple(NamespaceFact(name) for name in names),
        workloads=tuple(workloads),
        price_changes=changes,
    )
