"""The clusters: everything at once, everything small for a demonstration, and three clouds' nodes side by side."""

from dataclasses import replace

from kube_cost_simulator.demo import demo_scenario
from kube_cost_simulator.everything import billed, nodes, special, workloads
from kube_cost_simulator.everything.namespaces import namespace_changes, namespaces, namespaces_for_their_budgets
from kube_cost_simulator.plants import planted_workload
from kube_cost_simulator.scenario import NamespaceFact, PriceWalk, Scenario, ServiceFact, VolumeFact


def everything_scenario() -> Scenario:
    """Everything that costs, with churn all through an hour and beyond. When what happens to whom is the seed's."""
    return Scenario(
        name="everything",
        nodes=(*nodes.amazon_nodes(), *nodes.special_nodes(), *nodes.google_nodes(), *nodes.azure_nodes()),
        namespaces=(*namespaces(), *namespaces_for_their_budgets()),
        workloads=(
            *workloads.on_every_node(),
            *workloads.serving(),
            *workloads.stateful(),
            *workloads.playing(),
            *workloads.jobs(),
            *special.gpu_workloads(),
            *special.on_fargate(),
            *special.on_virtual_node(),
            planted_workload("play"),
        ),
        storage_classes=billed.storage_classes(),
        volumes=(*billed.amazon_volumes(), *billed.other_volumes()),
        services=billed.services(),
        price_walks=nodes.price_walks(),
        resizes=workloads.resizes(),
        namespace_changes=namespace_changes(),
        prices=billed.prices(),
    )


def mixed_clouds_scenario() -> Scenario:
    """Nodes of EKS, Karpenter, GKE and AKS, each cloud's on demand and spot, and what runs on all of them."""
    return Scenario(
        name="mixed-clouds",
        nodes=(*nodes.amazon_nodes(), *nodes.google_nodes(), *nodes.azure_nodes()),
        namespaces=namespaces(),
        workloads=(
            *(fact for fact in workloads.serving() if fact.namespace != "restricted"),
            *workloads.stateful(),
            *workloads.playing(),
            *workloads.jobs(),
            *(fact for fact in workloads.on_every_node() if fact.kind == "DaemonSet"),
        ),
        storage_classes=billed.storage_classes(),
        volumes=(*billed.amazon_volumes(), *billed.other_volumes()),
        services=billed.services(),
        price_walks=tuple(walk for walk in nodes.price_walks() if walk.node != nodes.SLICED_GPU),
        resizes=workloads.resizes(),
        prices=billed.prices(),
    )


def priced_demo_scenario() -> Scenario:
    """The demo's cluster, and what everything in it costs in us-east-1."""
    return replace(demo_scenario(), prices=billed.prices())


def everything_demo_scenario() -> Scenario:
    """The demo's cluster and more beside: sliced GPUs, Fargate, a Rollout, a shared volume, prices."""
    demo = demo_scenario()
    shared_gpu = next(node for node in nodes.special_nodes() if node.name == nodes.SLICED_GPU)
    rollout = next(fact for fact in workloads.serving() if fact.kind == "Rollout")
    media = next(fact for fact in workloads.serving() if fact.name == "media")
    notebook = next(fact for fact in special.gpu_workloads() if fact.name == "notebook")
    function = next(fact for fact in special.on_fargate() if fact.name == "function")
    classes = {fact.name: fact for fact in (*demo.storage_classes, *billed.storage_classes())}
    return replace(
        demo,
        name="everything-demo",
        nodes=(*demo.nodes, shared_gpu),
        namespaces=(
            *demo.namespaces,
            NamespaceFact("payments", {"cost-center": "cc-300", "team": "payments"}),
            NamespaceFact("edge", {"cost-center": "cc-300", "team": "edge", "budget": "20"}),
        ),
        workloads=(
            *demo.workloads,
            rollout,
            replace(media, namespace="production"),
            replace(notebook, namespace="ml-training"),
            function,
            planted_workload("dev"),
        ),
        storage_classes=tuple(classes.values()),
        volumes=(
            *demo.volumes,
            VolumeFact("pvc-media", "fs-0c1", "shared", 40, *billed.EAST, ("production", "media"), shared=True),
        ),
        services=(
            *demo.services,
            ServiceFact("payments", "checkout", {"app": "checkout"}, "LoadBalancer", ip="203.0.113.9"),
        ),
        price_walks=(PriceWalk(nodes.SLICED_GPU, 300, 20),),
        prices=billed.prices(),
    )
