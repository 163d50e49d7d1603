"""The kubelet's `/stats/summary`, of which only what is needed is decoded.

Source: k8s.io/kubelet/pkg/apis/stats/v1alpha1/types.go. Top-level network values are those of eth0; where a node's
interface has another name, neither the node nor a pod on its network has any.
"""

from datetime import UTC, datetime, timedelta

import msgspec

from kube_cost_agent.host_network import HostNetwork
from kube_cost_agent.readings import NetworkReading, PodSummary, StorageReading, Summary

_HARDWARE = ("eth", "en")
"""How network cards are called: eth1, ens5, enp1s0, eno1. Those of pods are not: veth…, eni…, cali…."""

_VIRTUAL = ("eni",)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Interface(msgspec.Struct, rename="camel"):
    name: str = ""
    rx_bytes: int | None = None
    tx_bytes: int | None = None


class _Network(msgspec.Struct, rename="camel"):
    time: datetime
    rx_bytes: int | None = None
    tx_bytes: int | None = None
    interfaces: list[_Interface] = []


class _Storage(msgspec.Struct, rename="camel"):
    time: datetime
    used_bytes: int | None = None


class _PodRef(msgspec.Struct):
    name: str
    namespace: str
    uid: str


class _Pod(msgspec.Struct, rename={"pod_ref": "podRef", "ephemeral_storage": "ephemeral-storage"}):
    pod_ref: _PodRef
    network: _Network | None = None
    ephemeral_storage: _Storage | None = None


class _Node(msgspec.Struct):
    network: _Network | None = None


class _Summary(msgspec.Struct):
    node: _Node
    pods: list[_Pod]


class SummaryReader:
    """Decodes one node's summaries, one after the other: the node's counters of before tell whose a pod's are."""

    def __init__(self) -> None:
        self._decoder = msgspec.json.Decoder(_Summary)
        self._host_network = HostNetwork()

    def read(self, body: bytes) -> Summary:
        """Return what `body` says; raise msgspec.MsgspecError or UnicodeDecodeError where it is no summary."""
        summary = self._decoder.decode(body)
        node = summary.node.network
        reading = _network(node)
        if reading is not None:
            self._host_network.see_node(reading)
        # A node that has a block but no eth0: its pods on the host's network have no values either.
        pods_have_their_own = node is not None and reading is None
        return Summary(
            pods=[self._pod(pod, own_network=pods_have_their_own) for pod in summary.pods],
            network=reading if reading is not None or node is None else _outside(node),
        )

    def _pod(self, pod: _Pod, *, own_network: bool) -> PodSummary:
        network = _network(pod.network)
        if network is not None and not own_network and self._host_network.is_the_nodes(network):
            network = None
        storage = pod.ephemeral_storage
        return PodSummary(
            uid=pod.pod_ref.uid,
            namespace=pod.pod_ref.namespace,
            name=pod.pod_ref.name,
            network=network,
            ephemeral_storage=None
            if storage is None or storage.used_bytes is None
            else StorageReading(time_ns=_unix_ns(storage.time), used_bytes=storage.used_bytes),
        )


def _network(block: _Network | None) -> NetworkReading | None:
    if block is None or block.rx_bytes is None or block.tx_bytes is None:
        return None
    return NetworkReading(time_ns=_unix_ns(block.time), receive_bytes=block.rx_bytes, transmit_bytes=block.tx_bytes)


def _outside(block: _Network) -> NetworkReading | None:
    """Return what a node without an eth0 sends and receives by the interfaces that are called as hardware is."""
    hardware = [
        each for each in block.interfaces if each.name.startswith(_HARDWARE) and not each.name.startswith(_VIRTUAL)
    ]
    known = [(each.rx_bytes, each.tx_bytes) for each in hardware if each.rx_bytes is not None]
    if not known:
        return None
    received, sent = (sum(value or 0 for value in values) for values in zip(*known, strict=True))
    return NetworkReading(time_ns=_unix_ns(block.time), receive_bytes=received, transmit_bytes=sent)


def _unix_ns(time: datetime) -> int:
    return (time - _EPOCH) // timedelta(microseconds=1) * 1000
