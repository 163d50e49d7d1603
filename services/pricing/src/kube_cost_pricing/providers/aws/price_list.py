"""Asks the Price List API, page by page."""

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

from kube_cost_common.runtime.clock import Clock
from kube_cost_pricing.calls.failures import ANSWER, CallFailedError
from kube_cost_pricing.providers.aws.clients import PRICING, AwsClients
from kube_cost_pricing.providers.aws.products import Product, read_products
from kube_cost_pricing.providers.aws.settings import AwsSettings
from kube_cost_pricing.providers.cloud import Ask


class Listing(NamedTuple):
    """Products, and when the first page was asked for, in Unix nanoseconds."""

    products: list[Product]
    fetched_at_ns: int


class PriceList:
    """One question is one or more calls."""

    def __init__(self, *, settings: AwsSettings, clients: AwsClients, ask: Ask, clock: Clock) -> None:
        self._settings = settings
        self._clients = clients
        self._ask = ask
        self._clock = clock

    async def products(self, endpoint: str, service: str, conditions: Mapping[str, str]) -> Listing:
        """Return the products of an AWS service whose attributes are those; `endpoint` is what the calls are for."""
        settings = self._settings
        fetched_at_ns = self._clock.now_ns()
        parameters = {
            "ServiceCode": service,
            "FormatVersion": "aws_v1",
            "MaxResults": 100,
            "Filters": [{"Type": "TERM_MATCH", "Field": name, "Value": text} for name, text in conditions.items()],
        }
        products: list[Product] = []
        for _ in range(settings.max_pages):
            call = partial(self._clients.call, PRICING, settings.pricing_region, "get_products", parameters)
            page = await self._ask(endpoint, call)
            if "PriceList" not in page:  # botocore makes nothing of a body that it can't read
                raise CallFailedError(ANSWER, f"a page of {service} that can't be read")
            products += read_products(page["PriceList"])
            token = page.get("NextToken")
            if not token:
                return Listing(products, fetched_at_ns)
            parameters = {**parameters, "NextToken": token}
        raise CallFailedError(ANSWER, f"the list of {service} has more than {settings.max_pages} pages")
