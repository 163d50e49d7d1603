"""Which of the rows that share an armSkuName is the price."""

from pathlib import Path

import pytest

from harness.azure_facts import NOW_NS, book, listed, priced, quoted
from kube_cost_common.messages.prices import ON_DEMAND, SPOT
from kube_cost_pricing.providers.azure.machines import is_type, is_usual, judge, wanted
from kube_cost_pricing.providers.azure.rows import Listing, page_of
from kube_cost_pricing.providers.source import AMBIGUOUS, API, Answer, Quote, Unknown
from kube_cost_simulator.clouds.azure_list import AzurePriceSheet
from kube_cost_simulator.clouds.azure_rows import machine_rows, windows_usd


def test_the_recorded_neighbours_leave_one_price(recorded_data: Path) -> None:
    """Of the recorded rows of B16als v2 the plain one is taken: neither Cloud Services' nor the year's reservation."""
    seen: list[str] = []
    file = recorded_data / "pricing/azure/retail_items_B16als_v2_australiacentral.json"
    listing = Listing(rows=page_of(file.read_bytes()).Items, fetched_at_ns=NOW_NS)
    request = priced("Standard_B16als_v2", region="australiacentral")
    answer = book(seen=seen).single(listing, judge(request, request.region), wanted(request))
    assert answer == Quote(amount=0.673, unit="hour", source=API, fetched_at_ns=NOW_NS)
    assert sorted(line.split(":")[0] for line in seen) == ["left", "left", "taken"]


@pytest.mark.parametrize(
    ("file", "region", "os", "usd"),
    [
        ("aks_availability-set", "westeurope", "windows", 0.212),
        ("asr_inferred-1", "westeurope", "linux", 0.12),
        ("asr_inferred-3", "westus", "linux", 0.117),
    ],
)
def test_recorded_machines_have_their_price(recorded_data: Path, file: str, region: str, os: str, usd: float) -> None:
    """A D2s v3 costs what the recorded pages say for that region and system, and nothing for the other system."""
    body = (recorded_data / f"pricing/azure/retail_pages/{file}.json").read_bytes()
    listing = Listing(rows=page_of(body).Items, fetched_at_ns=NOW_NS)
    for system in ("linux", "windows"):
        request = priced("Standard_D2s_v3", region=region, os=system)
        answer = book().single(listing, judge(request, region), wanted(request))
        assert (answer.amount if isinstance(answer, Quote) else None) == (usd if system == os else None)


@pytest.mark.parametrize("sku", ["Standard_D4s_v5", "Standard_DC4s_v3", "Standard_L8as_v3", "Basic_A2"])
@pytest.mark.parametrize(
    ("os", "capacity", "usd"),
    [
        ("linux", ON_DEMAND, 0.192),
        ("windows", ON_DEMAND, windows_usd(0.192)),
        ("linux", SPOT, 0.041),
        ("windows", SPOT, windows_usd(0.041)),
    ],
)
def test_every_machine_has_four_prices_among_its_neighbours(sku: str, os: str, capacity: str, usd: float) -> None:
    """System and capacity choose the row, in the older kind of product name and the newer one."""
    request = priced(sku, os=os, capacity=capacity)
    listing = listed(machine_rows("eastus", sku, 0.192, 0.041))
    assert len(listing.rows) == 14
    answer = book().single(listing, judge(request, "eastus"), wanted(request))
    assert isinstance(answer, Quote)
    assert answer.amount == usd


class TestTwoRows:
    @pytest.fixture
    def answer(self, second: float) -> Answer:
        request = priced("Standard_D4s_v5")
        rows = machine_rows("eastus", "Standard_D4s_v5", 0.192, None)
        plain = next(row for row in rows if "savingsPlan" in row)
        listing = listed([*rows, {**plain, "retailPrice": second, "meterName": "D4s v5 too"}])
        return book().single(listing, judge(request, "eastus"), wanted(request))

    @pytest.mark.parametrize("second", [0.193])
    def test_with_different_prices_are_ambiguous(self, answer: Answer) -> None:
        """Neither is taken, and the reason names both."""
        assert isinstance(answer, Unknown)
        assert answer.code == AMBIGUOUS
        assert answer.reason.startswith("ambiguous: on-demand price of Standard_D4s_v5")
        assert "0.192 USD" in answer.reason
        assert "0.193 USD" in answer.reason

    @pytest.mark.parametrize("second", [0.193])
    def test_of_a_usual_and_an_unusual_product_are_the_usual_ones(self, second: float) -> None:
        """`Dsv5 Series` beside `Virtual Machines Dsv5 Series`: the usual name goes before; alone the other would do."""
        request, seen = priced("Standard_D4s_v5"), list[str]()
        rows = machine_rows("eastus", "Standard_D4s_v5", 0.192, None)
        plain = next(row for row in rows if "savingsPlan" in row)
        other = {**plain, "retailPrice": second, "productName": "Dsv5 Series"}
        for candidates, usd in (([*rows, other], 0.192), ([other], second)):
            answer = book(seen=seen).single(
                listed(candidates), judge(request, "eastus"), wanted(request), before=is_usual
            )
            assert quoted(answer).amount == usd
        assert sum("another row goes before it" in line for line in seen) == 1

    @pytest.mark.parametrize("second", [0.192])
    def test_with_the_same_price_are_a_price(self, answer: Answer) -> None:
        """What doesn't differ needn't be told apart."""
        assert isinstance(answer, Quote)
        assert answer.amount == 0.192


def test_an_unsold_machine_is_unknown() -> None:
    """No spot row: no spot price, and the reason says of what."""
    request = priced("Standard_D4s_v5", capacity=SPOT)
    listing = listed(machine_rows("eastus", "Standard_D4s_v5", 0.192, None))
    answer = book().single(listing, judge(request, "eastus"), wanted(request))
    assert answer == Unknown(reason="Azure's price list has no spot price of Standard_D4s_v5 with linux in eastus")


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("Standard_D4s_v5", True),
        ("Standard_E96-24ads_v5", True),
        ("Basic_A0", True),
        ("", False),
        ("x' or armSkuName eq 'y", False),
        ("Standard D4", False),
    ],
)
def test_a_machine_type_is_a_word(name: str, is_one: bool) -> None:
    """What goes into a query comes from a label that anybody may write."""
    assert is_type(name) == is_one


class TestWithAPriceSheet:
    @pytest.fixture
    def sheet(self) -> AzurePriceSheet:
        sheet = AzurePriceSheet()
        sheet.agree("eastus", "Standard_D4s_v5", 0.15)
        return sheet

    def quote(self, sheet: AzurePriceSheet, capacity: str, seen: list[str]) -> Quote:
        request = priced("Standard_D4s_v5", capacity=capacity)
        listing = listed(machine_rows("eastus", "Standard_D4s_v5", 0.192, 0.041))
        return quoted(book(sheet, seen=seen).single(listing, judge(request, "eastus"), wanted(request)))

    def test_the_agreed_price_is_taken(self, sheet: AzurePriceSheet) -> None:
        """15 USD per 100 hours of the meter override 0.192 per hour, and the note says whose price it is."""
        seen: list[str] = []
        quote = self.quote(sheet, ON_DEMAND, seen)
        assert quote.amount == pytest.approx(0.15, rel=1e-12)
        assert quote.note == "price sheet"
        assert quote.exact
        assert any("the price sheet has 0.15 USD" in line for line in seen)

    def test_another_meter_keeps_its_list_price(self, sheet: AzurePriceSheet) -> None:
        """Spot isn't in the sheet: the list price is told, with that reason."""
        quote = self.quote(sheet, SPOT, [])
        assert quote.amount == 0.041
        assert quote.note == "retail price: the price sheet has no such meter"

    def test_an_agreed_currency_goes_on_as_it_is(self, sheet: AzurePriceSheet) -> None:
        """A sheet in EUR gives a price in EUR: whether there is a rate is asked later."""
        sheet.lines[0]["currencyCode"] = "EUR"
        assert self.quote(sheet, ON_DEMAND, []).currency == "EUR"

    def test_offers_that_differ_keep_the_list_price(self, sheet: AzurePriceSheet) -> None:
        """A Dev/Test offer beside the regular one: neither is guessed."""
        seen: list[str] = []
        sheet.set(sheet.lines[0]["meterId"], 9.0, "100 Hours", offer="MS-AZR-0148P")
        assert self.quote(sheet, ON_DEMAND, seen).amount == 0.192
        assert any("no one price per hour" in line for line in seen)
