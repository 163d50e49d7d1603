"""What needs cost a month, at a machine's and a volume's prices: pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from kube_cost_common.domain.money import HOURS_PER_MONTH, format_usd, to_nano
from kube_cost_common.domain.unit_prices import UnitPrices
from kubectl_cost.estimate.objects import Needs
from kubectl_cost.report import Column, Report, Row

COLUMNS = (
    Column("KIND", "kind"),
    Column("NAMESPACE", "namespace"),
    Column("NAME", "name"),
    Column("PODS", "pods", "number"),
    Column("CPU", "pod_vcpu", "number"),
    Column("MEMORY GIB", "pod_memory_gib", "number"),
    Column("GPUS", "pod_gpus", "number", wide=True),
    Column("STORAGE GIB", "storage_gib", "number", wide=True),
    Column("MONTHLY COST", "monthly_usd", "money"),
    Column("NOTE", "note"),
)


@dataclass(frozen=True, kw_only=True)
class Prices:
    """USD per hour of a machine's resources, and per month of a GiB of storage, None where nobody knows."""

    unit: UnitPrices
    gib_month: float | None
    about: tuple[str, ...]
    """Sentences on where they are from."""


def estimate(needs: Sequence[Needs], prices: Prices) -> Report:
    """Return a row for each object that costs something or can't be estimated; all are counted."""
    counts = Counter(one.state for one in needs)
    rows = [_row(one, prices) for one in needs if one.state != "free"]
    total = sum(_nano(one, prices) or 0 for one in needs if one.state == "estimated")
    unpriced = any(one.storage_gib for one in needs) and prices.gib_month is None
    objects = f"{len(needs)} object{'' if len(needs) == 1 else 's'}"
    footer = [
        f"{objects}: {counts['estimated']} estimated, {counts['free']} free, {counts['unsupported']} not supported.",
        *(["Storage isn't in these figures: no price of it is known."] if unpriced else []),
        *prices.about,
        f"A month is {HOURS_PER_MONTH} h. CPU, memory and GPUs are of one pod.",
    ]
    return Report(
        kind="Estimate",
        columns=COLUMNS,
        rows=rows,
        summed={"monthly_usd": format_usd(total)},
        facts={
            "currency": "USD",
            "hours_per_month": HOURS_PER_MONTH,
            "objects": len(needs),
            **{state: counts[state] for state in ("estimated", "free", "unsupported")},
            "assumptions": list(prices.about),
        },
        footer=footer,
    )


def _nano(one: Needs, prices: Prices) -> int | None:
    """Return what an object costs a month in nano-USD; None where it holds storage alone and that has no price."""
    hourly = sum(amount * price for amount, price in zip(one.pod, prices.unit, strict=True))
    compute = one.pods * hourly * (HOURS_PER_MONTH if one.hours is None else one.hours)
    if one.storage_gib and prices.gib_month is None and not one.pods:
        return None
    return to_nano(compute + one.storage_gib * (prices.gib_month or 0.0))


def _row(one: Needs, prices: Prices) -> Row:
    if one.state == "unsupported":
        return {"kind": one.kind, "namespace": one.namespace, "name": one.name, "note": "not supported"}
    nano = _nano(one, prices)
    return {
        "kind": one.kind,
        "namespace": one.namespace,
        "name": one.name,
        "pods": one.pods,
        "pod_vcpu": one.pod.vcpu,
        "pod_memory_gib": round(one.pod.memory_gib, 6),
        "pod_gpus": one.pod.gpus,
        "storage_gib": round(one.storage_gib, 6),
        "monthly_usd": None if nano is None else format_usd(nano),
        "note": "; ".join(one.notes),
    }
