"""Prices that can't be are refused and counted."""

import pytest

from kube_cost_common.messages.prices import INSTANCE, ON_DEMAND, SPOT, VOLUME_IOPS, PriceRequest, Tier
from kube_cost_common.runtime.health import Counters
from kube_cost_pricing.providers.source import Quote
from kube_cost_pricing.sanity import Refused, Sanity


class HandClock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def now_ns(self) -> int:
        return int(self.seconds * 1e9)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds


class Examined:
    """A Sanity with its clock and counters, asked about one machine."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.counters = Counters()
        self.sanity = Sanity(usd_per={"CNY": 0.14}, clock=self.clock, counters=self.counters)

    def reason(
        self,
        amount: float,
        *,
        source: str = "api",
        currency: str = "USD",
        capacity: str = ON_DEMAND,
        last: float | None = None,
        on_demand: float | None = None,
        fetched_at_ns: int = 0,
    ) -> str | None:
        """Return why the price is refused, None where it is believed."""
        request = PriceRequest(
            provider="aws", region="r", zone="z", kind=INSTANCE, sku="m5.large", os="linux", capacity=capacity
        )
        quote = Quote(amount=amount, unit="hour", source=source, currency=currency, fetched_at_ns=fetched_at_ns)
        verdict = self.sanity.examine(request, quote, last_usd=last, on_demand_usd=on_demand)
        return verdict.reason if isinstance(verdict, Refused) else None

    def refusals(self) -> dict[str, float]:
        return {reading.labels["reason"]: reading.value for reading in self.counters.counts()}


@pytest.fixture
def examined() -> Examined:
    return Examined()


@pytest.mark.parametrize(
    ("amount", "reason"),
    [
        (float("nan"), "not_finite"),
        (float("inf"), "not_finite"),
        (float("-inf"), "not_finite"),
        (-0.1, "not_positive"),
        (0.0, "not_positive"),
        (0.1, None),
    ],
)
@pytest.mark.parametrize("source", ["api", "bill", "snapshot"])
def test_what_is_no_price(examined: Examined, amount: float, reason: str | None, source: str) -> None:
    """Nobody sells for nothing, for less, or for no number."""
    assert examined.reason(amount, source=source) == reason
    assert examined.refusals() == ({reason: 1.0} if reason else {})


def test_only_the_user_gives_away(examined: Examined) -> None:
    """A custom price may be 0 and may be anything above, but not below."""
    assert examined.reason(0.0, source="custom", last=1.0) is None
    assert examined.reason(100.0, source="custom", last=1.0) is None
    assert examined.reason(-1.0, source="custom") == "not_positive"


def test_a_currency_without_a_rate_is_refused(examined: Examined) -> None:
    """A figure in an unknown currency isn't taken for dollars; one with a rate is compared in dollars."""
    assert examined.reason(1.0, currency="INR") == "currency"
    assert examined.reason(1.0, currency="CNY", last=0.14) is None
    assert examined.reason(1.0, currency="CNY", last=1.0) == "implausible"


@pytest.mark.parametrize(
    ("amount", "reason"), [(0.5, None), (0.51, "implausible"), (0.02, None), (0.019, "implausible")]
)
def test_five_times_off_is_doubted(examined: Examined, amount: float, reason: str | None) -> None:
    """An on-demand price of the API more than 5 × off the last one, up or down, isn't believed at once."""
    assert examined.reason(amount, last=0.1) == reason


def test_an_unknown_last_price_doubts_nothing(examined: Examined) -> None:
    """A type that is in no table has to be believed."""
    assert examined.reason(500.0, last=None) is None


def test_the_same_an_hour_later_is_believed(examined: Examined) -> None:
    """A price that far off counts when the API still asks it after an hour, and then stays believed."""
    assert examined.reason(1.0, last=0.1) == "implausible"
    examined.clock.seconds = 3599.0
    assert examined.reason(1.0, last=0.1, fetched_at_ns=1) == "implausible"
    examined.clock.seconds = 3600.0
    assert examined.reason(1.0, last=0.1, fetched_at_ns=2) is None
    assert examined.reason(1.0, last=1.0, fetched_at_ns=3) is None
    assert examined.reason(1.0, last=0.1, fetched_at_ns=4) is None


def test_an_hour_in_which_nobody_was_asked_confirms_nothing(examined: Examined) -> None:
    """The API fails after one wild answer: the same answer, looked at for hours, isn't seen again by that."""
    assert examined.reason(1.0, last=0.1, fetched_at_ns=7) == "implausible"
    examined.clock.seconds = 7200.0
    assert examined.reason(1.0, last=0.1, fetched_at_ns=7) == "implausible"
    assert examined.reason(1.0, last=0.1, fetched_at_ns=8) is None


def test_another_price_starts_the_hour_anew(examined: Examined) -> None:
    """A price that jumps about is never the same for an hour; nor is one that was right in between."""
    assert examined.reason(1.0, last=0.1) == "implausible"
    examined.clock.seconds = 3000.0
    assert examined.reason(2.0, last=0.1) == "implausible"
    examined.clock.seconds = 4000.0
    assert examined.reason(2.0, last=0.1) == "implausible"
    assert examined.reason(0.1, last=0.1) is None
    examined.clock.seconds = 8000.0
    assert examined.reason(2.0, last=0.1) == "implausible"


@pytest.mark.parametrize(
    ("amount", "reason"), [(0.019, "implausible"), (0.02, None), (0.4, None), (1.5, None), (1.51, "implausible")]
)
def test_a_spot_price_is_a_part_of_on_demand(examined: Examined, amount: float, reason: str | None) -> None:
    """Spot outside 0.02 to 1.5 × on demand is refused, however often it is seen."""
    assert examined.reason(amount, capacity=SPOT, on_demand=1.0) == reason
    examined.clock.seconds = 7200.0
    assert examined.reason(amount, capacity=SPOT, on_demand=1.0) == reason


def test_a_price_is_counted_once(examined: Examined) -> None:
    """Looking again at the same refused price counts nothing; the same figure fetched anew is another refusal."""
    for _ in range(3):
        examined.reason(float("nan"))
    assert examined.refusals() == {"not_finite": 1.0}
    examined.reason(float("nan"), fetched_at_ns=1)
    assert examined.refusals() == {"not_finite": 2.0}


def operations(amount: float, *tiers: float, currency: str = "USD") -> tuple[PriceRequest, Quote]:
    """A price of a volume's operations: so many free, then each tier's."""
    request = PriceRequest("aws", "r", "", VOLUME_IOPS, "io2", "", "")
    return request, Quote(
        amount=amount,
        unit="iops_month",
        source="api",
        fetched_at_ns=0,
        currency=currency,
        tiers=tuple(Tier(start=1000.0 * place, usd=usd) for place, usd in enumerate(tiers)),
    )


def test_tiers_are_in_dollars_too(examined: Examined) -> None:
    """Of a price in another currency each of them is converted, as its amount is."""
    verdict = examined.sanity.examine(
        *operations(1.0, 0.0, 1.0, 0.5, currency="CNY"), last_usd=None, on_demand_usd=None
    )
    assert isinstance(verdict, Quote)
    assert verdict.currency == "USD"
    assert verdict.amount == pytest.approx(0.14)
    assert [tier.usd for tier in verdict.tiers] == pytest.approx([0.0, 0.14, 0.07])


@pytest.mark.parametrize(("tier", "reason"), [(float("nan"), "not_finite"), (-0.1, "not_positive"), (0.0, None)])
def test_a_tier_can_be_free_and_nothing_else_odd(examined: Examined, tier: float, reason: str | None) -> None:
    """One that can't be makes the whole price one."""
    verdict = examined.sanity.examine(*operations(0.065, tier, 0.065), last_usd=None, on_demand_usd=None)
    assert (verdict.reason if isinstance(verdict, Refused) else None) == reason
