"""Which prices an answer stands on: where they are from, how old, and how many are missing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kubectl_cost.client.server import Server
from kubectl_cost.faults import CommandError
from kubectl_cost.formats.values import age

MONTH = "A month is 730 h."


@dataclass(frozen=True)
class PricesKnown:
    """By source how many prices, and the age of the oldest in seconds; None where that can't be read."""

    sources: Mapping[str, tuple[int, float]] | None
    missing: int = 0

    @property
    def facts(self) -> dict[str, Any]:
        """What machines are told."""
        if self.sources is None:
            return {"prices": None}
        sources = [
            {"source": source, "prices": count, "oldest_age_seconds": oldest}
            for source, (count, oldest) in self.sources.items()
        ]
        return {"prices": {"sources": sources, "missing": self.missing}}

    @property
    def footer(self) -> list[str]:
        """What people are told."""
        if self.sources is None:
            return ["Where prices are from can't be read now."]
        sources = [
            f"{count} from {source} ({age(oldest)} old at most)" for source, (count, oldest) in self.sources.items()
        ]
        lines = [f"Prices: {', '.join(sources) or 'none'}."]
        if self.missing:
            lines.append(f"Prices that are needed and missing: {self.missing}; see `kubectl cost prices`.")
        return lines


def prices_known(server: Server) -> PricesKnown:
    """Ask for the prices that the cluster needs; an answer stands without them, and says so."""
    try:
        answer = server.ask("prices", [("needed", "true")])
    except CommandError:
        return PricesKnown(None)
    sources: dict[str, tuple[int, float]] = {}
    for line in answer["prices"]:
        if line["source"] is not None:
            count, oldest = sources.get(line["source"], (0, 0.0))
            sources[line["source"]] = (count + 1, max(oldest, line["age_seconds"] or 0.0))
    return PricesKnown(dict(sorted(sources.items())), answer["missing"])
