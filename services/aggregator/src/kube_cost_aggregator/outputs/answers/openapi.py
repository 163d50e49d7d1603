"""`/api/v1/openapi.json`: OpenAPI 3.1, made of what requests are read by and of the types that answers are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from kube_cost_aggregator.outputs.parameters import MAX_REPEATED, Parameter
from kube_cost_aggregator.outputs.problems import CONTENT_TYPE, Problem

_REF = "#/components/schemas/{name}"

ABOUT = (
    "What a Kubernetes cluster costs. Money is in USD as decimal strings, exact to a billionth, since JSON's numbers "
    "are floats to most readers; per hour is the rate of this moment, and times are UTC. What isn't known is null, "
    "never a made-up 0. Clients have to ignore fields that they don't know: there may be more of them."
)


@dataclass(frozen=True, kw_only=True)
class Described:
    """What can be asked under `/api/v1/<name>`, and the record that is answered; some of it as CSV too.

    What is answered as a file of its own `media_type` has no record.
    """

    name: str
    summary: str
    parameters: Sequence[Parameter[Any]]
    body: type[msgspec.Struct] | None
    csv: bool = True
    media_type: str = ""


def openapi_document(described: Sequence[Described], *, version: str) -> dict[str, Any]:
    """Return the document of all of them; `version` is that of the program."""
    types = [Problem, *(one.body for one in described if one.body is not None)]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    of_type = dict(zip(types, schemas, strict=True))
    problem = of_type[Problem]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "kube-cost-exporter",
            "version": version,
            "description": ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {
            f"/api/v1/{one.name}": {"get": _operation(one, of_type[one.body] if one.body else None, problem)}
            for one in described
        },
        "components": {"schemas": components},
    }


def _operation(one: Described, body: Mapping[str, Any] | None, problem: Mapping[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = {} if body is None else {"application/json": {"schema": body}}
    text = one.media_type or ("text/csv" if one.csv else "")
    if text:
        content[text] = {"schema": {"type": "string"}}
    return {
        "operationId": one.name,
        "summary": one.summary,
        "parameters": list(map(_parameter, one.parameters)),
        "responses": {
            "200": {"description": "What was asked for", "content": content},
            "400": _problem("A parameter that is wrong: `parameter` names it", problem),
            "503": _problem("Not known yet, or not to be read now: `detail` says what is missing", problem),
        },
    }


def _problem(description: str, problem: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {CONTENT_TYPE: {"schema": problem}}}


def _parameter(parameter: Parameter[Any]) -> dict[str, Any]:
    schema = dict(parameter.kind.schema())
    if parameter.repeated:
        schema = {"type": "array", "items": schema, "maxItems": MAX_REPEATED}
    elif parameter.default is not None:
        schema["default"] = _default(parameter.default, schema.get("type"))
    described: dict[str, Any] = {
        "name": parameter.name,
        "in": "query",
        "required": False,
        "description": parameter.about,
        "schema": schema,
    }
    if parameter.repeated:
        described |= {"style": "form", "explode": True}
    if parameter.examples:
        described["examples"] = {example: {"value": example} for example in parameter.examples}
    return described


def _default(text: str, of_type: object) -> object:
    """Return a default as JSON has it: a number is one, where that is the parameter's type."""
    return text if of_type == "string" else msgspec.json.decode(text)
