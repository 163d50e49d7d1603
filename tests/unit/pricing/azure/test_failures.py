import pytest

from kube_cost_pricing.calls.failures import DENIED, INVALID, SERVER, THROTTLED
from kube_cost_pricing.providers.azure.failures import failed_status

NOW_NS = 1_790_000_000_000_000_000  # Mon, 21 Sep 2026 14:13:20 GMT


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (429, THROTTLED),
        (401, DENIED),
        (403, DENIED),
        (500, SERVER),
        (503, SERVER),
        (400, INVALID),
        (404, INVALID),
        (302, INVALID),
    ],
)
def test_a_status_has_a_reason(status: int, reason: str) -> None:
    """Each kind of refusal is one of the words that the callers act on."""
    assert failed_status(status, "w", None, NOW_NS, denied="add a role").reason == reason


def test_a_denial_says_what_to_add() -> None:
    """The one line for the user."""
    assert failed_status(403, "w", None, NOW_NS, denied="add a role").detail == "w: add a role"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("Mon, 21 Sep 2026 14:14:20 GMT", 60.0),
        ("Mon, 21 Sep 2026 14:00:00 GMT", 0.0),
        ("Mon, 21 Sep 2026 14:14:20 -0000", 60.0),
        ("soon", None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_how_long_to_wait_is_taken_over(status: int, header: str | None, seconds: float | None) -> None:
    """In seconds or as a date, with 429 and with 503."""
    assert failed_status(status, "w", header, NOW_NS, denied="").retry_after_seconds == seconds
