"""`kube-cost-pricing snapshot`: the shipped table of a cloud anew, from its API."""

import argparse
import asyncio
import datetime as dt
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from kube_cost_common.runtime.clock import SystemClock
from kube_cost_common.runtime.config import ConfigError, load
from kube_cost_price_snapshot.table import Table, parse, render
from kube_cost_pricing.calls.failures import CallFailedError
from kube_cost_pricing.commands import tables
from kube_cost_pricing.commands.asking import FOUND, NOT_FOUND, WRONG, ask
from kube_cost_pricing.config import PricingConfig
from kube_cost_pricing.providers.api import MissingExtraError
from kube_cost_pricing.providers.registry import CLOUDS


class RefusedError(Exception):
    """Why nothing was written, and the exit code of that."""

    def __init__(self, why: str, code: int) -> None:
        super().__init__(why)
        self.code = code


def main(arguments: Sequence[str]) -> int:
    """Read a table, ask for its prices, and write it anew; return the exit code."""
    asked = _parser().parse_args(arguments)
    try:
        config = load(PricingConfig, os.environ)
        told = _made_anew(asked, config)
    except ConfigError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command's output
        return WRONG
    except RefusedError as error:
        print(error, file=sys.stderr)  # noqa: T201 - likewise
        return error.code
    print("\n".join(told))  # noqa: T201 - likewise
    return FOUND


def _made_anew(asked: argparse.Namespace, config: PricingConfig) -> list[str]:
    """Write the table, and return what has changed."""
    before = _read(asked.table)
    if before.provider != asked.provider:
        raise RefusedError(f"{asked.table} is a table of {before.provider}", WRONG)
    table = tables.extended(before, types=asked.type, regions=asked.region)
    regions = asked.region or table.regions
    clock = SystemClock()
    try:
        answers = asyncio.run(ask(asked.provider, tables.wanted(table, regions), config=config, clock=clock))
    except (MissingExtraError, CallFailedError) as error:
        raise RefusedError(f"{asked.provider} can't be asked, nothing is written: {error}", NOT_FOUND) from error
    today = dt.datetime.fromtimestamp(clock.now_ns() / 1e9, tz=dt.UTC).date()
    # As a file has it, to a billionth of a dollar.
    after = parse(render(tables.rebuilt(table, answers, regions=regions, as_of=today.isoformat())))
    left = tables.part_left(before, after)
    if left < tables.LEAST_LEFT:
        raise RefusedError(f"nothing is written: {asked.provider} has only {left:.0%} of the table's prices", NOT_FOUND)
    into = asked.into or asked.table
    _replace(into, render(after))
    return [*tables.differences(before, after), f"written: {into}"]


def _read(path: Path) -> Table:
    try:
        return parse(path.read_bytes())
    except OSError as error:
        raise RefusedError(f"the table {path} can't be read: {error.strerror}", WRONG) from error
    except msgspec.MsgspecError as error:
        raise RefusedError(f"{path} is no table of prices: {error}", WRONG) from error


def _replace(path: Path, payload: bytes) -> None:
    beside = path.with_name(f".{path.name}.new")
    try:
        beside.write_bytes(payload)
        beside.replace(path)
    except OSError as error:
        raise RefusedError(f"the table can't be written to {path}: {error.strerror}", WRONG) from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kube-cost-pricing snapshot",
        description="Ask a cloud for every price of a table, and write the table anew.",
        epilog="Credentials and endpoints are the service's own settings. Nothing is written unless all was answered.",
    )
    parser.add_argument("provider", choices=CLOUDS)
    parser.add_argument("table", type=Path, help="the table, libs/price-snapshot/…/tables/aws.json for instance")
    parser.add_argument("--into", type=Path, help="where it is written to; in its own place if nothing is said")
    parser.add_argument("--type", action="append", default=[], help="a machine type that the table lacks; repeatable")
    parser.add_argument(
        "--region", action="append", default=[], help="ask for this region alone, which the table may lack; repeatable"
    )
    return parser
