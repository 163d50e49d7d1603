import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_cost_common.runtime.bus_config import BusConfig
from kube_cost_common.runtime.bus_errors import version_problem
from kube_cost_common.runtime.declarations import widened
from kube_cost_common.runtime.deliveries import Pulled, unix_ns

LIMIT = st.integers(min_value=-1, max_value=10**12)


@pytest.mark.parametrize("version", ["2.11.0", "2.15.1", "3.0.0", "2.12.0-RC.1"])
def test_a_server_that_knows_what_we_ask_is_no_problem(version: str) -> None:
    """2.11 and later will do."""
    assert version_problem(version) is None


@pytest.mark.parametrize("version", ["2.9.10", "2.10.29", "1.99.0"])
def test_a_server_that_is_too_old_is_named_with_what_is_needed(version: str) -> None:
    """The sentence says what is there and what must be."""
    assert version_problem(version) == f"nats-server {version} is too old; at least 2.11 is needed"


@pytest.mark.parametrize("version", ["", "unknown", "2"])
def test_a_server_without_a_version_is_a_problem(version: str) -> None:
    """What can't be read isn't taken for new enough."""
    assert "at least 2.11" in (version_problem(version) or "")


@given(existing=LIMIT, wanted=LIMIT)
def test_a_limit_is_never_made_smaller(existing: int, wanted: int) -> None:
    """0 and -1 mean none, which is wider than any."""
    merged = widened({"max_bytes": existing}, {"max_bytes": wanted})["max_bytes"]
    unlimited = existing <= 0 or wanted <= 0
    assert merged <= 0 if unlimited else merged == max(existing, wanted)


def test_what_is_not_described_stays() -> None:
    """Replicas, placement and what newer servers know are the administrator's."""
    existing = {"num_replicas": 3, "placement": {"cluster": "a"}, "storage": "memory", "subjects": ["old"]}
    merged = widened(existing, {"storage": "file", "subjects": ["new"]})
    assert merged == {"num_replicas": 3, "placement": {"cluster": "a"}, "storage": "memory", "subjects": ["new"]}


@pytest.mark.parametrize(
    ("timestamp", "expected_ns"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-01-02T03:04:05.123456789Z", 1767323045_123456789),
        ("2026-01-02T03:04:05.5Z", 1767323045_500000000),
    ],
)
def test_the_servers_time_keeps_its_nanoseconds(timestamp: str, expected_ns: int) -> None:
    """Go leaves out trailing zeros of the fraction."""
    assert unix_ns(timestamp) == expected_ns


@pytest.mark.parametrize(
    ("status", "in_order", "lost"),
    [
        ("", True, False),
        ("404 No Messages", True, False),
        ("408 Request Timeout", True, False),
        ("409 Message Size Exceeds MaxBytes", True, False),
        ("409 Consumer Deleted", False, True),
        ("409 Server Shutdown", False, False),
        ("503 ", False, True),
        ("no answer", False, False),
    ],
)
def test_the_end_of_a_pull_says_whether_to_go_on(status: str, in_order: bool, lost: bool) -> None:
    """Only an orderly end lets the next pull follow without a look at the consumer."""
    pulled = Pulled(deliveries=[], status=status)
    assert (pulled.ended_in_order, pulled.lost_consumer) == (in_order, lost)


@pytest.mark.parametrize(
    ("server", "ca_file", "tls"),
    [("nats://a:4222", "", False), ("tls://a:4222", "", True), ("nats://a:4222", "/ca.pem", True)],
)
def test_tls_is_wanted_by_scheme_or_by_authority(server: str, ca_file: str, tls: bool) -> None:
    """A CA file alone is enough to never speak plaintext."""
    assert BusConfig(servers=(server,), name="test", tls_ca_file=ca_file).tls is tls
