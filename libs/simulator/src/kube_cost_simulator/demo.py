"""The demo's cluster: four AWS nodes, about forty pods in six namespaces, and a life of its own."""

from dataclasses import replace

from kube_cost_simulator.building import asked, aws_node, container, gp3_volume, on_host, swinging, template, using
from kube_cost_simulator.cloud_nodes import with_gpus
from kube_cost_simulator.everything.special import on_gpus
from kube_cost_simulator.scenario import (
    MIB,
    ClaimMount,
    GpuHardware,
    NamespaceFact,
    NodeFact,
    ReplicaStep,
    Resources,
    Scenario,
    ServiceFact,
    StorageClassFact,
    TemplateFact,
    WorkloadFact,
)


def production() -> list[WorkloadFact]:
    """What customers see."""
    server = container(
        "server",
        "registry.example.com/shop/api-server:2.14.3",
        asked(250, 384),
        limits=asked(1000, 768),
        command=("/usr/local/bin/api-server", "--listen=:8080", "--metrics=:9102"),
        environment={"DATABASE_URL": "postgres://postgres.production:5432/shop", "GOMAXPROCS": "2"},
        usage_share=5,
    )
    proxy = container("proxy", "envoyproxy/envoy:v1.36.2", asked(50, 64), sidecar=True)
    migrate = container("migrate", "registry.example.com/shop/api-server:2.14.3", asked(400, 128), init=True)
    web = container("nginx", "nginx:1.29.3", asked(50, 64), limits=asked(200, 128))
    database = container("postgres", "postgres:17.6", asked(300, 1024), limits=asked(300, 1024))
    checkout = container("checkout", "registry.example.com/shop/checkout:1.9.0", asked(100, 192))
    return [
        WorkloadFact(
            "Deployment",
            "production",
            "api-server",
            # Uses more than it asks for in its peaks.
            template("api-server", swinging(using(180, 350, 60), using(420, 460, 120)), migrate, proxy, server),
            replicas=3,
            replica_steps=(ReplicaStep(60, 5), ReplicaStep(150, 3)),
            cycle_seconds=240,
        ),
        WorkloadFact(
            "Deployment", "production", "web", template("web", swinging(using(20, 48, 80), using(45, 60, 160)), web), 3
        ),
        # Argo's: an owner that Kubernetes doesn't know.
        WorkloadFact(
            "Rollout",
            "production",
            "checkout",
            template("checkout", swinging(using(40, 150), using(90, 180)), checkout, team="payments"),
            replicas=2,
            mean_lifetime_seconds=400,
        ),
        WorkloadFact(
            "StatefulSet",
            "production",
            "postgres",
            TemplateFact(
                containers=(database,),
                usage=swinging(using(120, 900, 30, 200), using(210, 950, 60, 600)),
                labels={"app": "postgres", "app.kubernetes.io/name": "postgres", "team": "data"},
                node_selector={"topology.kubernetes.io/zone": "us-east-1a"},
                mounts=(ClaimMount("data", "/var/lib/postgresql/data"),),
            ),
            replicas=2,
        ),
    ]


def others() -> list[WorkloadFact]:
    """Staging, machine learning and what developers leave running."""
    api = container("server", "registry.example.com/shop/api-server:2.15.0-rc1", asked(100, 256))
    web = container("nginx", "nginx:1.29.3", asked(50, 64))
    inference = container(
        "inference", "registry.example.com/ml/inference:0.8.1", asked(500, 1024), limits=asked(2000, 2048)
    )
    train = container("train", "registry.example.com/ml/train:0.8.1", asked(600, 768), command=("python", "train.py"))
    features = container("features", "registry.example.com/ml/features:0.8.1", asked(200, 256))
    shell = container("shell", "debian:12", Resources(), command=("sleep", "infinity"))
    debug = template("debug-shell", swinging(using(1, 12), using(2, 14)), shell)
    return [
        WorkloadFact(
            "Deployment",
            "staging",
            "api-server",
            template("api-server", swinging(using(20, 180), using(60, 200)), api),
            2,
        ),
        WorkloadFact("Deployment", "staging", "web", template("web", swinging(using(4, 40), using(9, 44)), web), 2),
        WorkloadFact(
            "Job",
            "staging",
            "load-test",
            template("load-test", swinging(using(300, 128, 400), using(500, 160, 900), 20), web),
            run_seconds=(40, 70),
            starts_after_seconds=20,
            keep_seconds=60,
        ),
        WorkloadFact(
            "Deployment",
            "ml-training",
            "inference",
            template("inference", swinging(using(350, 900), using(900, 1100)), inference, team="ml"),
            replicas=2,
        ),
        WorkloadFact("Deployment", "ml-training", "vision", on_gpus("vision", Resources(gpus=1), (250, 900))),
        WorkloadFact(
            "CronJob",
            "ml-training",
            "train",
            template("train", swinging(using(550, 600, 10, 400), using(800, 900, 10, 900), 15), train, team="ml"),
            every_seconds=60,
            run_seconds=(25, 50),
            failure_percent=15,
            keep_seconds=45,
        ),
        WorkloadFact(
            "CronJob",
            "ml-training",
            "features",
            template("features", swinging(using(150, 200), using(260, 220), 8), features, team="ml"),
            every_seconds=30,
            run_seconds=(6, 15),
            keep_seconds=20,
            starts_after_seconds=10,
        ),
        WorkloadFact(
            "Deployment",
            "dev",
            "preview",
            template("preview", swinging(using(5, 60), using(70, 90)), shell, team="web"),
            replicas=3,
            mean_lifetime_seconds=180,
        ),
        # Its team is its namespace's.
        WorkloadFact("Pod", "dev", "debug-shell", replace(debug, labels={"app": "debug-shell"})),
    ]


def infrastructure() -> list[WorkloadFact]:
    """What keeps the cluster itself going."""
    prometheus = container("prometheus", "quay.io/prometheus/prometheus:v3.7.3", asked(200, 512))
    exporter = container("node-exporter", "quay.io/prometheus/node-exporter:v1.10.2", asked(20, 32))
    grafana = container("grafana", "grafana/grafana:12.2.1", asked(50, 128))
    dns = container(
        "coredns", "registry.k8s.io/coredns/coredns:v1.13.1", asked(100, 70), limits=Resources(0, 170 * MIB)
    )
    proxy = container("kube-proxy", "registry.k8s.io/kube-proxy:v1.35.0", Resources(100))
    network = container("aws-node", "amazon-k8s-cni:v1.21.0", Resources(25))
    mirror = container("registry-mirror", "registry.example.com/infra/mirror:3.1.0", asked(10, 32))
    return [
        WorkloadFact(
            "StatefulSet",
            "monitoring",
            "prometheus",
            TemplateFact(
                containers=(prometheus,),
                usage=swinging(using(120, 420, 40, 100), using(260, 480, 60, 300)),
                labels={"app": "prometheus", "team": "platform"},
                node_selector={"topology.kubernetes.io/zone": "us-east-1a"},
                mounts=(ClaimMount("data", "/prometheus"),),
            ),
        ),
        WorkloadFact(
            "Deployment", "monitoring", "grafana", template("grafana", swinging(using(8, 90), using(30, 110)), grafana)
        ),
        WorkloadFact("DaemonSet", "monitoring", "node-exporter", on_host("node-exporter", using(4, 22), exporter)),
        WorkloadFact(
            "Deployment", "kube-system", "coredns", template("coredns", swinging(using(5, 28), using(9, 30)), dns), 2
        ),
        WorkloadFact("DaemonSet", "kube-system", "kube-proxy", on_host("kube-proxy", using(3, 30), proxy)),
        WorkloadFact("DaemonSet", "kube-system", "aws-node", on_host("aws-node", using(6, 45), network)),
        WorkloadFact(
            "Pod",
            "kube-system",
            "registry-mirror",
            TemplateFact(
                containers=(mirror,),
                usage=swinging(using(3, 20), using(5, 24)),
                labels={"component": "registry-mirror"},
                host_network=True,
                static=True,
            ),
            on_node="ip-10-0-1-11.ec2.internal",
        ),
    ]


def demo_nodes() -> tuple[NodeFact, ...]:
    """Two on demand, one spot, and one with a GPU."""
    return (
        aws_node(
            "ip-10-0-1-11.ec2.internal",
            instance_type="m5.xlarge",
            zone="us-east-1a",
            shape=(4, 16),
            memory=(16098104, 15081272),
            on_demand="0.192",
            spot="0.0768",
            capacity_type="on_demand",
        ),
        aws_node(
            "ip-10-0-2-12.ec2.internal",
            instance_type="r5.large",
            zone="us-east-1b",
            shape=(2, 16),
            memory=(15896616, 15206440),
            on_demand="0.126",
            spot="0.0441",
            capacity_type="on_demand",
        ),
        aws_node(
            "ip-10-0-1-13.ec2.internal",
            instance_type="c5.2xlarge",
            zone="us-east-1a",
            shape=(8, 16),
            memory=(15896988, 14880156),
            on_demand="0.34",
            spot="0.1387",
            capacity_type="spot",
        ),
        with_gpus(
            aws_node(
                "ip-10-0-2-14.ec2.internal",
                instance_type="g4dn.2xlarge",
                zone="us-east-1b",
                shape=(8, 32),
                memory=(32408888, 31391032),
                on_demand="0.752",
                spot="0.2256",
                capacity_type="on_demand",
            ),
            GpuHardware("Tesla T4", 1, 15360),
        ),
    )


def demo_scenario() -> Scenario:
    """The demo's cluster."""
    return Scenario(
        name="demo",
        nodes=demo_nodes(),
        namespaces=(
            NamespaceFact("default"),
            NamespaceFact("production", labels={"budget": "5000", "cost-center": "cc-100"}),
            NamespaceFact("staging", labels={"cost-center": "cc-100"}),
            NamespaceFact(
                "ml-training",
                labels={"cost-center": "cc-200"},
                annotations={"kube-cost.io/monthly-budget-usd": "60"},
            ),
            NamespaceFact("dev", labels={"cost-center": "cc-100", "team": "web"}),
            NamespaceFact("monitoring"),
            NamespaceFact("kube-system"),
        ),
        workloads=(*infrastructure(), *production(), *others()),
        storage_classes=(
            StorageClassFact(
                "gp3", "ebs.csi.aws.com", {"type": "gp3", "iops": "3000", "throughput": "125"}, default=True
            ),
        ),
        volumes=(
            gp3_volume("4a1c20d2-90f3-4c57-b0a5-7d0c5c2f5a10", 100, "us-east-1a", ("production", "data-postgres-0")),
            gp3_volume("8b7e9f63-2f41-4be1-9d0e-31f7a2c44b21", 100, "us-east-1a", ("production", "data-postgres-1")),
            gp3_volume("c3d5a8e4-6b1f-4a0c-8c7b-5e9f0d1a2b32", 50, "us-east-1a", ("monitoring", "data-prometheus-0")),
            gp3_volume("d9e0f1a2-3b4c-4d5e-8f60-718293a4b5c6", 200, "us-east-1a", None),
        ),
        services=(
            ServiceFact(
                "production",
                "web",
                {"app": "web"},
                type="LoadBalancer",
                hostname="a1b2c3d4e5f6a7b8c9d0e1f2a3b4c5d6-1234567890.us-east-1.elb.amazonaws.com",
            ),
            ServiceFact("production", "api-server", {"app": "api-server"}),
            ServiceFact("production", "postgres", {"app": "postgres"}, port=5432),
            ServiceFact("monitoring", "prometheus", {"app": "prometheus"}, port=9090),
        ),
    )
