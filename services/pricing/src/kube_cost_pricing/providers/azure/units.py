"""What a price is per, as Azure writes it: `1 Hour`, `100 Hours`, `1/Month`, `1 GiB/Hour`, `10K`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

HOUR = "hour"
MONTH = "month"
GB = "gb"
GB_HOUR = "gb hour"
GB_MONTH = "gb month"

HOURS_PER_MONTH = 730

_WRITTEN = re.compile(r"\s*(?P<count>\d+)?\s*(?P<thousand>K)?\s*(?P<of>[A-Za-z /]*)")

_NAMES: Mapping[str, tuple[str, float]] = {
    "hour": (HOUR, 1.0),
    "second": (HOUR, 1 / 3600),
    "month": (MONTH, 1.0),
    "gb": (GB, 1.0),
    "gib": (GB, 1.0),
    "gb hour": (GB_HOUR, 1.0),
    "gib hour": (GB_HOUR, 1.0),
    "gb second": (GB_HOUR, 1 / 3600),
    "gb month": (GB_MONTH, 1.0),
    "gib month": (GB_MONTH, 1.0),
}
"""Azure's words, and what one is of ours. GB and GiB are the same there: a disk of 4 "GB" has 4 GiB."""

_CONVERSIONS: Mapping[tuple[str, str], float] = {
    (HOUR, MONTH): HOURS_PER_MONTH,
    (GB_HOUR, GB_MONTH): HOURS_PER_MONTH,
}


@dataclass(frozen=True)
class Measure:
    """`count` of `of` (one of the words above): what a price buys."""

    count: float
    of: str

    def price_per(self, price: float, wanted: str) -> float | None:
        """Return `price` per one `wanted`, or None where that is something else."""
        if self.of == wanted:
            return price / self.count
        factor = _CONVERSIONS.get((self.of, wanted))
        return None if factor is None else price / self.count * factor


def parse(text: str) -> Measure | None:
    """Return what `text` means, or None for what no price here is per."""
    match = _WRITTEN.fullmatch(text)
    if match is None or match["thousand"]:
        return None
    words = " ".join(word.removesuffix("s") for word in match["of"].lower().replace("/", " ").split())
    named = _NAMES.get(words)
    count = float(match["count"] or 1)
    if named is None or count == 0:
        return None
    return Measure(count * named[1], named[0])
