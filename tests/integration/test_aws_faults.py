"""Everything that AWS's APIs can do wrong, over a socket, to the real SDK."""

import asyncio
import math
from dataclasses import replace

import pytest

from harness.aws_prices import M5, M5_SPOT, asking_amazon, machine_request, plain_credentials, quoted
from harness.azure_prices import Told
from kube_cost_common.messages.prices import SPOT, PriceRequest
from kube_cost_common.runtime.clock import SystemClock
from kube_cost_common.runtime.health import Counters
from kube_cost_pricing.calls.failures import (
    ANSWER,
    CONNECTION,
    DENIED,
    INVALID,
    SERVER,
    THROTTLED,
    TIMEOUT,
    CallFailedError,
)
from kube_cost_pricing.providers.source import Unknown
from kube_cost_pricing.sanity import Refused, Sanity
from kube_cost_simulator.clouds.aws import SpotPrice
from kube_cost_simulator.clouds.aws_products import Machine, product_of, with_decoys
from kube_cost_simulator.clouds.faults import CloudFault

PRODUCTS = list(with_decoys(M5))
ON_DEMAND_REQUEST = machine_request("m5.large")
SPOT_REQUEST = machine_request("m5.large", capacity=SPOT, zone="us-east-1b")
QUESTIONS = [("instances", ON_DEMAND_REQUEST, 0.096), ("spot", SPOT_REQUEST, 0.0389)]

FAULTS = [
    (CloudFault.THROTTLED, THROTTLED),
    (CloudFault.SERVER_ERROR, SERVER),
    (CloudFault.DENIED, DENIED),
    (CloudFault.RESET, CONNECTION),
    (CloudFault.SILENT, TIMEOUT),
    (CloudFault.TRICKLE, TIMEOUT),
    (CloudFault.TRUNCATED, ANSWER),
    (CloudFault.HUGE, ANSWER),
    (CloudFault.ENDLESS, ANSWER),
]


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    plain_credentials(monkeypatch)


@pytest.mark.parametrize(("fault", "reason"), FAULTS)
@pytest.mark.parametrize(("question", "request_", "usd"), QUESTIONS)
async def test_a_fault_has_its_word_and_is_over_when_it_is(
    question: str, request_: PriceRequest, usd: float, fault: CloudFault, reason: str
) -> None:
    """By both APIs, each of which has errors of its own: one request, one failure; the next question is answered."""
    async with asking_amazon(PRODUCTS, M5_SPOT, call_timeout_seconds=2.0, max_pages=5) as amazon:
        amazon.cloud.misbehaviour.fault = fault
        with pytest.raises(CallFailedError) as caught:
            await amazon.one(request_, question)
        assert caught.value.reason == reason, caught.value
        assert "\n" not in caught.value.detail
        assert "secret" not in str(caught.value)
        assert len(amazon.cloud.misbehaviour.calls) == (5 if fault is CloudFault.ENDLESS else 1), "no retries"
        amazon.cloud.misbehaviour.fault = None
        assert quoted(await amazon.one(request_, question)).amount == usd


@pytest.mark.parametrize(
    ("question", "request_", "permission"),
    [
        ("instances", ON_DEMAND_REQUEST, "pricing:GetProducts"),
        ("spot", SPOT_REQUEST, "ec2:DescribeSpotPriceHistory"),
    ],
)
async def test_a_refusal_names_the_permission_and_the_policy(
    question: str, request_: PriceRequest, permission: str
) -> None:
    """EC2 without its permission leaves the price list working, and the other way round."""
    async with asking_amazon(PRODUCTS, M5_SPOT) as amazon:
        amazon.cloud.misbehaviour.fault = CloudFault.DENIED
        with pytest.raises(CallFailedError, match=f"AWS refuses {permission}: .* the policy {{") as caught:
            await amazon.one(request_, question)
    assert caught.value.reason == DENIED


async def test_a_huge_answer_isnt_read_whole() -> None:
    """Of 100 MB no more is taken than an answer can have, and what is in the pipes."""
    async with asking_amazon(PRODUCTS) as amazon:
        amazon.cloud.misbehaviour.fault = CloudFault.HUGE
        with pytest.raises(CallFailedError, match="more than 16777216 bytes"):
            await amazon.one(ON_DEMAND_REQUEST)
        sent = amazon.cloud.misbehaving.sent_bytes
    print(f"\nof 100 MB {sent / 1e6:.1f} MB were sent")
    assert sent < 50e6


async def test_a_cancelled_call_ends_its_connection() -> None:
    """And the provider goes on: the next call is a new one, and is answered."""
    async with asking_amazon(PRODUCTS) as amazon:
        amazon.cloud.misbehaviour.fault = CloudFault.SILENT
        async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
            asked = tasks.create_task(amazon.one(ON_DEMAND_REQUEST))
            while not amazon.cloud.misbehaviour.calls:  # noqa: ASYNC110 - a fake has counts, not events
                await asyncio.sleep(0.01)
            asked.cancel()
            while not amazon.cloud.hung_up:  # noqa: ASYNC110 - likewise
                await asyncio.sleep(0.01)
        assert asked.cancelled()
        amazon.cloud.misbehaviour.fault = None
        assert quoted(await amazon.one(ON_DEMAND_REQUEST)).amount == 0.096
        assert len(amazon.cloud.misbehaviour.calls) == 2


async def test_nobody_there_is_a_connection_fault() -> None:
    """A port that nobody listens on."""
    async with asking_amazon(PRODUCTS) as amazon:
        await amazon.cloud.stop()
        with pytest.raises(CallFailedError) as caught:
            await amazon.one(ON_DEMAND_REQUEST)
    assert caught.value.reason == CONNECTION


async def test_a_region_that_cant_be_one_is_invalid() -> None:
    """As a node's label may name it."""
    request = machine_request("m5.large", "no region!", capacity=SPOT, zone="x")
    async with asking_amazon(PRODUCTS, M5_SPOT) as amazon:
        with pytest.raises(CallFailedError) as caught:
            await amazon.one(request, "spot")
    assert caught.value.reason == INVALID


@pytest.mark.parametrize(
    ("question", "request_", "fault", "refused"),
    [
        ("instances", ON_DEMAND_REQUEST, CloudFault.ZERO, "not_positive"),
        ("instances", ON_DEMAND_REQUEST, CloudFault.NEGATIVE, "not_positive"),
        ("instances", ON_DEMAND_REQUEST, CloudFault.NOT_A_NUMBER, "not_finite"),
        ("instances", ON_DEMAND_REQUEST, CloudFault.CURRENCY, "currency"),  # spot prices name none
        ("spot", SPOT_REQUEST, CloudFault.ZERO, "not_positive"),
        ("spot", SPOT_REQUEST, CloudFault.NEGATIVE, "not_positive"),
        ("spot", SPOT_REQUEST, CloudFault.NOT_A_NUMBER, "not_finite"),
    ],
)
async def test_a_price_that_cant_be_is_refused_by_name(
    question: str, request_: PriceRequest, fault: CloudFault, refused: str
) -> None:
    """It goes on as it is, and the gate that all prices pass refuses it."""
    async with asking_amazon(PRODUCTS, M5_SPOT) as amazon:
        amazon.cloud.misbehaviour.fault = fault
        quote = quoted(await amazon.one(request_, question))
    assert math.isnan(quote.amount) == (fault is CloudFault.NOT_A_NUMBER)
    sanity = Sanity(usd_per={}, clock=SystemClock(), counters=Counters())
    verdict = sanity.examine(request_, quote, last_usd=None, on_demand_usd=None)
    assert isinstance(verdict, Refused)
    assert verdict.reason == refused


@pytest.mark.parametrize(("question", "request_"), [one[:2] for one in QUESTIONS])
async def test_what_vanished_isnt_sold(question: str, request_: PriceRequest) -> None:
    """An empty list is an answer: no price is made up."""
    async with asking_amazon(PRODUCTS, M5_SPOT) as amazon:
        amazon.cloud.misbehaviour.fault = CloudFault.VANISHED
        assert isinstance(await amazon.one(request_, question), Unknown)


async def test_a_price_that_changes_is_the_new_one() -> None:
    """Nothing is kept between two questions."""
    async with asking_amazon(PRODUCTS, M5_SPOT) as amazon:
        await amazon.one(SPOT_REQUEST, "spot")
        amazon.cloud.spot = [SpotPrice("m5.large", "us-east-1b", 0.05)]
        assert quoted(await amazon.one(SPOT_REQUEST, "spot")).amount == 0.05


async def test_one_types_failure_leaves_the_others_answered() -> None:
    """The types that are asked singly are calls of their own; the failure is raised at the end."""
    odd = replace(product_of(Machine("c5.large", 0.085)), tiers=(("0", "much"),))
    requests = [machine_request("c5.large"), machine_request("m5.large")]
    told = Told()
    async with asking_amazon([odd, *PRODUCTS]) as amazon:
        with pytest.raises(CallFailedError, match="can't be read") as caught:
            await amazon.prices.instances("us-east-1", requests, told)
    assert caught.value.reason == ANSWER
    assert len(told) == 1
    assert quoted(told.answer(requests[1])).amount == 0.096
