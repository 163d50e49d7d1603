"""Machines whose type doesn't say which GPUs they have: Google's N1, to which some may be attached.

Two machines of one such type have two prices, by what is attached. What that is, is asked for like labels.
"""

import re
from collections.abc import Mapping

ACCELERATOR_LABEL = "cloud.google.com/gke-accelerator"
"""The kind of GPU, as GKE labels its nodes: `nvidia-tesla-t4`."""

GPUS_LABEL = "kube-cost.io/gpus"
"""How many. No node has this label: it goes with a request beside the other."""

_N1 = re.compile(r"n1-.+|custom-\d+-\d+(?:-ext)?")


def may_have_attached(provider: str, instance_type: str) -> bool:
    """Return whether GPUs may be attached to machines of a type."""
    return provider == "gcp" and _N1.fullmatch(instance_type) is not None


def attached_labels(provider: str, instance_type: str, labels: Mapping[str, str], gpus: float) -> dict[str, str]:
    """Return what a node's price depends on beside its type: nothing for most.

    `labels` are the node's, `gpus` is how many it reports.
    """
    if not may_have_attached(provider, instance_type):
        return {}
    found = {ACCELERATOR_LABEL: labels[ACCELERATOR_LABEL]} if labels.get(ACCELERATOR_LABEL) else {}
    return found | {GPUS_LABEL: f"{gpus:g}"} if gpus > 0 else found


def attached_gpus(provider: str, instance_type: str, labels: Mapping[str, str]) -> tuple[str, float] | None:
    """Return the kind and number of GPUs that a request's labels speak of; None where nothing is attached.

    The kind is empty where no label names it; the number is 0 while the node doesn't report any.
    """
    if not may_have_attached(provider, instance_type) or not {ACCELERATOR_LABEL, GPUS_LABEL} & labels.keys():
        return None
    try:
        count = float(labels.get(GPUS_LABEL, "0"))
    except ValueError:
        count = 0.0
    return labels.get(ACCELERATOR_LABEL, ""), count
