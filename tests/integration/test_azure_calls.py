"""How often Azure is asked, and what comes of it when the answers are faulty."""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

import pytest

from harness.azure_facts import priced, quoted
from harness.azure_prices import (
    D4S,
    SIXTY,
    Asked,
    PlainAsk,
    Told,
    asking,
    price_list,
)
from kube_cost_common.messages.prices import (
    CONTROL_PLANE,
    LOAD_BALANCER,
    NETWORK,
    SPOT,
    VOLUME,
)
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
from kube_cost_pricing.providers.cloud import CONTROL_PLANE_PRICE
from kube_cost_pricing.providers.source import Quote, Unknown
from kube_cost_pricing.sanity import Refused, Sanity
from kube_cost_simulator.clouds.faults import CloudFault

T = TypeVar("T")


@pytest.fixture
async def asked() -> AsyncIterator[Asked]:
    async with asking(price_list()) as served:
        yield served


class TestCalls:
    async def test_sixty_types_are_six_queries_for_both_questions(self) -> None:
        """Ten types a query; the spot prices are in the same answers."""
        async with asking(price_list(SIXTY), page_size=1000) as asked:
            requests = [priced(sku) for sku in SIXTY]
            assert all(isinstance(answer, Quote) for answer in await asked.instances("eastus", *requests))
            assert asked.ask.endpoints == ["instance_price"] * 6
            await asked.spot("eastus", *[priced(sku, capacity=SPOT) for sku in SIXTY])
            assert len(asked.ask.endpoints) == 6
            assert len(asked.cloud.queries) == 6

    async def test_both_questions_at_once_ask_once(self) -> None:
        """The second waits for what the first one asks."""
        async with asking(price_list(SIXTY), page_size=1000) as asked:
            told = Told()
            on_demand = [priced(sku) for sku in SIXTY]
            spot = [priced(sku, capacity=SPOT) for sku in SIXTY]
            async with asyncio.TaskGroup() as group:
                group.create_task(_await(asked.prices.instances("eastus", on_demand, told)))
                group.create_task(_await(asked.prices.spot("eastus", spot, told)))
            assert len(told) == 120
            assert len(asked.ask.endpoints) == 6

    async def test_two_calls_at_most_are_under_way(self) -> None:
        """Several regions and queries together: never three at once."""
        async with asking(price_list(SIXTY), types_per_call=2, latency_seconds=0.02) as asked:
            async with asyncio.TaskGroup() as group:
                for region in ("eastus", "westeurope"):
                    requests = [priced(sku, region=region) for sku in SIXTY]
                    group.create_task(_await(asked.prices.instances(region, requests, Told())))
            assert asked.cloud.most_at_once == 2
            assert len(asked.cloud.queries) == 60

    async def test_pages_are_put_together(self) -> None:
        """Three rows a page: the price is on one of the last pages, each page is a call of its own."""
        async with asking(price_list(), page_size=3) as asked:
            assert quoted(await asked.one(priced(D4S))).amount == 0.192
            assert len(asked.ask.endpoints) == 4

    async def test_a_list_without_end_is_given_up(self, asked: Asked) -> None:
        """After the cap, with an error, and not a call more."""
        asked.cloud.misbehaviour.fault = CloudFault.ENDLESS
        with pytest.raises(CallFailedError, match="more than 20 pages") as caught:
            await asked.one(priced(D4S))
        assert caught.value.reason == ANSWER
        assert len(asked.cloud.misbehaviour.calls) == 20

    async def test_a_page_at_another_host_isnt_asked_for(self) -> None:
        """A link leads nowhere but where the first question went."""
        async with asking(price_list(), page_size=3) as asked, asking(price_list()) as other:
            asked.cloud.next_host = other.cloud.url
            with pytest.raises(CallFailedError, match="another host") as caught:
                await asked.one(priced(D4S))
            assert caught.value.reason == ANSWER
            assert other.cloud.misbehaviour.calls == []

    async def test_a_query_that_fails_leaves_the_others(self) -> None:
        """AKS' query fails: traffic and load balancers are told, AKS is asked again the next time."""

        class AskWithoutAks(PlainAsk):
            async def __call__(self, endpoint: str, operation: Callable[[], Awaitable[T]]) -> T:
                if endpoint == CONTROL_PLANE_PRICE:
                    raise CallFailedError(SERVER, "HTTP 500")
                return await super().__call__(endpoint, operation)

        requests = [priced("", kind=kind) for kind in (CONTROL_PLANE, LOAD_BALANCER)] + [priced("zone", kind=NETWORK)]
        async with asking(price_list(), ask=AskWithoutAks()) as asked:
            told = Told()
            with pytest.raises(CallFailedError, match="HTTP 500"):
                await asked.prices.network("eastus", requests, told)
            assert len(told) == 2
            assert all(isinstance(told.answer(request), Quote) for request in requests[1:])


class TestFaults:
    @pytest.mark.parametrize(
        ("fault", "reasons"),
        [
            (CloudFault.THROTTLED, {THROTTLED}),
            (CloudFault.SERVER_ERROR, {SERVER}),
            (CloudFault.DENIED, {DENIED}),
            (CloudFault.SILENT, {TIMEOUT}),
            (CloudFault.RESET, {CONNECTION}),
            (CloudFault.TRUNCATED, {ANSWER}),
            (CloudFault.TRICKLE, {TIMEOUT}),
            (CloudFault.HUGE, {ANSWER}),
        ],
    )
    async def test_a_fault_has_its_word_and_is_over_when_it_is(self, fault: CloudFault, reasons: set[str]) -> None:
        """One call, one failure; nothing is told; the next question has the price."""
        async with asking(price_list(), limit_seconds=2.0) as asked:
            asked.cloud.misbehaviour.fault = fault
            with pytest.raises(CallFailedError) as caught:
                await asked.one(priced(D4S))
            assert caught.value.reason in reasons
            assert len(asked.told) == 0
            assert len(asked.cloud.misbehaviour.calls) == 1
            asked.cloud.misbehaviour.fault = None
            assert quoted(await asked.one(priced(D4S))).amount == 0.192

    async def test_it_is_told_how_long_to_wait(self, asked: Asked) -> None:
        """Retry-After comes with the failure."""
        asked.cloud.misbehaviour.fault = CloudFault.THROTTLED
        with pytest.raises(CallFailedError) as caught:
            await asked.one(priced(D4S))
        assert caught.value.retry_after_seconds == 7

    async def test_a_huge_answer_isnt_read_whole(self, asked: Asked) -> None:
        """Of 100 MB no more is taken than a page may have, and what is in the pipes."""
        asked.cloud.misbehaviour.fault = CloudFault.HUGE
        with pytest.raises(CallFailedError, match="more than"):
            await asked.one(priced(D4S))
        sent = asked.cloud.misbehaving.sent_bytes
        print(f"\nof 100 MB {sent / 1e6:.1f} MB were sent")
        assert sent < 50e6

    async def test_an_own_limit_of_time_holds_without_the_callers(self) -> None:
        """A caller without any patience limit still gets an answer."""
        async with asking(price_list(), limit_seconds=60.0, call_timeout_seconds=0.5) as asked:
            asked.cloud.misbehaviour.fault = CloudFault.SILENT
            with pytest.raises(CallFailedError) as caught:
                await asked.one(priced(D4S))
            assert caught.value.reason == TIMEOUT

    async def test_nobody_there_is_a_connection_fault(self) -> None:
        """A port that nobody listens on."""
        async with asking(price_list()) as asked:
            await asked.cloud.stop()
            with pytest.raises(CallFailedError) as caught:
                await asked.one(priced(D4S))
            assert caught.value.reason == CONNECTION

    async def test_what_isnt_understood_is_invalid(self) -> None:
        """Another path than the API's: a 404."""
        async with asking(price_list(), endpoint_path="/nowhere") as asked:
            with pytest.raises(CallFailedError) as caught:
                await asked.one(priced(D4S))
            assert caught.value.reason == INVALID

    @pytest.mark.parametrize(
        ("fault", "refused"),
        [
            (CloudFault.ZERO, "not_positive"),
            (CloudFault.NEGATIVE, "not_positive"),
            (CloudFault.NOT_A_NUMBER, "not_finite"),
            (CloudFault.CURRENCY, "currency"),
        ],
    )
    async def test_a_price_that_cant_be_is_refused_by_name(self, asked: Asked, fault: CloudFault, refused: str) -> None:
        """It goes on as it is, and the sanity gate refuses it, for instances and for disks."""
        asked.cloud.misbehaviour.fault = fault
        sanity = Sanity(usd_per={}, clock=SystemClock(), counters=Counters())
        machine, disk = priced(D4S), priced("Premium_LRS", kind=VOLUME)
        for request, answer in (
            (machine, await asked.one(machine)),
            (disk, (await asked.storage("eastus", disk))[0]),
        ):
            quote = quoted(answer)
            if fault is CloudFault.NOT_A_NUMBER:
                assert math.isnan(quote.amount)
            verdict = sanity.examine(request, quote, last_usd=None, on_demand_usd=None)
            assert isinstance(verdict, Refused)
            assert verdict.reason == refused

    async def test_a_vanished_type_is_no_longer_sold(self, asked: Asked) -> None:
        """An empty list is an answer: unknown, not a failure."""
        asked.cloud.misbehaviour.fault = CloudFault.VANISHED
        assert isinstance(await asked.one(priced(D4S)), Unknown)


async def _await(question: Awaitable[None]) -> None:
    await question
