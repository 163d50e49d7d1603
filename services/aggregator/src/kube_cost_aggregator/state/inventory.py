"""The cluster as the watches tell it, and the pods and nodes that are gone but not yet settled."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Any

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
from kube_cost_aggregator.state.lifetimes import Lifetimes
from kube_cost_aggregator.state.mounts import Mounts
from kube_cost_aggregator.state.nodes import Node, finished_ns
from kube_cost_aggregator.state.places import NOWHERE, Place, place_of
from kube_cost_aggregator.state.pods import Pod, bound_pod, charged_from_ns, label_texts
from kube_cost_aggregator.state.workloads import workload_of
from kube_cost_common.domain.gpus import DEFAULT_GPU_RESOURCES, GpuResources
from kube_cost_common.domain.money import NS_PER_SECOND
from kube_cost_common.domain.nodes import CUSTOM, identify
from kube_cost_common.domain.resources import Resources
from kube_cost_common.domain.settlement import Change
from kube_cost_common.messages.streams import USAGE

HOMELESS_NS = 600_000_000_000
"""How long a pod that has ended is kept for its node, should the node's watch be behind."""


GONE_NODE_NS = int(USAGE.max_age_seconds) * NS_PER_SECOND
"""How long a node that is gone is remembered: as long as its samples may wait on the bus, and no list is so old."""


class Inventory:
    """Knows the objects by uid. Changes mark their node as dirty, for who shows rates.

    It takes what the watches deliver: whole lists (`replaced`), and single changes and removals, each with the time of
    its arrival in Unix nanoseconds.
    """

    def __init__(
        self,
        *,
        spot_label: str = "",
        pool_label: str = "",
        default_provider: str = CUSTOM,
        gpu_resources: GpuResources = DEFAULT_GPU_RESOURCES,
        changed: Callable[[], None],
    ) -> None:
        self._spot_label = spot_label
        self._pool_label = pool_label
        self._default_provider = default_provider
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
        """Whose rates are to be made anew."""
        self.used_nodes: set[str] = set()
        """Likewise, but only since a sample told of their pods' usage: that may be shown a little later."""
        self.unkept_nodes: set[str] = set()
        """Of which something has changed that the ledger hasn't been given for a restart."""
        self.gone_nodes: dict[str, int] = {}
        """Nodes that are settled to their end, by uid, and since when, the latest last: a stale list isn't believed."""
        self.volume_lives = Lifetimes[VolumeFacts]()
        self.service_lives = Lifetimes[ServiceFacts](costs=lambda service: service.has_load_balancer)
        self.lives: Mapping[str, Lifetimes[Any]] = {
            "PersistentVolume": self.volume_lives,
            "Service": self.service_lives,
        }
        """Those of the plain kinds that cost by their mere being."""
        self.mounts = Mounts()
        self._homeless: dict[str, dict[str, Pod]] = {}
        self._place = NOWHERE

    def take_up(self, pod: Pod) -> None:
        """Take up a pod as it was known before a restart."""
        self._house(pod)

    def node_named(self, name: str, at_ns: int | None = None) -> Node | None:
        """Return the node that has that name now, or had it last, or the one that had it at `at_ns`."""
        uid = self.node_uids.get(name)
        node = self.nodes.get(uid) if uid else None
        if node is None or at_ns is None or at_ns >= node.facts.created_ns:
            return node
        earlier = [one for one in self.nodes.values() if one.facts.name == name and one.facts.created_ns <= at_ns]
        return max(earlier, key=lambda one: one.facts.created_ns, default=node)

    def region(self) -> str:
        """Return the region that most nodes are in: where volumes that don't say are taken to be."""
        return self.place().region

    def place(self) -> Place:
        """Return where most nodes are, or were while there were any."""
        nodes = [(node.identity, node.facts.labels) for node in self.nodes.values() if node.ended_ns is None]
        if nodes:
            self._place = place_of(nodes)
        return self._place

    # Nodes

    def put_node(self, facts: NodeFacts, at_ns: int) -> None:
        """Take up a node, or what changed of it, as heard at `at_ns`."""
        if facts.uid in self.gone_nodes:
            return
        identity = identify(
            provider_id=facts.provider_id,
            labels=facts.labels,
            spot_label=self._spot_label,
            pool_label=self._pool_label,
            default_provider=self._default_provider,
        )
        node = self.nodes.get(facts.uid)
        if node is None:
            node = self.nodes[facts.uid] = Node(facts=facts, identity=identity)
            named = self.nodes.get(self.node_uids.get(facts.name, ""))
            if named is None or named.facts.created_ns <= facts.created_ns:
                self.node_uids[facts.name] = facts.uid
            for pod in list(self._homeless.get(facts.name, {}).values()):
                if node.may_have(pod):
                    self._settle_down(pod, node)
        elif node.extends:  # a list lacked it, and another one has it
            node.go_on()
        elif node.facts == facts:
            return
        node.facts, node.identity = facts, identity
        for pod in node.pods.values():
            if pod.facts is not None and pod.facts.gpu_requests:  # how many GPUs that is, the labels say
                pod.request_from(at_ns, self._requests(pod))
        self.mark(facts.uid)

    def end_node(self, uid: str, at_ns: int, *, extends: bool = False) -> None:
        """Let a node end: nothing on it is charged from then on. `extends`: unless samples say that it lived longer."""
        node = self.nodes.get(uid)
        if node is None or node.ended_ns is not None:
            return
        node.ended_ns, node.extends = max(at_ns, node.facts.created_ns), extends
        for pod in node.pods.values():
            pod.ended_with_node = extends and pod.end_ns is None
            pod.extends = pod.extends or pod.ended_with_node
            pod.end(at_ns)
        self.mark(uid)

    def replace_nodes(self, facts: Sequence[NodeFacts], at_ns: int) -> None:
        """Take a whole list. What isn't in it ended when it was last seen, which later samples may correct."""
        listed = {node.uid for node in facts}
        for uid in [uid for uid, node in self.nodes.items() if uid not in listed and node.ended_ns is None]:
            self.end_node(uid, self.nodes[uid].settled_ns, extends=True)
        for node in facts:
            self.put_node(node, at_ns)

    def forget_node(self, uid: str, now_ns: int) -> None:
        """Drop a node that has ended and is settled, and the memory of those that no list or sample can name by now."""
        node = self.nodes.pop(uid, None)
        if node is None:
            return
        for gone in list(takewhile(lambda gone: now_ns - self.gone_nodes[gone] > GONE_NODE_NS, self.gone_nodes)):
            del self.gone_nodes[gone]
        self.gone_nodes[uid] = now_ns
        for pod in node.pods.values():
            self.pods.pop(pod.uid, None)
            self.mounts.remove(pod)
        if self.node_uids.get(node.facts.name) == uid:
            del self.node_uids[node.facts.name]
        self.mark(uid)

    # Pods

    def put_pod(self, facts: PodFacts, at_ns: int | None = None) -> None:
        """Take up a pod, or what changed of it; `at_ns` is when its event arrived, None out of a list."""
        pod = self._adopted(facts, at_ns) or self.pods.get(facts.uid)
        if pod is None:
            if not self._is_new(facts, at_ns):
                return
            pod = bound_pod(facts, at_ns, self.owners)
            self._house(pod)
        known = pod.facts
        pod.facts = facts
        if known is None and pod.claims != facts.claims:  # as it was known before a restart
            self.mounts.remove(pod)
            pod.claims, pod.written = facts.claims, False
            if pod.node_uid:
                self.mounts.add(pod)
        if (known is None or known.labels != facts.labels) and pod.labels != (labels := label_texts(facts.labels)):
            pod.labels, pod.written = labels, False
        if pod.extends:
            pod.extends = False
            if not facts.terminated and facts.finished_ns is None:
                pod.go_on()
        changed = pod.request_from(pod.start_ns if not pod.requests else at_ns or pod.start_ns, self._requests(pod))
        if pod.end_ns is None and (facts.terminated or facts.finished_ns is not None):
            pod.end(self._end_ns(pod, facts, at_ns))
            changed = True
        if changed or known is None or known.labels != facts.labels:
            self.mark(pod.node_uid)

    def _is_new(self, facts: PodFacts, at_ns: int | None) -> bool:
        """Whether a pod that isn't known is to be charged: it is or was bound, and isn't settled to its end."""
        if not facts.node_name or (facts.bound_ns is None and facts.finished_ns is None):
            return False
        if facts.finished_ns is None:
            return not facts.terminated  # refused by its kubelet, or nothing says when it ended
        node = self.node_named(facts.node_name)
        return node is None or finished_ns(facts.finished_ns, node, at_ns) > node.settled_ns

    def _adopted(self, facts: PodFacts, at_ns: int | None) -> Pod | None:
        """Return the pod where samples told of it first, under its static uid maybe; all unsettled time is its own."""
        pod = self.pods.get(facts.uid) or self.pods.get(facts.usage_uid)
        if pod is None or not pod.estimated or pod.facts is not None or pod.node_name != facts.node_name:
            return None
        del self.pods[pod.uid]
        node = self.nodes.get(pod.node_uid)
        if node is not None:
            del node.pods[pod.uid]
        pod.claims = facts.claims
        pod.uid, pod.estimated, pod.written = facts.uid, False, False
        pod.start_ns = min(pod.start_ns, charged_from_ns(facts, at_ns))
        pod.workload_kind, pod.workload = workload_of(facts.owner, facts.name, self.owners)
        pod.requests = []
        self._house(pod)
        return pod

    def _end_ns(self, pod: Pod, facts: PodFacts, at_ns: int | None) -> int:
        node = self.nodes.get(pod.node_uid)
        if facts.finished_ns is not None:
            return finished_ns(facts.finished_ns, node, at_ns)
        if at_ns is not None:
            return at_ns
        return node.settled_ns if node is not None else pod.start_ns

    def end_pod(self, uid: str, at_ns: int) -> None:
        """Let a pod whose object is gone end."""
        pod = self.pods.get(uid)
        if pod is not None and pod.end_ns is None:
            pod.end(at_ns)
            self.mark(pod.node_uid)
        if pod is not None:
            pod.ended_with_node = False
            self._forget_homeless(at_ns)

    def replace_pods(self, facts: Sequence[PodFacts], last_seen_ns: Callable[[Pod], int]) -> None:
        """Take a whole list. What isn't in it ended when it was last seen, which later samples may correct."""
        listed = {pod.uid for pod in facts}
        for pod in self.pods.values():
            pod.ended_with_node = pod.ended_with_node and pod.uid in listed
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
        self.mounts.remove(pod)
        if node := self.nodes.get(pod.node_uid):
            node.pods.pop(pod.uid, None)
        self._homeless.get(pod.node_name, {}).pop(pod.uid, None)

    # Plain kinds

    def put_plain(self, kind: str, facts: Any, at_ns: int) -> None:
        """Take up an object of a plain kind, or what changed of it."""
        known = self.objects[kind]
        if lives := self.lives.get(kind):
            lives.put(facts, at_ns, changed=facts.uid in known)
        known[facts.uid] = facts
        self._changed()

    def end_plain(self, kind: str, uid: str, at_ns: int) -> None:
        """Let an object of a plain kind end."""
        gone = self.objects[kind].pop(uid, None)
        if lives := self.lives.get(kind):
            lives.end(uid, at_ns)
        if isinstance(gone, ClaimFacts):
            self._release((gone.namespace, gone.name), at_ns)
        self._changed()

    def _release(self, claim: tuple[str, str], at_ns: int) -> None:
        """Let a volume be nobody's as soon as its claim is gone; the cluster says so of the volume itself later."""
        for life in self.volume_lives.known.values():
            if life.end_ns is None and life.facts.claim == claim:
                self.volume_lives.put(replace(life.facts, claim=None), at_ns)

    def replace_plain(self, kind: str, facts: Sequence[Any], at_ns: int) -> None:
        """Take a whole list of a plain kind."""
        known = self.objects[kind]
        known.clear()
        known.update({one.uid: one for one in facts})
        if lives := self.lives.get(kind):
            lives.replace(facts, at_ns)
        self._changed()

    # Owners

    def put_owner(self, facts: OwnerFacts) -> None:
        """Take up a ReplicaSet, Job or CronJob."""
        known = self.owners.get(facts.uid)
        self.owners[facts.uid] = facts
        if (known.owner if known is not None else None) != facts.owner:
            self._name_workloads(facts.uid)

    def replace_owners(self, kind: str, facts: Sequence[OwnerFacts]) -> None:
        """Take a whole list of one kind of owners."""
        kept = {uid: owner for uid, owner in self.owners.items() if owner.kind != kind}
        self.owners = kept | {owner.uid: owner for owner in facts}
        self._name_workloads()

    def _name_workloads(self, changed_uid: str = "") -> None:
        """Name anew the pods of all owners, or of a changed one and those that it owns."""
        for pod in self.pods.values():
            owner = pod.facts.owner if pod.facts is not None else None
            known = self.owners.get(owner.uid) if owner is not None else None
            if known is None:  # an owner that is gone takes nothing away from what is known
                continue
            if changed_uid and changed_uid not in {known.uid, known.owner.uid if known.owner else ""}:
                continue
            workload = workload_of(owner, pod.name, self.owners)
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

    def _house(self, pod: Pod) -> None:
        self.pods[pod.uid] = pod
        node = self.nodes.get(pod.node_uid) or self.node_named(pod.node_name)
        if node is not None and node.may_have(pod):
            self._settle_down(pod, node)
        else:
            self._homeless.setdefault(pod.node_name, {})[pod.uid] = pod

    def _settle_down(self, pod: Pod, node: Node) -> None:
        self._homeless.get(pod.node_name, {}).pop(pod.uid, None)
        pod.node_uid = node.facts.uid
        node.pods[pod.uid] = pod
        self.mounts.add(pod)
        if pod.facts is not None and pod.facts.gpu_requests and pod.requests:
            pod.requests[-1] = Change(pod.requests[-1].since_ns, self._requests(pod))
        if node.ended_ns is not None:
            pod.ended_with_node = node.extends and pod.end_ns is None
            pod.extends = pod.extends or pod.ended_with_node
            pod.end(node.ended_ns)
        self.mark(node.facts.uid)

    def mark(self, node_uid: str) -> None:
        """Note that something of a node has changed."""
        if node_uid:
            self.dirty_nodes.add(node_uid)
            self.unkept_nodes.add(node_uid)
        self._changed()

    def mark_used(self, node_uid: str) -> None:
        """Note that a sample has told of a node: nobody is woken to show it."""
        self.used_nodes.add(node_uid)
        self.unkept_nodes.add(node_uid)

    def _forget_homeless(self, now_ns: int) -> None:
        """Drop the pods whose node never came though they ended long ago."""
        for node_name, homeless in list(self._homeless.items()):
            for uid, pod in list(homeless.items()):
                if pod.end_ns is not None and now_ns - pod.end_ns > HOMELESS_NS:
                    del homeless[uid]
                    self.pods.pop(uid, None)
            if not homeless:
                del self._homeless[node_name]
