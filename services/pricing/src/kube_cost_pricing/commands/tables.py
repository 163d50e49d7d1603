"""What to ask for a table of list prices, what becomes of it by the answers, and what differs then."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf

import msgspec

from kube_cost_common.messages.prices import (
    INSTANCE,
    ON_DEMAND,
    SPOT,
    VOLUME,
    PriceRequest,
    Shape,
    request_key,
)
from kube_cost_price_snapshot.table import Row, Table, VolumeRow
from kube_cost_pricing.providers.source import AMBIGUOUS, Answer, Quote, Unknown

MOST_NAMED = 20
"""So many types are named of those that have changed."""

LEAST_LEFT = 0.5
"""A cloud that has less than this part of its prices left hasn't been understood: no cloud stops selling so much."""


def extended(table: Table, *, types: Sequence[str], regions: Sequence[str]) -> Table:
    """Return the table with these machine types and regions too, as yet without prices."""
    more = [region for region in dict.fromkeys(regions) if region not in table.regions]
    spot = _has_spot(table)
    rows = {sku: _longer(row, len(more), spot=spot) for sku, row in table.instances.items()}
    none: list[float | None] = [None] * (len(table.regions) + len(more))
    for sku in types:
        rows.setdefault(sku, Row(None, none, none if spot else []))
    return msgspec.structs.replace(table, regions=[*table.regions, *more], instances=rows)


def wanted(table: Table, regions: Sequence[str]) -> list[PriceRequest]:
    """Return a request for each machine type of a table in each of these regions, and for volumes sold by the GiB.

    Spot prices are asked for where the table has any: AWS's are of a zone and of the minute, and in no table.
    """
    capacities = (ON_DEMAND, SPOT) if _has_spot(table) else (ON_DEMAND,)
    machines = [
        _machine(table, region, sku, capacity)
        for region in regions
        for capacity in capacities
        for sku in sorted(table.instances)
    ]
    return [*machines, *(_volume(table, sku, region) for region in regions for sku in _by_gib(table))]


def rebuilt(before: Table, answers: Mapping[str, Answer], *, regions: Sequence[str], as_of: str) -> Table:
    """Return the table with the prices of these regions as they were answered.

    What isn't sold any more has no price, and a type that isn't sold in any region is left out. Where an answer leaves
    a price open (several candidates, an estimate, another currency) the one of before stays. A shape that the table
    has stays. `as_of` (ISO 8601) becomes the table's date only if all its regions were asked.
    """
    rows: dict[str, Row] = {}
    for sku, row in before.instances.items():
        asked = [_machine(before, region, sku, ON_DEMAND) for region in before.regions]
        on_demand = [
            _usd(answers, request, was) if request.region in regions else was
            for request, was in zip(asked, row.on_demand, strict=True)
        ]
        spot = [
            _usd(answers, _machine(before, region, sku, SPOT), was) if region in regions else was
            for region, was in zip(before.regions, row.spot, strict=False)
        ]
        if any(usd is not None for usd in (*on_demand, *spot)):
            rows[sku] = Row(row.shape or _told_shape(answers, asked), on_demand, spot)
    whole = set(before.regions) <= set(regions)
    return msgspec.structs.replace(
        before,
        as_of=as_of if whole else before.as_of,
        sources=_sources(before, "" if whole else f"of {', '.join(regions)} on {as_of}"),
        instances=rows,
        volumes=_volumes(before, answers, regions, as_of),
    )


def part_left(before: Table, after: Table) -> float:
    """Return which part of the prices that a table had of machines it still has; 1 for a table that had none."""
    had = _prices(before).keys()
    return len(had & _prices(after).keys()) / len(had) if had else 1.0


@dataclass(frozen=True, kw_only=True)
class _Changed:
    """How much dearer a type has become in `region`, where it has changed most: 0.04 is 4 %. `places` have changed."""

    sku: str
    region: str
    part: float
    places: int


def differences(before: Table, after: Table) -> list[str]:
    """Return lines about what is new, gone, and dearer or cheaper by how much."""
    old, new = before.instances, after.instances
    lines = [f"{after.provider}: {len(new)} machine types in {len(after.regions)} regions, as of {after.as_of}"]
    for word, some in (
        ("new", new.keys() - old.keys()),
        ("gone", old.keys() - new.keys()),
        ("new regions", set(after.regions) - set(before.regions)),
    ):
        lines += [f"{word}: {', '.join(sorted(some))}"] if some else []
    had, has = _prices(before), _prices(after)
    lines.append(f"prices: {len(has.keys() - had.keys())} new, {len(had.keys() - has.keys())} gone")
    changed = sorted(_changed(had, has), key=lambda one: (-abs(one.part), one.sku))
    lines.append(f"changed: {len(changed)} types" + (", most of all" if changed else ""))
    lines += [
        f"  {one.sku:<24}  {one.part:+.2%} in {one.region}"
        + (f", and in {one.places - 1} more places" if one.places > 1 else "")
        for one in changed[:MOST_NAMED]
    ]
    return [*lines, *_changed_volumes(before, after)]


def _changed(
    had: Mapping[tuple[str, str, str], float], has: Mapping[tuple[str, str, str], float]
) -> Iterator[_Changed]:
    parts: dict[str, list[tuple[float, str]]] = {}
    for (sku, region, capacity), was in had.items():
        now = has.get((sku, region, capacity))
        if now is not None and abs(now - was) > 1e-9 * was + 1e-9:  # a table is to a billionth
            where = region if capacity == ON_DEMAND else f"{region} ({capacity})"
            parts.setdefault(sku, []).append((now / was - 1, where))
    for sku, changes in parts.items():
        part, region = max(changes, key=lambda one: abs(one[0]))
        yield _Changed(sku=sku, region=region, part=part, places=len(changes))


def _changed_volumes(before: Table, after: Table) -> list[str]:
    had = {(row.sku, row.region): row.usd for row in before.volumes}
    return [
        f"  volume {row.sku} in {row.region}: {had[row.sku, row.region]:g} to {row.usd:g}"
        for row in after.volumes
        if abs(had.get((row.sku, row.region), row.usd) - row.usd) > 1e-9
    ]


def _prices(table: Table) -> dict[tuple[str, str, str], float]:
    return {
        (sku, region, capacity): usd
        for sku, row in table.instances.items()
        for capacity, usds in ((ON_DEMAND, row.on_demand), (SPOT, row.spot))
        for region, usd in zip(table.regions, usds, strict=False)
        if usd is not None
    }


def _longer(row: Row, more: int, *, spot: bool) -> Row:
    none: list[float | None] = [None] * more
    return Row(row.shape, [*row.on_demand, *none], [*row.spot, *none] if spot else [])


def _machine(table: Table, region: str, sku: str, capacity: str) -> PriceRequest:
    return PriceRequest(table.provider, region, "", INSTANCE, sku, "linux", capacity, table.instances[sku].shape)


def _volume(table: Table, sku: str, region: str) -> PriceRequest:
    return PriceRequest(table.provider, region, "", VOLUME, sku, "", "")


def _by_gib(table: Table) -> list[str]:
    return sorted({row.sku for row in table.volumes if row.disk_gib is None})


def _told_shape(answers: Mapping[str, Answer], asked: Sequence[PriceRequest]) -> Shape | None:
    told = (answers.get(request_key(request)) for request in asked)
    return next((one.shape for one in told if isinstance(one, Quote) and one.exact and one.shape is not None), None)


def _usd(answers: Mapping[str, Answer], request: PriceRequest, was: float | None) -> float | None:
    """Return what was answered, `was` where that leaves it open, None where it isn't sold."""
    answer = answers.get(request_key(request))
    if isinstance(answer, Unknown) and answer.code != AMBIGUOUS:
        return None
    certain = isinstance(answer, Quote) and answer.exact and answer.currency == "USD" and 0 < answer.amount < inf
    return answer.amount if certain and isinstance(answer, Quote) else was


def _volumes(before: Table, answers: Mapping[str, Answer], regions: Sequence[str], as_of: str) -> list[VolumeRow]:
    rows = {(row.sku, row.region): row for row in before.volumes}
    for region in regions:
        for sku in _by_gib(before):
            answer = answers.get(request_key(_volume(before, sku, region)))
            if isinstance(answer, Quote) and answer.unit == "gib_month":
                usd = _usd(answers, _volume(before, sku, region), None)
                if usd is not None:
                    rows[sku, region] = VolumeRow(sku, region, usd, as_of)
    return list(rows.values())


def _sources(table: Table, part: str) -> list[str]:
    """Return where a table is from; its first line says that of the prices of machines."""
    asked = f"{table.provider}'s price API, asked by kube-cost-pricing snapshot"
    first, rest = table.sources[:1], [line for line in table.sources[1:] if not line.startswith(asked)]
    return [*first, f"{asked}, {part}", *rest] if part else [asked, *rest]


def _has_spot(table: Table) -> bool:
    return any(row.spot for row in table.instances.values())
