"""The rules of a custom prices file, and which of them is for whom.

The most specific rule that matches wins. More specific is: more node labels; then a machine type; then a zone; then a
region; then a provider. Two rules that can match the same thing and are equally specific are a fault of the file.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from kube_cost_common.messages.prices import PriceRequest

STORAGE_CLASS_LABEL = "storage_class"
"""In the labels of a volume's request: the name of its storage class, where rules name one."""


@dataclass(frozen=True, kw_only=True)
class ResourceRates:
    """USD per hour of a vCPU, a GiB of memory and a GPU."""

    usd_per_vcpu_hour: float
    usd_per_gib_hour: float
    usd_per_gpu_hour: float


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a rule holds; None is anywhere."""

    provider: str | None = None
    region: str | None = None
    zone: str | None = None

    def matches(self, request: PriceRequest) -> bool:
        """Whether the request is from there."""
        return (
            self.provider in (None, request.provider)
            and self.region in (None, request.region)
            and self.zone in (None, request.zone)
        )

    @property
    def specificity(self) -> tuple[bool, bool, bool]:
        """Greater for a narrower place."""
        return self.zone is not None, self.region is not None, self.provider is not None


@dataclass(frozen=True, kw_only=True)
class NodeRule:
    """What a node costs: USD per hour, or by resource. `node_labels` must all be on the node. `line` is the file's."""

    line: int
    place: Place
    capacity: str
    price: float | ResourceRates
    instance_type: str | None = None
    node_labels: tuple[tuple[str, str], ...] = ()

    def matches(self, request: PriceRequest) -> bool:
        """Whether the rule is for what is requested."""
        return (
            self.capacity == request.capacity
            and self.instance_type in (None, request.sku)
            and self.place.matches(request)
            and all(request.labels.get(name) == value for name, value in self.node_labels)
        )

    @property
    def specificity(self) -> tuple[int, ...]:
        """Greater for a rule that wins."""
        return len(self.node_labels), self.instance_type is not None, *self.place.specificity


@dataclass(frozen=True, kw_only=True)
class VolumeRule:
    """What a volume costs: USD per GiB and month of 730 h, for a storage class, a volume type, or any."""

    line: int
    place: Place
    usd_per_gib_month: float
    storage_class: str | None = None
    volume_type: str | None = None

    def matches(self, request: PriceRequest) -> bool:
        """Whether the rule is for what is requested; a volume without a type is requested by its storage class."""
        storage_class = request.labels.get(STORAGE_CLASS_LABEL, request.sku)
        return (
            self.storage_class in (None, storage_class)
            and self.volume_type in (None, request.sku)
            and self.place.matches(request)
        )

    def by_labels(self, request: PriceRequest) -> bool:
        """Whether the rule holds because of the request's labels, and not for every volume of its type."""
        return self.storage_class is not None and self.storage_class != request.sku

    @property
    def specificity(self) -> tuple[bool, ...]:
        """Greater for a rule that wins."""
        return self.storage_class is not None, self.volume_type is not None, *self.place.specificity


@dataclass(frozen=True, kw_only=True)
class CustomPrices:
    """All rules of a file, in its order."""

    nodes: tuple[NodeRule, ...] = ()
    volumes: tuple[VolumeRule, ...] = ()
    _index: dict[object, list[NodeRule]] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        for rule in self.nodes:
            key = rule.node_labels[0] if rule.node_labels else rule.instance_type
            self._index.setdefault(key, []).append(rule)

    def node_rule(self, request: PriceRequest) -> NodeRule | None:
        """Return the rule for a node, or None."""
        keys = (request.sku, None, *request.labels.items())
        matching = [rule for key in keys for rule in self._index.get(key, ()) if rule.matches(request)]
        return max(matching, key=lambda rule: rule.specificity, default=None)

    def volume_rule(self, request: PriceRequest) -> VolumeRule | None:
        """Return the rule for a volume, or None."""
        matching = [rule for rule in self.volumes if rule.matches(request)]
        return max(matching, key=lambda rule: rule.specificity, default=None)

    @property
    def label_names(self) -> tuple[str, ...]:
        """The labels that requests must carry for these rules, sorted."""
        names = {name for rule in self.nodes for name, _ in rule.node_labels}
        if any(rule.storage_class is not None for rule in self.volumes):
            names.add(STORAGE_CLASS_LABEL)
        return tuple(sorted(names))


def node_ties(all_rules: Iterable[NodeRule]) -> Iterator[tuple[NodeRule, NodeRule]]:
    """Yield pairs of rules (earlier, later) that can match the same node and are equally specific."""
    # Rules equally specific have the same fields set; they can meet only where all but labels are equal.
    groups: dict[object, list[NodeRule]] = {}
    for rule in all_rules:
        key = (rule.capacity, rule.instance_type, rule.place, len(rule.node_labels))
        groups.setdefault(key, []).append(rule)
    for group in groups.values():
        # By the labels' names first: rules with the same names meet only with the same values, and these are the many.
        seen: dict[tuple[str, ...], dict[tuple[tuple[str, str], ...], NodeRule]] = {}
        for later in group:
            names = tuple(name for name, _ in later.node_labels)
            alike = seen.setdefault(names, {})
            earlier = alike.setdefault(later.node_labels, later)
            if earlier is later:
                others = (rule for key, rules in seen.items() if key != names for rule in rules.values())
                earlier = next((rule for rule in others if _labels_meet(rule, later)), later)
            if earlier is not later:
                yield earlier, later


def volume_ties(rules: Iterable[VolumeRule]) -> Iterator[tuple[VolumeRule, VolumeRule]]:
    """Yield pairs of rules (earlier, later) that match the same volumes."""
    seen: dict[object, VolumeRule] = {}
    for rule in rules:
        earlier = seen.setdefault((rule.storage_class, rule.volume_type, rule.place), rule)
        if earlier is not rule:
            yield earlier, rule


def _labels_meet(one: NodeRule, other: NodeRule) -> bool:
    """Whether a node can have the labels of both."""
    values = dict(one.node_labels)
    return all(values.get(name, value) == value for name, value in other.node_labels)
