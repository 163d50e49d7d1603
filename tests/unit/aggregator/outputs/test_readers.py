"""When scrapes are to be expected."""

import pytest

from kube_cost_aggregator.outputs.readers import OFTEN_SECONDS, Readers

LEAD = 1.0


def asked_at(*moments: float) -> Readers:
    readers = Readers()
    for moment in moments:
        readers.ask(moment)
    return readers


def test_nobody_is_expected_before_anybody_asked() -> None:
    """Nothing is to be done for nobody."""
    assert Readers().expected_in(0.0, lead=LEAD) == float("inf")


@pytest.mark.parametrize("interval", [15.0, 30.0, 60.0])
def test_who_asked_a_minute_ago_asks_now(interval: float) -> None:
    """Whatever the interval is that makes up a minute."""
    readers = asked_at(*(number * interval for number in range(int(60 / interval) + 1)))
    assert readers.expected_in(60.1, lead=LEAD) == pytest.approx(interval - 0.1 - LEAD)


def test_two_that_ask_at_other_moments_are_both_expected() -> None:
    """As two replicas of Prometheus do."""
    readers = asked_at(0.0, 11.0, 30.0, 41.0, 60.0)
    assert readers.expected_in(60.1, lead=LEAD) == pytest.approx(11.0 - 0.1 - LEAD)


def test_an_interval_that_makes_up_no_minute_is_the_last_one_again() -> None:
    """45 s, say."""
    assert asked_at(0.0, 45.0).expected_in(50.0, lead=LEAD) == pytest.approx(60.0 - 50.0 - LEAD)
    assert asked_at(45.0, 90.0).expected_in(106.0, lead=LEAD) == pytest.approx(135.0 - 106.0 - LEAD)


def test_two_that_come_again_after_a_minute_are_no_interval() -> None:
    """What lies between two replicas' scrapes isn't taken for one: nobody comes at 79 s."""
    readers = asked_at(0.0, 11.0, 30.0, 41.0, 60.0, 71.0)
    assert readers.expected_in(71.6, lead=LEAD) == pytest.approx(90.0 - 71.6 - LEAD)


def test_one_that_is_due_is_prepared_for_until_it_comes() -> None:
    """Half a second late it is still expected, then not any more."""
    readers = asked_at(0.0)
    assert readers.expected_in(59.5, lead=LEAD) == 0.0
    assert readers.expected_in(60.4, lead=LEAD) == 0.0
    assert readers.expected_in(60.6, lead=LEAD) == float("inf")


def test_one_that_came_isnt_expected_again_at_once() -> None:
    """But in a minute."""
    readers = asked_at(0.0, 59.9)
    assert readers.expected_in(60.0, lead=LEAD) == pytest.approx(59.9 - LEAD, abs=0.2)


def test_who_asks_often_goes_on_to() -> None:
    """For a few seconds after the last time."""
    readers = asked_at(0.0, 0.1, 0.2)
    assert readers.expected_in(OFTEN_SECONDS, lead=LEAD) == 0.0
    assert readers.expected_in(OFTEN_SECONDS + 1.0, lead=LEAD) > 50.0


def test_what_is_remembered_is_a_minute() -> None:
    """However many ask."""
    readers = asked_at(*(number / 10 for number in range(3000)))
    assert len(readers._asked) < 700
