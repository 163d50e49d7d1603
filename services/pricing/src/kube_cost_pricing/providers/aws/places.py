"""What AWS's lists call the places where machines are, and which currency is paid there."""

import re

from kube_cost_common.messages.prices import PriceRequest

CHINA = "cn-"

_WAVELENGTH = re.compile(r"(?P<region>.+)-wl(?P<group>[0-9]+)-(?P<city>[a-z]+)-wlz-(?P<number>[0-9]+)")
_FIRST = {"us-east-1-wl1-bos1": "us-east-1-wl1", "us-west-2-wl1-sfo1": "us-west-2-wl1"}
"""The first two Wavelength Zones were listed before cities came into the codes."""


def region_code(request: PriceRequest) -> str:
    """Return the `regionCode` of a machine's products: of its region, or of its Local or Wavelength Zone.

    A Local Zone `us-west-2-lax-1a` is listed under its group `us-west-2-lax-1`, a Wavelength Zone
    `us-east-1-wl1-atl-wlz-1` as `us-east-1-wl1-atl1`. The codes are as several public collections of the list's have
    them; they weren't checked against AWS. One that isn't there has no price, never another place's.
    """
    if not request.zone:
        return request.region
    wavelength = _WAVELENGTH.fullmatch(request.zone)
    if wavelength is None:
        return request.zone.rstrip("abcdefghijklmnopqrstuvwxyz")
    code = "{region}-wl{group}-{city}{number}".format(**wavelength.groupdict())
    return _FIRST.get(code, code)


def spot_currency(region: str) -> str:
    """Return what a region's spot prices are in, which the history doesn't say."""
    return "CNY" if region.startswith(CHINA) else "USD"
