"""`kube-cost-pricing snapshot`: the shipped table of a cloud anew, from its API."""

import argparse
import asyncio
import datetime as dt
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from kube_cost_common.messages.prices import INSTANCE, ON_DEMAND, SPOT, PriceRequest, request_key
from kube_cost_common.runtime.clock import SystemClock
from kube_cost_common.runtime.config import ConfigError, load
from kube_cost_price_snapshot.table import Row, Table, parse, render
from kube_cost_pricing.calls.failures import CallFailedError
from kube_cost_pricing.commands.asking import FOUND, NOT_FOUND, WRONG, ask
from kube_cost_pricing.config import PricingConfig
from kube_cost_pricing.providers.api import MissingExtraError
from kube_cost_pricing.providers.registry import CLOUDS
from kube_cost_pricing.providers.source import Answer, Quote

REGIONAL_SPOT = frozenset({"gcp", "azure"})
"""Clouds whose spot prices are a region's. AWS's are a zone's and of the minute: they are in no table."""


def main(arguments: Sequence[str]) -> int:
    """Read a table, ask for each of its prices, and write it anew; return the exit code."""
    asked = _parser().parse_args(arguments)
    try:
        config = load(PricingConfig, os.environ)
        before = parse(asked.table.read_bytes())
    except (ConfigError, OSError, msgspec.MsgspecError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command's output
        return WRONG
    if before.provider != asked.provider:
        print(f"{asked.table} is a table of {before.provider}", file=sys.stderr)  # noqa: T201 - likewise
        return WRONG
    requests = wanted(before, types=asked.type)
    clock = SystemClock()
    try:
        answers = asyncio.run(ask(asked.provider, requests, config=config, clock=clock))
    except (MissingExtraError, CallFailedError) as error:
        print(f"{asked.provider} can't be asked, nothing is written: {error}", file=sys.stderr)  # noqa: T201 - likewise
        return NOT_FOUND
    today = dt.datetime.fromtimestamp(clock.now_ns() / 1e9, tz=dt.UTC).date()
    after = rebuilt(before, answers, types=asked.type, as_of=today.isoformat())
    into = asked.into or asked.table
    _replace(into, render(after))
    print("\n".join([*differences(before, after), f"written: {into}"]))  # noqa: T201 - likewise
    return FOUND


def wanted(table: Table, *, types: Sequence[str] = ()) -> list[PriceRequest]:
    """Return a request for each type of a table, and for `types` that it lacks, in each of its regions."""
    skus = sorted({*table.instances, *types})
    capacities = (ON_DEMAND, SPOT) if table.provider in REGIONAL_SPOT and _has_spot(table) else (ON_DEMAND,)
    return [
        _request(table, region, sku, capacity) for region in table.regions for capacity in capacities for sku in skus
    ]


def rebuilt(before: Table, answers: Mapping[str, Answer], *, types: Sequence[str] = (), as_of: str) -> Table:
    """Return the table with today's prices. A type that isn't sold any more in any region is left out.

    Shapes and volumes stay as they are: APIs of prices don't say all of them.
    """
    rows: dict[str, Row] = {}
    spot = _has_spot(before)
    for sku in sorted({*before.instances, *types}):
        known = before.instances.get(sku)
        on_demand = [_usd(answers, _request(before, region, sku, ON_DEMAND)) for region in before.regions]
        on_spot = [_usd(answers, _request(before, region, sku, SPOT)) for region in before.regions] if spot else []
        if any(usd is not None for usd in (*on_demand, *on_spot)):
            rows[sku] = Row(None if known is None else known.shape, on_demand, on_spot)
    return msgspec.structs.replace(
        before,
        as_of=as_of,
        sources=[f"{before.provider}'s price API, asked by kube-cost-pricing snapshot", *_not_of_prices(before)],
        instances=rows,
    )


def differences(before: Table, after: Table) -> list[str]:
    """Return sentences about what is new, gone, and dearer or cheaper by how much at most."""
    old, new = before.instances, after.instances
    changed = {
        sku: max((abs(now / was - 1) for was, now in _pairs(old[sku], new[sku])), default=0.0)
        for sku in old.keys() & new.keys()
    }
    moved = sorted((part, sku) for sku, part in changed.items() if part > 1e-9)
    lines = [f"{after.provider}: {len(new)} machine types in {len(after.regions)} regions, as of {after.as_of}"]
    lines += [f"new: {', '.join(sorted(new.keys() - old.keys()))}"] if new.keys() - old.keys() else []
    lines += [f"gone: {', '.join(sorted(old.keys() - new.keys()))}"] if old.keys() - new.keys() else []
    lines.append(f"changed: {len(moved)}" + (f", most of all {moved[-1][1]} by {moved[-1][0]:.1%}" if moved else ""))
    return lines


def _pairs(one: Row, other: Row) -> list[tuple[float, float]]:
    both = zip((*one.on_demand, *one.spot), (*other.on_demand, *other.spot), strict=False)
    return [(was, now) for was, now in both if was and now is not None]


def _request(table: Table, region: str, sku: str, capacity: str) -> PriceRequest:
    known = table.instances.get(sku)
    return PriceRequest(
        table.provider, region, "", INSTANCE, sku, "linux", capacity, None if known is None else known.shape
    )


def _usd(answers: Mapping[str, Answer], request: PriceRequest) -> float | None:
    answer = answers.get(request_key(request))
    return answer.amount if isinstance(answer, Quote) and answer.exact and answer.currency == "USD" else None


def _has_spot(table: Table) -> bool:
    return any(row.spot for row in table.instances.values())


def _not_of_prices(table: Table) -> list[str]:
    return [source for source in table.sources if source.startswith(("machine shapes", "volumes"))]


def _replace(path: Path, payload: bytes) -> None:
    beside = path.with_name(f".{path.name}.new")
    beside.write_bytes(payload)
    beside.replace(path)


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
    return parser
