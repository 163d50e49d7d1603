"""Rows of money from two sides, and a table of what differs between them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

NANO = 10**9


class Row(NamedTuple):
    """Nano-USD of something, or per hour, or a ratio in billionths (kind `efficiency …`).

    Kinds with a namespace alone: `cpu`, `memory`, `gpu`, `storage`, `network`, `load_balancer`, `control_plane`,
    `shared`, `namespace` (all but what was shared), `savings`. With a namespace and a name: `pod`, `pod uid`,
    `workload` (Deployment/web), `claim`, `service`, `waste`, `beyond` (both by workload). With a name alone: `node`,
    `idle`, `system` (by node), `pool`, `volume`, `component`, `capacity`, and `label …` by value.
    """

    kind: str
    cluster: str
    namespace: str
    name: str
    nano_usd: int


class Tolerance(NamedTuple):
    """How far a row may be off: a part of the truth, and nano-USD beside that."""

    relative: float = 0.005
    nano_usd: int = 100


@dataclass(frozen=True)
class Difference:
    """What the truth says and what was found; 0 where there is no such row."""

    row: Row
    found: int

    @property
    def nano_usd(self) -> int:
        """By how much too much was found."""
        return self.found - self.row.nano_usd

    def within(self, tolerance: Tolerance) -> bool:
        """Whether that is near enough."""
        return abs(self.nano_usd) <= tolerance.relative * abs(self.row.nano_usd) + tolerance.nano_usd


def differences(truth: Iterable[Row], found: Iterable[Row], kinds: Iterable[str] | None = None) -> list[Difference]:
    """Each row of the truth, and each that was found beside it; of `kinds`, or of all that both sides have."""
    expected = {row[:4]: row for row in truth}
    got = {row[:4]: row.nano_usd for row in found}
    if kinds is None:
        kinds = {key[0] for key in expected} & {key[0] for key in got}
    wanted = set(kinds)
    keys = sorted(key for key in {*expected, *got} if key[0] in wanted)
    return [Difference(expected.get(key, Row(*key, 0)), got.get(key, 0)) for key in keys]


def table(compared: Sequence[Difference], tolerances: Mapping[str, Tolerance] | None = None) -> str:
    """What is too far off, the worst first, and a line for each kind: rows, those that are off, and sums."""
    allowed = tolerances or {}
    off = [one for one in compared if not one.within(allowed.get(one.row.kind, Tolerance()))]
    lines = [("KIND", "NAMESPACE", "NAME", "TRUTH USD", "FOUND USD", "DIFFERENCE", "")]
    for one in sorted(off, key=lambda one: -abs(one.nano_usd)):
        where = "/".join(part for part in (one.row.cluster, one.row.namespace) if part)
        lines.append((one.row.kind, where, one.row.name, *_amounts(one.row.nano_usd, one.found)))
    kinds: dict[str, list[Difference]] = defaultdict(list)
    for one in compared:
        kinds[one.row.kind].append(one)
    for kind, ones in kinds.items():
        bad = sum(one in off for one in ones)
        sums = _amounts(sum(one.row.nano_usd for one in ones), sum(one.found for one in ones))
        lines.append((kind, "SUM", f"{len(ones)} rows, {bad} off", *sums))
    widths = [max(len(line[column]) for line in lines) for column in range(7)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column < 3 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _amounts(truth: int, found: int) -> tuple[str, str, str, str]:
    part = f"{(found - truth) / truth:+.2%}" if truth else "new"
    return f"{truth / NANO:.9f}", f"{found / NANO:.9f}", f"{(found - truth) / NANO:+.9f}", part


def check(
    truth: Iterable[Row],
    found: Iterable[Row],
    *,
    kinds: Iterable[str] | None = None,
    tolerances: Mapping[str, Tolerance] | None = None,
) -> None:
    """Raise AssertionError with the table where any row is too far off, or nothing was compared."""
    allowed = tolerances or {}
    compared = differences(truth, found, kinds)
    assert compared, "no rows of any kind that both have"
    if not all(one.within(allowed.get(one.row.kind, Tolerance())) for one in compared):
        raise AssertionError("\n" + table(compared, tolerances))
