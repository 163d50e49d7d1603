"""Everything that costs, as the simulator's truth has it, held to what a ledger or an exposition says.

Truth, ledger and /metrics each become rows (kind, cluster, namespace, name, nano-USD), which are compared by kind:
`check(truth_rows(await settled_costs(twin)), ledger_rows(folder))` fails with a table of what differs.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from harness import rows as ledger
from harness.compared import NANO, Row
from harness.mesh import LiveMesh
from harness.twin import SECOND_NS, Twin
from kube_cost_aggregator.state.traffic import BORN_WITHIN_NS
from kube_cost_common.messages.usage import UsageSample
from kube_cost_demo.mesh import Mesh, Pace, free_port
from kube_cost_demo.processes import Processes
from kube_cost_simulator.costs.pools import node_pool
from kube_cost_simulator.costs.rows import COMPUTE, LINES, SYSTEM, Costs, Kind
from kube_cost_simulator.costs.rows import Row as TruthRow
from kube_cost_simulator.costs.sharing import ByHour
from kube_cost_simulator.costs.stretches import Stretch
from kube_cost_simulator.costs.use import Uses
from kube_cost_simulator.costs.whole import whole_truth
from kube_cost_simulator.everything.price_file import custom_prices
from kube_cost_simulator.history import History
from kube_cost_simulator.main import SCENARIOS
from kube_cost_simulator.truth import IDLE, Basis, Sample

RESOURCES: tuple[Kind, ...] = (*COMPUTE, "storage", "network", "load_balancer", "control_plane")


async def settled_costs(twin: Twin, *, basis: Basis = "max") -> Costs:
    """Settle what costs by its mere being until now, and return the truth of everything that is settled.

    The twin's agents, as real ones, ask the kubelet at the end of a sample alone, and nobody knows what those pods sent
    in a node's first sample that ran before it.
    """
    await twin.settle_standing()
    samples = {uid: as_agents_know(of_node) for uid, of_node in twin.samples().items()}
    return whole_truth(twin.history(), samples, basis=basis)


def as_agents_know(samples: Sequence[Sample], *, read_ns: int = 5 * SECOND_NS) -> list[Sample]:
    """All samples of a node's first agent, with what it can't know of bytes; it reads cgroups each `read_ns`."""
    known = [replace(sample, bytes_at_end=True) for sample in samples]
    if known:
        since_ns = (known[0].start_ns + BORN_WITHIN_NS) // read_ns * read_ns
        known[0] = replace(known[0], bytes_since_ns=since_ns)
    return known


def live_costs(
    history: History,
    samples: Iterable[UsageSample],
    *,
    start_ns: int,
    through_ns: int,
    read_ns: int,
    basis: Basis = "max",
) -> Costs:
    """The truth of a live cluster whose agents sent these samples to a ledger that began at `start_ns`.

    Machines cost over the samples of their agents, by name, everything else from the ledger's beginning to `through_ns`
    (both Unix nanoseconds). Nodes that came back under a name have the samples of their own time.
    """
    ends: dict[str, list[int]] = defaultdict(list)
    for sample in samples:
        ends[sample.node].append(sample.end_ns)
    by_node = {}
    for node in history.nodes:
        life_end_ns = history.through_ns if node.deleted_ns is None else node.deleted_ns
        begin_ns = max(start_ns, node.created_ns)
        edges = [begin_ns, *sorted(end for end in ends[node.name] if begin_ns < end <= life_end_ns)]
        if node.pod_sized is None:
            by_node[node.uid] = as_agents_know([Sample(begin, end) for begin, end in pairwise(edges)], read_ns=read_ns)
    return whole_truth(history, by_node, (start_ns, through_ns), basis=basis)


def last_samples(twin: Twin) -> dict[str, Stretch]:
    """By node uid the last sample of each agent, for the truth of gauges: `rates_now` and `uses_now`."""
    found = {}
    for agent in twin.agents.values():
        node = next(node for node in twin.cluster.history.nodes if node.uid == agent.node_uid)
        edges = [node.created_ns, *agent.boundaries]
        if len(edges) > 1:
            found[node.uid] = (edges[-2], edges[-1])
    return found


@contextmanager
def live_everything(
    folder: Path, *, pace: Pace, seed: int = 1, scenario: str = "everything-demo"
) -> Iterator[LiveMesh]:
    """Start the mesh over a scenario's cluster with its API server, kubelets and DCGM exporters, and end it.

    Prices are the scenario's, as far as a file of custom prices has room for them. Agents run on the nodes that are
    there at the beginning; each is told of its DCGM exporter.
    """
    history = folder / "history.json"
    with Processes(logs=folder / "logs") as processes:
        mesh = Mesh(processes=processes, folder=folder, port=free_port(), pace=pace)
        mesh.start_bus()
        nodes = mesh.start_simulator(seed=seed, history=history, scenario=scenario)
        mesh.start_aggregator(mesh.simulated_kubeconfig)
        mesh.prices_file.write_text(custom_prices(SCENARIOS[scenario]()))
        mesh.start_pricing()
        for node in nodes:
            mesh.start_simulated_agent(node)
        live = LiveMesh(mesh=mesh, processes=processes, nodes=nodes, history=history)
        live.wait(lambda: live.get("/readyz"), "the aggregator is ready")
        live.wait(lambda: live.value("kube_cost_agents_connected") == len(nodes), "all agents are heard")
        yield live


def truth_rows(
    costs: Costs, *, cluster: str = "", labels: Iterable[str] = (), shared: ByHour | None = None
) -> list[Row]:
    """All rows of the truth; those of `labels` too, and what sharing moved."""
    usd: dict[tuple[str, str, str], Fraction] = defaultdict(Fraction)
    for row in costs.rows:
        for kind, namespace, name in _places(costs, row):
            usd[kind, namespace, name] += row.usd
    for label in labels:
        for value, amount in costs.by_label(label).items():
            usd[f"label {label}", "", value] += amount
    for namespace, amount in costs.savings_by_namespace().items():
        usd["savings", namespace, ""] += amount
    for (_, namespace), amount in (shared or {}).items():
        usd["shared", namespace, ""] += amount
    return _rows(cluster, usd)


def _places(costs: Costs, row: TruthRow) -> Iterator[tuple[str, str, str]]:
    """Where a row of the truth counts: kind, namespace, name."""
    yield row.kind, row.namespace, ""
    yield "namespace", row.namespace, ""
    yield "component", "", "compute" if row.kind in COMPUTE else row.kind
    if row.pod:
        pod = costs.pods[row.pod]
        yield "pod", row.namespace, pod.name
        yield "pod uid", row.namespace, row.pod
        yield "workload", row.namespace, "/".join(pod.workload)
    if row.kind in COMPUTE:
        node = costs.nodes[row.node]
        yield "node", "", node.name
        yield "capacity", "", node.capacity_type
        yield "pool", "", node_pool(node.labels)
        if row.namespace in {IDLE, SYSTEM}:
            yield row.namespace.strip("_"), "", node.name
    elif row.kind == "storage":
        yield "volume", "", row.thing
        if row.namespace not in LINES:
            yield "claim", row.namespace, _claim(costs, row)
    elif row.kind == "load_balancer":
        yield "service", row.namespace, row.thing


def _claim(costs: Costs, row: TruthRow) -> str:
    """The claim through which a namespace, or a pod in it, owes a volume."""
    claims = (
        state.claim[1]
        for volume in costs.history.volumes
        if volume.name == row.thing
        for state in volume.states
        if state.claim is not None and state.claim[0] == row.namespace
    )
    return next(claims)


def use_rows(uses: Uses, *, cluster: str = "") -> list[Row]:
    """`waste` and `beyond` by workload, `efficiency cpu` and so on by namespace, of `uses` or `uses_now`."""
    usd: dict[tuple[str, str, str], Fraction] = defaultdict(Fraction)
    for ((namespace, workload), _), use in uses.by(lambda pod: (pod.namespace, "/".join(pod.workload))).items():
        usd["waste", namespace, workload] += use.unused_usd
        usd["beyond", namespace, workload] += use.beyond_usd
    for (namespace, kind), use in uses.by(lambda pod: pod.namespace).items():
        if use.efficiency is not None:
            usd[f"efficiency {kind}", namespace, ""] = use.efficiency
    return _rows(cluster, usd)


_LEDGER: Mapping[str, str] = {
    **{kind: f"SELECT namespace, '', {kind}_nano FROM namespace_hours" for kind in (*RESOURCES, "shared", "savings")},
    "namespace": "SELECT namespace, '', " + " + ".join(f"{kind}_nano" for kind in RESOURCES) + " FROM namespace_hours",
    **{
        kind: f"""SELECT namespace, {name}, cpu_nano + memory_nano + gpu_nano + network_nano
                  FROM pod_hours JOIN pods USING (pod_id)
                  UNION ALL SELECT namespace, {name}, storage_nano FROM pod_volume_hours JOIN pods USING (pod_id)"""
        for kind, name in (("pod", "name"), ("pod uid", "uid"), ("workload", "workload_kind || '/' || workload"))
    },
    "node": "SELECT '', name, paid_nano FROM node_hours JOIN nodes USING (node_id)",
    "idle": """SELECT '', name, idle_cpu_nano + idle_memory_nano + idle_gpu_nano
               FROM node_hours JOIN nodes USING (node_id)""",
    "system": """SELECT '', name, system_cpu_nano + system_memory_nano + system_gpu_nano
                 FROM node_hours JOIN nodes USING (node_id)""",
    "capacity": "SELECT '', capacity_type, paid_nano FROM node_hours JOIN nodes USING (node_id)",
    "volume": "SELECT '', name, paid_nano FROM object_hours JOIN objects USING (object_id) WHERE kind = 'volume'",
    "claim": """SELECT h.namespace, claim, paid_nano FROM object_hours h JOIN objects USING (object_id)
                WHERE kind = 'volume' AND claim <> ''""",
    "service": """SELECT h.namespace, name, paid_nano FROM object_hours h JOIN objects USING (object_id)
                  WHERE kind = 'load_balancer'""",
}
"""Namespace, name and nano-USD by kind."""


def standing_seconds(folder: Path) -> float:
    """For how long a ledger has settled what costs by its mere being, as far as there was a price for it."""
    with ledger.opened(folder) as db:
        query = "SELECT max(lasted) FROM (SELECT sum(seconds) AS lasted FROM object_hours GROUP BY object_id)"
        return float(db.execute(query).fetchone()[0] or 0)


def ledger_rows(folder: Path, *, cluster: str = "") -> list[Row]:
    """All rows of the ledger in a folder; components are its namespaces' resources."""
    usd: dict[tuple[str, str, str], int] = defaultdict(int)
    with ledger.opened(folder) as db:
        for kind, query in _LEDGER.items():
            for namespace, name, nano in db.execute(query):
                usd[kind, namespace, name] += nano
                if kind in RESOURCES:
                    usd["component", "", "compute" if kind in COMPUTE else kind] += nano
    return [Row(kind, cluster, namespace, name, nano) for (kind, namespace, name), nano in usd.items() if nano]


class _Family(NamedTuple):
    """What a family's samples are: their kind, the labels that make up their name, and what one is to be divided by."""

    kind: str
    names: tuple[str, ...] = ()
    per: int = 1


_WORKLOAD = ("workload_kind", "workload")

GAUGES: Mapping[str, _Family] = {
    "kube_cost_pod_hourly_usd": _Family("pod", ("pod",)),
    "kube_cost_namespace_hourly_usd": _Family("namespace"),
    "kube_cost_namespace_resource_hourly_usd": _Family("{resource}"),
    "kube_cost_namespace_efficiency_ratio": _Family("efficiency {resource}"),
    "kube_cost_cluster_hourly_usd": _Family("component", ("component",)),
    "kube_cost_workload_hourly_usd": _Family("workload", _WORKLOAD),
    "kube_cost_workload_request_waste_hourly_usd": _Family("waste", _WORKLOAD),
    "kube_cost_workload_usage_above_request_hourly_usd": _Family("beyond", _WORKLOAD),
    "kube_cost_label_hourly_usd": _Family("label {label}", ("value",)),
    "kube_cost_node_hourly_usd": _Family("node", ("node",)),
    "kube_cost_node_idle_hourly_usd": _Family("idle", ("node",)),
    "kube_cost_node_system_hourly_usd": _Family("system", ("node",)),
    "kube_cost_pv_monthly_usd": _Family("volume", ("pv_name",), 730),
    "kube_cost_pvc_hourly_usd": _Family("claim", ("persistentvolumeclaim",)),
    "kube_cost_load_balancer_hourly_usd": _Family("service", ("service",)),
    "kube_cost_spot_savings_hourly_usd": _Family("savings"),
}
"""To be compared with `rates_now` and `uses_now`."""

COUNTERS: Mapping[str, _Family] = {
    "kube_cost_namespace_usd_total": _Family("namespace"),
    "kube_cost_namespace_resource_usd_total": _Family("{resource}"),
    "kube_cost_cluster_usd_total": _Family("component", ("component",)),
    "kube_cost_nodes_usd_total": _Family("capacity", ("capacity_type",)),
    "kube_cost_spot_savings_usd_total": _Family("savings"),
}
"""To be compared with the truth of all that is settled."""


def metrics_rows(text: str, families: Mapping[str, _Family], *, cluster: str = "") -> list[Row]:
    """The rows of an exposition, of `GAUGES` or of `COUNTERS`."""
    usd: dict[tuple[str, str, str], Fraction] = defaultdict(Fraction)
    for parsed in text_string_to_metric_families(text):
        for sample in parsed.samples:
            family = families.get(sample.name)
            if family is not None:
                labels = sample.labels
                name = "/".join(labels[label] for label in family.names)
                key = (family.kind.format(**labels), labels.get("namespace", ""), name)
                usd[key] += Fraction(sample.value) / family.per
    return _rows(cluster, usd)


def _rows(cluster: str, usd: Mapping[tuple[str, str, str], Fraction]) -> list[Row]:
    return [
        Row(kind, cluster, namespace, name, round(amount * NANO))
        for (kind, namespace, name), amount in usd.items()
        if amount
    ]
