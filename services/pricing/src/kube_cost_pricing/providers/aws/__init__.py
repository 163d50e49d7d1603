"""Prices from AWS: the Price List API, and EC2's spot price history."""

from structlog.typing import FilteringBoundLogger

from kube_cost_common.runtime.clock import Clock
from kube_cost_pricing.providers.aws.settings import AwsSettings
from kube_cost_pricing.providers.cloud import Ask, CloudPrices, Seen

__all__ = ["AwsSettings", "aws_prices"]


def aws_prices(
    *,
    settings: AwsSettings,
    ask: Ask,
    clock: Clock,
    log: FilteringBoundLogger,  # noqa: ARG001 - all clouds are given one; here every failure is raised
    seen: Seen = lambda _: None,
) -> CloudPrices:
    """Return AWS's prices. Loads the SDK."""
    from kube_cost_pricing.providers.aws.clients import AwsClients  # noqa: PLC0415 - the SDK
    from kube_cost_pricing.providers.aws.price_list import PriceList  # noqa: PLC0415 - likewise
    from kube_cost_pricing.providers.aws.prices import AwsPrices  # noqa: PLC0415 - likewise
    from kube_cost_pricing.providers.aws.spot_history import SpotHistory  # noqa: PLC0415 - likewise

    clients = AwsClients(settings=settings)
    return AwsPrices(
        settings=settings,
        price_list=PriceList(settings=settings, clients=clients, ask=ask, clock=clock),
        spot_history=SpotHistory(settings=settings, clients=clients, ask=ask, clock=clock),
        clients=clients,
        seen=seen,
    )
