"""The document about the API."""

from typing import Any

import msgspec
import pytest

from harness.api import small_world
from kube_cost_aggregator.outputs.answers.answer import Endpoint
from kube_cost_aggregator.outputs.answers.costs_schema import COSTS, STATUS
from kube_cost_aggregator.outputs.answers.openapi import openapi_document
from kube_cost_aggregator.outputs.routes import DESCRIBED, ENDPOINTS

ALL = [COSTS, STATUS, *DESCRIBED]


async def test_each_endpoint_is_described_with_all_its_parameters() -> None:
    """Under their names, with what they can be."""
    document = openapi_document(ALL, version="1.2.3")
    assert (document["openapi"], document["info"]["version"]) == ("3.1.0", "1.2.3")
    assert list(document["paths"]) == [f"/api/v1/{one.name}" for one in ALL]
    for one in ALL:
        described = document["paths"][f"/api/v1/{one.name}"]["get"]["parameters"]
        assert [parameter["name"] for parameter in described] == [parameter.name for parameter in one.parameters]
    (by,) = [one for one in _parameters(document, "costs") if one["name"] == "by"]
    assert (by["schema"]["type"], by["schema"]["default"]) == ("string", "namespace")


def test_a_parameter_that_is_repeated_is_an_array_and_a_default_has_its_type() -> None:
    """As they are asked with."""
    document = openapi_document(ALL, version="1")
    node = _parameters(document, "nodes")[0]
    assert (node["schema"]["type"], node["explode"]) == ("array", True)
    (share,) = [one for one in _parameters(document, "savings") if one["name"] == "spot_share"]
    assert share["schema"] == {"type": "number", "minimum": 0, "maximum": 1, "default": 0.7}


async def test_it_is_served() -> None:
    """At /api/v1/openapi.json, and every reference in it leads somewhere."""
    document = await small_world().get("openapi.json")
    for reference in _references(document):
        assert reference.removeprefix("#/components/schemas/") in document["components"]["schemas"]


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda one: one.name)
async def test_what_is_answered_is_the_type_that_is_described(endpoint: Endpoint) -> None:
    """With no field more, and none less."""
    body = await small_world().get(endpoint.name)
    decoded = msgspec.convert(body, endpoint.body)
    assert msgspec.to_builtins(decoded) == body


def _parameters(document: dict[str, Any], name: str) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = document["paths"][f"/api/v1/{name}"]["get"]["parameters"]
    return parameters


def _references(value: object) -> list[str]:
    if isinstance(value, dict):
        found = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return found + [one for inner in value.values() for one in _references(inner)]
    return [one for inner in value for one in _references(inner)] if isinstance(value, list) else []
