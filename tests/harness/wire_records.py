"""Every record that crosses the bus, in full, each beside the plain list that it is on the wire."""

from dataclasses import dataclass
from typing import Any

import msgpack

from kube_cost_common.messages.codec import Record
from kube_cost_common.messages.prices import (
    PriceDemand,
    PriceRecord,
    PriceRequest,
    Shape,
    Tier,
    Unpriced,
    UnpricedRequests,
    WantedLabels,
    Weights,
)
from kube_cost_common.messages.status import Reading, StatusReport
from kube_cost_common.messages.usage import PodUsage, RootUsage, UsageSample

NOW_NS = 1_800_000_000_000_000_000


def pack(plain: object) -> bytes:
    """Write MessagePack with another library than ours."""
    packed: bytes = msgpack.packb(plain)
    return packed


def unpack(payload: bytes) -> Any:
    """Read MessagePack with another library than ours."""
    return msgpack.unpackb(payload)


def unknown_extension() -> object:
    """A value of a type that no field has."""
    return msgpack.ExtType(5, b"unknown")


@dataclass(frozen=True, kw_only=True)
class WireRecord:
    """A record, the fields' values in their order on the wire, and how many of them an oldest writer must send."""

    record: Record
    plain: list[Any]
    required: int

    @property
    def name(self) -> str:
        return type(self.record).__name__


USAGE_SAMPLE = WireRecord(
    record=UsageSample(
        sent_at_ns=NOW_NS + 5,
        cluster="prod-eu",
        node="ip-10-0-1-7.eu-central-1.compute.internal",
        boot_id="3b6f2f35-dce0-44a6-a955-a67f504a8822",
        session="00ff00ff00ff00ff",
        seq=300,
        start_ns=NOW_NS - 60_000_000_000,
        end_ns=NOW_NS,
        roots=[
            RootUsage(
                name="kubepods",
                cpu_seconds=12.5,
                memory_byte_seconds=3.0e12,
                read_bytes=4096,
                write_bytes=70_000,
                read_operations=1,
                write_operations=0,
                receive_bytes=9_000_000_000_001,
                transmit_bytes=4_000_000_000_003,
            ),
            RootUsage(name="node", cpu_seconds=20.25, memory_byte_seconds=5.0e12),
        ],
        pods=[
            PodUsage(
                uid="6a4ce4a0-ba47-11ea-b2a7-0cc47ac5979e",
                namespace="shop",
                name="web-0",
                since_ns=NOW_NS - 3_600_000_000_000,
                last_ns=NOW_NS - 1,
                ended=True,
                cpu_seconds=0.5,
                memory_byte_seconds=1.5e11,
                receive_bytes=2**40,
                transmit_bytes=255,
                read_bytes=256,
                write_bytes=65_536,
                read_operations=127,
                write_operations=128,
                ephemeral_byte_seconds=0.25,
                gpu_seconds=33.5,
            ),
        ],
        vcpu=4.0,
        memory_bytes=16_374_562_816,
    ),
    plain=[
        1,
        NOW_NS + 5,
        "prod-eu",
        "ip-10-0-1-7.eu-central-1.compute.internal",
        "3b6f2f35-dce0-44a6-a955-a67f504a8822",
        "00ff00ff00ff00ff",
        300,
        NOW_NS - 60_000_000_000,
        NOW_NS,
        [
            ["kubepods", 12.5, 3.0e12, 4096, 70_000, 1, 0, 9_000_000_000_001, 4_000_000_000_003],
            ["node", 20.25, 5.0e12, None, None, None, None, None, None],
        ],
        [
            [
                "6a4ce4a0-ba47-11ea-b2a7-0cc47ac5979e",
                "shop",
                "web-0",
                NOW_NS - 3_600_000_000_000,
                NOW_NS - 1,
                True,
                0.5,
                1.5e11,
                2**40,
                255,
                256,
                65_536,
                127,
                128,
                0.25,
                33.5,
            ],
        ],
        4.0,
        16_374_562_816,
    ],
    required=11,
)

PRICE_RECORD = WireRecord(
    record=PriceRecord(
        provider="aws",
        region="eu-central-1",
        zone="eu-central-1a",
        kind="instance",
        sku="m5.large",
        os="linux",
        capacity="spot",
        usd=0.0415,
        list_usd=0.115,
        unit="hour",
        currency="USD",
        shape=Shape(vcpu=2.0, memory_gib=8.0, gpus=0.5),
        weights=Weights(vcpu=0.031611, memory_gib=0.004237, gpu=0.95),
        tiers=[Tier(start=0.0, usd=0.08), Tier(start=1024.0, usd=0.07)],
        source="custom",
        fetched_at_ns=NOW_NS,
        effective_from_ns=NOW_NS - 1,
        labels_hash="0123456789ab",
        note="für die Bücher",
    ),
    plain=[
        1,
        "aws",
        "eu-central-1",
        "eu-central-1a",
        "instance",
        "m5.large",
        "linux",
        "spot",
        0.0415,
        0.115,
        "hour",
        "USD",
        [2.0, 8.0, 0.5],
        [0.031611, 0.004237, 0.95],
        [[0.0, 0.08], [1024.0, 0.07]],
        "custom",
        NOW_NS,
        NOW_NS - 1,
        "0123456789ab",
        "für die Bücher",
    ],
    required=18,
)

PRICE_DEMAND = WireRecord(
    record=PriceDemand(
        cluster="prod-eu",
        requests=[
            PriceRequest(
                provider="gcp",
                region="us-central1",
                zone="us-central1-a",
                kind="instance",
                sku="n1-standard-4",
                os="linux",
                capacity="on_demand",
                shape=Shape(vcpu=4.0, memory_gib=15.0, gpus=1.0),
                labels={"team": "search"},
            ),
            PriceRequest(
                provider="", region="", zone="", kind="volume", sku="gp3", os="", capacity="", shape=None, labels={}
            ),
        ],
    ),
    plain=[
        1,
        "prod-eu",
        [
            [
                "gcp",
                "us-central1",
                "us-central1-a",
                "instance",
                "n1-standard-4",
                "linux",
                "on_demand",
                [4.0, 15.0, 1.0],
                {"team": "search"},
            ],
            ["", "", "", "volume", "gp3", "", "", None, {}],
        ],
    ],
    required=3,
)

WANTED_LABELS = WireRecord(
    record=WantedLabels(names=["team", "example.com/rack"]),
    plain=[1, ["team", "example.com/rack"]],
    required=2,
)

UNPRICED = WireRecord(
    record=UnpricedRequests(
        requests=[Unpriced(key="aws.cn-north-1._.instance.m5=2Elarge.linux.on=5Fdemand", code="currency", reason="CNY")]
    ),
    plain=[1, [["aws.cn-north-1._.instance.m5=2Elarge.linux.on=5Fdemand", "currency", "CNY"]]],
    required=2,
)

STATUS_REPORT = WireRecord(
    record=StatusReport(
        component="agent",
        instance="ip-10-0-1-7-00ff00ff00ff00ff",
        software_version="0.1.0",
        sent_at_ns=NOW_NS,
        started_at_ns=NOW_NS - 15_000_000_000,
        ready=False,
        problems=["no usage sample has been published yet"],
        counters=[Reading(name="kube_cost_errors_total", labels={"error_type": "bus"}, value=3.0)],
        gauges=[Reading(name="kube_cost_queue_samples", labels={}, value=1.5)],
        node="ip-10-0-1-7.eu-central-1.compute.internal",
    ),
    plain=[
        1,
        "agent",
        "ip-10-0-1-7-00ff00ff00ff00ff",
        "0.1.0",
        NOW_NS,
        NOW_NS - 15_000_000_000,
        False,
        ["no usage sample has been published yet"],
        [["kube_cost_errors_total", {"error_type": "bus"}, 3.0]],
        [["kube_cost_queue_samples", {}, 1.5]],
        "ip-10-0-1-7.eu-central-1.compute.internal",
    ],
    required=10,
)

ALL = (USAGE_SAMPLE, PRICE_RECORD, PRICE_DEMAND, WANTED_LABELS, UNPRICED, STATUS_REPORT)
