"""Which prices the cluster asks for."""

from dataclasses import replace

from harness.records import LABELS, START, node_facts
from kube_cost_aggregator.outputs.demand import demand_of
from kube_cost_aggregator.state.facts import StorageClassFacts, VolumeFacts
from kube_cost_aggregator.state.inventory import Inventory
from kube_cost_aggregator.state.prices import PriceBook
from kube_cost_common.domain.attached_gpus import ACCELERATOR_LABEL, GPUS_LABEL
from kube_cost_common.domain.resources import Resources
from kube_cost_common.messages.prices import Shape

VOLUME = VolumeFacts(
    uid="v",
    name="pv-1",
    created_ns=START,
    capacity_bytes=1,
    storage_class="fast",
    claim=None,
    driver="ebs.csi.aws.com",
    attributes={},
    labels={},
)


def inventory(*sizes: float) -> Inventory:
    """Nodes of one type, with that many GiB as their kernels see it."""
    made = Inventory(changed=lambda: None)
    for number, gib in enumerate(sizes):
        made.put_node(node_facts(f"uid-{number}", f"n{number}", capacity=Resources(4.0, gib)), START)
    return made


def test_nodes_of_one_type_ask_once() -> None:
    """For the price on demand of the region and the spot price of the zone, whichever they pay."""
    demand = demand_of("c", inventory(15.5, 15.5), PriceBook())
    assert demand.cluster == "c"
    assert [(request.capacity, request.region, request.zone, request.sku) for request in demand.requests] == [
        ("on_demand", "us-east-1", "", "m5.xlarge"),
        ("spot", "us-east-1", "us-east-1a", "m5.xlarge"),
    ]


def test_the_order_and_the_shape_do_not_depend_on_who_came_first() -> None:
    """Else the bucket would be written for nothing: the largest of a type speaks for it."""
    one, other = demand_of("c", inventory(15.5, 15.4), PriceBook()), demand_of("c", inventory(15.4, 15.5), PriceBook())
    assert one == other
    assert one.requests[0].shape == Shape(4.0, 15.5, 0.0)


def test_zones_ask_for_a_spot_price_each() -> None:
    """On demand costs the same in all of a region."""
    nodes = inventory(16.0)
    nodes.put_node(node_facts("b", "b", labels={**LABELS, "topology.kubernetes.io/zone": "us-east-1b"}), START)
    requests = demand_of("c", nodes, PriceBook()).requests
    assert [(request.capacity, request.zone) for request in requests] == [
        ("on_demand", ""),
        ("spot", "us-east-1a"),
        ("spot", "us-east-1b"),
    ]


def test_labels_that_custom_prices_name_are_told() -> None:
    """And no others; nodes that differ in them ask apart."""
    nodes = inventory(16.0)
    nodes.put_node(node_facts("b", "b", labels={**LABELS, "pool": "batch", "secret": "x"}), START)
    requests = demand_of("c", nodes, PriceBook(wanted_labels=frozenset({"pool"}))).requests
    assert [dict(request.labels) for request in requests] == [{}, {"pool": "batch"}, {}, {"pool": "batch"}]


def test_gpus_attached_to_an_n1_are_told() -> None:
    """Their kind and number: with and without them the type has two prices."""
    n1 = {**LABELS, "node.kubernetes.io/instance-type": "n1-standard-4"}
    nodes = Inventory(changed=lambda: None)
    for name, labels, gpus in (("a", n1, 0.0), ("b", {**n1, ACCELERATOR_LABEL: "nvidia-tesla-t4"}, 2.0)):
        facts = node_facts(name, name, labels=labels, capacity=Resources(4.0, 15.0, gpus))
        nodes.put_node(replace(facts, provider_id=f"gce://project/zone/{name}"), START)
    requests = [request for request in demand_of("c", nodes, PriceBook()).requests if request.kind == "instance"]
    assert [(request.capacity, dict(request.labels)) for request in requests] == [
        ("on_demand", {}),
        ("on_demand", {ACCELERATOR_LABEL: "nvidia-tesla-t4", GPUS_LABEL: "2"}),
        ("spot", {}),
        ("spot", {ACCELERATOR_LABEL: "nvidia-tesla-t4", GPUS_LABEL: "2"}),
    ]


def test_volumes_ask_by_their_type() -> None:
    """In the cluster's region where they don't say another."""
    nodes = inventory(16.0)
    nodes.volumes["v"] = VOLUME
    nodes.volumes["w"] = replace(VOLUME, uid="w", name="pv-2")
    nodes.storage_classes["c"] = StorageClassFacts(
        uid="c", name="fast", provisioner="ebs.csi.aws.com", parameters={"type": "io2"}
    )
    asked = [request for request in demand_of("c", nodes, PriceBook()).requests if request.kind == "volume"]
    assert [(request.provider, request.region, request.sku) for request in asked] == [("aws", "us-east-1", "io2")]


def test_an_empty_cluster_asks_for_nothing() -> None:
    """There is nothing to pay."""
    assert demand_of("c", Inventory(changed=lambda: None), PriceBook()).requests == []
