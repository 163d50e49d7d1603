"""Which other region stands in where a table has no price for the one that is asked for.

The rule is by name alone, so that it is the same everywhere and needs no map of the world:

1. the provider's home region where the table has only that one (AWS: us-east-1);
2. Google: the regions whose name begins with the same place and direction (`europe-west10` → `europe-west…`), then
   those of the same continent (`europe-…`), each in the order of their numbers;
3. Azure: the region that stands for the geography that the name contains (`germanywestcentral` → westeurope);
4. then the home region (us-east-1, us-central1, eastus), then all others by name.

No region outside China stands in for one there, nor the other way: that is another market, with another currency.
The first one that has a price for the machine type and capacity is taken. Its price is an estimate, and is said to be.
"""

import re

HOME = {"aws": "us-east-1", "azure": "eastus", "gcp": "us-central1"}

_AZURE_GEOGRAPHIES = (
    (("westus", "usgov"), "westus2"),
    (("us",), "eastus"),
    (("canada", "mexico", "brazil", "chile"), "eastus"),
    (("uk", "northeurope", "ireland", "norway", "sweden", "finland", "denmark"), "northeurope"),
    (
        (
            *("europe", "france", "germany", "switzerland", "poland", "italy", "spain", "austria", "belgium"),
            *("uae", "qatar", "israel", "saudi", "southafrica"),
        ),
        "westeurope",
    ),
    (("asia", "japan", "korea", "india", "indonesia", "malaysia", "taiwan"), "southeastasia"),
)


def candidates(provider: str, region: str, known: list[str]) -> list[str]:
    """Return the regions of `known` other than `region`, the ones that stand in for it best first."""
    known = [name for name in known if _in_china(name) is _in_china(region)]
    order = [*_alike(provider, region, known), HOME[provider], *sorted(known)]
    return [name for name in dict.fromkeys(order) if name in known and name != region]


def _in_china(region: str) -> bool:
    return region.startswith(("cn-", "china"))


def _alike(provider: str, region: str, known: list[str]) -> list[str]:
    if provider == "gcp":
        place = region.rstrip("0123456789")
        continent = region.split("-", maxsplit=1)[0] + "-"
        numbered = sorted(known, key=_numbered)
        same_place = [name for name in numbered if place and name.rstrip("0123456789") == place]
        same_continent = [name for name in numbered if region and name.startswith(continent)]
        return same_place + same_continent
    if provider == "azure":
        if region.startswith(("australia", "newzealand")):
            return ["australiaeast"]
        return [stand_in for words, stand_in in _AZURE_GEOGRAPHIES if any(word in region for word in words)]
    return []


def _numbered(name: str) -> tuple[str, int]:
    match = re.fullmatch(r"(.*?)(\d*)", name)
    assert match is not None, "every text is a text and some digits"
    return match[1], int(match[2] or 0)
