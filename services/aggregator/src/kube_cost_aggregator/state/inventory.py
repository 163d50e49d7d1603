"""The cluster as the watches tell it, and the pods and nodes that are gone but not yet settled."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kube_cost_aggregator.history.store import PodRow
from kube_cost_aggregator.state.facts import (
    ClaimFacts,
    NamespaceFacts,
    NodeFacts,
    OwnerFacts,
    PodFacts,
    ServiceFacts,
    StorageClassFacts,
    VolumeFacts,
)
from kube_cost_aggregator.state.pods import Pod, nearest
from kube_cost_aggregator.state.workloads import workload_of
from kube_cost_common.domain.gpus import DEFAULT_GPU_RESOURCES, GpuResources
from kube_cost_common.domain.nodes import NodeIdentity, identify
from kube_cost_common.domain.resources import Resources
from kube_cost_common.domain.settlement import Change

ADOPTION_SLACK_NS = 60_000_000_000
"""How much older than its node's object a pod may be and still be that node's: kubelets register after they start."""


@dataclass(slots=True, kw_only=True)
class Node:
    """A node, with the pods that are charged to it and not yet settled to their end, by uid."""

    facts: NodeFacts
    identity: NodeIdentity
    ended_ns: int | None = None
    pods: dict[str, Pod] = field(default_factory=dict)


class Inventory:
    """Knows the objects by uid. Changes mark their node as dirty, for who shows rates.

    It takes what the watches deliver: whole lists (`replaced`), and single changes and removals, each with the time of
    its arrival in Unix nanoseconds.
    """

    def __init__(
        self, *, spot_label: str = "", gpu_resources: GpuResources = DEFAULT_GPU_RESOURCES, changed: Callable[[], None]
    ) -> None:
        self._spot_label = spot_label
        self._gpu_resources = gpu_resources
        self._changed = changed
        self.nodes: dict[str, Node] = {}
        self.node_uids: dict[str, str] = {}
        self.pods: dict[str, Pod] = {}
        self.namespaces: dict[str, NamespaceFacts] = {}
        self.volumes: dict[str, VolumeFacts] = {}
        self.claims: dict[str, ClaimFacts] = {}
        self.storage_classes: dict[str, StorageClassFacts] = {}
        self.services: dict[str, ServiceFacts] = {}
        self.owners: dict[str, OwnerFacts] = {}
        self.objects: Mapping[str, dict[str, Any]] = {
            "Namespace": self.namespaces,
            "PersistentVolume": self.volumes,
            "PersistentVolumeClaim": self.claims,
            "StorageClass": self.storage_classes,
            "Service": self.services,
        }
        """The plain kinds, which are only kept: by kind, then by uid."""
        self.dirty_nodes: set[str] = set()
        self._homeless: dict[str, dict[str, Pod]] = {}

    def restore(self, rows: Iterable[PodRow], node_names: dict[int, tuple[str, str]]) -> None:
        """Take up the pods that the ledger has as running; `node_names` maps its node ids to uid and name."""
        for row in rows:
            node_uid, node_name = node_names.get(row.node_id, ("", ""))
            pod = Pod(
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
                written=True,
            )
            self._place(pod)

    def node_named(self, name: str) -> Node | None:
        """Return the node that has that name now, or had it last."""
        uid = self.node_uids.get(name)
        return self.nodes.get(uid) if uid else None

    def region(self) -> str:
        """Return the region that most nodes are in: where volumes that don't say are taken to be."""
        regions = Counter(node.identity.region for node in self.nodes.values() if node.ended_ns is None)
        return regions.most_common(1)[0][0] if regions else ""

    # Nodes

    def put_node(self, facts: NodeFacts, _at_ns: int | None = None) -> None:
        """Take up a node, or what changed of it."""
        identity = identify(provider_id=facts.provider_id, labels=facts.labels, spot_label=self._spot_label)
        node = self.nodes.get(facts.uid)
        if node is None:
            node = self.nodes[facts.uid] = Node(facts=facts, identity=identity)
            self.node_uids[facts.name] = facts.uid
            for pod in list(self._homeless.get(facts.name, {}).values()):
                if self._belongs(pod, node):
                    self._settle_down(pod, node)
        elif node.facts == facts:
            return
        node.facts, node.identity = facts, identity
        self.mark(facts.uid)

    def end_node(self, uid: str, at_ns: int) -> None:
        """Let a node end: nothing on it is charged from then on."""
        node = self.nodes.get(uid)
        if node is None or node.ended_ns is not None:
            return
        node.ended_ns = at_ns
        for pod in node.pods.values():
            pod.end(at_ns)
        self.mark(uid)

    def replace_nodes(self, facts: Sequence[NodeFacts], at_ns: int) -> None:
        """Take a whole list: what isn't in it is gone."""
        listed = {node.uid for node in facts}
        for uid in [uid for uid, node in self.nodes.items() if uid not in listed and node.ended_ns is None]:
            self.end_node(uid, at_ns)
        for node in facts:
            self.put_node(node)

    def forget_node(self, uid: str) -> None:
        """Drop a node that has ended and is settled."""
        node = self.nodes.pop(uid, None)
        if node is None:
            return
        for pod_uid in node.pods:
            self.pods.pop(pod_uid, None)
        if self.node_uids.get(node.facts.name) == uid:
            del self.node_uids[node.facts.name]
        self.mark(uid)

    # Pods

    def put_pod(self, facts: PodFacts, at_ns: int | None = None) -> None:
        """Take up a pod, or what changed of it; `at_ns` is when its event arrived, None out of a list."""
        pod = self.pods.get(facts.uid)
        if pod is None:
            if not facts.node_name or (facts.bound_ns is None and facts.finished_ns is None):
                return
            start_ns = nearest(facts.bound_ns, at_ns) if facts.bound_ns is not None else facts.created_ns
            kind, workload = workload_of(facts.owner, facts.name, self.owners)
            pod = Pod(
                uid=facts.uid,
                usage_uid=facts.usage_uid,
                namespace=facts.namespace,
                name=facts.name,
                node_name=facts.node_name,
                node_uid="",
                workload_kind=kind,
                workload=workload,
                start_ns=start_ns,
            )
            self._place(pod)
        known = pod.facts
        pod.facts = facts
        pod.extends = False
        changed = pod.request_from(pod.start_ns if not pod.requests else at_ns or pod.start_ns, self._requests(pod))
        if facts.finished_ns is not None and pod.end_ns is None:
            pod.end(nearest(facts.finished_ns, at_ns))
            changed = True
        if changed or known is None or known.labels != facts.labels:
            self.mark(pod.node_uid)

    def end_pod(self, uid: str, at_ns: int) -> None:
        """Let a pod whose object is gone end."""
        pod = self.pods.get(uid)
        if pod is not None and pod.end_ns is None:
            pod.end(at_ns)
            self.mark(pod.node_uid)

    def replace_pods(self, facts: Sequence[PodFacts], last_seen_ns: Callable[[Pod], int]) -> None:
        """Take a whole list. What isn't in it ended when it was last seen, which later samples may correct."""
        listed = {pod.uid for pod in facts}
        for uid in [uid for uid, pod in self.pods.items() if uid not in listed and pod.end_ns is None]:
            pod = self.pods[uid]
            pod.extends = True
            self.end_pod(uid, last_seen_ns(pod))
        for pod_facts in facts:
            self.put_pod(pod_facts)

    def add_estimated_pod(self, pod: Pod, node: Node) -> None:
        """Take up a pod that samples alone tell of."""
        self.pods[pod.uid] = pod
        self._settle_down(pod, node)

    def forget_pod(self, pod: Pod) -> None:
        """Drop a pod that has ended and is settled."""
        self.pods.pop(pod.uid, None)
        if node := self.nodes.get(pod.node_uid):
            node.pods.pop(pod.uid, None)
        self._homeless.get(pod.node_name, {}).pop(pod.uid, None)

    # Owners

    def put_owner(self, facts: OwnerFacts) -> None:
        """Take up a ReplicaSet, Job or CronJob."""
        known = self.owners.get(facts.uid)
        self.owners[facts.uid] = facts
        if known is None or known.owner != facts.owner:
            self._name_workloads()

    def replace_owners(self, kind: str, facts: Sequence[OwnerFacts]) -> None:
        """Take a whole list of one kind of owners."""
        kept = {uid: owner for uid, owner in self.owners.items() if owner.kind != kind}
        self.owners = kept | {owner.uid: owner for owner in facts}
        self._name_workloads()

    def touched(self) -> None:
        """Note that something changed that isn't a node's."""
        self._changed()

    def _name_workloads(self) -> None:
        for pod in self.pods.values():
            if pod.facts is None:
                continue
            workload = workload_of(pod.facts.owner, pod.name, self.owners)
            if workload != (pod.workload_kind, pod.workload):
                pod.workload_kind, pod.workload = workload
                pod.written = False
                self.mark(pod.node_uid)

    def _requests(self, pod: Pod) -> Resources:
        facts = pod.facts
        assert facts is not None
        node = self.nodes.get(pod.node_uid)
        gpus = self._gpu_resources.count(facts.gpu_requests, node.facts.labels if node else {})
        return Resources(facts.vcpu_request, facts.memory_gib_request, gpus)

    def _place(self, pod: Pod) -> None:
        self.pods[pod.uid] = pod
        node = self.nodes.get(pod.node_uid) or self.node_named(pod.node_name)
        if node is not None and self._belongs(pod, node):
            self._settle_down(pod, node)
        else:
            self._homeless.setdefault(pod.node_name, {})[pod.uid] = pod

    def _belongs(self, pod: Pod, node: Node) -> bool:
        if pod.node_uid:
            return pod.node_uid == node.facts.uid
        return pod.start_ns >= node.facts.created_ns - ADOPTION_SLACK_NS

    def _settle_down(self, pod: Pod, node: Node) -> None:
        self._homeless.get(pod.node_name, {}).pop(pod.uid, None)
        pod.node_uid = node.facts.uid
        node.pods[pod.uid] = pod
        if pod.facts is not None and pod.facts.gpu_requests:  # how many GPUs that is, the node's labels say
            pod.requests[-1] = Change(pod.requests[-1].since_ns, self._requests(pod))
        if node.ended_ns is not None:
            pod.end(node.ended_ns)
        self.mark(node.facts.uid)

    def mark(self, node_uid: str) -> None:
        """Note that a node's rates are to be made anew."""
        if node_uid:
            self.dirty_nodes.add(node_uid)
        self._changed()
