"""`/api/v1/volumes`: what each persistent volume costs, whose it is, and who mounts it."""

from typing import Annotated

import msgspec

from kube_cost_aggregator.outputs.answers.answer import Answer, Endpoint, Known
from kube_cost_aggregator.outputs.answers.fields import Listing, UsdPerHour, UsdPerMonth, usd, usd_of
from kube_cost_aggregator.outputs.answers.formats import FORMAT
from kube_cost_aggregator.outputs.answers.listing import LIMIT, Keys, arranged, meant, names, sort_by
from kube_cost_aggregator.outputs.parameters import Asked
from kube_cost_aggregator.state.rates import VolumeRate
from kube_cost_aggregator.state.totals import UNCLAIMED
from kube_cost_common.domain.money import HOURS_PER_MONTH, to_nano
from kube_cost_common.domain.resources import BYTES_PER_GIB


class VolumeLine(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A persistent volume: what is provisioned, and what that costs, null where no price is known.

    `namespace` is `__unclaimed__` where no claim has it, and `claim` null.
    """

    volume: str
    namespace: str
    claim: str | None
    storage_class: str
    driver: str
    capacity_gib: float
    usd_per_hour: UsdPerHour | None
    usd_per_month: UsdPerMonth | None
    price_source: str | None
    mounted_by: Annotated[list[str], msgspec.Meta(description="The pods of its namespace that mount it now")]


class VolumesAnswer(Listing, frozen=True, kw_only=True):
    """Volumes; `total_usd_per_hour` is of all that are meant, those that `limit` leaves out among them."""

    total_usd_per_hour: UsdPerHour
    unpriced: int
    volumes: list[VolumeLine]


def _namespace(row: VolumeRate) -> str:
    return UNCLAIMED if row.facts.claim is None else row.facts.claim[0]


_KEYS: Keys[VolumeRate] = {
    "volume": lambda row: row.facts.name,
    "namespace": _namespace,
    "capacity_gib": lambda row: row.facts.capacity_bytes,
    "usd_per_hour": lambda row: row.usd_per_hour,
}

VOLUME = names("volume", "Volumes")
NAMESPACE = names("namespace", "Namespaces of the claims")
STORAGE_CLASS = names("storage_class", "Storage classes")
SORT = sort_by(_KEYS, "-usd_per_hour")


def _answer(asked: Asked, known: Known) -> Answer:
    wanted, namespaces, classes = asked.all(VOLUME), asked.all(NAMESPACE), asked.all(STORAGE_CLASS)
    rows = [
        volume
        for volume in sorted(known.rates.volumes.values(), key=lambda one: (one.facts.name, one.facts.uid))
        if meant(wanted, volume.facts.name)
        and meant(namespaces, _namespace(volume))
        and meant(classes, volume.facts.storage_class)
    ]
    shown, left_out = arranged(rows, _KEYS, asked.one(SORT), asked)
    body = VolumesAnswer(
        **known.head,
        left_out=left_out,
        total_usd_per_hour=usd(sum(to_nano(row.usd_per_hour or 0.0) for row in rows)),
        unpriced=sum(row.usd_per_hour is None for row in rows),
        volumes=[],
    )
    return Answer(body, [_line(row, known) for row in shown])


def _line(row: VolumeRate, known: Known) -> VolumeLine:
    facts, hourly = row.facts, row.usd_per_hour
    return VolumeLine(
        volume=facts.name,
        namespace=_namespace(row),
        claim=None if facts.claim is None else facts.claim[1],
        storage_class=facts.storage_class,
        driver=facts.driver,
        capacity_gib=round(facts.capacity_bytes / BYTES_PER_GIB, 3),
        usd_per_hour=usd_of(hourly),
        usd_per_month=None if hourly is None else usd_of(hourly * HOURS_PER_MONTH),
        price_source=row.source or None,
        mounted_by=[] if facts.claim is None else list(known.mounts.get(facts.claim, ())),
    )


VOLUMES = Endpoint(
    name="volumes",
    summary="What persistent volumes cost, whose they are, and which pods mount them",
    parameters=(VOLUME, NAMESPACE, STORAGE_CLASS, SORT, LIMIT, FORMAT),
    body=VolumesAnswer,
    answer=_answer,
    needs=frozenset({"mounts"}),
)
