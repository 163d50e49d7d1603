"""What the ledger keeps of nodes and pods so that an aggregator that begins anew goes on where another one ended."""

from collections.abc import Iterable

from kube_cost_aggregator.history.store import NodeRecord, NodeState, PendingPod, PodRow
from kube_cost_aggregator.state.facts import NodeFacts
from kube_cost_aggregator.state.inventory import Inventory
from kube_cost_aggregator.state.ledger import Ledger
from kube_cost_aggregator.state.pods import Pod
from kube_cost_common.domain.resources import Resources
from kube_cost_common.domain.settlement import Change


def restore(inventory: Inventory, ledger: Ledger, open_pods: Iterable[PodRow]) -> None:
    """Fill a new inventory with the nodes and pods that aren't settled to their end, before the first lists.

    `open_pods` is what the ledger's `load` returned. What is gone by now, the first lists tell.
    """
    inventory.gone_nodes.update(ledger.gone_nodes)
    names = {state.node_id: (state.uid, state.name) for state in ledger.nodes.values()}
    recorded = [(state.record.created_ns, state) for state in ledger.nodes.values() if state.record is not None]
    for _, state in sorted(recorded, key=lambda one: one[0]):
        inventory.put_node(_facts(state), state.settled_through_ns)
        node = inventory.nodes[state.uid]
        node.settled_ns, node.clock_offset_ns = state.settled_through_ns, state.clock_offset_ns
        node.ended_ns, node.extends = state.ended_ns, state.end_extends
    pending = [(state, pod) for state in ledger.nodes.values() for pod in state.pending]
    told = {pod.pod_id for _, pod in pending}
    for row in open_pods:
        if row.pod_id not in told:
            inventory.take_up(_running(row, *names.get(row.node_id, ("", ""))))
    for state, pod in pending:
        inventory.take_up(_pod(pod, state))


def keep(state: NodeState, facts: NodeFacts, ended_ns: int | None, *, end_extends: bool, pods: Iterable[Pod]) -> None:
    """Note in a node's state what `restore` needs of it and of its pods."""
    if state.record is None or _facts(state) != facts:
        state.record = NodeRecord(
            facts.created_ns,
            facts.provider_id,
            dict(facts.labels),
            _amounts(facts.capacity),
            _amounts(facts.allocatable),
        )
    state.ended_ns, state.end_extends = ended_ns, end_extends
    state.pending = [_pending(pod) for pod in pods if _is_pending(pod)]


def _running(row: PodRow, node_uid: str, node_name: str) -> Pod:
    """Return a pod of which nothing has happened since it was written."""
    return Pod(
        uid=row.uid,
        usage_uid=row.usage_uid,
        namespace=row.namespace,
        name=row.name,
        node_name=node_name,
        node_uid=node_uid,
        workload_kind=row.workload_kind,
        workload=row.workload,
        start_ns=row.start_ns,
        requests=[Change(row.start_ns, Resources(row.vcpu_request, row.memory_gib_request, row.gpus))],
        pod_id=row.pod_id,
        claims=tuple(row.claims.split("\n")) if row.claims else (),
        labels=tuple(row.labels.split("\n")) if row.labels else (),
        written=True,
    )


def _is_pending(pod: Pod) -> bool:
    return pod.pod_id is None or pod.end_ns is not None or len(pod.requests) > 1 or pod.estimated or pod.extends


def _pending(pod: Pod) -> PendingPod:
    return PendingPod(
        pod_id=pod.pod_id,
        uid=pod.uid,
        usage_uid=pod.usage_uid,
        namespace=pod.namespace,
        name=pod.name,
        workload_kind=pod.workload_kind,
        workload=pod.workload,
        start_ns=pod.start_ns,
        end_ns=pod.end_ns,
        requests=[(change.since_ns, *_amounts(change.requests)) for change in pod.requests],
        estimated=pod.estimated,
        extends=pod.extends,
        claims=pod.claims,
        labels=pod.labels,
    )


def _pod(pending: PendingPod, state: NodeState) -> Pod:
    return Pod(
        pod_id=pending.pod_id,
        uid=pending.uid,
        usage_uid=pending.usage_uid,
        namespace=pending.namespace,
        name=pending.name,
        node_name=state.name,
        node_uid=state.uid,
        workload_kind=pending.workload_kind,
        workload=pending.workload,
        start_ns=pending.start_ns,
        end_ns=pending.end_ns,
        requests=[Change(since_ns, Resources(*amounts)) for since_ns, *amounts in pending.requests],
        estimated=pending.estimated,
        extends=pending.extends,
        claims=pending.claims,
        labels=pending.labels,
    )


def _amounts(resources: Resources) -> tuple[float, float, float]:
    return resources.vcpu, resources.memory_gib, resources.gpus


def _facts(state: NodeState) -> NodeFacts:
    record = state.record
    assert record is not None
    return NodeFacts(
        uid=state.uid,
        name=state.name,
        created_ns=record.created_ns,
        provider_id=record.provider_id,
        labels=record.labels,
        capacity=Resources(*record.capacity),
        allocatable=Resources(*record.allocatable),
    )
