"""A price sheet's pages, and when it is read."""

import asyncio
import json

import pytest
import structlog
from structlog.testing import CapturingLogger

from harness.azure_facts import sheet_page
from harness.azure_prices import PlainAsk
from harness.clock import TurnedClock
from kube_cost_pricing.calls.failures import ANSWER, DENIED, SERVER, CallFailedError
from kube_cost_pricing.providers.azure.settings import AzureSettings
from kube_cost_pricing.providers.azure.sheet import PriceSheet, SheetPrice
from kube_cost_pricing.providers.azure.sheet_keeper import SheetKeeper
from kube_cost_pricing.providers.azure.units import GB, HOUR, Measure
from kube_cost_simulator.clouds.azure_list import AzurePriceSheet

METER = "dc210ecb-97e8-4522-8134-2385494233c0"
OTHER = "dc210ecb-97e8-4522-8134-5385494233c0"


@pytest.fixture
def agreed() -> AzurePriceSheet:
    sheet = AzurePriceSheet()
    sheet.set(METER, 9.6, "100 Hours")
    return sheet


def test_a_meter_has_its_price_however_its_id_is_written(agreed: AzurePriceSheet) -> None:
    """Meter ids are compared as ids."""
    sheet = PriceSheet()
    assert not sheet.add(sheet_page(agreed))
    assert sheet.price(METER.upper()) == SheetPrice(9.6, "USD", Measure(100, HOUR))
    assert sheet.price(OTHER) is None
    assert sheet.price("no id") is None


def test_lines_that_are_no_use_are_left(agreed: AzurePriceSheet) -> None:
    """Other services, unknown measures, and lines without an id or a price take no memory."""
    agreed.set(OTHER, 1.0, "1 Hour", category="Sentinel")
    agreed.set(OTHER, 1.0, "10K", category="Storage")
    agreed.set("", 1.0, "1 Hour")
    agreed.lines.append({"meterId": OTHER, "unitOfMeasure": "1 Hour", "unitPrice": None})
    sheet = PriceSheet()
    sheet.add(sheet_page(agreed))
    assert len(sheet) == 1


def test_a_line_without_details_is_kept() -> None:
    """The details are there only if they were asked for; without them nothing says that a line is no use."""
    sheet = PriceSheet()
    line = {"meterId": METER, "unitOfMeasure": "100 GB", "unitPrice": "8.7", "currencyCode": "EUR"}
    sheet.add(json.dumps({"properties": {"pricesheets": [line]}}).encode())
    assert sheet.price(METER) == SheetPrice(8.7, "EUR", Measure(100, GB))


def test_the_configured_offer_decides_between_two(agreed: AzurePriceSheet) -> None:
    """Dev/Test's line of the same meter is left."""
    agreed.set(METER, 5.0, "100 Hours", offer="MS-AZR-0148P")
    sheet = PriceSheet(offer_id="MS-AZR-0017P")
    sheet.add(sheet_page(agreed))
    price = sheet.price(METER)
    assert price is not None
    assert price.amount == 9.6


def test_two_lines_that_differ_are_no_price(agreed: AzurePriceSheet) -> None:
    """A third line that agrees with the first doesn't change that."""
    agreed.set(METER, 5.0, "100 Hours", offer="MS-AZR-0148P")
    agreed.set(METER, 9.6, "100 Hours")
    sheet = PriceSheet()
    sheet.add(sheet_page(agreed))
    price = sheet.price(METER)
    assert price is not None
    assert price.amount is None


@pytest.mark.parametrize(
    ("link", "token"),
    [
        (None, ""),
        ("https://management.azure.com/x?api-version=1&$skiptoken=AQAAAA%3D%3D&$expand=properties", "AQAAAA=="),
        ("https://evil.example/x?%24skiptoken=5", "5"),
        ("https://management.azure.com/x", ""),
    ],
)
def test_the_next_page_is_its_token(agreed: AzurePriceSheet, link: str | None, token: str) -> None:
    """A link's host doesn't matter: nothing but its token is used."""
    assert PriceSheet().add(sheet_page(agreed, link)) == token


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"value": []}', b'{"properties": {"pricesheets": [{"unitPrice": {}}]}}']
)
def test_what_is_no_sheet_is_refused(body: bytes) -> None:
    """Anything else raises ValueError."""
    with pytest.raises(ValueError):  # noqa: PT011 - any of its kinds
        PriceSheet().add(body)


class Pages:
    """Has a sheet, or a failure; counts who asks."""

    def __init__(self, sheet: AzurePriceSheet) -> None:
        self.sheet = sheet
        self.asked = 0
        self.failure: CallFailedError | None = None
        self.endless = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def page(self, _: str) -> bytes:
        self.asked += 1
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return sheet_page(self.sheet, f"https://x/?$skiptoken={self.asked}" if self.endless else None)

    async def close(self) -> None: ...


class TestKeeper:
    @pytest.fixture(autouse=True)
    def _keeper(self, agreed: AzurePriceSheet) -> None:
        self.pages = Pages(agreed)
        self.clock = TurnedClock()
        self.log = CapturingLogger()
        self.ask = PlainAsk()
        self.keeper = SheetKeeper(
            settings=AzureSettings(subscription_id="s", price_sheet_max_pages=5),
            ask=self.ask,
            clock=self.clock,
            log=structlog.wrap_logger(self.log, processors=[]),
            pages=self.pages,
        )

    def test_without_a_subscription_nobody_wants_one(self) -> None:
        """There is no sheet, and no reason is needed."""
        keeper = SheetKeeper(
            settings=AzureSettings(),
            ask=self.ask,
            clock=self.clock,
            log=structlog.wrap_logger(self.log, processors=[]),
            pages=None,
        )
        assert not asyncio.run(keeper.state()).wanted

    async def test_it_is_read_once_a_day(self) -> None:
        """However often it is asked for; the next day it is read anew, behind the answers."""
        for _ in range(3):
            assert (await self.keeper.state()).sheet is not None
            await self.keeper.renew()
        assert self.pages.asked == 1
        self.clock.turn(86_400)
        await self.keeper.state()
        assert self.pages.asked == 1
        await self.keeper.renew()
        assert self.pages.asked == 2
        assert self.ask.endpoints == ["price_sheet", "price_sheet"]

    async def test_many_who_want_it_read_it_once(self) -> None:
        """All wait for the one reading."""
        self.pages.gate.clear()
        async with asyncio.TaskGroup() as group:
            states = [group.create_task(self.keeper.state()) for _ in range(5)]
            await asyncio.sleep(0)
            self.pages.gate.set()
        assert all(state.result().sheet is not None for state in states)
        assert self.pages.asked == 1

    async def test_nobody_waits_for_a_new_one(self) -> None:
        """While somebody reads it, the others have the old one."""
        await self.keeper.state()
        self.clock.turn(86_400)
        self.pages.gate.clear()
        async with asyncio.TaskGroup() as group:
            group.create_task(self.keeper.renew())
            await asyncio.sleep(0)
            async with asyncio.timeout(5):
                await self.keeper.renew()
                assert (await self.keeper.state()).sheet is not None
            self.pages.gate.set()
        assert self.pages.asked == 2

    async def test_a_failure_is_a_reason_and_is_tried_again_an_hour_later(self) -> None:
        """Nothing is raised; the log has it once, and once that it is over."""
        self.pages.failure = CallFailedError(DENIED, "a role is missing")
        for _ in range(2):
            state = await self.keeper.state()
            assert state.wanted
            assert state.sheet is None
            assert state.why_not == "the price sheet can't be read: denied"
        assert self.pages.asked == 1
        self.clock.turn(3600)
        await self.keeper.state()
        assert self.pages.asked == 2
        assert [call.method_name for call in self.log.calls] == ["warning"]
        self.pages.failure = None
        self.clock.turn(3600)
        assert (await self.keeper.state()).sheet is not None
        assert [call.method_name for call in self.log.calls] == ["warning", "info"]

    async def test_an_old_sheet_stands_when_a_new_one_cant_be_read(self) -> None:
        """Yesterday's agreement is nearer than the list price."""
        await self.keeper.state()
        self.clock.turn(86_400)
        self.pages.failure = CallFailedError(SERVER, "HTTP 500")
        await self.keeper.renew()
        sheet = (await self.keeper.state()).sheet
        assert sheet is not None
        assert sheet.price(METER) is not None

    async def test_an_endless_sheet_is_no_sheet(self) -> None:
        """After so many pages it is given up, and asked for no more."""
        self.pages.endless = True
        assert (await self.keeper.state()).why_not == f"the price sheet can't be read: {ANSWER}"
        assert self.pages.asked == 5
