"""Pods, nodes and owners as the watches tell of them."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.records import LABELS, MINUTE, SECOND, START, node_facts, pod_facts
from kube_cost_aggregator.inputs.kubernetes.receiver import InventoryReceiver
from kube_cost_aggregator.state.facts import NamespaceFacts, Owner, OwnerFacts, PodFacts
from kube_cost_aggregator.state.inventory import Inventory
from kube_cost_aggregator.state.pods import Pod
from kube_cost_common.domain.resources import Resources

DEPLOYMENT = Owner("Deployment", "web", "deployment-uid")
REPLICA_SET = OwnerFacts(uid="rs-uid", kind="ReplicaSet", namespace="shop", name="web-1", owner=DEPLOYMENT)


@pytest.fixture
def inventory() -> Inventory:
    """With the node n1."""
    inventory = Inventory(changed=lambda: None)
    inventory.put_node(node_facts(), START)
    return inventory


def live(inventory: Inventory) -> dict[str, Resources]:
    return {uid: pod.request for uid, pod in inventory.pods.items() if pod.end_ns is None}


def start_of(pod: Pod) -> int:
    return pod.start_ns


class TestPodsLife:
    def test_a_pending_pod_is_charged_to_nobody(self, inventory: Inventory) -> None:
        """Not before it is bound."""
        inventory.put_pod(pod_facts(node_name="", bound_ns=None), START)
        assert not inventory.pods

    def test_a_pod_that_was_never_bound_leaves_nothing(self, inventory: Inventory) -> None:
        """Nor does its deletion."""
        inventory.put_pod(pod_facts(node_name="", bound_ns=None), START)
        inventory.end_pod("pod-uid", START + MINUTE)
        assert not inventory.pods

    def test_a_pod_reserves_from_binding_to_its_end(self, inventory: Inventory) -> None:
        """Pending, bound, succeeded, deleted: charged for what lies between bound and finished."""
        inventory.put_pod(pod_facts(node_name="", bound_ns=None), START)
        inventory.put_pod(pod_facts(bound_ns=START + MINUTE), START + MINUTE)
        finished = pod_facts(bound_ns=START + MINUTE, finished_ns=START + 2 * MINUTE, terminated=True)
        inventory.put_pod(finished, START + 2 * MINUTE)
        inventory.end_pod("pod-uid", START + 3 * MINUTE)
        pod = inventory.pods["pod-uid"]
        assert (pod.start_ns, pod.end_ns) == (START + MINUTE, START + 2 * MINUTE)

    def test_a_bound_pod_in_the_first_list_began_when_the_api_says(self, inventory: Inventory) -> None:
        """Its event was never heard."""
        inventory.replace_pods([pod_facts(bound_ns=START + 7 * SECOND)], start_of)
        assert inventory.pods["pod-uid"].start_ns == START + 7 * SECOND

    @pytest.mark.parametrize(
        ("late_ns", "expected_ns"),
        [
            (0, 0),
            (1_999_999_999, 1_999_999_999),
            (2 * SECOND, 0),
            (-1, 0),
            (MINUTE, 0),
        ],
    )
    def test_an_events_arrival_is_the_time_where_it_is_near(
        self, inventory: Inventory, late_ns: int, expected_ns: int
    ) -> None:
        """The API's own stamps have whole seconds: what comes within two of them is better."""
        inventory.put_pod(pod_facts(bound_ns=START), START + late_ns)
        finished = pod_facts("other", bound_ns=START, finished_ns=START + MINUTE, terminated=True)
        inventory.put_pod(replace(finished, finished_ns=None, terminated=False), START)
        inventory.put_pod(finished, START + MINUTE + late_ns)
        assert inventory.pods["pod-uid"].start_ns == START + expected_ns
        assert inventory.pods["other"].end_ns == START + MINUTE + min(expected_ns, late_ns)

    @pytest.mark.parametrize("ahead_ns", [90 * SECOND, -11 * MINUTE])
    @pytest.mark.parametrize("late_ns", [SECOND, 3 * MINUTE])
    def test_a_pod_ends_by_the_bus_though_its_nodes_clock_is_wrong(
        self, inventory: Inventory, ahead_ns: int, late_ns: int
    ) -> None:
        """FinishedAt is the kubelet's stamp: it is brought to the bus's clock as the agent's stamps are."""
        inventory.nodes["node-uid"].clock_offset_ns = -ahead_ns
        inventory.put_pod(pod_facts(bound_ns=START), START)
        finished = pod_facts(bound_ns=START, finished_ns=START + MINUTE + ahead_ns, terminated=True)
        inventory.put_pod(finished, START + MINUTE + late_ns)
        assert inventory.pods["pod-uid"].end_ns == START + MINUTE + (SECOND if late_ns == SECOND else 0)

    def test_a_pod_ends_no_later_than_it_is_told_of(self, inventory: Inventory) -> None:
        """Before the first sample says how far a node's clock is ahead."""
        inventory.put_pod(pod_facts(bound_ns=START), START)
        finished = pod_facts(bound_ns=START, finished_ns=START + 10 * MINUTE, terminated=True)
        inventory.put_pod(finished, START + MINUTE)
        assert inventory.pods["pod-uid"].end_ns == START + MINUTE

    def test_a_pod_that_its_kubelet_refused_reserves_nothing(self, inventory: Inventory) -> None:
        """It has Failed, and no container says when; from the event on it isn't charged, nor if first heard of so."""
        refused = pod_facts(terminated=True)
        inventory.put_pod(pod_facts(), START)
        inventory.put_pod(refused, START + MINUTE)
        assert inventory.pods["pod-uid"].end_ns == START + MINUTE
        inventory.put_pod(replace(refused, uid="other", usage_uid="other"), START + MINUTE)
        inventory.replace_pods([refused, replace(refused, uid="third", usage_uid="third")], start_of)
        assert set(inventory.pods) == {"pod-uid"}

    def test_a_pod_that_a_list_says_has_failed_ended_when_it_was_last_seen(self, inventory: Inventory) -> None:
        """Where neither a container nor an event says when."""
        inventory.put_pod(pod_facts(), START)
        inventory.nodes["node-uid"].settled_ns = START + 3 * MINUTE
        inventory.replace_pods([pod_facts(terminated=True)], start_of)
        assert inventory.pods["pod-uid"].end_ns == START + 3 * MINUTE

    def test_a_pod_that_is_settled_to_its_end_is_not_taken_up_again(self, inventory: Inventory) -> None:
        """Finished pods stay in the API for as long as someone wants to read their logs."""
        inventory.nodes["node-uid"].settled_ns = START + 3 * MINUTE
        finished = pod_facts(finished_ns=START + 2 * MINUTE, terminated=True)
        inventory.replace_pods([finished], start_of)
        inventory.put_pod(finished, START + 10 * MINUTE)
        assert not inventory.pods

    def test_a_pod_that_a_list_lacked_and_the_next_has_is_alive(self, inventory: Inventory) -> None:
        """A list out of a cache that is behind ends nothing for good."""
        inventory.put_pod(pod_facts(), START)
        inventory.replace_pods([], start_of)
        assert not live(inventory)
        inventory.replace_pods([pod_facts()], start_of)
        assert list(live(inventory)) == ["pod-uid"]

    def test_a_resize_holds_from_its_event_on(self, inventory: Inventory) -> None:
        """What it requested before is kept for the time that isn't settled."""
        inventory.put_pod(pod_facts(), START)
        inventory.put_pod(pod_facts(vcpu_request=2.0), START + MINUTE)
        inventory.put_pod(pod_facts(vcpu_request=2.0, labels={"a": "b"}), START + 2 * MINUTE)
        changes = [(change.since_ns, change.requests.vcpu) for change in inventory.pods["pod-uid"].requests]
        assert changes == [(START, 1.0), (START + MINUTE, 2.0)]

    def test_a_resize_that_a_list_tells_of_keeps_the_order(self, inventory: Inventory) -> None:
        """A list has no time of it: it is never before the last that is known."""
        inventory.put_pod(pod_facts(), START)
        inventory.put_pod(pod_facts(vcpu_request=2.0), START + MINUTE)
        inventory.replace_pods([pod_facts(vcpu_request=3.0)], start_of)
        changes = [(change.since_ns, change.requests.vcpu) for change in inventory.pods["pod-uid"].requests]
        assert changes == [(START, 1.0), (START + MINUTE, 2.0), (START + MINUTE, 3.0)]


class TestNodes:
    def test_a_pod_heard_of_before_its_node_waits_for_it(self) -> None:
        """The watches of pods and of nodes know nothing of each other."""
        inventory = Inventory(changed=lambda: None)
        inventory.put_pod(pod_facts(), START)
        inventory.put_node(node_facts(), START)
        assert list(inventory.nodes["node-uid"].pods) == ["pod-uid"]

    def test_an_older_pod_is_not_a_new_nodes(self) -> None:
        """A node of the same name came later; a minute is left for kubelets that register after they start."""
        inventory = Inventory(changed=lambda: None)
        inventory.put_pod(pod_facts("old", bound_ns=START - 2 * MINUTE), START)
        inventory.put_pod(pod_facts("near", bound_ns=START - MINUTE // 2), START)
        inventory.put_node(node_facts(), START)
        assert list(inventory.nodes["node-uid"].pods) == ["near"]

    def test_pods_whose_node_never_comes_are_forgotten(self) -> None:
        """After they have ended, and not at once."""
        inventory = Inventory(changed=lambda: None)
        inventory.put_pod(pod_facts(), START)
        inventory.end_pod("pod-uid", START + MINUTE)
        assert inventory.pods
        inventory.put_pod(pod_facts("later", node_name="another"), START + 20 * MINUTE)
        inventory.end_pod("later", START + 20 * MINUTE)
        assert list(inventory.pods) == ["later"]

    def test_a_nodes_end_is_its_pods_end(self, inventory: Inventory) -> None:
        """Events of their deletion that come later change nothing."""
        inventory.put_pod(pod_facts(), START)
        inventory.end_node("node-uid", START + MINUTE)
        inventory.end_pod("pod-uid", START + 2 * MINUTE)
        assert inventory.pods["pod-uid"].end_ns == START + MINUTE

    def test_a_node_that_a_list_lacks_ended_when_it_was_last_seen(self, inventory: Inventory) -> None:
        """That is what it is settled through; later samples may say more."""
        inventory.nodes["node-uid"].settled_ns = START + MINUTE
        inventory.replace_nodes([], START + 5 * MINUTE)
        node = inventory.nodes["node-uid"]
        assert (node.ended_ns, node.extends) == (START + MINUTE, True)

    def test_a_node_that_a_list_lacked_and_the_next_has_is_alive(self, inventory: Inventory) -> None:
        """With its pods; but one whose deletion was told stays ended."""
        inventory.put_node(node_facts("deleted", "n2"), START)
        inventory.put_pod(pod_facts(), START)
        inventory.end_node("deleted", START + MINUTE)
        for listed in ([], [node_facts(), node_facts("deleted", "n2")]):
            inventory.replace_nodes(listed, START + MINUTE)
        inventory.replace_pods([pod_facts()], start_of)
        assert inventory.nodes["node-uid"].ended_ns is None
        assert inventory.nodes["deleted"].ended_ns == START + MINUTE
        assert list(live(inventory)) == ["pod-uid"]

    def test_gpus_are_counted_by_labels_that_come_later(self, inventory: Inventory) -> None:
        """Time slicing: the device plugin labels its node after the node, and maybe the pods, are there."""
        inventory.put_pod(pod_facts(gpu_requests={"nvidia.com/gpu": 2}), START)
        assert inventory.pods["pod-uid"].request.gpus == 2
        inventory.put_node(node_facts(labels={**LABELS, "nvidia.com/gpu.replicas": "4"}), START + MINUTE)
        assert inventory.pods["pod-uid"].request.gpus == 0.5
        assert inventory.pods["pod-uid"].requests[0].requests.gpus == 2

    def test_gpus_of_a_pod_that_waited_for_its_node_are_by_its_labels(self) -> None:
        """Its request isn't settled before."""
        inventory = Inventory(changed=lambda: None)
        inventory.put_pod(pod_facts(gpu_requests={"nvidia.com/gpu": 1}), START)
        inventory.put_node(node_facts(labels={**LABELS, "nvidia.com/gpu.replicas": "4"}), START)
        assert [change.requests.gpus for change in inventory.pods["pod-uid"].requests] == [0.25]

    def test_most_nodes_region_is_the_clusters(self, inventory: Inventory) -> None:
        """Nodes that have ended don't count."""
        west = {**LABELS, "topology.kubernetes.io/region": "us-west-2"}
        for number in range(2):
            inventory.put_node(node_facts(f"west-{number}", f"w{number}", labels=west), START)
        assert inventory.region() == "us-west-2"
        inventory.end_node("west-0", START)
        inventory.end_node("west-1", START)
        assert inventory.region() == "us-east-1"


class TestWorkloads:
    def test_an_owner_that_comes_later_names_its_pods(self, inventory: Inventory) -> None:
        """A ReplicaSet's, until it is known whose that is."""
        inventory.put_pod(pod_facts(), START)
        assert inventory.pods["pod-uid"].workload == "web-1"
        inventory.put_owner(REPLICA_SET)
        pod = inventory.pods["pod-uid"]
        assert (pod.workload_kind, pod.workload) == ("Deployment", "web")

    def test_a_list_of_owners_names_pods(self, inventory: Inventory) -> None:
        """As their events do."""
        inventory.put_pod(pod_facts(), START)
        inventory.replace_owners("ReplicaSet", [REPLICA_SET])
        assert inventory.pods["pod-uid"].workload_kind == "Deployment"

    def test_an_owner_that_is_gone_takes_no_name_away(self, inventory: Inventory) -> None:
        """Neither by its removal nor by lists of other kinds."""
        inventory.put_owner(REPLICA_SET)
        inventory.put_pod(pod_facts(), START)
        receiver = InventoryReceiver(inventory=inventory, last_seen_ns=start_of)
        receiver.removed("ReplicaSet", "rs-uid", None, START)
        receiver.replaced("Job", [], START)
        inventory.put_owner(replace(REPLICA_SET, uid="another", name="api-1"))
        assert inventory.pods["pod-uid"].workload_kind == "Deployment"

    def test_the_owner_of_an_owner_names_pods(self, inventory: Inventory) -> None:
        """A Job of a CronJob, whichever is heard of first."""
        job = OwnerFacts(uid="job", kind="Job", namespace="shop", name="n-1", owner=Owner("CronJob", "nightly", "cron"))
        inventory.put_pod(pod_facts(owner=Owner("Job", "n-1", "job")), START)
        inventory.put_owner(job)
        assert inventory.pods["pod-uid"].workload == "nightly"
        above = Owner("Workflow", "etl", "workflow")
        inventory.put_owner(OwnerFacts(uid="cron", kind="CronJob", namespace="shop", name="nightly", owner=above))
        assert inventory.pods["pod-uid"].workload == "etl"

    def test_owners_in_a_loop_end(self, inventory: Inventory) -> None:
        """Objects may name each other as owners."""
        inventory.put_owner(replace(REPLICA_SET, owner=Owner("ReplicaSet", "web-1", "rs-uid")))
        inventory.put_pod(pod_facts(), START)
        assert inventory.pods["pod-uid"].workload == "web-1"

    @pytest.mark.parametrize("owner", [None, Owner("Node", "n1", "node-uid")])
    def test_a_pod_of_nobody_is_its_own_workload(self, inventory: Inventory, owner: Owner | None) -> None:
        """A static pod's owner is its node."""
        inventory.put_pod(pod_facts(owner=owner), START)
        pod = inventory.pods["pod-uid"]
        assert (pod.workload_kind, pod.workload) == ("Pod", "name-of-pod-uid")


class TestReceiver:
    def test_a_pods_last_state_may_say_that_it_finished_before(self, inventory: Inventory) -> None:
        """It is charged to then and not to its object's deletion."""
        receiver = InventoryReceiver(inventory=inventory, last_seen_ns=start_of)
        receiver.changed("Pod", pod_facts(), START)
        last = pod_facts(finished_ns=START + MINUTE, terminated=True)
        receiver.removed("Pod", "pod-uid", last, START + 5 * MINUTE)
        assert inventory.pods["pod-uid"].end_ns == START + MINUTE

    def test_plain_kinds_are_kept(self, inventory: Inventory) -> None:
        """By event and by list."""
        receiver = InventoryReceiver(inventory=inventory, last_seen_ns=start_of)
        shop, other = (NamespaceFacts(uid=name, name=name, labels={}, annotations={}) for name in ("shop", "other"))
        receiver.changed("Namespace", shop, START)
        receiver.replaced("Namespace", [other], START)
        assert inventory.namespaces == {"other": other}
        receiver.removed("Namespace", "other", None, START)
        assert not inventory.namespaces


STEPS = ("create", "bind", "resize", "succeed", "refuse", "delete", "relist")


class FakeApi:
    """Pods as an API server has them, changed one step at a time."""

    def __init__(self) -> None:
        self.pods: dict[str, PodFacts] = {}
        self.made: dict[int, int] = {}

    def step(self, what: str, number: int, at_ns: int) -> PodFacts | str | None:
        """Do a step to a pod where it can be done; return its new state, or its uid if it is gone."""
        uid = f"{number}-{self.made.get(number, 0)}"
        pod = self.pods.get(uid)
        if what == "create" and pod is None:
            self.made[number] = self.made.get(number, 0) + 1
            uid = f"{number}-{self.made[number]}"
            self.pods[uid] = pod_facts(uid, name=f"db-{number}", node_name="", bound_ns=None, created_ns=at_ns)
        elif pod is None:
            return None
        elif what == "delete":
            del self.pods[uid]
            return uid
        elif what == "bind" and not pod.node_name:
            self.pods[uid] = replace(pod, node_name="n1", bound_ns=at_ns)
        elif what == "resize" and not pod.terminated:
            self.pods[uid] = replace(pod, vcpu_request=pod.vcpu_request + 1)
        elif what == "succeed" and pod.node_name and not pod.terminated:
            self.pods[uid] = replace(pod, terminated=True, finished_ns=at_ns)
        elif what == "refuse" and pod.node_name and not pod.terminated:
            self.pods[uid] = replace(pod, terminated=True)
        return self.pods[uid]


@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 3)), max_size=40))
@settings(max_examples=150)
def test_lists_tell_what_events_tell(steps: Sequence[tuple[str, int]]) -> None:
    """Whether it hears every event, is relisted at any point, or hears nothing but a list: the same pods are alive."""
    api = FakeApi()
    heard, mixed, listed = (Inventory(changed=lambda: None) for _ in range(3))
    for inventory in (heard, mixed, listed):
        inventory.put_node(node_facts(), START)
    for count, (what, number) in enumerate(steps):
        at_ns = START + count * 10 * SECOND
        if what == "relist":
            mixed.replace_pods(list(api.pods.values()), start_of)
            continue
        told = api.step(what, number, at_ns)
        for inventory in (heard, mixed):
            if isinstance(told, PodFacts):
                inventory.put_pod(told, at_ns)
            elif told is not None:
                inventory.end_pod(told, at_ns)
    listed.replace_pods(list(api.pods.values()), start_of)
    expected = {
        uid: Resources(pod.vcpu_request, 4.0)
        for uid, pod in api.pods.items()
        if pod.bound_ns is not None and not pod.terminated
    }
    assert live(heard) == live(mixed) == live(listed) == expected
