"""A dated table of list prices and machine shapes, for when no cloud has answered.

What is in it (USD, Linux): AWS us-east-1 on demand, six Azure regions on demand, 43 Google Cloud regions on demand and
spot, and what volumes cost where that is published. `tables/*.json` say in their first lines from when and from where.
They are made by ``python -m kube_cost_price_snapshot.build``.
"""

from kube_cost_price_snapshot.snapshot import PriceSnapshot, SnapshotPrice, SnapshotVolumePrice, load

__all__ = ["PriceSnapshot", "SnapshotPrice", "SnapshotVolumePrice", "load"]
