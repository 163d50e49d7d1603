"""Which prices all clusters together need."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import msgspec
from structlog.typing import FilteringBoundLogger

from kube_cost_common.messages.codec import DecodeError, RecordDecoder
from kube_cost_common.messages.names import demand_key
from kube_cost_common.messages.prices import PriceDemand, PriceRequest, labels_hash, request_key
from kube_cost_common.runtime.health import Counters


class Entry(Protocol):
    """A value of a bucket."""

    @property
    def payload(self) -> bytes | None:
        """The bytes, None where the key was deleted."""
        ...

    @property
    def revision(self) -> int:
        """Greater for a later one."""
        ...


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request, the key of the price that holds whatever the labels are, and the one of that for its labels.

    Made once for a request, since its keys are needed in every pass. `labels_key` is None for one without labels.
    """

    request: PriceRequest
    key: str
    labels_key: str | None


def asked(request: PriceRequest) -> Asked:
    """Return `request` with its keys."""
    return Asked(
        request=request,
        key=request_key(request),
        labels_key=request_key(request, labels_hash=labels_hash(request.labels)) if request.labels else None,
    )


class Demand:
    """The union of what the clusters ask for. A record that can't be read leaves what its cluster asked for before."""

    def __init__(self, *, log: FilteringBoundLogger, counters: Counters) -> None:
        self._log = log
        self._counters = counters
        self._decoder = RecordDecoder(PriceDemand)
        self._clusters: dict[str, tuple[bytes, list[PriceRequest]]] = {}
        self.requests: tuple[Asked, ...] = ()

    def replace(self, entries: Mapping[str, Entry]) -> None:
        """Take the demand of all clusters: the entries of the bucket by key."""
        self._clusters = {key: self._cluster(key, entry) for key, entry in entries.items()}
        # Equal requests have equal bytes, their labels' order apart; a Struct with a dict has no hash.
        union = {
            msgspec.json.encode(request, order="sorted"): request
            for _, asked in self._clusters.values()
            for request in asked
        }
        self.requests = tuple(asked(request) for request in union.values())

    def _cluster(self, key: str, entry: Entry) -> tuple[bytes, list[PriceRequest]]:
        payload = entry.payload or b""
        before = self._clusters.get(key, (b"", []))
        if payload == before[0]:
            return before
        try:
            demand = self._decoder.decode(payload)
        except DecodeError as error:
            fault = str(error)
        else:
            if demand_key(demand.cluster) == key:
                return payload, demand.requests
            fault = f"a demand of cluster {demand.cluster!r} under another one's key"
        self._counters.add("kube_cost_errors_total", component="pricing", error_type="bus")
        self._log.error("price demand can't be read", key=key, error=fault)
        return payload, before[1]
