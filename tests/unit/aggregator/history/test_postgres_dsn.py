"""What a DSN says, and that nothing of a password comes out of it."""

import pytest

from kube_cost_aggregator.history.postgres_dsn import parse_dsn
from kube_cost_aggregator.history.store import StoreError


@pytest.mark.parametrize(
    ("dsn", "named"),
    [
        ("postgresql://me:secret@db:5432/costs", "database 'costs' on db:5432"),
        ("postgres://me@[::1]:5432/costs", "database 'costs' on [::1]:5432"),
        ("postgresql://me:s%40cret%2F%23@one:1,two:2/costs?sslmode=require", "database 'costs' on one:1,two:2"),
        ("postgresql:///costs?host=/var/run/postgresql", "database 'costs' on /var/run/postgresql"),
        ("postgresql://me:secret@db", "database 'me' on db"),
        ("postgresql://db?dbname=costs", "database 'costs' on db"),
    ],
)
def test_host_and_database_are_named(dsn: str, named: str) -> None:
    """And nothing else; the whole stays what the driver gets."""
    target = parse_dsn(dsn)
    assert (str(target), target.dsn) == (named, dsn)
    assert "cret" not in repr(target)


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://me:se@cret@db/costs",
        "postgresql://me:se/cret@db/costs",
        "postgresql://me:12/cret@db/costs",
        "postgresql://me:se?cret@db/costs",
        "postgresql://me:12?cret@db/costs",
        "postgresql://me:se#cret@db/costs",
        "postgresql://me:se[cret@db/costs",
        "postgresql://me:se:cret@db/costs",
        "postgresql://me:cret@db:port/costs",
        "mysql://me:cret@db/costs",
        "host=db password=cret",
        "cret",
    ],
)
def test_what_can_be_read_twice_is_refused_without_a_word_of_it(dsn: str) -> None:
    """Half of a password would be a host's name."""
    with pytest.raises(StoreError, match="the database's DSN isn't of the form") as raised:
        parse_dsn(dsn)
    assert "cret" not in str(raised.value)
