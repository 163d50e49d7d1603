"""Which clouds are asked, and how each is made: the one place that names them all."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from structlog.typing import FilteringBoundLogger

from kube_cost_common.runtime.clock import Clock
from kube_cost_pricing.providers.api import CloudAccess, MissingExtraError
from kube_cost_pricing.providers.cloud import Ask, CloudPrices, Seen

CLOUDS = ("aws", "gcp", "azure")

AUTO = "auto"
NONE = "none"


def chosen(text: str) -> tuple[str, ...]:
    """Return the clouds that `auto` (all that are needed), `none`, or a list with commas names; raise ValueError."""
    names = [name for part in text.split(",") if (name := part.strip().lower())]
    if names == [AUTO]:
        return CLOUDS
    if names == [NONE]:
        return ()
    for name in names:
        if name not in CLOUDS:
            raise ValueError(f"{name!r} is no cloud; there are {', '.join(CLOUDS)}, or {AUTO}, or {NONE}")
    return tuple(dict.fromkeys(names))


def cloud_access(
    provider: str,
    *,
    settings: Mapping[str, Any],
    ask: Ask,
    clock: Clock,
    log: FilteringBoundLogger,
    seen: Seen = lambda _: None,
) -> CloudAccess:
    """Return how to make the prices of `provider`; `settings` are those that aren't at their default, by field.

    Each cloud is a package of its own with a class `<Cloud>Settings` and a function `<cloud>_prices`, whose SDK is an
    extra of this one.
    """

    def make() -> CloudPrices:
        try:
            package = import_module(f"kube_cost_pricing.providers.{provider}")
            settings_type = getattr(package, f"{provider.title()}Settings")
            factory: Callable[..., CloudPrices] = getattr(package, f"{provider}_prices")
            return factory(settings=settings_type(**settings), ask=ask, clock=clock, log=log, seen=seen)
        except ImportError as error:
            raise MissingExtraError(
                f"prices of {provider} can't be asked without its SDK ({error.name}): "
                f"install kube-cost-pricing[{provider}]"
            ) from error

    return CloudAccess(make=make)
