"""The facts of a listing, by region and by what they are prices of."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from kube_cost_pricing.providers.gcp.facts import Fact, Key, factor
from kube_cost_pricing.providers.gcp.sorting import sort

GLOBAL = "global"
"""The region of a SKU that costs the same everywhere."""

Facts = Mapping[str, Mapping[Key, tuple[Fact, ...]]]

LeftOut = Callable[[str], None]
"""Takes a line about a SKU that was left out, and why."""


class Catalogue:
    """One listing of one service. `listed_at_ns` is Unix nanoseconds of when its first page was asked for."""

    def __init__(self, *, facts: Facts, listed_at_ns: int, rows: int) -> None:
        self._facts = facts
        self._names = frozenset((key.part, key.name) for keys in facts.values() for key in keys)
        self.listed_at_ns = listed_at_ns
        self.rows = rows
        """How many SKUs the listing had."""

    @property
    def regions(self) -> frozenset[str]:
        """The regions that have any price."""
        return frozenset(self._facts)

    def find(self, region: str, key: Key) -> tuple[Fact, ...]:
        """Return the candidates for `key` in `region`, or those that hold everywhere; none where it isn't sold."""
        return self._facts.get(region, {}).get(key) or self._facts.get(GLOBAL, {}).get(key, ())

    def known(self, part: str, name: str) -> bool:
        """Return whether there is such a thing in any region."""
        return (part, name) in self._names


class Gathering:
    """Takes the facts out of page after page; of the pages themselves it keeps nothing."""

    def __init__(self, *, listed_at_ns: int) -> None:
        self._facts: dict[str, dict[Key, dict[str, Fact]]] = {}
        self._listed_at_ns = listed_at_ns
        self._rows = 0
        self._texts: dict[str, str] = {}

    def add(self, skus: Iterable[Any], *, region: str = "", left_out: LeftOut | None = None) -> None:
        """Take the facts of `skus`, protobuf messages `google.cloud.billing.v1.Sku`.

        `left_out` is told of the rows of `region` that were left out.
        """
        for sku in skus:
            self._rows += 1
            reason = self._take(sku)
            if reason and left_out is not None and (region in sku.service_regions or GLOBAL in sku.service_regions):
                left_out(f"{sku.description} ({sku.sku_id}): left out, {reason}")

    def catalogue(self) -> Catalogue:
        """Return what there is."""
        return Catalogue(
            facts={
                region: {key: tuple(facts.values()) for key, facts in keys.items()}
                for region, keys in self._facts.items()
            },
            listed_at_ns=self._listed_at_ns,
            rows=self._rows,
        )

    def _take(self, sku: Any) -> str:
        """Keep the SKU's fact; return why it has none, empty where it has."""
        category = sku.category
        key = sort(description=sku.description, group=category.resource_group, usage=category.usage_type)
        if isinstance(key, str):
            return key
        if not sku.pricing_info:
            return "it has no price"
        # A timeline, the last is the one in force.
        expression = sku.pricing_info[-1].pricing_expression
        if not expression.tiered_rates:
            return "it has no price"
        scale = factor(key.part, expression.usage_unit)
        if scale is None:
            return f"its unit {expression.usage_unit!r} isn't one of {key.part}"
        fact = Fact(
            sku_id=sku.sku_id,
            description=self._shared(sku.description),
            currency=self._shared(expression.tiered_rates[-1].unit_price.currency_code),
            tiers=tuple(
                (rate.start_usage_amount, (int(rate.unit_price.units) + rate.unit_price.nanos / 1e9) * scale)
                for rate in expression.tiered_rates
            ),
        )
        for region in sku.service_regions:
            self._facts.setdefault(self._shared(region), {}).setdefault(key, {})[fact.sku_id] = fact
        return ""

    def _shared(self, text: str) -> str:
        return self._texts.setdefault(text, text)
