"""A node that came and went while nobody watched: what it was, as far as its samples and its cluster tell."""

from collections import Counter
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from kube_cost_aggregator.state.facts import NodeFacts
from kube_cost_common.domain.money import NS_PER_SECOND
from kube_cost_common.domain.nodes import NodeIdentity
from kube_cost_common.domain.resources import BYTES_PER_GIB, Resources
from kube_cost_common.messages.usage import UsageSample

PREFIX = "unlisted/"
"""Of the uid that such a node has in the ledger; the API server's own are UUIDs."""

SAME_MEMORY = 0.02
"""How far the memory of two machines of one type may differ: kernels keep a little more or less for themselves."""


OLDEST_NS = 30 * 3600 * NS_PER_SECOND
"""How long before it was sent a sample may have begun: a day is the longest, and agents keep them for 5 h at most.
An older beginning is no node's that came and went lately, and years of it would be paid."""


def unlisted_uid(sample: UsageSample) -> str:
    """Return the uid under which the ledger has the node: one a boot of its kernel."""
    return f"{PREFIX}{sample.node}/{sample.boot_id or sample.session}"


def is_unlisted(uid: str) -> bool:
    """Whether a node is known by its samples alone."""
    return uid.startswith(PREFIX)


class Known(NamedTuple):
    """A node that a watch has told of."""

    facts: NodeFacts
    identity: NodeIdentity


def unlisted_node(sample: UsageSample, known: Iterable[Known], *, created_ns: int) -> NodeFacts | None:
    """Return the node that a sample is of; None where its agent doesn't say what machine it runs on, or it is too old.

    It is taken for one of the kind that most of the `known` nodes of its size are of; where there is none, nothing but
    its size is known, all of which is there for pods.
    """
    size = Resources(sample.vcpu, sample.memory_bytes / BYTES_PER_GIB, 0.0)
    if not (size.vcpu > 0 and size.memory_gib > 0) or sample.sent_at_ns - sample.start_ns > OLDEST_NS:
        return None
    alike = [node for node in known if _is_alike(node.facts.capacity, size) and not is_unlisted(node.facts.uid)]
    kinds = Counter(_kind(node.identity) for node in alike)
    kind = max(kinds, key=lambda one: (kinds[one], one), default=None)
    like = next((node.facts for node in alike if _kind(node.identity) == kind), None)
    if like is None:
        return _node(sample, created_ns, capacity=size, allocatable=size)
    scheme, separator, _ = like.provider_id.partition("://")
    return _node(
        sample,
        created_ns,
        provider_id=scheme + separator,
        labels=like.labels,
        capacity=like.capacity,
        allocatable=like.allocatable,
    )


def _node(
    sample: UsageSample,
    created_ns: int,
    *,
    capacity: Resources,
    allocatable: Resources,
    provider_id: str = "",
    labels: Mapping[str, str] = MappingProxyType({}),
) -> NodeFacts:
    return NodeFacts(
        uid=unlisted_uid(sample),
        name=sample.node,
        created_ns=created_ns,
        provider_id=provider_id,
        labels=dict(labels),
        capacity=capacity,
        allocatable=allocatable,
    )


def _is_alike(capacity: Resources, size: Resources) -> bool:
    return capacity.vcpu == size.vcpu and abs(capacity.memory_gib - size.memory_gib) <= SAME_MEMORY * size.memory_gib


def _kind(identity: NodeIdentity) -> tuple[str, ...]:
    return identity.provider, identity.region, identity.instance_type, identity.capacity_type, identity.os
