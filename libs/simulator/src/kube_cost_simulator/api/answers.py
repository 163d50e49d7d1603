"""Bodies of the API server's answers."""

import base64
import binascii
import json
from typing import Any

from kube_cost_simulator.operations import RefusedError
from kube_cost_simulator.resources import Resource
from kube_cost_simulator.store import ExpiredError, StoredObject

Json = dict[str, Any]


def status(*, code: int, reason: str, message: str, details: Json | None = None) -> Json:
    """A Status object that says what went wrong."""
    body: Json = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    }
    if details:
        body["details"] = details
    return body


def refusal(error: RefusedError) -> Json:
    """The Status for a request that can't be fulfilled."""
    details = None
    if error.resource is not None:
        details = {"name": error.name, "kind": error.resource.plural}
        if error.resource.group:
            details["group"] = error.resource.group
    return status(code=error.code, reason=error.reason, message=error.message, details=details)


def gone(error: ExpiredError) -> Json:
    """The Status for a resourceVersion that is no longer known."""
    return status(code=410, reason="Expired", message=str(error))


def wants_metadata_only(accept: str) -> bool:
    """Whether an Accept header asks for PartialObjectMetadata, of one object or of a list."""
    for choice in accept.split(","):
        parameters = dict(part.strip().partition("=")[::2] for part in choice.split(";")[1:])
        if parameters.get("as", "").startswith("PartialObjectMetadata"):
            return parameters.get("g") == "meta.k8s.io" and parameters.get("v") == "v1"
    return False


def continue_token(version: int, key: tuple[str, str]) -> str:
    """The `continue` of a list: its resourceVersion and the last object that was sent."""
    return base64.urlsafe_b64encode(json.dumps({"v": "meta.k8s.io/v1", "rv": version, "start": key}).encode()).decode()


def read_continue_token(token: str) -> tuple[int, tuple[str, str]]:
    """What `continue_token` wrote; RefusedError 400 for anything else."""
    try:
        content = json.loads(base64.urlsafe_b64decode(token.encode()))
        namespace, name = content["start"]
        return int(content["rv"]), (str(namespace), str(name))
    except (binascii.Error, ValueError, KeyError, TypeError) as error:
        raise RefusedError(400, "BadRequest", f"continue key is not valid: {error}") from error


def encoded_list(
    resource: Resource,
    items: list[StoredObject],
    *,
    version: int,
    metadata_only: bool,
    token: str = "",
    remaining: int = 0,
) -> bytes:
    """A list as JSON; `token` and `remaining` are of a page that isn't the last."""
    metadata: Json = {"resourceVersion": str(version)}
    if token:
        metadata |= {"continue": token, "remainingItemCount": remaining}
    kind, api_version = f"{resource.kind}List", resource.api_version
    if metadata_only:
        kind, api_version = "PartialObjectMetadataList", "meta.k8s.io/v1"
    head = json.dumps({"kind": kind, "apiVersion": api_version, "metadata": metadata}, separators=(",", ":"))
    encoded = [item.encoded_metadata if metadata_only else item.encoded_item for item in items]
    return head[:-1].encode() + b',"items":[' + b",".join(encoded) + b"]}\n"


def watch_line(kind: str, encoded: bytes) -> bytes:
    """One event of a watch."""
    return b'{"type":"' + kind.encode() + b'","object":' + encoded + b"}\n"


def bookmark_line(resource: Resource, version: int, *, metadata_only: bool, initial_end: bool = False) -> bytes:
    """A bookmark: everything up to `version` was sent; `initial_end` closes the list that a watch began with."""
    metadata: Json = {"resourceVersion": str(version), "creationTimestamp": None}
    if initial_end:
        metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
    content: Json = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}
    if metadata_only:
        content |= {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
    return watch_line("BOOKMARK", json.dumps(content, separators=(",", ":")).encode())
