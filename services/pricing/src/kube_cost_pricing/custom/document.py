"""The layout of a custom prices file.

```yaml
currency: USD                  # of all figures here; the names of the price fields begin with it (eur_per_hour …).
                               # Another one than USD needs a rate: KUBE_COST_CURRENCY_RATES="EUR=1.08"
nodes:
  - instance_type: c5.2xlarge  # any of instance_type, provider (aws, azure, gcp, custom), region, node_labels, zone
    capacity: spot             # on_demand (default) or spot: a rule is for one of them
    zone: us-east-1a           # for spot only: on-demand prices hold for a region
    usd_per_hour: 0.1387
  - node_labels: {pool: batch} # all must be on the node; text, as Kubernetes' labels are
    usd_per_hour: 0            # a node that costs nothing, say of hardware written off
  - usd_per_vcpu_hour: 0.021   # by resource, times the node's vCPUs, GiB and GPUs; for every node, since nothing else
    usd_per_gib_hour: 0.0028   # is named
    usd_per_gpu_hour: 0.75     # 0 where it is left out
volumes:
  - storage_class: fast        # any of storage_class, volume_type (gp3 …), provider, region
    usd_per_gib_month: 0.12    # a month of 730 hours
```

The most specific rule wins (see `rules`).
"""

from collections.abc import Mapping

import yaml

from kube_cost_common.messages.prices import ON_DEMAND, SPOT
from kube_cost_common.runtime.yaml_reader import Fault, Reader
from kube_cost_pricing.custom.rules import (
    CustomPrices,
    NodeRule,
    Place,
    ResourceRates,
    VolumeRule,
    node_ties,
    volume_ties,
)

PROVIDERS = ("aws", "azure", "gcp", "custom")

_PLACE = ("provider", "region")


class CustomPricesError(ValueError):
    """A custom prices file with faults: all of them, in the order of their lines."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = sorted(faults)
        super().__init__("\n".join(map(str, self.faults)))


def parse(text: str, *, file: str, usd_per: Mapping[str, float]) -> CustomPrices:
    """Return the rules in `text`, prices in USD; `usd_per` has the USD that one unit of each other currency costs.

    Raises CustomPricesError with every fault; `file` is the name in it.
    """
    reader = Reader(file=file)
    root = reader.document(text)
    prices = CustomPrices() if root is None else _Document(reader, {"USD": 1.0, **usd_per}).read(root)
    if reader.faults:
        raise CustomPricesError(reader.faults)
    return prices


class _Document:
    def __init__(self, reader: Reader, usd_per: Mapping[str, float]) -> None:
        self._reader = reader
        self._usd_per = usd_per
        self._currency = "USD"
        self._rate = 1.0

    def read(self, root: yaml.Node) -> CustomPrices:
        fields = self._reader.mapping(root, "", ("currency", "nodes", "volumes"))
        if "currency" in fields and not self._read_currency(fields["currency"]):
            return CustomPrices()  # the names of all other fields depend on it
        nodes: list[NodeRule] = []
        for place, node in enumerate(self._items(fields, "nodes")):
            node_rule = self._node(node, f"nodes[{place}]")
            if node_rule is not None:
                nodes.append(node_rule)
        volumes: list[VolumeRule] = []
        for place, node in enumerate(self._items(fields, "volumes")):
            volume_rule = self._volume(node, f"volumes[{place}]")
            if volume_rule is not None:
                volumes.append(volume_rule)
        self._refuse_ties([(one.line, other.line) for one, other in node_ties(nodes)])
        self._refuse_ties([(one.line, other.line) for one, other in volume_ties(volumes)])
        return CustomPrices(nodes=tuple(nodes), volumes=tuple(volumes))

    def _read_currency(self, node: yaml.Node) -> bool:
        code = self._reader.text(node, "currency", "a currency's three letters")
        if code is None:
            return False
        if code not in self._usd_per:
            known = ", ".join(sorted(self._usd_per))
            self._reader.fault(
                node,
                "currency",
                f"no rate for {code} is configured (known: {known}); set KUBE_COST_CURRENCY_RATES={code}=<USD for one>",
            )
            return False
        self._currency, self._rate = code, self._usd_per[code]
        return True

    def _items(self, fields: dict[str, yaml.Node], name: str) -> list[yaml.Node]:
        return self._reader.sequence(fields[name], name) if name in fields else []

    def _price_name(self, unit: str) -> str:
        return f"{self._currency.lower()}_per_{unit}"

    def _node(self, node: yaml.Node, path: str) -> NodeRule | None:
        whole = self._price_name("hour")
        by_resource = tuple(self._price_name(unit) for unit in ("vcpu_hour", "gib_hour", "gpu_hour"))
        faults = len(self._reader.faults)
        if not isinstance(node, yaml.MappingNode):
            self._reader.free_mapping(node, path)
            return None
        names = ("instance_type", "node_labels", *_PLACE, "zone", "capacity", whole, *by_resource)
        fields = self._reader.mapping(node, path, names)
        place = self._place(fields, path)
        instance_type = self._text(fields, path, "instance_type", "a machine type")
        labels = self._labels(fields, path)
        capacity: str | None = ON_DEMAND
        if "capacity" in fields:
            capacity = self._reader.choice(fields["capacity"], f"{path}.capacity", (ON_DEMAND, SPOT))
        if "zone" in fields and capacity == ON_DEMAND:
            self._reader.fault(
                fields["zone"],
                f"{path}.zone",
                "on-demand prices hold for a region; expected capacity: spot beside it, or the zone among node_labels",
            )
        price = self._node_price(node, fields, path, whole, by_resource)
        if capacity is None or price is None or len(self._reader.faults) > faults:
            return None
        return NodeRule(
            line=node.start_mark.line + 1,
            place=place,
            capacity=capacity,
            price=price,
            instance_type=instance_type,
            node_labels=labels,
        )

    def _node_price(
        self, node: yaml.Node, fields: dict[str, yaml.Node], path: str, whole: str, by_resource: tuple[str, ...]
    ) -> float | ResourceRates | None:
        amounts = {
            name: amount
            for name in (whole, *by_resource)
            if name in fields and (amount := self._amount(fields, path, name)) is not None
        }
        given = [name for name in by_resource if name in fields]
        vcpu, gib, gpu = by_resource
        if whole in fields:
            if given:
                self._reader.fault(
                    fields[given[0]], f"{path}.{given[0]}", f"{whole} is given too; expected one of them"
                )
            return amounts.get(whole)
        if not given:
            self._reader.fault(node, path, f"no price; expected {whole}, or {vcpu} and {gib}")
            return None
        for name in (vcpu, gib):
            if name not in fields:
                self._reader.fault(node, path, f"{name} is missing; expected it beside {given[0]}")
        if vcpu not in amounts or gib not in amounts:
            return None
        return ResourceRates(
            usd_per_vcpu_hour=amounts[vcpu], usd_per_gib_hour=amounts[gib], usd_per_gpu_hour=amounts.get(gpu, 0.0)
        )

    def _volume(self, node: yaml.Node, path: str) -> VolumeRule | None:
        name = self._price_name("gib_month")
        faults = len(self._reader.faults)
        if not isinstance(node, yaml.MappingNode):
            self._reader.free_mapping(node, path)
            return None
        fields = self._reader.mapping(node, path, ("storage_class", "volume_type", *_PLACE, name))
        place = self._place(fields, path)
        storage_class = self._text(fields, path, "storage_class", "a storage class")
        volume_type = self._text(fields, path, "volume_type", "a volume type")
        if name not in fields:
            self._reader.fault(node, path, f"no price; expected {name}")
        usd = self._amount(fields, path, name) if name in fields else None
        if usd is None or len(self._reader.faults) > faults:
            return None
        return VolumeRule(
            line=node.start_mark.line + 1,
            place=place,
            usd_per_gib_month=usd,
            storage_class=storage_class,
            volume_type=volume_type,
        )

    def _place(self, fields: dict[str, yaml.Node], path: str) -> Place:
        provider = None
        if "provider" in fields:
            provider = self._reader.choice(fields["provider"], f"{path}.provider", PROVIDERS)
        return Place(
            provider=provider,
            region=self._text(fields, path, "region", "a region"),
            zone=self._text(fields, path, "zone", "a zone"),
        )

    def _labels(self, fields: dict[str, yaml.Node], path: str) -> tuple[tuple[str, str], ...]:
        if "node_labels" not in fields:
            return ()
        node, path = fields["node_labels"], f"{path}.node_labels"
        values = self._reader.free_mapping(node, path)
        if not values and isinstance(node, yaml.MappingNode):
            self._reader.fault(node, path, "expected at least one label")
        labels = []
        for name, value in values.items():
            if isinstance(value, yaml.ScalarNode):  # an empty value is a legal label
                labels.append((name, value.value))
            else:
                self._reader.fault(value, f"{path}.{name}", "expected the label's value, a text")
        return tuple(sorted(labels))

    def _text(self, fields: dict[str, yaml.Node], path: str, name: str, what: str) -> str | None:
        return self._reader.text(fields[name], f"{path}.{name}", what) if name in fields else None

    def _amount(self, fields: dict[str, yaml.Node], path: str, name: str) -> float | None:
        amount = self._reader.amount(fields[name], f"{path}.{name}", self._currency)
        return None if amount is None else amount * self._rate

    def _refuse_ties(self, lines: list[tuple[int, int]]) -> None:
        for earlier, later in lines:
            self._reader.fault_at(
                later, "", f"this rule and the one at line {earlier} can be for the same, and neither is more specific"
            )
