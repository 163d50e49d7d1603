from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kube_cost_simulator.costs.rows import UNCLAIMED, Row
from kube_cost_simulator.costs.volumes import usd_per_month, volume_rows
from kube_cost_simulator.history import PodHistory
from kube_cost_simulator.prices import DiskTier, VolumePrice
from kube_cost_simulator.records import VolumeHistory, VolumeState
from kube_cost_simulator.reservation import PodRequests

HOUR_NS = 3_600_000_000_000
START_NS = 1_800_000_000 // 3600 * HOUR_NS
DAY = 24
CLAIM = ("data", "files")
CENT_AN_HOUR = VolumePrice(Fraction("0.073"))
"""100 GiB at 0.073 USD a month are a cent an hour."""


def volume(*states: tuple[int, int, tuple[str, str] | None], deleted_hour: int | None = None) -> VolumeHistory:
    """A volume by the hours at which its size in GiB or its claim changed."""
    return VolumeHistory(
        name="pv",
        uid="pv-uid",
        storage_class="gp3",
        iops=0,
        mib_per_second=0,
        states=[VolumeState(START_NS + hour * HOUR_NS, Fraction(gib), claim) for hour, gib, claim in states],
        deleted_ns=None if deleted_hour is None else START_NS + deleted_hour * HOUR_NS,
    )


def pod(uid: str, from_hour: float, to_hour: float | None, claims: tuple[str, ...] = ("files",)) -> PodHistory:
    bound_ns = START_NS + round(from_hour * HOUR_NS)
    ended_ns = None if to_hour is None else START_NS + round(to_hour * HOUR_NS)
    return PodHistory(uid, "data", uid, "node", bound_ns, [PodRequests(bound_ns, ())], ended_ns, claims=claims)


def owed(of: VolumeHistory, pods: Sequence[PodHistory], hours: int, price: VolumePrice = CENT_AN_HOUR) -> list[Row]:
    return list(volume_rows(of, pods, price, (START_NS, START_NS + hours * HOUR_NS)))


def by(rows: Sequence[Row], field: str) -> dict[str, Fraction]:
    usd: dict[str, Fraction] = {}
    for row in rows:
        key = str(getattr(row, field))
        usd[key] = usd.get(key, Fraction(0)) + row.usd
    return usd


def test_two_pods_one_after_another_carry_all_of_it_between_them() -> None:
    """Two pods of 12 hours each on one claim owe 24 hours' cost of the volume, half each."""
    rows = owed(volume((0, 100, CLAIM)), [pod("a", 0, 12), pod("b", 12, 24)], DAY)
    assert by(rows, "pod") == {"a": Fraction("0.12"), "b": Fraction("0.12")}


def test_pods_that_mount_it_together_owe_equal_parts() -> None:
    """One pod alone for an hour, then with a second for another."""
    rows = owed(volume((0, 100, CLAIM)), [pod("a", 0, None), pod("b", 1, None)], 2)
    assert by(rows, "pod") == {"a": Fraction("0.015"), "b": Fraction("0.005")}


def test_a_stateful_sets_volume_costs_the_same_every_day_of_a_week_with_restarts() -> None:
    """However often its pod is replaced, 100 GiB are 0.24 USD a day, gaps included."""
    pods = [pod(str(number), begin, end - 0.01) for number, (begin, end) in enumerate(pairwise(range(0, 7 * DAY, 5)))]
    rows = owed(volume((0, 100, CLAIM)), pods, 7 * DAY)
    days: dict[int, Fraction] = {}
    for row in rows:
        day = (row.hour - START_NS // 10**9) // 86400
        days[day] = days.get(day, Fraction(0)) + row.usd
    assert days == dict.fromkeys(range(7), Fraction("0.24"))


def test_nobody_mounting_it_the_namespace_owes() -> None:
    """An hour with a pod, and one in which the claim's namespace owes without any."""
    rows = owed(volume((0, 100, CLAIM)), [pod("a", 0, 1)], 2)
    assert [(row.namespace, row.pod, row.usd) for row in rows] == [
        ("data", "a", Fraction("0.01")),
        ("data", "", Fraction("0.01")),
    ]


def test_a_pod_that_mounts_another_claim_owes_nothing() -> None:
    """Neither a pod with no claim nor one with another's name."""
    rows = owed(volume((0, 100, CLAIM)), [pod("a", 0, None, ()), pod("b", 0, None, ("others",))], 1)
    assert by(rows, "pod") == {"": Fraction("0.01")}


def test_without_a_claim_it_is_unclaimed() -> None:
    """A volume that was never claimed, and one whose claim is gone."""
    assert by(owed(volume((0, 100, None)), [], 3), "namespace") == {UNCLAIMED: Fraction("0.03")}
    released = owed(volume((0, 100, CLAIM), (1, 100, None)), [pod("a", 0, 1)], 3)
    assert by(released, "namespace") == {"data": Fraction("0.01"), UNCLAIMED: Fraction("0.02")}


def test_a_volume_that_grows_costs_more_from_then_on() -> None:
    """100 GiB for an hour and 300 for the next are four cents."""
    assert sum(row.usd for row in owed(volume((0, 100, CLAIM), (1, 300, CLAIM)), [], 2)) == Fraction("0.04")


def test_a_deleted_volume_costs_nothing_more() -> None:
    """It is paid for to its deletion."""
    assert sum(row.usd for row in owed(volume((0, 100, CLAIM), deleted_hour=2), [], 5)) == Fraction("0.02")


def test_what_has_no_price_has_no_rows() -> None:
    """No row at all, rather than one of 0."""
    assert not list(volume_rows(volume((0, 100, CLAIM)), [], None, (START_NS, START_NS + HOUR_NS)))


@pytest.mark.parametrize(
    ("gib", "iops", "mib_per_second", "usd"),
    [(100, 0, 0, "8"), (100, 3000, 125, "8"), (100, 6000, 125, "23"), (100, 3000, 250, "13"), (0, 0, 0, "0")],
)
def test_only_what_is_provisioned_beyond_the_free_part_is_paid(
    gib: int, iops: int, mib_per_second: int, usd: str
) -> None:
    """gp3 in us-east-1: 3000 IOPS and 125 MiB/s are in the price of the GiB."""
    gp3 = VolumePrice(Fraction("0.08"), 3000, Fraction("0.005"), 125, Fraction("0.04"))
    assert usd_per_month(gp3, Fraction(gib), iops, mib_per_second) == Fraction(usd)


@pytest.mark.parametrize(("gib", "usd"), [(1, "5.28"), (32, "5.28"), (33, "10.21"), (64, "10.21")])
def test_a_disk_sold_by_tiers_is_rounded_up(gib: int, usd: str) -> None:
    """A disk of 33 GiB costs what one of 64 costs."""
    premium = VolumePrice(tiers=(DiskTier(32, Fraction("5.28")), DiskTier(64, Fraction("10.21"))))
    assert usd_per_month(premium, Fraction(gib), 0, 0) == Fraction(usd)


def test_a_disk_beyond_all_tiers_is_refused() -> None:
    """There is no price to be made up."""
    with pytest.raises(ValueError, match=r"no tier has 65\.0 GiB"):
        usd_per_month(VolumePrice(tiers=(DiskTier(64, Fraction(1)),)), Fraction(65), 0, 0)


lives = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 40)), max_size=6)


@settings(max_examples=60, deadline=None)
@given(lives=lives, claimed=st.integers(0, 48), released=st.integers(0, 48))
def test_over_any_churn_the_whole_cost_is_owed_by_somebody(
    lives: list[tuple[int, int]], claimed: int, released: int
) -> None:
    """Whatever pods come and go and whenever it is claimed and released, 48 hours are 48 cents."""
    pods = [pod(str(number), begin, begin + length) for number, (begin, length) in enumerate(lives)]
    states = sorted({0: None, claimed: CLAIM, max(claimed, released): None}.items())
    rows = owed(volume(*((hour, 100, claim) for hour, claim in states)), pods, 48)
    assert sum(row.usd for row in rows) == Fraction("0.48")
