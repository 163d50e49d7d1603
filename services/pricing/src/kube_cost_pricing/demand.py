"""Which prices all clusters together need."""

from collections.abc import Mapping
from typing import Protocol

import msgspec
from structlog.typing import FilteringBoundLogger

from kube_cost_common.messages.codec import DecodeError, RecordDecoder
from kube_cost_common.messages.names import demand_key
from kube_cost_common.messages.prices import PriceDemand, PriceRequest
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


class Demand:
    """The union of what the clusters ask for. A record that can't be read leaves what its cluster asked for before."""

    def __init__(self, *, log: FilteringBoundLogger, counters: Counters) -> None:
        self._log = log
        self._counters = counters
        self._decoder = RecordDecoder(PriceDemand)
        self._clusters: dict[str, tuple[int, list[PriceRequest]]] = {}
        self.requests: tuple[PriceRequest, ...] = ()

    def replace(self, entries: Mapping[str, Entry]) -> None:
        """Take the demand of all clusters: the entries of the bucket by key."""
        self._clusters = {key: self._cluster(key, entry) for key, entry in entries.items()}
        # Equal requests have equal bytes, their labels' order apart; a Struct with a dict has no hash.
        union = {
            msgspec.json.encode(request, order="sorted"): request
            for _, asked in self._clusters.values()
            for request in asked
        }
        self.requests = tuple(union.values())

    def _cluster(self, key: str, entry: Entry) -> tuple[int, list[PriceRequest]]:
        before = self._clusters.get(key, (0, []))
        if entry.revision == before[0]:
            return before
        try:
            demand = self._decoder.decode(entry.payload or b"")
        except DecodeError as error:
            fault = str(error)
        else:
            if demand_key(demand.cluster) == key:
                return entry.revision, demand.requests
            fault = f"a demand of cluster {demand.cluster!r} under another one's key"
        self._counters.add("kube_cost_errors_total", component="pricing", error_type="bus")
        self._log.error("price demand can't be read", key=key, error=fault)
        return entry.revision, before[1]
