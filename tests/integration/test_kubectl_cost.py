"""`kubectl cost` against the aggregator's own handlers.

`KUBE_COST_UPDATE_GOLDEN=1` writes what it prints anew; a diff in one of these files is another look or another shape.
"""

import csv
import io
import json
import re
import shlex
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.cli import GOLDEN, dear_hours, golden, kubectl_cost
from harness.served_api import served_api
from kubectl_cost.main import COMMANDS
from kubectl_cost.options import OUTPUTS

TYPED = {
    "namespace": (),
    "pod": ("-n", "shop"),
    "deployment": ("--monthly",),
    "controller": ("Deployment/*",),
    "node": (),
    "label": ("team",),
    "pv": (),
    "savings": (),
    "budget": (),
    "forecast": (),
    "prices": ("--all",),
}
"""What is typed after each command."""


async def printed(folder: Path, *arguments: str, outputs: Iterable[str]) -> dict[str, str]:
    """What a command prints in each format."""
    found = {}
    async with served_api(folder, ledger=dear_hours) as (url, _):
        for output in outputs:
            typed = await kubectl_cost(*arguments, "-o", output, "--url", url.removesuffix("/api/v1/"))
            assert (typed.code, typed.errors) == (0, ""), typed
            found[output] = typed.out
    return found


async def document(folder: Path, *arguments: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((await printed(folder, *arguments, outputs=["json"]))["json"])
    return read


@pytest.mark.parametrize("command", TYPED)
async def test_a_command_prints_its_golden_files(tmp_path: Path, command: str) -> None:
    """In each format; YAML says what JSON says, CSV each row with all of its columns, and money is text in each."""
    found = await printed(tmp_path, command, *TYPED[command], outputs=OUTPUTS)
    for output, out in found.items():
        assert out == golden(f"{command}.{output}", out), output
    read = json.loads(found["json"])
    assert yaml.safe_load(found["yaml"]) == read
    rows = list(csv.DictReader(io.StringIO(found["csv"])))
    assert [list(row) for row in rows] == [list(item) for item in read["items"]]
    for item in read["items"]:
        assert all(isinstance(value, str | None) for name, value in item.items() if "usd" in name)


def test_every_command_has_its_golden_files() -> None:
    """In each format, and no others."""
    assert TYPED.keys() == COMMANDS.keys() - {"estimate", "export", "version"}
    assert {file.name for file in GOLDEN.iterdir() if not file.name.startswith("demo-")} == {
        f"{command}.{output}" for command in TYPED for output in OUTPUTS
    }


@pytest.mark.parametrize("command", ["namespace", "node", "label"])
async def test_rows_add_up_to_the_sum(tmp_path: Path, command: str) -> None:
    """To the nano-dollar."""
    read = await document(tmp_path, command, *TYPED[command])
    total = Decimal(read["total"]["total_usd"])
    assert sum(Decimal(item["total_usd"]) for item in read["items"]) == total > 0


async def test_the_sum_is_of_rows_too_that_a_limit_leaves_out(tmp_path: Path) -> None:
    """And how many these are is said."""
    (tmp_path / "all").mkdir()
    everything = await document(tmp_path / "all", "controller")
    limited = await document(tmp_path, "controller", "--limit", "1")
    assert (len(limited["items"]), limited["left_out"]) == (1, 1)
    assert limited["total"]["total_usd"] == everything["total"]["total_usd"]


async def test_a_monthly_rate_is_that_of_the_settled_hours(tmp_path: Path) -> None:
    """The window of 24 hours ends two hours after what is settled: 22 hours' cost, ÷ 22, × 730."""
    read = await document(tmp_path, "namespace", "shop", "--monthly")
    item = read["items"][0]
    assert abs(Decimal(item["monthly_usd"]) - Decimal(item["total_usd"]) / 22 * 730) < Decimal("1e-8")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("namespace", "--window", "fortnight"), "--window: 'fortnight' can't be answered"),
        (("label", "unkept"), "label: the label 'unkept' isn't kept"),
        (("pod", "-l", "team!=a"), "-l: 'team!=a' can't be asked for"),
        (("pod", "-n", "shop", "-A"), "-n and -A"),
        (("pod", "a b"), "NAME: 'a b'"),
        (("savings", "--spot-share", "2"), "--spot-share: '2' is no number"),
        (("prices", "--kind", "air"), "--kind: 'air'"),
        (("namespace", "--limit", "0"), "'--limit'"),
        (("namespace", "-o", "xml"), "'-o'"),
        (("namespaec",), "No such command"),
        (("namespace", "--url", "ftp://x"), "'ftp://x' is no URL"),
    ],
)
async def test_bad_input_exits_with_2_and_says_which(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    """The option is named, and nothing is printed that could be taken for an answer."""
    async with served_api(tmp_path) as (url, _):
        typed = await kubectl_cost(*arguments, KUBE_COST_URL=url.removesuffix("/api/v1/"))
    assert (typed.code, typed.out) == (2, "")
    assert said in typed.errors


async def test_names_and_selectors_are_filters(tmp_path: Path) -> None:
    """A name is a pattern; of a label several values are either."""
    async with served_api(tmp_path, ledger=dear_hours) as (url, _):

        async def names(*arguments: str) -> list[str]:
            typed = await kubectl_cost(*arguments, "-o", "json", KUBE_COST_URL=url.removesuffix("/api/v1/"))
            assert typed.code == 0, typed.errors
            return sorted(next(iter(item.values())) for item in json.loads(typed.out)["items"])

        assert await names("ns", "sh*", "data") == ["data", "shop"]
        assert await names("pod", "-l", "team in (none, nobody)") == []
        assert await names("controller", "job/*") == []
        assert await names("budget", "shop") == ["namespace"]
        assert await names("node", "spot-*") == ["spot-1"]
        assert await names("node", "--node-pool", "base") == ["kept-1"]


async def test_what_the_documentation_types_is_answered(tmp_path: Path) -> None:
    """Each line of it that is a command."""
    text = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()
    lines = [line for line in re.findall(r"^kubectl cost (.*)$", text, re.MULTILINE) if not line.startswith("estimate")]
    assert len(lines) >= 8
    async with served_api(tmp_path, ledger=dear_hours) as (url, _):
        for line in lines:
            typed = await kubectl_cost(*shlex.split(line), KUBE_COST_URL=url.removesuffix("/api/v1/"))
            assert typed.code == 0, (line, typed.errors)


def test_the_documentation_has_every_command_and_format() -> None:
    """In its table, and after -o."""
    text = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()
    documented = [name for name in COMMANDS if name not in {"estimate", "version"}]
    assert re.findall(r"^\| `(\w+)", text, re.MULTILINE) == [*documented, "estimate"]
    assert all(f"`{output}`" in text for output in OUTPUTS)
