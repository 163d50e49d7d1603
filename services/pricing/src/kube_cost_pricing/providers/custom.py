"""The user's own prices as a source."""

from kube_cost_common.messages.prices import INSTANCE, VOLUME, PriceRequest, Weights
from kube_cost_pricing.custom.rules import CustomPrices, NodeRule, ResourceRates
from kube_cost_pricing.providers.source import CUSTOM, Answer, NotYet, Quote, Shapes, Unknown


class CustomSource:
    """Prices of the current rules, which are swapped whole. The user is believed: 0 is a price.

    A price by resource is the rates times the type's nominal shape, where `shapes` knows it, else the node's own.
    """

    def __init__(self, *, shapes: Shapes) -> None:
        self._shapes = shapes
        self._prices = CustomPrices()
        self._read_at_ns = 0
        self._waits_for = ""

    @property
    def name(self) -> str:
        """`custom`."""
        return CUSTOM

    @property
    def label_names(self) -> tuple[str, ...]:
        """The labels that requests must carry for the current rules, sorted."""
        return self._prices.label_names

    @property
    def waiting(self) -> bool:
        """Whether the rules aren't known: their file has never been read without a fault."""
        return bool(self._waits_for)

    def replace(self, prices: CustomPrices, read_at_ns: int) -> None:
        """Answer by these rules from now on; `read_at_ns` is Unix nanoseconds of when they were first read."""
        self._prices, self._read_at_ns, self._waits_for = prices, read_at_ns, ""

    def wait(self, reason: str) -> None:
        """Say that the rules aren't known yet, and why, so that nobody takes a price for withdrawn."""
        self._waits_for = reason

    async def price(self, request: PriceRequest) -> Answer:
        """Return the price of the most specific rule that matches."""
        if self._waits_for:
            return NotYet(reason=self._waits_for)
        if request.kind == INSTANCE:
            rule = self._prices.node_rule(request)
            return Unknown(reason="no custom price is for it") if rule is None else self._node(request, rule)
        if request.kind == VOLUME:
            volume_rule = self._prices.volume_rule(request)
            if volume_rule is not None:
                return Quote(
                    amount=volume_rule.usd_per_gib_month,
                    unit="gib_month",
                    source=CUSTOM,
                    fetched_at_ns=self._read_at_ns,
                    by_labels=volume_rule.by_labels(request),
                )
        return Unknown(reason="no custom price is for it")

    def _node(self, request: PriceRequest, rule: NodeRule) -> Answer:
        nominal = self._shapes.shape(request)
        weights = None
        if isinstance(rule.price, ResourceRates):
            rates, shape = rule.price, nominal or request.shape
            if shape is None:
                return Unknown(reason="the custom price is by resource, and the node's shape isn't known")
            usd = (
                shape.vcpu * rates.usd_per_vcpu_hour
                + shape.memory_gib * rates.usd_per_gib_hour
                + shape.gpus * rates.usd_per_gpu_hour
            )
            if usd > 0:  # the price divides as it was put together
                weights = Weights(
                    vcpu=rates.usd_per_vcpu_hour, memory_gib=rates.usd_per_gib_hour, gpu=rates.usd_per_gpu_hour
                )
        else:
            usd = rule.price
        return Quote(
            amount=usd,
            unit="hour",
            source=CUSTOM,
            fetched_at_ns=self._read_at_ns,
            by_labels=bool(rule.node_labels),
            shape=nominal,
            weights=weights,
        )
