import pytest

from kube_cost_common.messages.prices import PriceRequest
from kube_cost_pricing.providers.aws.places import region_code, spot_currency


@pytest.mark.parametrize(
    ("region", "zone", "code"),
    [
        ("us-east-1", "", "us-east-1"),
        ("us-west-2", "us-west-2-lax-1a", "us-west-2-lax-1"),
        ("us-east-1", "us-east-1-wl1-atl-wlz-1", "us-east-1-wl1-atl1"),
        ("us-east-1", "us-east-1-wl1-bos-wlz-1", "us-east-1-wl1"),
        ("us-west-2", "us-west-2-wl1-sfo-wlz-1", "us-west-2-wl1"),
        ("eu-west-2", "eu-west-2-wl2-man-wlz-1", "eu-west-2-wl2-man1"),
        ("us-gov-west-1", "us-gov-west-1a", "us-gov-west-1"),
    ],
)
def test_a_place_has_its_code_in_the_list(region: str, zone: str, code: str) -> None:
    """Regions, Local Zones and Wavelength Zones are each listed in their own way."""
    request = PriceRequest("aws", region, zone, "instance", "m5.large", "linux", "on_demand")
    assert region_code(request) == code


@pytest.mark.parametrize(
    ("region", "currency"), [("cn-north-1", "CNY"), ("us-gov-west-1", "USD"), ("eu-west-1", "USD")]
)
def test_a_regions_spot_prices_have_its_currency(region: str, currency: str) -> None:
    """China's are in yuan, all others in dollars."""
    assert spot_currency(region) == currency
