"""`python -m perf.gcp_reader FOLDER`: read the pages of a catalogue, and print what that took."""

import json
import sys
from pathlib import Path

from google.cloud.billing_v1 import ListSkusResponse

from kube_cost_common.runtime.clock import SystemClock
from kube_cost_pricing.providers.gcp import catalog_api
from kube_cost_pricing.providers.gcp.catalogue import Gathering

IMPORTED = (catalog_api,)
"""What a process that asks has imported."""


def _memory_mib(field: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


def main(folder: Path) -> None:
    clock = SystemClock()
    imported, began = _memory_mib("VmRSS"), clock.monotonic()
    gathering = Gathering(listed_at_ns=0)
    for path in sorted(folder.iterdir()):
        gathering.add(ListSkusResponse.deserialize(path.read_bytes()).skus)
    catalogue = gathering.catalogue()
    told = {
        "kept": round(_memory_mib("VmRSS") - imported, 1),
        "peak": round(_memory_mib("VmHWM") - imported, 1),
        "seconds": round(clock.monotonic() - began, 1),
        "rows": catalogue.rows,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
