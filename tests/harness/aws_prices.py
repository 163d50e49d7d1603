"""AWS's prices asked over a socket: the real SDK, a fake cloud."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog

from harness.asked_prices import AskedPrices
from harness.azure_prices import PlainAsk
from kube_cost_common.messages.prices import PriceRequest, Shape
from kube_cost_common.runtime.clock import Clock, SystemClock
from kube_cost_pricing.providers.aws import AwsSettings, aws_prices
from kube_cost_pricing.providers.source import Answer, Quote
from kube_cost_simulator.clouds.aws import AwsCloud, SpotPrice
from kube_cost_simulator.clouds.aws_products import AwsProduct, Machine

AskedAmazon = AskedPrices[AwsCloud]


@asynccontextmanager
async def asking_amazon(
    products: Sequence[AwsProduct] = (),
    spot: Sequence[SpotPrice] = (),
    *,
    page_size: int = 1000,
    clock: Clock | None = None,
    ask: PlainAsk | None = None,
    huge_bytes: int = 100 * 1024 * 1024,
    **settings: Any,
) -> AsyncIterator[AskedAmazon]:
    """Serve products and spot prices, and ask for prices."""
    cloud = AwsCloud(products=products, spot=spot, page_size=page_size, huge_bytes=huge_bytes)
    await cloud.start()
    plain, lines = ask or PlainAsk(), list[str]()
    prices = aws_prices(
        settings=AwsSettings(**{"pricing_endpoint": cloud.url, "ec2_endpoint": cloud.url, **settings}),
        ask=plain,
        clock=clock or SystemClock(),
        log=structlog.get_logger(),
        seen=lines.append,
    )
    try:
        yield AskedAmazon(cloud=cloud, prices=prices, ask=plain, lines=lines)
    finally:
        await prices.close()
        await cloud.stop()


def recorded_machines(recorded_data: Path) -> list[Machine]:
    """The recorded table: 1,367 types of us-east-1, with the shapes that are recorded too."""
    folder = recorded_data / "pricing/aws"
    prices: Mapping[str, float] = json.loads((folder / "ec2_ondemand_linux_aws.json").read_text())["prices"][
        "us-east-1"
    ]
    shapes = json.loads((folder / "instance_shapes_moto.json").read_text())
    return [_machine(name, usd, shapes.get(name)) for name, usd in prices.items()]


def _machine(name: str, usd: float, shape: Mapping[str, Any] | None) -> Machine:
    if shape is None:
        return Machine(name, usd)
    return Machine(name, usd, vcpu=shape["vcpu"], memory_gib=shape["mem_mib"] / 1024, gpus=shape.get("gpus", 0))


def recorded_spot(recorded_data: Path) -> list[SpotPrice]:
    """The recorded history of m5.large in us-east-1."""
    history = json.loads((recorded_data / "pricing/aws/DescribeSpotPriceHistory_m5.large.json").read_text())
    return [
        SpotPrice(
            row["InstanceType"],
            row["AvailabilityZone"],
            float(row["SpotPrice"]),
            row["Timestamp"],
            row["ProductDescription"],
        )
        for row in history["SpotPriceHistory"]
    ]


def machine_request(name: str, region: str = "us-east-1", **fields: str) -> PriceRequest:
    """A request for a machine on demand, or as `fields` say."""
    return PriceRequest(
        "aws",
        region,
        fields.get("zone", ""),
        fields.get("kind", "instance"),
        name,
        fields.get("os", "linux"),
        fields.get("capacity", "on_demand"),
        Shape(2.0, 8.0),
    )


def plain_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials from the environment, and nothing of this machine's own."""
    for name in ("AWS_PROFILE", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")


def quoted(answer: Answer) -> Quote:
    """The answer, which has to be a price."""
    assert isinstance(answer, Quote), answer
    return answer


M5 = Machine("m5.large", 0.096)
M5_SPOT = [
    SpotPrice("m5.large", "us-east-1a", 0.0412),
    SpotPrice("m5.large", "us-east-1a", 0.0399, since="2026-11-19T10:00:00.000Z"),
    SpotPrice("m5.large", "us-east-1b", 0.0389),
    SpotPrice("m5.large", "us-east-1b", 0.11, description="Windows"),
    SpotPrice("m5.large", "us-east-1b", 0.09, description="SUSE Linux"),
]
