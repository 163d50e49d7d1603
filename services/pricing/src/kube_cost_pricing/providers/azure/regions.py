"""Regions that Azure's public price list doesn't know."""

from collections.abc import Mapping

_SOVEREIGN: Mapping[str, str] = {
    "china": "Azure China has a price list of its own (prices.azure.cn, in CNY, for download), which isn't read",
    "usgov": "Azure Government isn't in the public price list",
    "usdod": "Azure Government isn't in the public price list",
    "usnat": "Azure Government isn't in the public price list",
    "ussec": "Azure Government isn't in the public price list",
    "germanycentral": "Azure Germany was closed in 2021",
    "germanynortheast": "Azure Germany was closed in 2021",
}


def outside(region: str) -> str:
    """Return why `region` has no price here, or an empty text."""
    for beginning, reason in _SOVEREIGN.items():
        if region.startswith(beginning):
            return f"{reason}: {region} can have custom prices"
    return ""
