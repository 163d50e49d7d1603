"""How busy pods keep their GPUs, from what NVIDIA's DCGM exporter says of the node's devices.

Source: https://docs.nvidia.com/datacenter/dcgm/latest/user-guide/feature-overview.html#metrics, and the exporter's
`--kubernetes` labels: https://github.com/NVIDIA/dcgm-exporter.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kube_cost_agent.exposition_text import Series, read_series
from kube_cost_common.domain.gpus import DEFAULT_GPU_RESOURCES

ACTIVE = "DCGM_FI_PROF_GR_ENGINE_ACTIVE"
"""Ratio of the time that any engine of the device was busy; the one that MIG instances have too."""

UTILIZATION = "DCGM_FI_DEV_GPU_UTIL"
"""Percent, of whole GPUs: older and coarser, and there where profiling is off."""

_PERCENT = {ACTIVE: 1.0, UTILIZATION: 100.0}

_SLIGHTLY_OVER = 1.01
"""Ratios are averages of samples and may be a little over 1; DCGM's marks of an unknown value are far over."""

_PROFILE = re.compile(r"[0-9]+g\.[0-9a-z.+]+")

_POD_LABELS = (
    ("exported_namespace", "exported_pod"),  # as a Prometheus without honor_labels renames them
    ("namespace", "pod"),
    ("pod_namespace", "pod_name"),  # --use-old-namespace
)

PodName = tuple[str, str]
"""Namespace and name."""


@dataclass(slots=True)
class _Device:
    """A GPU or a MIG instance of one: how large a part of a GPU it is, how busy, and who is named on its lines."""

    gpus: float
    busy: dict[str, float] = field(default_factory=dict)
    lines: dict[str, list[PodName]] = field(default_factory=dict)


def busy_gpus(text: str) -> Mapping[PodName, float]:
    """Return how many GPUs each pod that has one keeps busy now; raise TextError where that can't be read.

    A MIG instance counts by its part of a GPU. Where pods share a device by time slicing, the exporter either names one
    of them, who then has all of it, or each with the whole device's figure: then each has an equal part, so that no
    device is used more than it can be.
    """
    devices: dict[tuple[str, str], _Device] = {}
    for series in read_series(text, _PERCENT):
        ratio = series.value / _PERCENT[series.family]
        if not 0 <= ratio <= _SLIGHTLY_OVER:  # NaN, or one of DCGM's marks for "not known"
            continue
        device = devices.setdefault(_identity(series.labels), _Device(_part_of_gpu(series.labels)))
        device.busy[series.family] = max(device.busy.get(series.family, 0.0), min(1.0, ratio))
        named = _pod(series)
        if named is not None:
            device.lines.setdefault(series.family, []).append(named)
    pods: dict[PodName, float] = {}
    for device in devices.values():
        family = ACTIVE if ACTIVE in device.busy else UTILIZATION
        lines: Sequence[PodName] = device.lines.get(family, ())
        for pod in lines:
            pods[pod] = pods.get(pod, 0.0) + device.busy[family] * device.gpus / len(lines)
    return pods


def _identity(labels: Mapping[str, str]) -> tuple[str, str]:
    return labels.get("UUID") or labels.get("gpu", ""), labels.get("GPU_I_ID", "")


def _part_of_gpu(labels: Mapping[str, str]) -> float:
    profile = labels.get("GPU_I_PROFILE", "")
    if not _PROFILE.fullmatch(profile):
        return 1.0
    return DEFAULT_GPU_RESOURCES.count({f"nvidia.com/mig-{profile}": 1}, {})


def _pod(series: Series) -> PodName | None:
    for namespace_label, pod_label in _POD_LABELS:
        if pod_label in series.labels:
            namespace, pod = series.labels.get(namespace_label, ""), series.labels[pod_label]
            return (namespace, pod) if namespace and pod else None
    return None
