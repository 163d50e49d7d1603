"""The tables are made by a command, the same bytes from the same sources."""

import re
import shutil
from pathlib import Path

import pytest

from kube_cost_price_snapshot.build import gcp
from kube_cost_price_snapshot.build.__main__ import TABLES, main, tables
from kube_cost_price_snapshot.table import PROVIDERS, parse, render


def test_the_build_makes_the_committed_tables(
    recorded_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Building from the recorded price lists gives the tables in the package, byte for byte."""
    main([str(recorded_data / "pricing"), "--into", str(tmp_path)])
    for provider in PROVIDERS:
        assert (tmp_path / f"{provider}.json").read_bytes() == (TABLES / f"{provider}.json").read_bytes()
    assert "aws: 1367 machine types (1367 with their shape) in 1 regions, as of 2026-07-20" in capsys.readouterr().out


@pytest.mark.parametrize("provider", PROVIDERS)
def test_order_does_not_matter(provider: str) -> None:
    """A table renders to the same bytes whatever order its instances are in, and reads back as it was."""
    payload = (TABLES / f"{provider}.json").read_bytes()
    table = parse(payload)
    table.instances.update(dict(reversed(table.instances.items())))
    assert render(table) == payload


def test_the_tables_are_small_and_one_type_a_line() -> None:
    """All tables together stay under 600 kB, and a line is a machine type, so that changes can be read."""
    payloads = [(TABLES / f"{provider}.json").read_bytes() for provider in PROVIDERS]
    assert sum(map(len, payloads)) < 600_000
    for payload in payloads:
        assert len(payload.splitlines()) > len(parse(payload).instances)


def test_a_price_list_of_unknown_date_is_refused(recorded_data: Path, tmp_path: Path) -> None:
    """Google's price list says no date, so that of a changed one has to be given."""
    shutil.copytree(recorded_data / "pricing", tmp_path / "pricing", copy_function=shutil.copyfile)
    changed = tmp_path / "pricing" / "gcp" / "karpenter_gcp_initial-prices.json"
    changed.write_bytes(changed.read_bytes() + b"\n")
    with pytest.raises(gcp.UnknownDateError, match=re.escape("give --gcp-date YYYY-MM-DD")):
        tables(tmp_path / "pricing")
    assert tables(tmp_path / "pricing", gcp_date="2027-01-31")[2].as_of == "2027-01-31"
