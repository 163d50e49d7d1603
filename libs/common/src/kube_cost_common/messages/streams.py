"""The streams and buckets of the bus, as data. The aggregator makes and updates them; the others wait for them."""

from dataclasses import dataclass

from kube_cost_common.messages.names import COST_SUBJECTS, USAGE_SUBJECTS


@dataclass(frozen=True, kw_only=True)
class Stream:
    """A JetStream stream: file storage, oldest messages discarded first."""

    name: str
    subjects: tuple[str, ...]
    max_age_seconds: float
    max_bytes: int
    duplicate_window_seconds: float


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """A key-value bucket: file storage, no expiry. `history` is how many values of a key are kept (at most 64)."""

    name: str
    history: int
    max_bytes: int


USAGE = Stream(
    name="KCE_USAGE",
    subjects=(USAGE_SUBJECTS,),
    max_age_seconds=6 * 3600,
    max_bytes=2 * 1024**3,  # 20 MB a minute at 100,000 pods: 100 minutes there, 6 h at 27,000 pods
    duplicate_window_seconds=120,
)
COST = Stream(
    name="KCE_COST",
    subjects=(COST_SUBJECTS,),
    max_age_seconds=24 * 3600,
    max_bytes=1024**3,  # 0.5 MiB a minute, twice what 2,000 namespaces with a budget each take, for 24 h is 720 MiB
    duplicate_window_seconds=120,
)
PRICES = Bucket(name="kce_prices", history=64, max_bytes=256 * 1024**2)
DEMAND = Bucket(name="kce_demand", history=1, max_bytes=16 * 1024**2)
ALERTS = Bucket(name="kce_alerts", history=1, max_bytes=64 * 1024**2)

STREAMS = (USAGE, COST)
BUCKETS = (PRICES, DEMAND, ALERTS)

USAGE_ACK_WAIT_SECONDS = 60.0
COST_ACK_WAIT_SECONDS = 60.0
