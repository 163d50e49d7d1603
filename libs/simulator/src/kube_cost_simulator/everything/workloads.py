"""What runs on machines: of every kind of owner, with every kind of churn."""

from dataclasses import replace

from kube_cost_simulator.building import asked, container, on_host, swinging, template, using
from kube_cost_simulator.everything.nodes import RESTRICTED, STEADY
from kube_cost_simulator.scenario import (
    ClaimMount,
    ContainerFact,
    ReplicaStep,
    Resize,
    Resources,
    TemplateFact,
    WorkloadFact,
)
from kube_cost_simulator.usage import UsageProfile

REGISTRY = "registry.example.com"
SPOT_TOLERATION = ("kubernetes.azure.com/scalesetpriority",)


def unlabelled(app: str, usage: UsageProfile, *containers: ContainerFact) -> TemplateFact:
    """A template without a team: its namespace's counts."""
    made = template(app, usage, *containers)
    return replace(made, labels={"app": app})


def serving() -> list[WorkloadFact]:
    """Deployments, and pods of owners that Kubernetes doesn't know: Argo's Rollout, OpenKruise's CloneSet."""
    web = container("nginx", "nginx:1.29.3", asked(50, 64), limits=asked(200, 128))
    server = container("server", f"{REGISTRY}/shop/api:2.14.3", asked(250, 384), usage_share=5)
    proxy = container("proxy", "envoyproxy/envoy:v1.36.2", asked(50, 64), sidecar=True)
    migrate = container("migrate", f"{REGISTRY}/shop/api:2.14.3", asked(400, 128), init=True)
    checkout = container("checkout", f"{REGISTRY}/shop/checkout:1.9.0", asked(100, 128))
    media = template("media", swinging(using(40, 90, 300), using(90, 120, 900)), web)
    return [
        WorkloadFact(
            "Deployment",
            "shop",
            "web",
            template("web", swinging(using(20, 40, 80), using(45, 55, 200)), web, team="web"),
            replicas=3,
            replica_steps=(ReplicaStep(290, 6), ReplicaStep(710, 2), ReplicaStep(950, 3)),
            cycle_seconds=1190,
        ),
        WorkloadFact(
            "Deployment",
            "shop",
            "api",
            unlabelled("api", swinging(using(180, 300, 60), using(280, 400, 90)), migrate, proxy, server),
            replicas=2,
            mean_lifetime_seconds=700,
        ),
        WorkloadFact(
            "Deployment",
            "shop",
            "media",
            replace(media, mounts=(ClaimMount("media", "/media"),)),
            replicas=2,
            replica_steps=(ReplicaStep(500, 3), ReplicaStep(1300, 0), ReplicaStep(1500, 2)),
            mean_lifetime_seconds=900,
        ),
        WorkloadFact(
            "Rollout",
            "payments",
            "checkout",
            unlabelled("checkout", swinging(using(190, 200, 40), using(330, 260, 60)), checkout),
            replicas=3,
            mean_lifetime_seconds=600,
        ),
        WorkloadFact(
            "CloneSet",
            "payments",
            "gateway",
            template("gateway", swinging(using(60, 90, 70), using(90, 110, 140)), checkout, team="edge"),
            replicas=2,
            replica_steps=(ReplicaStep(900, 4), ReplicaStep(1900, 2)),
        ),
        WorkloadFact(
            "Deployment",
            "restricted",
            "scanner",
            replace(
                unlabelled("scanner", swinging(using(300, 500), using(900, 700)), checkout),
                node_selector={"eks.amazonaws.com/nodegroup": "restricted"},
            ),
            replicas=2,
            mean_lifetime_seconds=800,
        ),
    ]


def stateful() -> list[WorkloadFact]:
    """StatefulSets on their volumes, on three clouds; one is deleted and made again, one has pods that are replaced."""
    database = container("postgres", "postgres:17.6", asked(300, 768), limits=asked(300, 768))
    queue = container("nats", "nats:2.12", asked(100, 128))
    data = (ClaimMount("data", "/data"),)
    busy = swinging(using(120, 600, 30, 200), using(210, 700, 60, 600))
    google, azure = {"topology.gke.io/zone": "us-central1-a"}, {"kubernetes.azure.com/agentpool": "nodepool1"}
    return [
        WorkloadFact(
            "StatefulSet",
            "data",
            "ledger",
            replace(template("ledger", busy, database, team="data"), mounts=data),
            replicas=2,
            remade_after_seconds=1010,
        ),
        WorkloadFact(
            "StatefulSet",
            "data",
            "queue",
            replace(unlabelled("queue", swinging(using(40, 90, 50), using(95, 120, 90)), queue), mounts=data),
            mean_lifetime_seconds=600,
        ),
        WorkloadFact(
            "StatefulSet",
            "payments",
            "search",
            replace(unlabelled("search", busy, database), mounts=data, node_selector=google),
            mean_lifetime_seconds=1200,
        ),
        WorkloadFact(
            "StatefulSet",
            "payments",
            "fraud",
            replace(unlabelled("fraud", busy, database), mounts=data, node_selector=azure),
        ),
    ]


def playing() -> list[WorkloadFact]:
    """What developers leave: pods without requests, crashing ones, claims that come and go."""
    shell = container("shell", "debian:12", Resources(), command=("sleep", "infinity"))
    checkout = container("checkout", f"{REGISTRY}/shop/checkout:1.9.0", asked(100, 128))
    idle = swinging(using(1, 12), using(2, 14))
    archive = replace(unlabelled("archive", idle, shell), mounts=(ClaimMount("archive", "/archive"),))
    scratch = replace(unlabelled("scratch", idle, shell), mounts=(ClaimMount("scratch", "/scratch"),))
    crashing = unlabelled("crashing", swinging(using(60, 90), using(90, 110)), checkout)
    return [
        WorkloadFact(
            "Deployment",
            "play",
            "sandbox",
            replace(unlabelled("sandbox", swinging(using(5, 60), using(120, 90)), shell), tolerates=SPOT_TOLERATION),
            replicas=3,
            mean_lifetime_seconds=500,
        ),
        WorkloadFact(
            "Deployment", "play", "crashing", replace(crashing, mean_restart_seconds=240), mean_lifetime_seconds=1500
        ),
        # The claim is deleted at 1400 s, and goes when these have gone.
        WorkloadFact("Deployment", "play", "archive", archive, replicas=2, replica_steps=(ReplicaStep(1700, 0),)),
        WorkloadFact(
            "Deployment",
            "play",
            "scratch",
            scratch,
            starts_after_seconds=1600,
            replica_steps=(ReplicaStep(900, 0),),
        ),
        WorkloadFact("Pod", "play", "debug-shell", unlabelled("debug-shell", idle, shell)),
    ]


def jobs() -> list[WorkloadFact]:
    """CronJobs whose pods are brief and sometimes fail, and a Job."""
    job = container("job", f"{REGISTRY}/batch/job:2.1", asked(100, 64))
    report = unlabelled("report", swinging(using(50, 40, 30), using(80, 50, 30), 10), job)
    return [
        WorkloadFact(
            "CronJob",
            "batch",
            "report",
            replace(report, tolerates=SPOT_TOLERATION),
            every_seconds=60,
            run_seconds=(5, 90),
            failure_percent=15,
            keep_seconds=30,
        ),
        WorkloadFact(
            "Job",
            "batch",
            "migration",
            template("migration", swinging(using(300, 128), using(500, 160), 20), job, team="data"),
            starts_after_seconds=40,
            run_seconds=(600, 900),
        ),
    ]


def on_every_node() -> list[WorkloadFact]:
    """DaemonSets on the hosts' network, and static pods."""
    exporter = container("node-exporter", "quay.io/prometheus/node-exporter:v1.10.2", asked(20, 32))
    proxy = container("kube-proxy", "registry.k8s.io/kube-proxy:v1.35.0", Resources(100))
    mirror = container("mirror", f"{REGISTRY}/infra/mirror:3.1.0", asked(10, 32))
    static = replace(on_host("mirror", using(3, 20), mirror), static=True)
    return [
        WorkloadFact("DaemonSet", "kube-system", "node-exporter", on_host("node-exporter", using(4, 22), exporter)),
        WorkloadFact("DaemonSet", "kube-system", "kube-proxy", on_host("kube-proxy", using(3, 30), proxy)),
        WorkloadFact("Pod", "kube-system", "mirror-a", static, on_node=STEADY),
        WorkloadFact("Pod", "kube-system", "mirror-b", static, on_node=RESTRICTED),
    ]


def resizes() -> tuple[Resize, ...]:
    """A Deployment's pods are resized in place."""
    grown, shrunk = asked(350, 448), asked(250, 384)
    return (
        Resize(620, "shop", "api", "server", grown, cycle_seconds=2400),
        Resize(1730, "shop", "api", "server", shrunk, cycle_seconds=2400),
    )
