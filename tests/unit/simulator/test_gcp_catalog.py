"""The fake of Google's catalogue: its pages, its decoys, and what it does wrong."""

from collections.abc import AsyncIterator
from fractions import Fraction
from typing import Any

import grpc
import pytest
from google.cloud.billing_v1 import ListSkusRequest, ListSkusResponse
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from kube_cost_simulator.clouds.faults import CloudFault
from kube_cost_simulator.clouds.gcp import METHOD, RETRY_SECONDS, GcpCatalog
from kube_cost_simulator.clouds.gcp_skus import COMPUTE, GcpSku, money, with_decoys

CORE = GcpSku(
    sku_id="N2-CORE",
    description="N2 Instance Core running in Americas",
    group="CPU",
    usage="OnDemand",
    regions=("us-central1",),
    unit="h",
    tiers=((0.0, Fraction("0.031611")),),
)


@pytest.fixture
async def catalog() -> AsyncIterator[GcpCatalog]:
    served = GcpCatalog(skus=list(with_decoys([CORE])), page_size=4, api_key="key")
    await served.start()
    yield served
    await served.stop()


async def page(catalog: GcpCatalog, token: str = "", key: str = "key") -> Any:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{catalog.port}") as channel:
        call = channel.unary_unary(
            f"/{METHOD}/ListSkus",
            request_serializer=ListSkusRequest.serialize,
            response_deserializer=ListSkusResponse.deserialize,
        )
        return await call(
            ListSkusRequest(parent=f"services/{COMPUTE}", page_token=token),
            metadata=(("x-goog-api-key", key),),
            timeout=5,
        )


def nanos(answer: Any) -> set[int]:
    """The nanos of the prices of a page."""
    return {
        rate.unit_price.nanos
        for sku in answer.skus
        for info in sku.pricing_info
        for rate in info.pricing_expression.tiered_rates
    }


def test_decoys_are_beside_each_core_at_other_prices() -> None:
    """Sole tenancy, a reservation, a commitment, a defined duration, a custom machine."""
    plain, *decoys = with_decoys([CORE])
    assert plain is CORE
    assert [decoy.description.replace(CORE.description, "…") for decoy in decoys] == [
        "Sole Tenancy Premium for …",
        "Reserved …",
        "Commitment v1: N2 Cpu in Americas for 1 Year",
        "… - DWS Defined Duration",
        "N2 Custom Instance Core running in Americas",
    ]
    assert [decoy.usage for decoy in decoys].count("Commit1Yr") == 1
    assert {sku.sku_id for sku in decoys}.isdisjoint({CORE.sku_id})


@pytest.mark.parametrize(
    ("usd", "parts"),
    [(Fraction("0.031611"), (0, 31_611_000)), (Fraction("1.5"), (1, 500_000_000)), (Fraction(-1), (-1, 0))],
)
def test_money_is_units_and_nanos(usd: Fraction, parts: tuple[int, int]) -> None:
    """As Google writes amounts: both have the sign."""
    assert tuple(money(usd).values()) == parts


async def test_pages_are_followed_to_the_last(catalog: GcpCatalog) -> None:
    """Six SKUs in pages of four, each once."""
    first = await page(catalog)
    second = await page(catalog, first.next_page_token)
    assert (len(first.skus), len(second.skus), second.next_page_token) == (4, 2, "")
    assert len({sku.sku_id for sku in (*first.skus, *second.skus)}) == 6
    assert catalog.calls == [(COMPUTE, ""), (COMPUTE, "4")]


async def test_a_wrong_key_is_refused(catalog: GcpCatalog) -> None:
    """As unauthenticated."""
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await page(catalog, key="another")
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (CloudFault.THROTTLED, grpc.StatusCode.RESOURCE_EXHAUSTED),
        (CloudFault.SERVER_ERROR, grpc.StatusCode.INTERNAL),
        (CloudFault.DENIED, grpc.StatusCode.PERMISSION_DENIED),
        (CloudFault.RESET, grpc.StatusCode.UNAVAILABLE),
    ],
)
async def test_faults_are_googles_codes(catalog: GcpCatalog, fault: CloudFault, code: grpc.StatusCode) -> None:
    """A throttled one says in its details how long to wait."""
    catalog.misbehaviour.fault = fault
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await page(catalog)
    assert failed.value.code() is code
    if fault is CloudFault.THROTTLED:
        status = Status.FromString(dict(failed.value.trailing_metadata())["grpc-status-details-bin"])
        told = RetryInfo()
        assert status.details[0].Unpack(told)
        assert told.retry_delay.seconds == RETRY_SECONDS


async def test_rows_that_lie(catalog: GcpCatalog) -> None:
    """Prices of zero and less, another currency, none at all, a page after every page; then honest ones again."""
    faults = catalog.misbehaviour
    faults.fault = CloudFault.ZERO
    assert nanos(await page(catalog)) == {0}
    faults.fault = CloudFault.NEGATIVE
    answer = await page(catalog)
    rates = answer.skus[0].pricing_info[0].pricing_expression.tiered_rates
    assert rates[0].unit_price.units == -1
    faults.fault = CloudFault.CURRENCY
    answer = await page(catalog)
    rates = answer.skus[0].pricing_info[0].pricing_expression.tiered_rates
    assert rates[0].unit_price.currency_code == "IDR"
    faults.fault = CloudFault.VANISHED
    assert not (await page(catalog)).skus
    faults.fault = CloudFault.ENDLESS
    assert (await page(catalog, "4")).next_page_token == "4"
    faults.fault = None
    assert 31_611_000 in nanos(await page(catalog))
