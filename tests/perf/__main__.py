"""`PYTHONPATH=tests python -m perf [part …] [--quick]`: measure, print, and write docs/figures.md."""

import argparse
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from perf import agent, aggregator, figures, gcp_skus, growth, stores, week, wire
from perf.aggregator import Load
from perf.measuring import Figure


@dataclass(frozen=True, kw_only=True)
class Part:
    """Something that can be measured by itself; `quick` takes less time and says less."""

    name: str
    title: str
    measure: Callable[[], Iterator[Figure]]
    quick: Callable[[], Iterator[Figure]] | None


def _briefly(load: Load) -> Load:
    return replace(load, settle=15.0, quiet=20.0, scrapes=5.0, visible=8.0)


def _aggregator(load: Load, *, quick: bool = True) -> Part:
    return Part(
        name=f"aggregator-{load.pods}",
        title=f"The aggregator: {load.title}",
        measure=lambda: aggregator.measure(load),
        quick=(lambda: aggregator.measure(_briefly(load))) if quick else None,
    )


PARTS = (
    _aggregator(aggregator.SMALL, quick=False),
    _aggregator(aggregator.MIDDLE),
    _aggregator(aggregator.LARGE, quick=False),
    Part(
        name="agent",
        title=f"The agent: {agent.PODS} pods on a node",
        measure=lambda: agent.measure(seconds=61.0, interval=60.0),
        quick=lambda: agent.measure(seconds=15.0, interval=15.0),
    ),
    Part(
        name="growth",
        title="An hour of 1,000 pods a minute",
        measure=lambda: growth.measure(minutes=60),
        quick=lambda: growth.measure(minutes=20),
    ),
    Part(
        name="gcp-skus",
        title="Pricing: 40,000 SKUs of Google's catalogue",
        measure=gcp_skus.measure,
        quick=gcp_skus.measure,
    ),
    Part(
        name="week",
        title="The history: a week of 10,000 pods on 200 nodes",
        measure=week.measure,
        quick=None,
    ),
    Part(
        name="stores",
        title="The ledger: a minute of 100,000 pods",
        measure=lambda: stores.measure(pods=100_000),
        quick=lambda: stores.measure(pods=10_000),
    ),
    Part(name="wire", title="A usage sample of 50 pods on the wire", measure=wire.measure, quick=wire.measure),
)


def main() -> None:
    arguments = argparse.ArgumentParser(prog="perf", description=__doc__)
    arguments.add_argument("parts", nargs="*", metavar="part", help=", ".join(part.name for part in PARTS))
    arguments.add_argument("--quick", action="store_true", help="under 3 minutes, printed only: to see that it works")
    options = arguments.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended too
    known = {part.name: part for part in PARTS}
    if unknown := set(options.parts) - known.keys():
        arguments.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    for part in [known[name] for name in options.parts] or PARTS:
        measure = part.quick if options.quick else part.measure
        if measure is None:
            continue
        print(f"\n{part.title}", flush=True)
        measured = []
        for figure in measure():
            print(f"  {figure.name:<72} {figure.value:<28} {figure.goal}".rstrip(), flush=True)
            measured.append(figure)
        if not options.quick:
            figures.record(part.title, f"PYTHONPATH=tests .venv/bin/python -m perf {part.name}", measured)


if __name__ == "__main__":
    main()
