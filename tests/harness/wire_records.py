"""Every record that crosses the bus, in full, each beside the plain list that it is on the wire."""

from dataclasses import dataclass
from typing import Any

import msgpack

from kube_cost_common.messages.alerts import AlertCursor, AlertIntent, AlertMemory, AlertThread
from kube_cost_common.messages.codec import Record
from kube_cost_common.messages.costs import (
    BudgetCost,
    ComponentCost,
    CostDriver,
    CostSnapshot,
    NamespaceCost,
    PriceTrouble,
)
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

COST_SNAPSHOT = WireRecord(
    record=CostSnapshot(
        cluster="prod-eu",
        at_ns=NOW_NS,
        part=0,
        parts=2,
        currency="USD",
        month_start_ns=NOW_NS - 86_400_000_000_000,
        history_start_ns=NOW_NS - 7_200_000_000_000,
        settled_through_ns=NOW_NS - 60_000_000_000,
        namespaces=[
            NamespaceCost(
                namespace="shop",
                hourly_nano=36_000_000_008,
                cpu_nano=1_000_000_001,
                memory_nano=2_000_000_002,
                gpu_nano=3_000_000_003,
                storage_nano=4_000_000_004,
                network_nano=5_000_000_005,
                load_balancer_nano=6_000_000_006,
                control_plane_nano=7_000_000_007,
                shared_nano=-8_000_000_008,
                savings_nano=-9,
                today_nano=2**40,
                month_to_date_nano=2**50,
                forecast_nano=2**52,
                forecast_low_nano=2**51,
                forecast_high_nano=2**53,
            )
        ],
        budgets=[
            BudgetCost(
                budget="namespace/shop",
                scope_kind="namespace",
                scope_name="shop",
                source="annotation",
                amount_nano=5_000_000_000_000,
                spent_nano=2**42,
                hourly_nano=36_000_000_008,
                forecast_nano=2**43,
                mean_1h_nano=35_000_000_000,
                mean_6h_nano=34_000_000_000,
                usual_hour_nano=33_000_000_000,
                usual_hour_deviation_nano=500_000_000,
                silenced_until_ns=NOW_NS + 1,
                drivers=[CostDriver(namespace="shop", kind="Deployment", name="web", hourly_nano=20_000_000_000)],
            )
        ],
        budget_faults=["the budget of namespace b can't be read: 'viel' is no amount of USD"],
        components=[ComponentCost(component="compute", hourly_nano=6_000_000_006)],
        price_troubles=[PriceTrouble(code="currency", nodes=3, detail="its price is in CNY")],
    ),
    plain=[
        1,
        "prod-eu",
        NOW_NS,
        0,
        2,
        "USD",
        NOW_NS - 86_400_000_000_000,
        NOW_NS - 7_200_000_000_000,
        NOW_NS - 60_000_000_000,
        [
            [
                "shop",
                36_000_000_008,
                1_000_000_001,
                2_000_000_002,
                3_000_000_003,
                4_000_000_004,
                5_000_000_005,
                6_000_000_006,
                7_000_000_007,
                -8_000_000_008,
                -9,
                2**40,
                2**50,
                2**52,
                2**51,
                2**53,
            ]
        ],
        [
            [
                "namespace/shop",
                "namespace",
                "shop",
                "annotation",
                5_000_000_000_000,
                2**42,
                36_000_000_008,
                2**43,
                35_000_000_000,
                34_000_000_000,
                33_000_000_000,
                500_000_000,
                NOW_NS + 1,
                [["shop", "Deployment", "web", 20_000_000_000]],
            ]
        ],
        ["the budget of namespace b can't be read: 'viel' is no amount of USD"],
        [["compute", 6_000_000_006]],
        [["currency", 3, "its price is in CNY"]],
    ],
    required=14,
)

ALERT_MEMORY = WireRecord(
    record=AlertMemory(
        cluster="prod-eu",
        budget="namespace/shop",
        as_of_ns=NOW_NS,
        month_start_ns=NOW_NS - 86_400_000_000_000,
        amount_nano=500_000_000_000,
        told_percent=100.0,
        active=["run_rate"],
        intents=[
            AlertIntent(
                intent="00ff00ff00ff00ff",
                kind="month_to_date",
                all_clear=False,
                percent=100.0,
                channel="shop-alerts",
                owner="alerts-0123456789abcdef",
                at_ns=NOW_NS,
                month_start_ns=NOW_NS - 86_400_000_000_000,
                scope_kind="namespace",
                scope_name="shop",
                source="annotation",
                amount_nano=500_000_000_000,
                spent_nano=501_000_000_000,
                hourly_nano=776_712_328,
                rate_nano=700_000_000,
                forecast_nano=2**40,
                usual_nano=2**29,
                drivers=[CostDriver(namespace="shop", kind="Deployment", name="web", hourly_nano=20_000_000)],
                detail="3 nodes have no price",
            )
        ],
        threads=[
            AlertThread(
                channel="shop-alerts",
                month_start_ns=NOW_NS - 86_400_000_000_000,
                channel_id="C0123456789",
                message_ts="1800000000.000100",
            )
        ],
    ),
    plain=[
        1,
        "prod-eu",
        "namespace/shop",
        NOW_NS,
        NOW_NS - 86_400_000_000_000,
        500_000_000_000,
        100.0,
        ["run_rate"],
        [
            [
                "00ff00ff00ff00ff",
                "month_to_date",
                False,
                100.0,
                "shop-alerts",
                "alerts-0123456789abcdef",
                NOW_NS,
                NOW_NS - 86_400_000_000_000,
                "namespace",
                "shop",
                "annotation",
                500_000_000_000,
                501_000_000_000,
                776_712_328,
                700_000_000,
                2**40,
                2**29,
                [["shop", "Deployment", "web", 20_000_000]],
                "3 nodes have no price",
            ]
        ],
        [["shop-alerts", NOW_NS - 86_400_000_000_000, "C0123456789", "1800000000.000100"]],
    ],
    required=10,
)

ALERT_CURSOR = WireRecord(
    record=AlertCursor(
        cluster="prod-eu", stream_created_ns=NOW_NS - 5, sequence=77, stored_at_ns=NOW_NS + 60_000_000_000
    ),
    plain=[1, "prod-eu", NOW_NS - 5, 77, NOW_NS + 60_000_000_000],
    required=5,
)

ALL = (
    USAGE_SAMPLE,
    PRICE_RECORD,
    PRICE_DEMAND,
    WANTED_LABELS,
    UNPRICED,
    STATUS_REPORT,
    COST_SNAPSHOT,
    ALERT_MEMORY,
    ALERT_CURSOR,
)
