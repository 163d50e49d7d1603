"""kubectl's label selectors as the API's filters."""

import re
from collections.abc import Iterator

from kubectl_cost.faults import BadInputError

_PART = re.compile(r"[^,(]*(?:\([^)]*\))?[^,(]*")
_EQUAL = re.compile(r"([^\s=!]+)\s*==?\s*([^\s=!]+)")
_IN = re.compile(r"(\S+)\s+in\s*\(([^)]*)\)")


def label_filters(selector: str) -> list[tuple[str, str]]:
    """Return a `label` parameter for each value that a selector allows; all labels must hold.

    Raises BadInputError for what the API has no filter for: what labels are not, or that they are there at all.
    """
    return [("label", f"{name}={value}") for part in _parts(selector) for name, value in _values(part)]


def _parts(selector: str) -> list[str]:
    return [part.strip() for part in _PART.findall(selector) if part.strip()]


def _values(part: str) -> Iterator[tuple[str, str]]:
    if match := _EQUAL.fullmatch(part):
        yield match[1], match[2]
    elif match := _IN.fullmatch(part):
        for value in match[2].split(","):
            yield match[1], value.strip()
    else:
        raise BadInputError(f"-l: {part!r} can't be asked for; there are a=b, a in (b,c), and a=b* for patterns")
