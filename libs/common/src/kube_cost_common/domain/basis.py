"""What a pod is charged for: the greater of its request and its usage, or one of them alone."""

from typing import Literal

from kube_cost_common.domain.resources import NOTHING, Resources

Basis = Literal["max", "request", "usage"]


def counted_requests(basis: Basis, requests: Resources, usage: Resources | None) -> Resources:
    """Return what counts as requested: by `usage` only the GPUs, which are held whole, unless nobody looked (None)."""
    if basis == "usage" and usage is not None:
        return Resources(0.0, 0.0, requests.gpus)
    return requests


def counted_usage(basis: Basis, usage: Resources | None) -> Resources:
    """Return what counts as used: nothing by `request`, or where nobody looked."""
    return NOTHING if basis == "request" or usage is None else usage
