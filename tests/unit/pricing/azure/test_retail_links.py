"""Where a next page may be."""

import pytest

from harness.azure_prices import PlainAsk
from kube_cost_common.runtime.clock import SystemClock
from kube_cost_pricing.providers.azure.retail import RetailPrices
from kube_cost_pricing.providers.azure.settings import AzureSettings


@pytest.mark.parametrize(
    ("link", "is_ours"),
    [
        ("https://prices.azure.com:443/api/retail/prices?$skip=100", True),
        ("https://prices.azure.com/api/retail/prices?$skip=100", True),
        ("https://PRICES.azure.com/api", True),
        ("http://prices.azure.com/api", False),
        ("https://prices.azure.com:8443/api", False),
        ("https://prices.azure.com.evil.example/api", False),
        ("https://prices.azure.com@evil.example/api", False),
        ("https://prices.azure.com:port/api", False),
        ("/api/retail/prices?$skip=100", False),
        ("file:///etc/passwd", False),
        ("", False),
    ],
)
def test_only_the_endpoints_own_links_are_followed(link: str, is_ours: bool) -> None:
    """Scheme, host and port have to be the endpoint's; the real links name the port."""
    retail = RetailPrices(settings=AzureSettings(), ask=PlainAsk(), clock=SystemClock())
    assert retail._is_ours(link) == is_ours


def test_the_question_is_the_real_apis() -> None:
    """The address is as documented: version, currency in quotes, the filter with its quotes."""
    retail = RetailPrices(settings=AzureSettings(), ask=PlainAsk(), clock=SystemClock())
    assert retail._first("armSkuName eq 'A' and armRegionName eq 'eastus'") == (
        "https://prices.azure.com/api/retail/prices?api-version=2023-01-01-preview&currencyCode='USD'"
        "&$filter=armSkuName%20eq%20'A'%20and%20armRegionName%20eq%20'eastus'"
    )
