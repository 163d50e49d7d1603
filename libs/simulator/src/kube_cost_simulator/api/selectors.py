"""Label and field selectors, as far as clients of ours use them."""

from collections.abc import Callable
from typing import Any

from kube_cost_simulator.operations import RefusedError
from kube_cost_simulator.store import StoredObject

Json = dict[str, Any]
Requirement = Callable[[StoredObject], bool]

FIELDS: dict[str, Callable[[Json], str]] = {
    "metadata.name": lambda content: str(content["metadata"]["name"]),
    "metadata.namespace": lambda content: str(content["metadata"].get("namespace", "")),
    "spec.nodeName": lambda content: str(content["spec"].get("nodeName", "")),
    "status.phase": lambda content: str(content["status"].get("phase", "")),
}


def selector(*, namespace: str, labels: str, fields: str) -> Requirement:
    """Whether an object is in a namespace (empty: any) and meets both selectors; RefusedError 400 for others."""
    requirements = [label_requirement(part.strip()) for part in labels.split(",") if part.strip()]
    requirements += [field_requirement(part.strip()) for part in fields.split(",") if part.strip()]

    def meets(stored: StoredObject) -> bool:
        if namespace and stored.key[0] != namespace:
            return False
        return all(requirement(stored) for requirement in requirements)

    return meets


def split_comparison(text: str) -> tuple[str, str, bool] | None:
    """The name, the value and whether they are to be equal; None where nothing is compared."""
    for sign, equal in (("!=", False), ("==", True), ("=", True)):
        name, found, value = text.partition(sign)
        if found:
            return name.strip(), value.strip(), equal
    return None


def label_requirement(text: str) -> Requirement:
    """One requirement on labels: `a=b`, `a!=b`, `a`, `!a`."""
    if "(" in text or " " in text:
        raise RefusedError(400, "BadRequest", f"the simulated API server has no set-based selectors: {text}")
    comparison = split_comparison(text)
    if comparison is None:
        name, wanted = text.removeprefix("!"), not text.startswith("!")
        return lambda stored: (name in stored.content["metadata"].get("labels", {})) == wanted
    name, value, equal = comparison
    return lambda stored: (stored.content["metadata"].get("labels", {}).get(name) == value) == equal


def field_requirement(text: str) -> Requirement:
    """One requirement on a field."""
    comparison = split_comparison(text)
    if comparison is None or comparison[0] not in FIELDS:
        raise RefusedError(400, "BadRequest", f"field label not supported: {text}")
    read, value, equal = FIELDS[comparison[0]], comparison[1], comparison[2]
    return lambda stored: (read(stored.content) == value) == equal
