"""What runs on GPUs, and where there is no machine: on Fargate and on a virtual node."""

from dataclasses import replace

from kube_cost_simulator.building import asked, container, swinging, template, using
from kube_cost_simulator.scenario import ContainerFact, ReplicaStep, Resources, TemplateFact, WorkloadFact
from kube_cost_simulator.usage import UsagePhase, UsageProfile

REGISTRY = "registry.example.com"


def on_gpus(app: str, gpus: Resources, permille: tuple[int, int]) -> TemplateFact:
    """A template that asks for GPUs, and keeps them busy now less and now more."""
    low, high = (using(300, 900, 40)._replace(gpu_permille=each) for each in permille)
    main = container(app, f"{REGISTRY}/ml/{app}:0.8.1", asked(500, 1024) + gpus)
    usage = UsageProfile((UsagePhase(50, low), UsagePhase(70, high)))
    return replace(template(app, usage, main, team="ml"), tolerates=("nvidia.com/gpu",))


def instance(profile: str, count: int = 1) -> Resources:
    """MIG instances."""
    return Resources(devices=((f"nvidia.com/mig-{profile}", count),))


def gpu_workloads() -> list[WorkloadFact]:
    """A whole GPU, a quarter of one's time, and instances of several sizes."""
    whole, sliced = {"nvidia.com/gpu.product": "NVIDIA-A10G"}, {"nvidia.com/gpu.product": "Tesla-T4-SHARED"}
    return [
        WorkloadFact(
            "Deployment",
            "ml",
            "inference",
            replace(on_gpus("inference", Resources(gpus=1), (250, 900)), node_selector=whole),
            mean_lifetime_seconds=900,
        ),
        WorkloadFact(
            "Deployment",
            "ml",
            "notebook",
            replace(on_gpus("notebook", Resources(gpus=1), (0, 300)), node_selector=sliced),
            replicas=2,
            replica_steps=(ReplicaStep(800, 4), ReplicaStep(2000, 1)),
            mean_lifetime_seconds=1000,
        ),
        WorkloadFact(
            "StatefulSet",
            "ml",
            "embedding",
            on_gpus("embedding", instance("1g.5gb"), (400, 700)),
            replicas=5,
            mean_lifetime_seconds=1500,
        ),
        WorkloadFact(
            "Deployment", "ml", "ranking", on_gpus("ranking", instance("3g.20gb", 2), (600, 1000)), replicas=2
        ),
        WorkloadFact(
            "CronJob",
            "ml",
            "train",
            on_gpus("train", instance("2g.10gb"), (900, 1000)),
            every_seconds=180,
            run_seconds=(40, 140),
            failure_percent=10,
            keep_seconds=30,
        ),
    ]


def on_fargate() -> list[WorkloadFact]:
    """Pods that get a node each: small and large ones, one that asks for nothing, and brief ones."""
    function = container("function", f"{REGISTRY}/edge/function:3.0", asked(200, 300), limits=asked(200, 300))
    large = container("renderer", f"{REGISTRY}/edge/renderer:3.0", asked(1000, 8192), limits=asked(1000, 8192))
    nothing = container("echo", f"{REGISTRY}/edge/echo:3.0", Resources())
    usage = swinging(using(100, 150, 20), using(180, 250, 60))

    def profiled(app: str, *containers: ContainerFact) -> TemplateFact:
        return replace(template(app, usage, *containers), labels={"app": app}, fargate_profile="edge")

    return [
        WorkloadFact(
            "Deployment",
            "edge",
            "function",
            profiled("function", function),
            replicas=2,
            replica_steps=(ReplicaStep(700, 4), ReplicaStep(1800, 1)),
            mean_lifetime_seconds=800,
        ),
        WorkloadFact("Deployment", "edge", "renderer", profiled("renderer", large)),
        WorkloadFact("Deployment", "edge", "echo", profiled("echo", nothing), mean_lifetime_seconds=600),
        WorkloadFact(
            "CronJob",
            "edge",
            "sweep",
            profiled("sweep", function),
            every_seconds=300,
            run_seconds=(20, 90),
            keep_seconds=60,
        ),
    ]


def on_virtual_node() -> list[WorkloadFact]:
    """Pods that Azure Container Instances run: with two containers, and with one that asks for nothing."""
    worker = container("worker", f"{REGISTRY}/burst/worker:1.1", asked(333, 700))
    shipper = container("shipper", f"{REGISTRY}/burst/shipper:1.1", asked(105, 128))
    nothing = container("echo", f"{REGISTRY}/burst/echo:1.1", Resources())
    usage = swinging(using(200, 300), using(400, 500))

    def virtual(app: str, *containers: ContainerFact) -> TemplateFact:
        return replace(
            template(app, usage, *containers, team="burst"),
            node_selector={"type": "virtual-kubelet"},
            tolerates=("virtual-kubelet.io/provider",),
        )

    return [
        WorkloadFact(
            "Deployment",
            "burst",
            "worker",
            virtual("worker", worker, shipper),
            replica_steps=(ReplicaStep(600, 5), ReplicaStep(1500, 2)),
            mean_lifetime_seconds=700,
        ),
        WorkloadFact("Deployment", "burst", "echo", virtual("echo", nothing)),
    ]
