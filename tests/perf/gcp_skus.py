"""What 40,000 SKUs of Google's catalogue take, above what importing the SDK takes.

The pages are made by this process and read by another, `perf.gcp_reader`, as they come over the wire.
"""

import dataclasses
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import chain, cycle, islice
from pathlib import Path

from google.cloud.billing_v1 import ListSkusResponse

from harness.gcp_table import skus_of
from kube_cost_common.messages.prices import ON_DEMAND, SPOT
from kube_cost_price_snapshot import load
from kube_cost_simulator.clouds.gcp_skus import with_decoys
from perf.measuring import Figure

SKUS = 40_000
PAGE = 5_000
"""As many as the API puts on a page at most."""


def measure() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        _write_pages(Path(folder))
        command = [sys.executable, "-m", "perf.gcp_reader", folder]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    yield Figure(name="kept / peak, MiB above the imports", value=f"{told['kept']} / {told['peak']}", goal="< 40")
    yield Figure(name="time to read, s", value=str(told["seconds"]))
    yield Figure(name="prices that are kept", value=f"{told['rows']:,}")


def _write_pages(folder: Path) -> None:
    table = load()
    sold = []
    for region in table.regions("gcp"):
        for capacity in (ON_DEMAND, SPOT):
            prices = {
                sku: found.usd_per_hour
                for sku in table.instance_types("gcp")
                if (found := table.price("gcp", region, sku, capacity)) is not None
            }
            sold.append(list(with_decoys(list(skus_of(region, capacity, prices, table)))))
    skus = [
        dataclasses.replace(sku, sku_id=f"{number:08x}")
        for number, sku in enumerate(islice(cycle(chain.from_iterable(sold)), SKUS))
    ]
    for start in range(0, SKUS, PAGE):
        page = ListSkusResponse(skus=[sku.message() for sku in skus[start : start + PAGE]])
        (folder / f"{start:06}").write_bytes(ListSkusResponse.serialize(page))
