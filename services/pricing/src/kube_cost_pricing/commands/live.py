"""`kube-cost-pricing live`: what clouds say today, against the shipped table."""

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kube_cost_common.messages.prices import INSTANCE, ON_DEMAND, PriceRequest, request_key
from kube_cost_common.runtime.clock import SystemClock
from kube_cost_common.runtime.config import ConfigError, load
from kube_cost_price_snapshot import PriceSnapshot
from kube_cost_price_snapshot import load as load_snapshot
from kube_cost_pricing.calls.failures import CallFailedError
from kube_cost_pricing.commands.asking import FOUND, NOT_FOUND, WRONG, ask
from kube_cost_pricing.config import PricingConfig
from kube_cost_pricing.providers.api import MissingExtraError
from kube_cost_pricing.providers.registry import CLOUDS
from kube_cost_pricing.providers.source import Answer, Quote

TYPES = 40
"""So many types are asked of a region: a few calls."""


@dataclass(frozen=True, kw_only=True)
class Compared:
    """A price of today and the table's, USD per hour; None where there is none today."""

    request: PriceRequest
    tabled: float
    today: float | None

    @property
    def percent(self) -> float | None:
        """By how much today's is more, of the table's."""
        return None if self.today is None else 100 * (self.today - self.tabled) / self.tabled


def main(arguments: Sequence[str]) -> int:
    """Ask and print; return the exit code: 0 if every provider told prices, 1 or 2 else."""
    asked = _parser().parse_args(arguments)
    try:
        config = load(PricingConfig, os.environ)
    except ConfigError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command's output
        return WRONG
    table = load_snapshot()
    return max(
        _one(provider, sampled(table, provider, asked.region, asked.types), config)
        for provider in asked.provider or CLOUDS
    )


def _one(provider: str, sample: Sequence[tuple[PriceRequest, float]], config: PricingConfig) -> int:
    if not sample:
        return _refuse(f"{provider}: the shipped table has no prices there", WRONG)
    try:
        answers = asyncio.run(ask(provider, [one for one, _ in sample], config=config, clock=SystemClock()))
    except (MissingExtraError, CallFailedError) as error:
        return _refuse(f"{provider}: can't be asked: {' '.join(str(error).split())}", NOT_FOUND)
    rows = compared(sample, answers)
    print("\n".join(told(provider, rows)))  # noqa: T201 - a command's output
    if all(row.today is None for row in rows):
        return _refuse(f"{provider}: was asked, and none of its answers was a price", NOT_FOUND)
    return FOUND


def _refuse(why: str, code: int) -> int:
    print(why, file=sys.stderr)  # noqa: T201 - a command's output
    return code


def sampled(table: PriceSnapshot, provider: str, region: str, types: int) -> list[tuple[PriceRequest, float]]:
    """Return requests with the table's price: of up to `types` types, evenly over all that it has.

    Without a `region` it is the table's first one, which has all of them where a provider has one region.
    """
    where = region or _region(table, provider)
    prices = [
        (_request(table, provider, where, sku), price.usd_per_hour)
        for sku in table.instance_types(provider)
        if (price := table.price(provider, where, sku, ON_DEMAND)) is not None
    ]
    step = max(1, len(prices) / types)
    chosen = {int(number * step) for number in range(types)}
    return [one for number, one in enumerate(prices) if number in chosen]


def compared(sample: Sequence[tuple[PriceRequest, float]], answers: Mapping[str, Answer]) -> list[Compared]:
    """Return both prices of each request, in its order."""
    return [
        Compared(request=request, tabled=usd, today=answer.amount if isinstance(answer, Quote) else None)
        for request, usd in sample
        for answer in (answers.get(request_key(request)),)
    ]


def told(provider: str, rows: Sequence[Compared]) -> list[str]:
    """Return what is printed: a line a type, and one for all."""
    known = sorted(abs(row.percent) for row in rows if row.percent is not None)
    lines = [
        f"{row.request.region}  {row.request.sku:<24}  {row.tabled:>10.6g}  "
        + ("not sold, or not told" if row.percent is None else f"{row.today:>10.6g}  {row.percent:+.2f} %")
        for row in rows
    ]
    same = sum(percent < 0.01 for percent in known)
    summary = f"{provider}: {len(known)} of {len(rows)} types have a price today, {same} the table's"
    return [*lines, summary + (f"; off by {known[-1]:.2f} % at most" if known else "")]


def _region(table: PriceSnapshot, provider: str) -> str:
    usual = ("us-east-1", "us-central1", "eastus")
    regions = table.regions(provider)
    return next((region for region in usual if region in regions), regions[0])


def _request(table: PriceSnapshot, provider: str, region: str, sku: str) -> PriceRequest:
    return PriceRequest(provider, region, "", INSTANCE, sku, "linux", ON_DEMAND, table.shape(provider, sku))


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} types are none")
    return number


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kube-cost-pricing live",
        description="Ask clouds for today's on-demand prices, and print how far the shipped table is off.",
        epilog="Credentials and endpoints are the service's own settings. Exit code 1: a cloud couldn't be asked.",
    )
    parser.add_argument("provider", nargs="*", choices=CLOUDS, help="all three if none is named")
    parser.add_argument("--region", default="", help="us-east-1, us-central1 and eastus if none is named")
    parser.add_argument("--types", type=_count, default=TYPES, help=f"how many machine types are asked for ({TYPES})")
    return parser
