import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kube_cost_agent.kubelet_summary import SummaryReader
from kube_cost_agent.readings import NetworkReading, PodSummary, StorageReading, Summary

_TEN_ONE_NS = round(datetime(2026, 6, 26, 10, 1, tzinfo=UTC).timestamp()) * 10**9


def _network(minute: int, second: int, rx: int, tx: int, *, name: str = "eth0") -> dict[str, Any]:
    time = f"2026-06-26T10:{minute:02}:{second:02}Z"
    inner = {"name": name, "rxBytes": rx, "txBytes": tx}
    return {"time": time, **(inner if name == "eth0" else {"name": ""}), "interfaces": [inner]}


def _body(node: dict[str, Any] | None, pod: dict[str, Any] | None, **blocks: Any) -> bytes:
    entry = {"podRef": {"name": "web-0", "namespace": "shop", "uid": "u"}, **blocks}
    if pod is not None:
        entry["network"] = pod
    return json.dumps({"node": {"nodeName": "n", **({"network": node} if node else {})}, "pods": [entry]}).encode()


def _only(summary: Summary) -> PodSummary:
    (pod,) = summary.pods
    return pod


@pytest.fixture
def recorded(recorded_data: Path) -> Path:
    return recorded_data / "agent" / "nri-1_35"


def test_recorded_pods_on_the_hosts_network_are_told_by_their_counters(recorded: Path) -> None:
    """Of the 17 pods of a recorded node exactly those with spec.hostNetwork have no network of their own."""
    body = (recorded / "kubelet-stats-summary.json").read_bytes()
    specs = json.loads((recorded / "kubelet-pods.json").read_text(encoding="utf-8"))["items"]
    summary = SummaryReader().read(body)
    listed = {pod.uid for pod in summary.pods}
    on_host = {pod["metadata"]["uid"] for pod in specs if pod["spec"].get("hostNetwork")} & listed
    # Static pods stand in the kubelet's list under their configuration's hash, as in the summary.
    assert len(listed) == 17
    assert len(on_host) == 8
    assert {pod.uid for pod in summary.pods if pod.network is None} == on_host


def test_recorded_pods_have_name_network_and_storage(recorded: Path) -> None:
    """metrics-server's blocks are read as they stand, each with its own time."""
    summary = SummaryReader().read((recorded / "kubelet-stats-summary.json").read_bytes())
    (pod,) = (pod for pod in summary.pods if pod.name == "metrics-server-9d74bb658-c6nnt")
    assert pod.namespace == "kube-system"
    assert pod.uid == "5e5613d6-fccb-40d6-967b-447697d4d871"
    assert pod.network is not None
    assert (pod.network.receive_bytes, pod.network.transmit_bytes) == (241_070, 175_122)
    assert pod.network.time_ns == round(datetime(2026, 6, 26, 10, 14, 33, tzinfo=UTC).timestamp()) * 10**9
    assert pod.ephemeral_storage is not None
    assert pod.ephemeral_storage.used_bytes == 53_248
    assert pod.ephemeral_storage.time_ns != pod.network.time_ns


def test_a_pod_between_the_nodes_counters_before_and_after_is_on_its_network() -> None:
    """Read at 10:01:00 between the node's 10:00:30 and 10:01:30, and between its values: the node's counter."""
    reader = SummaryReader()
    reader.read(_body(_network(0, 30, 1000, 2000), None))
    pod = _only(reader.read(_body(_network(1, 30, 1500, 2600), _network(1, 0, 1200, 2300))))
    assert pod.network is None


@pytest.mark.parametrize(("rx", "tx"), [(1200, 1999), (1200, 2601), (999, 2300), (1501, 2300)])
def test_a_pod_outside_of_the_nodes_counters_has_its_own(rx: int, tx: int) -> None:
    """Near the node's values isn't enough once its counters before and after are known."""
    reader = SummaryReader()
    reader.read(_body(_network(0, 30, 1000, 2000), None))
    pod = _only(reader.read(_body(_network(1, 30, 1500, 2600), _network(1, 0, rx, tx))))
    assert pod.network == NetworkReading(time_ns=_TEN_ONE_NS, receive_bytes=rx, transmit_bytes=tx)


@pytest.mark.parametrize(
    ("rx", "tx", "own"), [(600, 1200, False), (1900, 3900, False), (400, 2000, True), (1000, 4100, True)]
)
def test_in_the_first_summary_half_to_twice_the_nodes_counters_are_taken_for_its_own(
    rx: int, tx: int, own: bool
) -> None:
    """With one reading of the node, what may be its counter isn't charged to a pod."""
    pod = _only(SummaryReader().read(_body(_network(1, 1, 1000, 2000), _network(1, 0, rx, tx))))
    assert (pod.network is not None) == own


def test_where_the_nodes_interface_is_not_eth0_pods_with_values_have_their_own() -> None:
    """On a node with ens5 only pods with a network of their own have an eth0."""
    pod = _only(SummaryReader().read(_body(_network(1, 1, 1000, 2000, name="ens5"), _network(1, 0, 1000, 2000))))
    assert pod.network is not None


def test_without_the_nodes_counters_no_pod_has_a_network() -> None:
    """A kubelet that says nothing of the node leaves it open whose counters a pod has."""
    assert _only(SummaryReader().read(_body(None, _network(1, 0, 1000, 2000)))).network is None


def test_missing_blocks_and_values_are_unknown() -> None:
    """A pod that was just made has a reference and nothing else, or blocks without values."""
    time = "2026-06-26T10:01:00Z"
    bare = _only(SummaryReader().read(_body(_network(1, 1, 1, 1), None)))
    empty = _only(
        SummaryReader().read(_body(_network(1, 1, 1, 1), {"time": time}, **{"ephemeral-storage": {"time": time}}))
    )
    assert bare == empty == PodSummary(uid="u", namespace="shop", name="web-0", network=None, ephemeral_storage=None)


def test_storage_is_read_with_its_time() -> None:
    """UsedBytes of the pod's ephemeral-storage block."""
    block = {"time": "2026-06-26T10:01:00.5Z", "usedBytes": 4096, "capacityBytes": 1}
    pod = _only(SummaryReader().read(_body(_network(1, 1, 1, 1), None, **{"ephemeral-storage": block})))
    assert pod.ephemeral_storage == StorageReading(time_ns=_TEN_ONE_NS + 500_000_000, used_bytes=4096)


@pytest.mark.parametrize("body", [b"", b"null", b"{}", b'{"node":{},"pods":[{}]}', b"\xff\xfe", b'{"node":{},"pods":['])
def test_what_is_no_summary_is_an_error(body: bytes) -> None:
    """Garbage and half an answer are refused."""
    with pytest.raises((msgspec.MsgspecError, UnicodeDecodeError)):
        SummaryReader().read(body)


def test_the_nodes_own_network_is_its_eth0() -> None:
    """As the kubelet gives it at the top."""
    summary = SummaryReader().read(_body(_network(1, 0, 1000, 2000), None))
    assert summary.network == NetworkReading(time_ns=_TEN_ONE_NS, receive_bytes=1000, transmit_bytes=2000)


def test_where_there_is_no_eth0_the_nodes_network_is_that_of_its_cards() -> None:
    """Not of its pods' ends, which are among the interfaces too."""
    block = {
        "time": "2026-06-26T10:01:00Z",
        "interfaces": [
            {"name": "ens5", "rxBytes": 10, "txBytes": 20},
            {"name": "ens6", "rxBytes": 1, "txBytes": 2},
            {"name": "eni0123456789a", "rxBytes": 500, "txBytes": 600},
            {"name": "veth1", "rxBytes": 500, "txBytes": 600},
        ],
    }
    summary = SummaryReader().read(_body(block, None))
    assert summary.network == NetworkReading(time_ns=_TEN_ONE_NS, receive_bytes=11, transmit_bytes=22)
