"""`kube-cost-pricing lookup`: one price, and how it was picked among the candidates."""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from kube_cost_common.messages.prices import INSTANCE, ON_DEMAND, SPOT, UNITS, PriceRequest, request_key
from kube_cost_common.runtime.clock import Clock, SystemClock
from kube_cost_common.runtime.config import ConfigError, load
from kube_cost_common.runtime.health import Counters
from kube_cost_price_snapshot import PriceSnapshot
from kube_cost_price_snapshot import load as load_snapshot
from kube_cost_pricing.calls.failures import CallFailedError
from kube_cost_pricing.commands.asking import FOUND, NOT_FOUND, WRONG, ask
from kube_cost_pricing.config import PricingConfig, currency_rates
from kube_cost_pricing.discounts import Discounts, parse_discounts
from kube_cost_pricing.providers.api import MissingExtraError
from kube_cost_pricing.providers.registry import CLOUDS
from kube_cost_pricing.providers.snapshot import SnapshotSource
from kube_cost_pricing.providers.source import Answer, Quote, Unknown
from kube_cost_pricing.sanity import Refused, Sanity


@dataclass
class Found:
    """What was answered. `candidates` has a line for each row that was looked at, and what became of it."""

    api: Answer
    snapshot: Answer
    candidates: list[str] = field(default_factory=list)


def main(arguments: Sequence[str]) -> int:
    """Print what the arguments ask for; return the exit code."""
    asked = _parser().parse_args(arguments)
    try:
        config = load(PricingConfig, os.environ)
        discounts, usd_per = parse_discounts(config.discounts), currency_rates(config.currency_rates)
    except (ConfigError, ValueError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command's output
        return WRONG
    clock = SystemClock()
    sanity = Sanity(usd_per=usd_per, clock=clock, counters=Counters())
    request = _request(asked)
    found = asyncio.run(find(request, config=config, clock=clock, offline=asked.offline))
    lines, code = told(request, found, sanity=sanity, discounts=discounts, now_ns=clock.now_ns())
    print("\n".join(lines))  # noqa: T201 - likewise
    return code


async def find(request: PriceRequest, *, config: PricingConfig, clock: Clock, offline: bool) -> Found:
    """Ask the request's cloud, and the shipped table."""
    table = load_snapshot()
    snapshot = SnapshotSource(snapshot=table)
    found = Found(api=Unknown(reason="not asked"), snapshot=await snapshot.price(request))
    if not offline:
        found.api = await _ask(_sized(request, table), config, clock, found.candidates)
    return found


def told(
    request: PriceRequest, found: Found, *, sanity: Sanity, discounts: Discounts, now_ns: int
) -> tuple[list[str], int]:
    """Return what is printed, and the exit code: that of the API's price, else of the table's."""
    lines: list[str] = []
    code = NOT_FOUND
    for name, answer in (("api", found.api), ("snapshot", found.snapshot)):
        if not isinstance(answer, Quote):
            lines.append(f"{name + ':':<12}none: {answer.reason}")
            continue
        checked = sanity.examine(request, answer, last_usd=None, on_demand_usd=None)
        if isinstance(checked, Refused):
            lines.append(f"{name + ':':<12}refused: {checked.detail}")
            continue
        code = FOUND
        paid = discounts.apply(request, checked)
        lines.append(f"{name + ':':<12}{paid.amount:.10g} USD per {paid.unit}, {_age(paid, now_ns)}{_remarks(paid)}")
        lines += [f"{'':<12}  from {tier.start:g} on: {tier.usd:.10g}" for tier in paid.tiers]
    if found.candidates:
        lines.append("candidates:")
        lines += [f"  {line}" for line in found.candidates]
    return lines, code


async def _ask(request: PriceRequest, config: PricingConfig, clock: Clock, candidates: list[str]) -> Answer:
    try:
        answers = await ask(request.provider, [request], config=config, clock=clock, seen=candidates.append)
    except MissingExtraError as error:
        return Unknown(reason=str(error))
    except CallFailedError as error:
        return Unknown(reason=f"{error.reason}: {error.detail}")
    return answers.get(request_key(request), Unknown(reason="the provider said nothing of it"))


def _sized(request: PriceRequest, table: PriceSnapshot) -> PriceRequest:
    """Return the request with its machine's nominal shape, where the table knows the type."""
    shape = table.shape(request.provider, request.sku) if request.kind == INSTANCE else None
    return request if shape is None else msgspec.structs.replace(request, shape=shape)


def _request(asked: argparse.Namespace) -> PriceRequest:
    machine = asked.kind == INSTANCE
    capacity = SPOT if asked.spot else ON_DEMAND
    return PriceRequest(
        asked.provider,
        asked.region,
        asked.zone,
        asked.kind,
        asked.sku,
        asked.os if machine else "",
        capacity if machine or asked.spot else "",
    )


def _age(quote: Quote, now_ns: int) -> str:
    seconds = max(0.0, (now_ns - quote.fetched_at_ns) / 1e9)
    if seconds < 120:
        return f"asked {seconds:.0f} s ago"
    hours = seconds / 3600
    return f"as of {hours:.0f} h ago" if hours < 72 else f"as of {hours / 24:.0f} days ago"


def _remarks(quote: Quote) -> str:
    remarks = [] if quote.exact else ["an estimate"]
    remarks += [quote.note] if quote.note else []
    return f" ({'; '.join(remarks)})" if remarks else ""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kube-cost-pricing lookup",
        description="Print a price, its source and age, and how it was picked among the candidates.",
        epilog="Credentials and endpoints are the service's own settings. Exit code 1: there is no price.",
    )
    parser.add_argument("provider", choices=CLOUDS)
    parser.add_argument("region", help="us-east-1, us-central1, westeurope, …")
    parser.add_argument("sku", help="a machine type, a volume type, or what the kind needs", nargs="?", default="")
    parser.add_argument("--kind", choices=sorted(UNITS), default=INSTANCE, help="what it is a price of")
    parser.add_argument("--spot", action="store_true", help="the spot price")
    parser.add_argument("--zone", default="", help="the zone of a spot price, or a Local Zone")
    parser.add_argument("--os", choices=("linux", "windows"), default="linux")
    parser.add_argument("--offline", action="store_true", help="ask the shipped table alone")
    return parser
