"""Azure's prices over a socket, from an API that has every neighbour beside each price, and every fault."""

import asyncio
import math
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from harness.azure_facts import priced, quoted
from harness.azure_prices import Asked, PlainAsk, Told, all_prices, asking, spot_of
from harness.azure_table import NOT_MACHINES, linux_prices, windows_among, without_price
from kube_cost_common.messages.prices import (
    CONTROL_PLANE,
    LOAD_BALANCER,
    NETWORK,
    ON_DEMAND,
    POD_MEMORY,
    POD_VCPU,
    SPOT,
    VOLUME,
    VOLUME_IOPS,
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
from kube_cost_pricing.providers.source import NO_INSTANCE_TYPE, NO_REGION, Quote, Unknown
from kube_cost_pricing.sanity import Refused, Sanity
from kube_cost_simulator.clouds.azure_list import AzurePriceList
from kube_cost_simulator.clouds.azure_rows import windows_usd
from kube_cost_simulator.clouds.faults import CloudFault

T = TypeVar("T")

D4S = "Standard_D4s_v5"
EASTUS = {D4S: 0.192, "Standard_DC4s_v3": 0.384, "Standard_B2ms": 0.0832}
SPOT_USD = {D4S: 0.041, "Standard_DC4s_v3": 0.09, "Standard_B2ms": 0.02}
SIXTY = {f"Standard_D{number}s_v9": number / 10 for number in range(1, 61)}


def price_list(on_demand: dict[str, float] = EASTUS) -> AzurePriceList:
    return AzurePriceList(on_demand={"eastus": on_demand, "westeurope": on_demand}, spot={"eastus": SPOT_USD})


@pytest.fixture
async def asked() -> AsyncIterator[Asked]:
    async with asking(price_list()) as served:
        yield served


def family(sku: str) -> str:
    """A size's name without its numbers of vCPUs."""
    return re.sub(r"(?<=[A-Z])\d+(-\d+)?", "#", sku, count=1)


class TestTheRecordedTable:
    async def test_a_machine_of_every_family_costs_what_the_table_says(self, recorded_data: Path) -> None:
        """In all six regions, on demand and (made up) spot, over the wire, to 1e-6; what has no price is named."""
        table = linux_prices(recorded_data)
        spot = spot_of(table)
        compared = 0
        async with asking(AzurePriceList(on_demand=table, spot=spot)) as asked:
            for region, prices in table.items():
                sample = list({family(sku): sku for sku in sorted(prices, reverse=True)}.values())
                assert len(sample) > 200
                for capacity, expected in ((ON_DEMAND, prices), (SPOT, spot[region])):
                    answers = await all_prices(asked, region, sample, capacity)
                    for sku, answer in answers.items():
                        if without_price(sku):
                            assert isinstance(answer, Unknown), sku
                            continue
                        assert quoted(answer).amount == pytest.approx(expected[sku], rel=1e-6, abs=1e-9), sku
                        compared += 1
        print(f"\n{compared} prices of every family in {len(table)} regions are the table's")
        assert compared > 2000

    async def test_the_prices_of_windows_in_the_table_are_the_windows_rows(self, recorded_data: Path) -> None:
        """About a hundred of its "Linux" prices are Windows' own; the same type's Linux price is the surcharge less."""
        among, table = windows_among(recorded_data), linux_prices(recorded_data)
        prices = AzurePriceList(on_demand=table)
        for (region, sku), (linux, windows) in among.items():
            prices.sell(region, sku, linux, None, windows)
        async with asking(prices) as asked:
            for region in table:
                skus = [sku for in_region, sku in among if in_region == region]
                requests = [priced(sku, region=region, os=os) for sku in skus for os in ("linux", "windows")]
                for request, answer in zip(requests, await asked.instances(region, *requests), strict=True):
                    linux, windows = among[region, request.sku]
                    expected = windows if request.os == "windows" else linux
                    assert quoted(answer).amount == pytest.approx(expected, rel=1e-6)
        print(f"\n{len(among)} prices of the table are Windows'")
        assert 90 < len(among) < 120

    def test_the_exceptions_are_few_and_named(self, recorded_data: Path) -> None:
        """Dedicated hosts, three names that are no machine type, and one with blanks behind it: nothing else."""
        skus = {sku for prices in linux_prices(recorded_data).values() for sku in prices}
        excepted = {sku for sku in skus if without_price(sku)}
        assert {sku for sku in excepted if sku.startswith(("Standard_", "Basic_"))} == {"Standard_NM16ads_MA35D  "}
        assert set(NOT_MACHINES) <= skus
        assert all("Type" in sku for sku in excepted - set(NOT_MACHINES)), excepted


class TestMachines:
    @pytest.mark.parametrize("sku", list(EASTUS))
    async def test_one_type_has_four_prices(self, asked: Asked, sku: str) -> None:
        """On demand and spot, Linux and Windows, each from its own row; the zone doesn't matter."""
        on_demand, spot = EASTUS[sku], SPOT_USD[sku]
        assert quoted(await asked.one(priced(sku))).amount == on_demand
        assert quoted(await asked.one(priced(sku, os="windows"))).amount == pytest.approx(windows_usd(on_demand))
        for zone in ("eastus-1", "eastus-3", ""):
            assert quoted(await asked.one(priced(sku, capacity=SPOT, zone=zone))).amount == spot
        assert quoted(await asked.one(priced(sku, capacity=SPOT, os="windows"))).amount == pytest.approx(
            windows_usd(spot)
        )

    async def test_a_quote_says_where_it_is_from(self, asked: Asked) -> None:
        """An API's exact price in USD per hour, of just now; without a subscription there is nothing to note."""
        before = SystemClock().now_ns()
        quote = quoted(await asked.one(priced(D4S)))
        assert before <= quote.fetched_at_ns <= SystemClock().now_ns()
        assert quote == Quote(amount=0.192, unit="hour", source="api", fetched_at_ns=quote.fetched_at_ns)

    async def test_every_row_is_accounted_for(self, asked: Asked) -> None:
        """`lookup` sees each neighbour and why it was left."""
        await asked.one(priced(D4S))
        assert len([line for line in asked.seen if line.startswith("taken")]) == 1
        left = "\n".join(line for line in asked.seen if line.startswith("left"))
        for reason in ("Cloud Services", "Low Priority", "with Windows", "it is spot", "Expired", "ended", "begins"):
            assert reason in left, reason

    async def test_a_price_changes_with_the_cloud(self) -> None:
        """A question after the rows' age has the new price."""
        async with asking(price_list(), rows_max_age_seconds=0.0) as asked:
            await asked.one(priced(D4S))
            asked.cloud.prices.sell("eastus", D4S, 0.21, 0.05)
            assert quoted(await asked.one(priced(D4S))).amount == 0.21
            assert quoted(await asked.one(priced(D4S, capacity=SPOT))).amount == 0.05

    @pytest.mark.parametrize(
        ("sku", "region", "code", "reason"),
        [
            ("Standard_Nonsense_v1", "eastus", "no_price", "no on-demand price of Standard_Nonsense_v1"),
            ("standard_d4s_v5", "eastus", "no_price", "no on-demand price"),
            ("", "eastus", NO_INSTANCE_TYPE, "no instance type"),
            ("x' or 'a' eq 'a", "eastus", "no_price", "no machine type"),
            (D4S, "", NO_REGION, "no region"),
            (D4S, "usgovvirginia", "no_price", "Azure Government"),
            (D4S, "chinaeast2", "no_price", "Azure China"),
            (D4S, "atlantis", "no_price", "in atlantis"),
        ],
    )
    async def test_what_has_no_price_has_a_reason(
        self, asked: Asked, sku: str, region: str, code: str, reason: str
    ) -> None:
        """Unknown types and regions, sovereign clouds, and names that are none."""
        answer = await asked.one(priced(sku, region=region))
        assert isinstance(answer, Unknown)
        assert answer.code == code
        assert reason in answer.reason

    async def test_nothing_is_asked_about_other_clouds_regions(self, asked: Asked) -> None:
        """Azure China and Government aren't in the public list: no call is spent on them."""
        for region in ("chinanorth3", "usgovarizona", "usdodeast", ""):
            await asked.instances(region, priced(D4S, region=region))
            await asked.storage(region, priced("Premium_LRS", kind=VOLUME, region=region))
            await asked.network(region, priced("", kind=LOAD_BALANCER, region=region))
        assert asked.ask.endpoints == []

    async def test_a_region_is_asked_in_lower_case(self, asked: Asked) -> None:
        """The list's regions are in lower case and compared so."""
        assert quoted(await asked.one(priced(D4S, region="EastUS"))).amount == 0.192


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


class TestTheOthers:
    async def test_all_kinds_of_disks_are_one_call(self, asked: Asked) -> None:
        """Eastus' check values, and a call for the lot."""
        kinds = ("Premium_LRS", "StandardSSD_LRS", "Standard_LRS", "Premium_ZRS", "PremiumV2_LRS", "UltraSSD_LRS")
        requests = [priced(kind, kind=VOLUME) for kind in kinds]
        iops = priced("PremiumV2_LRS", kind=VOLUME_IOPS)
        answers = await asked.storage("eastus", *requests, iops, priced("gp3", kind=VOLUME))
        by_kind = dict(zip(kinds, answers, strict=False))
        tiers = {kind: {tier.start: tier.usd for tier in quoted(by_kind[kind]).tiers} for kind in kinds}
        assert tiers["Premium_LRS"][16] == 5.28
        assert tiers["StandardSSD_LRS"][512] == 76.80
        assert tiers["Standard_LRS"][0] == 1.54
        assert quoted(by_kind["PremiumV2_LRS"]).amount == pytest.approx(0.0803)
        assert quoted(answers[6]).amount == pytest.approx(0.00511)
        assert isinstance(answers[7], Unknown)
        assert set(asked.ask.endpoints) == {"storage_price"}
        assert len(set(asked.cloud.queries)) == 1

    async def test_traffic_balancer_and_control_plane_are_a_query_each(self, asked: Asked) -> None:
        """Three endpoints, whatever the order of the requests."""
        requests = [
            priced("internet", kind=NETWORK),
            priced("standard", kind=CONTROL_PLANE),
            priced("zone", kind=NETWORK),
            priced("", kind=LOAD_BALANCER),
            priced("extended", kind=CONTROL_PLANE),
        ]
        answers = await asked.network("eastus", *requests)
        assert [quoted(answer).amount for answer in answers] == [0.087, 0.10, 0.01, 0.025, 0.60]
        assert sorted(asked.ask.endpoints) == ["control_plane_price", "load_balancer_price", "network_price"]

    async def test_container_groups_are_priced_with_the_machines(self, asked: Asked) -> None:
        """VCPU and GiB of ACI, on demand and spot, from one query."""
        answers = await asked.instances("eastus", priced("aci", kind=POD_VCPU), priced("aci", kind=POD_MEMORY))
        assert [quoted(answer).amount for answer in answers] == [0.0405, 0.00445]
        spot = await asked.spot("eastus", priced("aci", kind=POD_VCPU, capacity=SPOT))
        assert quoted(spot[0]).amount == 0.01215
        assert asked.ask.endpoints == ["instance_price"]


class TestThePriceSheet:
    async def test_it_overrides_the_list(self) -> None:
        """An agreement's D4s v5 at 0.15; the note says which price is whose."""
        async with asking(price_list(), agreement=True) as asked:
            asked.cloud.sheet.agree("eastus", D4S, 0.15)
            agreed, listed = await asked.instances("eastus", priced(D4S), priced("Standard_B2ms"))
            assert quoted(agreed).amount == pytest.approx(0.15)
            assert quoted(agreed).note == "price sheet"
            assert quoted(listed).amount == EASTUS["Standard_B2ms"]
            assert quoted(listed).note == "retail price: the price sheet has no such meter"
            assert asked.ask.endpoints == ["price_sheet", "instance_price"]

    async def test_its_pages_are_followed_and_it_is_read_once(self) -> None:
        """250 lines are three pages of 100; the second question asks for none."""
        async with asking(price_list(SIXTY), agreement=True) as asked:
            for _ in range(4):
                for sku, usd in SIXTY.items():
                    asked.cloud.sheet.agree("eastus", sku, usd / 2)
            for sku in ("Standard_D60s_v9", "Standard_D1s_v9"):
                assert quoted(await asked.one(priced(sku))).amount == pytest.approx(SIXTY[sku] / 2)
            assert asked.ask.endpoints.count("price_sheet") == 3

    @pytest.mark.parametrize("token", ["another", ""])
    async def test_a_wrong_token_is_denied_and_list_prices_go_on(self, token: str) -> None:
        """401: one line in the log that names the role; the quote says why it is the list's."""
        async with asking(price_list(), agreement=True, token=token) as asked:
            quote = quoted(await asked.one(priced(D4S)))
            assert quote.amount == 0.192
            assert quote.note == "retail price: the price sheet can't be read: denied"
            (line,) = asked.log.calls
            assert "Billing Reader" in line.kwargs["detail"]
            assert "view charges" in line.kwargs["detail"]
            assert "\n" not in line.kwargs["detail"]

    @pytest.mark.parametrize(
        ("fault", "reasons"),
        [
            (CloudFault.DENIED, {DENIED}),
            (CloudFault.THROTTLED, {THROTTLED}),
            (CloudFault.SERVER_ERROR, {SERVER}),
            (CloudFault.SILENT, {TIMEOUT}),
            (CloudFault.RESET, {CONNECTION}),
            (CloudFault.TRUNCATED, {ANSWER}),
            (CloudFault.TRICKLE, {TIMEOUT}),
            (CloudFault.HUGE, {ANSWER}),
            (CloudFault.ENDLESS, {ANSWER}),
        ],
    )
    async def test_its_faults_leave_the_list_prices(self, fault: CloudFault, reasons: set[str]) -> None:
        """A fault of the sheet costs its own calls, one each, and is in the note; nothing is raised."""
        async with asking(price_list(), agreement=True, limit_seconds=2.0, price_sheet_max_pages=5) as asked:
            asked.cloud.sheet.agree("eastus", D4S, 0.15)
            asked.cloud.sheet_misbehaviour.fault = fault
            quote = quoted(await asked.one(priced(D4S)))
            assert quote.amount == 0.192
            assert quote.note.removeprefix("retail price: the price sheet can't be read: ") in reasons
            assert len(asked.cloud.sheet_misbehaviour.calls) == (5 if fault is CloudFault.ENDLESS else 1)
            assert asked.cloud.misbehaving.sent_bytes < 50e6
            if fault is CloudFault.DENIED:
                assert "Billing Reader" in asked.log.calls[0].kwargs["detail"]

    async def test_it_comes_back_when_the_fault_is_over(self) -> None:
        """After the wait the sheet is read, behind the first answers."""
        async with asking(
            price_list(), agreement=True, price_sheet_retry_seconds=0.0, rows_max_age_seconds=0.0
        ) as asked:
            asked.cloud.sheet.agree("eastus", D4S, 0.15)
            asked.cloud.sheet_misbehaviour.fault = CloudFault.SERVER_ERROR
            assert quoted(await asked.one(priced(D4S))).amount == 0.192
            asked.cloud.sheet_misbehaviour.fault = None
            assert quoted(await asked.one(priced(D4S))).amount == pytest.approx(0.15)

    async def test_nothing_of_the_token_is_said(self) -> None:
        """Neither the log nor what `lookup` sees has the token or the subscription."""
        async with asking(price_list(), agreement=True, token="so-secret") as asked:
            await asked.one(priced(D4S))
            said = repr(asked.log.calls) + "\n".join(asked.seen)
            assert "so-secret" not in said
            assert "00000000-0000" not in said


_MEMORY = """
import sys
def rss(): return int(open('/proc/self/statm').read().split()[1]) * 4096 / 1e6
before = rss()
import asyncio
from structlog import get_logger
from kube_cost_common.runtime.clock import SystemClock
from kube_cost_pricing.providers.azure import AzureSettings, azure_prices
async def main():
    azure_prices(
        settings=AzureSettings(subscription_id=sys.argv[1]), ask=None, clock=SystemClock(), log=get_logger()
    )
asyncio.run(main())
sdk = sorted(name for name in sys.modules if name.startswith(('azure.', 'msal', 'boto', 'google.cloud')))
print(round(rss() - before, 1), len(sdk), 'azure.identity' in sys.modules, 'boto' in ' '.join(sdk))
"""


@pytest.mark.parametrize(("subscription", "has_sdk"), [("", False), ("s", True)])
def test_the_sdk_is_loaded_only_for_a_subscription(subscription: str, has_sdk: bool) -> None:
    """Without one no module of it; the memory of either is printed, and below 80 MB."""
    done = subprocess.run(
        [sys.executable, "-c", _MEMORY, subscription], capture_output=True, text=True, check=True, timeout=60
    )
    megabytes, modules, identity, boto = done.stdout.split()
    print(f"\nAzure {'with' if has_sdk else 'without'} its SDK: {megabytes} MB, {modules} of its modules")
    assert (int(modules) > 0) == has_sdk
    assert (identity == "True") == has_sdk
    assert boto == "False"
    assert float(megabytes) < 80


async def _await(question: Awaitable[None]) -> None:
    await question
