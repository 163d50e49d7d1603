"""Settles nodes: each sample, and the time that no sample covers, becomes charges in the ledger."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from types import MappingProxyType

from kube_cost_aggregator.history.store import NodeState
from kube_cost_aggregator.state import sized_pods
from kube_cost_aggregator.state.facts import NodeFacts
from kube_cost_aggregator.state.gpu_use import note_gpu_use
from kube_cost_aggregator.state.inventory import Inventory
from kube_cost_aggregator.state.ledger import Ledger
from kube_cost_aggregator.state.nodes import Node
from kube_cost_aggregator.state.pods import Pod
from kube_cost_aggregator.state.prices import PriceBook, PriceShelf
from kube_cost_aggregator.state.restart import keep
from kube_cost_aggregator.state.sized_pods import sizing
from kube_cost_aggregator.state.spans import pod_spans
from kube_cost_aggregator.state.traffic import Sent, charge_sent, growth, sent_in
from kube_cost_aggregator.state.unlisted import Known, is_unlisted, unlisted_node
from kube_cost_aggregator.state.usages import Averages, attribute_unseen, averages, clock_offset_ns, rebase
from kube_cost_common.domain import sustained_use
from kube_cost_common.domain.basis import Basis, counted_usage
from kube_cost_common.domain.money import NS_PER_SECOND
from kube_cost_common.domain.privacy import PLAIN, PodNames
from kube_cost_common.domain.resources import NOTHING, Resources
from kube_cost_common.domain.settlement import Change, PriceChange, settle
from kube_cost_common.messages.usage import PodUsage, UsageSample

SIZED_LAG_NS = 5 * NS_PER_SECOND
"""How long after the fact pods are settled that are sold by size: the watch may not have told of all of it yet."""


class Outcome(Enum):
    """What became of a sample."""

    SETTLED = auto()
    REPEATED = auto()
    """It, or a later one of its session, was settled before."""
    LATE = auto()
    """Its time was settled without it; its totals are the baseline of the next."""
    UNPRICED = auto()
    """Its node has no price yet. Its usage is in the next sample's totals too."""
    UNKNOWN_NODE = auto()
    """No watch has told of its node."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long the ledger waits before it settles without what is missing, in seconds."""

    usage_seconds: float = 600.0
    price_seconds: float = 600.0
    ended_node_seconds: float = 60.0


class Settlement:
    """Turns samples into charges. One caller at a time; the caller commits.

    `network_shares` say which part of the bytes sent is of each class of traffic (`zone`, `region`, `internet`).
    """

    def __init__(
        self,
        *,
        inventory: Inventory,
        ledger: Ledger,
        prices: PriceShelf,
        patience: Patience,
        network_shares: Mapping[str, float] = MappingProxyType({}),
        basis: Basis = "max",
        pod_names: PodNames = PLAIN,
    ) -> None:
        self._inventory = inventory
        self._ledger = ledger
        self._prices = prices
        self._patience = patience
        self._network_shares = network_shares
        self._basis = basis
        self._pod_names = pod_names
        self._connected_since_ns: int | None = None
        self._unpriced_since_ns: dict[str, int] = {}
        self._priced: dict[str, NodeFacts] = {}
        self._priced_by: PriceBook | None = None

    def take(self, sample: UsageSample, stored_at_ns: int, *, unwatched: bool = False) -> Outcome:
        """Settle a sample's node through the sample's end. `stored_at_ns` is the bus's stamp, Unix nanoseconds.

        `unwatched`: it was stored before all nodes were listed, so that its node may have come and gone since. One that
        no list has told of is then taken up as far as its samples tell of it.
        """
        end_ns = sample.end_ns + stored_at_ns - sample.sent_at_ns
        node = self._inventory.node_named(sample.node, end_ns)
        if unwatched and (
            node is None or end_ns <= node.facts.created_ns or self._is_followed_by_another(node, sample)
        ):
            node = self._take_up_unlisted(sample, stored_at_ns - sample.sent_at_ns) or node
        if node is None:
            return Outcome.UNKNOWN_NODE
        if is_unlisted(node.facts.uid):
            if not unwatched:
                return Outcome.UNKNOWN_NODE
            if not node.identity.instance_type:
                self._prices.assume(node.facts.uid)  # no price will ever come for it
        outcome = self._take(node, sample, stored_at_ns)
        self._keep_changes()
        return outcome

    def _is_followed_by_another(self, node: Node, sample: UsageSample) -> bool:
        """Whether a node went while nobody watched, and a sample is of another boot: of another one of its name.

        Should it be of the same one, booted anew, it is paid all the same, but for the time that the boot took.
        """
        known = self._ledger.nodes.get(node.facts.uid)
        return node.extends and known is not None and known.boot_id not in {"", sample.boot_id}

    def _take_up_unlisted(self, sample: UsageSample, offset_ns: int) -> Node | None:
        """Take up a node that its samples alone tell of, from the first one's start on; None where that can't be."""
        known = [Known(node.facts, node.identity) for node in self._inventory.nodes.values()]
        facts = unlisted_node(sample, known, created_ns=sample.start_ns + offset_ns)
        end_ns = sample.end_ns + offset_ns
        if facts is None or end_ns <= self._ledger.started_at_ns or facts.uid in self._inventory.gone_nodes:
            return None
        if not facts.labels and self._prices.book.defaults is None:
            return None  # it would never have a price
        self._inventory.put_node(facts, facts.created_ns)
        self._inventory.end_node(facts.uid, facts.created_ns, extends=True)
        return self._inventory.nodes[facts.uid]

    def _take(self, node: Node, sample: UsageSample, stored_at_ns: int) -> Outcome:
        state = self._state(node)
        same_session = sample.session == state.session
        if same_session and sample.seq <= state.seq:
            return Outcome.REPEATED
        offset_ns = clock_offset_ns(state, sample, stored_at_ns)
        start_ns, end_ns = sample.start_ns + offset_ns, sample.end_ns + offset_ns
        if end_ns <= node.facts.created_ns or (not same_session and end_ns <= (state.baseline_end_ns or 0)):
            return Outcome.LATE  # another node's of that name, or an agent's that another one has followed
        if node.extends and node.ended_ns is not None and end_ns > node.ended_ns:
            node.ended_ns = end_ns
            self._inventory.mark(node.facts.uid)
        timeline = self._timeline(node)
        if not timeline and state.baseline_end_ns is not None:
            return Outcome.UNPRICED
        state.clock_offset_ns = node.clock_offset_ns = offset_ns
        more = growth(state, sample)
        for namespace, traffic in more.namespaces.items():
            self._ledger.count_traffic(namespace, traffic)
        if timeline and end_ns > state.settled_through_ns:
            pods = self._know_pods(node, state, sample, offset_ns)
            told = averages(state, sample, pods, start_ns=start_ns, end_ns=end_ns, offset_ns=offset_ns)
            window = told.window
            sent = sent_in(
                more,
                pods,
                start_ns=window.start_ns,
                end_ns=window.end_ns,
                usd_per_gib=self._usd_per_gib(node),
            )
            node.transmit_bytes_per_second = sent.rest_bytes_per_second
            note_gpu_use(state, sample, pods, end_ns)
            self._settle_sample(node, state, timeline, told, sent)
            outcome = Outcome.SETTLED
        else:
            outcome = Outcome.LATE if timeline else Outcome.UNPRICED
        rebase(state, sample, end_ns)
        state.charged = [uid for uid in state.charged if uid in state.pods]
        self._ledger.touch(state)
        return outcome

    def _usd_per_gib(self, node: Node) -> float:
        """Return what a GiB sent from a node costs on average, by the configured shares of where traffic goes."""
        if not self._network_shares:
            return 0.0
        provider, region = node.identity.provider, node.identity.region
        return self._prices.book.network_usd_per_gib(provider, region, self._network_shares)

    def catch_up(self, now_ns: int, *, connected: bool, drained: bool) -> None:
        """Settle what no sample will settle: the time of silent agents, and of nodes that are gone.

        `connected`: the bus is there, and has been since the last call. `drained`: it holds no sample that isn't
        settled. What of an agent isn't there by then, though the bus was, and that for as long as the patience, is
        not waited for any more. What has happened to pods and nodes is noted for a restart in any case.
        """
        self._settle_silent(now_ns, connected=connected, drained=drained)
        self._keep_changes()

    def _settle_silent(self, now_ns: int, *, connected: bool, drained: bool) -> None:
        if not connected:
            self._connected_since_ns = None
            return
        if self._connected_since_ns is None:
            self._connected_since_ns = now_ns
        if not drained:
            return
        patience_ns = int(self._patience.usage_seconds * NS_PER_SECOND)
        for node in list(self._inventory.nodes.values()):
            state = self._state(node)
            waits_for_price = self._waits_for_price(node, now_ns)
            if node.ended_ns is not None:
                if now_ns - node.ended_ns >= self._patience.ended_node_seconds * NS_PER_SECOND:
                    self._settle_by_requests(node, state, node.ended_ns)
                    if state.settled_through_ns >= node.ended_ns or not waits_for_price:
                        self._forget_node(node, state, node.ended_ns, now_ns)
            elif sizing(node) is not None:  # no agent will ever be there
                self._settle_by_requests(node, state, now_ns - SIZED_LAG_NS)
            elif now_ns - self._connected_since_ns >= patience_ns:
                self._settle_by_requests(node, state, now_ns - patience_ns)

    def _forget_node(self, node: Node, state: NodeState, ended_ns: int, now_ns: int) -> None:
        """Drop a node that is settled to its end, unless volumes that its pods mounted aren't."""
        for pod in node.pods.values():
            pod.end(ended_ns)
        self._forget_settled(node, state)
        if any(map(self._inventory.mounts.needed, node.pods.values())):
            return
        self._unpriced_since_ns.pop(node.facts.uid, None)
        self._priced.pop(node.facts.uid, None)
        self._inventory.forget_node(node.facts.uid, now_ns)
        self._ledger.forget_node(node.facts.uid)

    def knows(self, node_name: str) -> bool:
        """Whether there is a node of that name, or one that isn't settled to its end."""
        return node_name in self._inventory.node_uids

    def last_seen_ns(self, pod: Pod) -> int:
        """Return when a pod was last known to be there: where its node is settled to."""
        state = self._ledger.nodes.get(pod.node_uid)
        return max(pod.start_ns, state.settled_through_ns if state is not None else 0)

    def _state(self, node: Node) -> NodeState:
        state = self._ledger.node(node.facts.uid, node.facts.name, node.facts.created_ns)
        state.instance_type, state.capacity_type = node.identity.instance_type, node.identity.capacity_type
        state.node_pool = node.identity.node_pool
        node.settled_ns = state.settled_through_ns
        return state

    def _keep_changes(self) -> None:
        """Give the ledger what a restart needs to know of the nodes that have changed."""
        for uid in self._inventory.unkept_nodes:
            node = self._inventory.nodes.get(uid)
            if node is not None:
                state = self._state(node)
                keep(state, node.facts, node.ended_ns, end_extends=node.extends, pods=node.pods.values())
                self._ledger.touch(state)
        self._inventory.unkept_nodes.clear()

    def _waits_for_price(self, node: Node, now_ns: int) -> bool:
        uid = node.facts.uid
        if self._prices.book is not self._priced_by:
            self._priced, self._priced_by = {}, self._prices.book
        if self._priced.get(uid) is node.facts:  # as long as neither changes, a node that has a price keeps it
            return True
        if self._timeline(node):
            self._priced[uid] = node.facts
            self._unpriced_since_ns.pop(uid, None)
            return True
        since_ns = self._unpriced_since_ns.setdefault(uid, now_ns)
        if now_ns - since_ns < self._patience.price_seconds * NS_PER_SECOND:
            return True
        if sizing(node) is None and not self._prices.book.is_in_other_money(node.facts, node.identity):
            self._prices.assume(uid)
        return bool(self._timeline(node))

    def _timeline(self, node: Node) -> list[PriceChange]:
        sold = sizing(node)
        if sold is not None:
            return sized_pods.timeline(node, sold, self._prices.book, self._inventory.region())
        return self._prices.book.node_timeline(node.facts, node.identity)

    def _settle_by_requests(self, node: Node, state: NodeState, through_ns: int) -> None:
        if through_ns <= state.settled_through_ns:
            return
        timeline = self._timeline(node)
        if timeline:
            for pod in node.pods.values():
                if pod.led_by_samples:
                    pod.end(state.settled_through_ns)
            self._book(node, state, timeline, through_ns=through_ns, estimated=True)
            if any(pod.usage != NOTHING for pod in node.pods.values()):  # gauges go on by requests too
                for pod in node.pods.values():
                    pod.usage, pod.transmit_bytes_per_second = NOTHING, 0.0
                node.transmit_bytes_per_second = 0.0
                self._inventory.mark(node.facts.uid)
            self._forget_settled(node, state)
            state.charged = [uid for uid in state.charged if uid in state.pods]
            self._inventory.unkept_nodes.add(node.facts.uid)

    def _know_pods(self, node: Node, state: NodeState, sample: UsageSample, offset_ns: int) -> dict[str, Pod]:
        """Return the node's pods by the uid that the agent knows them by, those that only the sample tells of too."""
        pods = {pod.usage_uid: pod for pod in node.pods.values()}
        charged = set(state.charged)
        for used in sample.pods:
            pod = pods.get(used.uid)
            last_ns = used.last_ns + offset_ns
            if pod is None:
                known = used.uid in charged or used.uid in self._inventory.pods
                if last_ns > state.settled_through_ns and used.namespace and not known:
                    pods[used.uid] = self._add_unseen(node, used, offset_ns)
            elif pod.led_by_samples:
                if used.ended:
                    pod.go_on()
                    pod.end(last_ns)
                elif last_ns > state.settled_through_ns:
                    pod.go_on()
        listed = {used.uid for used in sample.pods}
        for pod in pods.values():
            if pod.led_by_samples and pod.usage_uid not in listed:
                pod.end(state.settled_through_ns)
        return pods

    def _add_unseen(self, node: Node, used: PodUsage, offset_ns: int) -> Pod:
        """Take up a pod that came, and perhaps went, without any watch telling: it is charged by its usage."""
        start_ns = used.since_ns + offset_ns
        name = self._pod_names.shown(used.name)
        pod = Pod(
            uid=used.uid,
            usage_uid=used.uid,
            namespace=used.namespace,
            name=name,
            node_name=node.facts.name,
            node_uid=node.facts.uid,
            workload_kind="Pod",
            workload=name,
            start_ns=start_ns,
            end_ns=used.last_ns + offset_ns if used.ended else None,
            requests=[Change(start_ns, NOTHING)],
            estimated=True,
        )
        self._inventory.add_estimated_pod(pod, node)
        if not used.ended:
            pod.go_on()  # its node's end may be later than is known yet
        return pod

    def _settle_sample(
        self, node: Node, state: NodeState, timeline: list[PriceChange], told: Averages, sent: Sent
    ) -> None:
        window = told.window
        ended = [
            pod
            for pod in node.pods.values()
            if pod.end_ns is not None and window.start_ns < pod.end_ns <= window.end_ns
        ]
        usage, unattributed = attribute_unseen(told, ended)
        if state.settled_through_ns < window.start_ns:  # before anything was heard of the node
            self._book(node, state, timeline, through_ns=window.start_ns, estimated=True)
        if state.settled_through_ns < window.memory_start_ns:  # the agent was away: the kernel went on counting CPU
            cpu_only = {uid: Resources(used.vcpu, 0.0, 0.0) for uid, used in usage.items()}
            self._book(
                node,
                state,
                timeline,
                through_ns=window.memory_start_ns,
                usage=cpu_only,
                unattributed_vcpu=unattributed,
                estimated=True,
                memory_known=False,
                sent=sent,
            )
        self._book(
            node, state, timeline, through_ns=window.end_ns, usage=usage, unattributed_vcpu=unattributed, sent=sent
        )
        for pod in node.pods.values():
            if pod.uid in usage:
                pod.usage = usage[pod.uid]
        self._inventory.mark_used(node.facts.uid)
        self._forget_settled(node, state)

    def _book(
        self,
        node: Node,
        state: NodeState,
        timeline: list[PriceChange],
        *,
        through_ns: int,
        usage: Mapping[str, Resources] = MappingProxyType({}),
        unattributed_vcpu: float = 0.0,
        estimated: bool = False,
        memory_known: bool = True,
        sent: Sent | None = None,
    ) -> None:
        """Charge a node's time from where it is settled to up to `through_ns`, or its own end if that is earlier."""
        start_ns = state.settled_through_ns
        end_ns = through_ns if node.ended_ns is None else min(through_ns, node.ended_ns)
        if end_ns > start_ns:
            sold = sizing(node)
            hours = settle(
                start_ns=start_ns,
                end_ns=end_ns,
                allocatable=node.facts.allocatable if sold is None else sized_pods.WHOLE,
                prices=sustained_use.between(
                    timeline, created_ns=node.facts.created_ns, start_ns=start_ns, end_ns=end_ns
                ),
                pods=pod_spans(
                    node,
                    start_ns=start_ns,
                    end_ns=end_ns,
                    usage=usage,
                    memory_known=memory_known,
                    basis=self._basis,
                ),
                unattributed=counted_usage(self._basis, Resources(unattributed_vcpu, 0.0, 0.0)),
                estimated=(estimated and sold is None) or is_unlisted(node.facts.uid),
            )
            if sent is not None:
                charge_sent(hours, sent)
            self._ledger.book(state, hours, node.pods)
        self._ledger.settled(state, max(start_ns, through_ns))
        node.settled_ns = state.settled_through_ns

    def _forget_settled(self, node: Node, state: NodeState) -> None:
        for pod in list(node.pods.values()):
            pod.forget_before(state.settled_through_ns)
            if pod.pod_id is not None:
                self._ledger.write_pod(pod, state)
            if pod.end_ns is not None and pod.end_ns <= state.settled_through_ns:
                if self._inventory.mounts.needed(pod):
                    continue
                self._inventory.forget_pod(pod)
                state.charged.append(pod.usage_uid)
