"""What is asked for a table, and what the answers make of it."""

from collections.abc import Mapping

import pytest

from kube_cost_common.messages.prices import ON_DEMAND, SPOT, Shape, request_key
from kube_cost_price_snapshot.table import Row, Table, VolumeRow
from kube_cost_pricing.commands import tables
from kube_cost_pricing.providers.source import AMBIGUOUS, API, Answer, Quote, Unknown

TODAY = "2026-08-30"
ASKED = "gcp's price API, asked by kube-cost-pricing snapshot"


def quote(usd: float, *, unit: str = "hour", currency: str = "USD", exact: bool = True, gib: float = 0.0) -> Quote:
    shape = Shape(2.0, gib) if gib else None
    return Quote(
        amount=usd, unit=unit, source=API, fetched_at_ns=0, currency=currency, exact=exact, shape=shape, note=""
    )


def table(*, provider: str = "gcp", **instances: Row) -> Table:
    """Of two regions; a pd-ssd and a whole disk are in the first one."""
    return Table(
        provider=provider,
        as_of="2026-01-01",
        sources=["somebody", "shapes: somebody else"],
        unit="USD per hour, Linux",
        regions=["here", "there"],
        instances=instances or {"n2": Row(Shape(2.0, 8.0), [0.1, 0.2], [0.01, 0.02])},
        volumes=[VolumeRow("pd-ssd", "here", 0.17, "2026-02-02"), VolumeRow("P4", "here", 5.28, "2026-02-02", 32.0)],
    )


def said(of: Table, answers: Mapping[tuple[str, str, str], Answer]) -> dict[str, Answer]:
    """Answers by price key, given by sku, region and capacity."""
    requests = {(one.sku, one.region, one.capacity): one for one in tables.wanted(of, of.regions)}
    return {request_key(requests[key]): answer for key, answer in answers.items()}


def rebuilt(of: Table, answers: Mapping[tuple[str, str, str], Answer], *regions: str) -> Table:
    return tables.rebuilt(of, said(of, answers), regions=regions or of.regions, as_of=TODAY)


class TestWanted:
    def test_each_type_in_each_region_on_demand_and_spot(self) -> None:
        """And volumes that are sold by the GiB, wherever they may be sold."""
        asked = [(one.kind, one.sku, one.region, one.capacity) for one in tables.wanted(table(), ["here", "there"])]
        assert sorted(asked) == [
            ("instance", "n2", "here", ON_DEMAND),
            ("instance", "n2", "here", SPOT),
            ("instance", "n2", "there", ON_DEMAND),
            ("instance", "n2", "there", SPOT),
            ("volume", "pd-ssd", "here", ""),
            ("volume", "pd-ssd", "there", ""),
        ]

    def test_no_spot_prices_for_a_table_without(self) -> None:
        """AWS's are of the minute."""
        of = table(m5=Row(None, [0.1, 0.2], []))
        assert {one.capacity for one in tables.wanted(of, ["here"]) if one.kind == "instance"} == {ON_DEMAND}


class TestExtended:
    def test_what_is_new_has_no_price_yet(self) -> None:
        """What the table has already isn't doubled."""
        more = tables.extended(table(), types=["n2", "n9"], regions=["there", "yonder"])
        assert more.regions == ["here", "there", "yonder"]
        assert more.instances["n2"] == Row(Shape(2.0, 8.0), [0.1, 0.2, None], [0.01, 0.02, None])
        assert more.instances["n9"] == Row(None, [None, None, None], [None, None, None])


class TestRebuilt:
    def test_prices_are_those_of_today(self) -> None:
        """With today's date, and its source before those of shapes."""
        answers: dict[tuple[str, str, str], Answer] = {
            ("n2", "here", ON_DEMAND): quote(0.11),
            ("n2", "there", ON_DEMAND): quote(0.21),
            ("n2", "here", SPOT): quote(0.03),
            ("n2", "there", SPOT): Unknown(reason="it isn't sold"),
        }
        made = rebuilt(table(), answers)
        assert made.instances == {"n2": Row(Shape(2.0, 8.0), [0.11, 0.21], [0.03, None])}
        assert (made.as_of, made.sources) == (TODAY, [ASKED, "shapes: somebody else"])

    @pytest.mark.parametrize(
        "answer",
        [
            Unknown(reason="two candidates", code=AMBIGUOUS),
            quote(0.5, exact=False),
            quote(0.5, currency="CNY"),
            quote(0.0),
            quote(float("nan")),
            quote(float("inf")),
        ],
    )
    def test_what_is_left_open_stays(self, answer: Answer) -> None:
        """The last price is better than a guess, or than none."""
        made = rebuilt(table(), {("n2", "here", ON_DEMAND): answer})
        assert made.instances["n2"].on_demand == [0.1, 0.2]

    def test_a_type_that_is_nowhere_sold_is_left_out(self) -> None:
        """In every region that was asked, and without a price in the others."""
        gone = Unknown(reason="it isn't sold")
        everywhere = {("n2", region, kind): gone for region in ("here", "there") for kind in (ON_DEMAND, SPOT)}
        assert rebuilt(table(), everywhere).instances == {}
        assert rebuilt(table(), everywhere, "here").instances["n2"].on_demand == [None, 0.2]

    def test_a_part_of_the_regions_leaves_the_date(self) -> None:
        """And says of which regions the prices are from when, once a time."""
        first = rebuilt(
            table(), {("n2", "here", ON_DEMAND): quote(0.11), ("n2", "there", ON_DEMAND): quote(9.0)}, "here"
        )
        assert first.instances["n2"].on_demand == [0.11, 0.2]
        assert first.as_of == "2026-01-01"
        second = rebuilt(first, {}, "here")
        assert second.sources == ["somebody", f"{ASKED}, of here on {TODAY}", "shapes: somebody else"]

    def test_a_new_type_has_the_shape_that_the_cloud_says(self) -> None:
        """A known one keeps its own."""
        more = tables.extended(table(), types=["n9"], regions=[])
        answers = {("n9", "here", ON_DEMAND): quote(0.3, gib=4.0), ("n2", "here", ON_DEMAND): quote(0.1, gib=7.0)}
        made = rebuilt(more, answers)
        assert made.instances["n9"] == Row(Shape(2.0, 4.0), [0.3, None], [None, None])
        assert made.instances["n2"].shape == Shape(2.0, 8.0)

    def test_volumes_by_the_gib_are_renewed(self) -> None:
        """With their date; whole disks, and what wasn't answered, stay."""
        made = rebuilt(table(), {("pd-ssd", "there", ""): quote(0.2, unit="gib_month")})
        assert made.volumes == [*table().volumes, VolumeRow("pd-ssd", "there", 0.2, TODAY)]
        again = rebuilt(table(), {("pd-ssd", "here", ""): quote(0.18, unit="gib_month")})
        assert again.volumes[0] == VolumeRow("pd-ssd", "here", 0.18, TODAY)


class TestDifferences:
    def test_the_greatest_come_first(self) -> None:
        """With by how much, where, and in how many places more."""
        before = table(
            a=Row(None, [1.0, 1.0], [0.5, 0.5]), b=Row(None, [1.0, 1.0], [0.5, 0.5]), gone=Row(None, [1.0, None], [])
        )
        after = table(
            a=Row(None, [1.01, 1.0], [0.5, 0.5]), b=Row(None, [1.0, 1.1], [0.25, None]), new=Row(None, [1.0, None], [])
        )
        assert tables.differences(before, after)[1:] == [
            "new: new",
            "gone: gone",
            "prices: 1 new, 2 gone",
            "changed: 2 types, most of all",
            "  b                         -50.00% in here (spot), and in 1 more places",
            "  a                         +1.00% in here",
        ]

    def test_nothing_is_said_of_what_is_the_same(self) -> None:
        """But how large the table is."""
        assert tables.differences(table(), table()) == [
            "gcp: 1 machine types in 2 regions, as of 2026-01-01",
            "prices: 0 new, 0 gone",
            "changed: 0 types",
        ]

    def test_a_volume_that_costs_something_else(self) -> None:
        """From what to what."""
        after = rebuilt(table(), {("pd-ssd", "here", ""): quote(0.18, unit="gib_month")})
        assert tables.differences(table(), after)[-1] == "  volume pd-ssd in here: 0.17 to 0.18"


def test_the_part_that_is_left_is_of_what_was_there() -> None:
    """What is new doesn't make up for it."""
    before, after = table(a=Row(None, [1.0, 1.0], [])), table(a=Row(None, [1.0, None], []), b=Row(None, [1.0, 1.0], []))
    assert tables.part_left(before, after) == 0.5
    assert tables.part_left(table(a=Row(None, [None, None], [])), after) == 1.0
