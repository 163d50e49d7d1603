"""The API as strangers ask it: everything that its document allows, what it doesn't, and what means harm."""

import re
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from harness.commands import schemathesis
from harness.served_api import served_api
from harness.two_hours import asked
from kube_cost_aggregator.outputs.answers.costs_schema import COSTS, STATUS
from kube_cost_aggregator.outputs.cost_parameters import GroupingText
from kube_cost_aggregator.outputs.parameter_kinds import (
    Choice,
    Decimal,
    LabelPattern,
    NamePattern,
    Sort,
    Whole,
    WindowText,
    YesNo,
)
from kube_cost_aggregator.outputs.parameters import MAX_REPEATED, Parameter
from kube_cost_aggregator.outputs.routes import DESCRIBED

ALL = [COSTS, STATUS, *DESCRIBED]

EACH = [(one.name, parameter) for one in ALL for parameter in one.parameters]

SQL = (
    "'",
    '"',
    "' OR '1'='1",
    "'; DROP TABLE pod_hours; --",
    "x%' UNION SELECT sql, 1, 1 FROM sqlite_master --",
    "%",
    "_",
    "\\",
    "a/**/b",
    "1;ATTACH DATABASE 'x' AS y",
    "*'*",
    "?",
    ":a",
    "$1",
)


async def test_answers_are_what_the_document_says(tmp_path: Path) -> None:
    """Whatever it allows is answered as described, whatever it doesn't is a 4xx, and nothing is a 5xx."""
    settings = tmp_path / "schemathesis.toml"
    # Not all that looks like a window is one: it may begin in the future, or be too long.
    settings.write_text(
        '[[operations]]\ninclude-name = "GET /api/v1/costs"\nchecks.positive_data_acceptance.enabled = false\n'
    )
    async with served_api(tmp_path) as (url, _):
        code, output = await schemathesis(
            f"{url}openapi.json",
            "--seed=1",
            "--max-examples=15",
            "--phases=examples,coverage,fuzzing",
            "--continue-on-failure",
            folder=tmp_path,
        )
    assert code == 0, output
    assert f"{len(ALL)} selected / {len(ALL)} total" in output


@pytest.mark.parametrize(("name", "parameter"), EACH, ids=[f"{name} {one.name}" for name, one in EACH])
async def test_a_wrong_value_is_refused_by_the_parameters_name(
    tmp_path: Path, name: str, parameter: Parameter[Any]
) -> None:
    """Each kind of wrong value, an empty one, and a value too many; with what would have been right."""
    values, words = wrong(parameter)
    queries = [[(parameter.name, value)] for value in ("", *values)]
    queries.append([(parameter.name, parameter.default or "a")] * (1 + (MAX_REPEATED if parameter.repeated else 1)))
    async with served_api(tmp_path) as (url, _), aiohttp.ClientSession(url) as client:
        for query in queries:
            async with client.get(name, params=query) as answer:
                assert (answer.status, answer.content_type) == (400, "application/problem+json"), query
                body = await answer.json(content_type=None)
            assert (body["parameter"], body["status"]) == (parameter.name, 400)
            assert len(query) > 1 or all(word in body["detail"] for word in words), body["detail"]


@pytest.mark.parametrize("name", [one.name for one in ALL])
async def test_an_unknown_parameter_is_refused_by_its_name(tmp_path: Path, name: str) -> None:
    """A filter that is misspelt would else answer with everything."""
    async with (
        served_api(tmp_path) as (url, _),
        aiohttp.ClientSession(url) as client,
        client.get(name, params={"namespaces": "shop"}) as answer,
    ):
        body = await answer.json(content_type=None)
    assert (answer.status, body["parameter"]) == (400, "namespaces")


async def test_no_filter_reaches_the_database(tmp_path: Path) -> None:
    """What has a meaning in SQL is refused by name or is a name that nothing has, and the ledger stays as it is."""
    async with served_api(tmp_path) as (url, store), aiohttp.ClientSession(url) as client:
        before = await store.query(asked("pod"))
        for name, parameter in EACH:
            for value in SQL:
                async with client.get(name, params={parameter.name: value}) as answer:
                    body = await answer.json(content_type=None)
                assert answer.status in {200, 400}, (name, parameter.name, value)
                if answer.status == 400:
                    assert body["parameter"] == parameter.name
                else:
                    assert lines(body) == [], (name, parameter.name, value)
        assert await store.query(asked("pod")) == before


async def test_what_the_documentation_asks_is_answered(tmp_path: Path) -> None:
    """Each curl in it."""
    text = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
    asked_for = re.findall(r"^curl .*'http://127\.0\.0\.1:9090/api/v1/(.*)'$", text, re.MULTILINE)
    assert len(asked_for) == text.count("curl ") > len(ALL)
    async with served_api(tmp_path) as (url, _), aiohttp.ClientSession(url) as client:
        for path in asked_for:
            async with client.get(path) as answer:
                assert answer.status == 200, (path, await answer.text())


def lines(body: dict[str, Any]) -> list[Any]:
    """The lines of an answer: its only list of records, or of nothing."""
    (found,) = [one for name, one in body.items() if isinstance(one, list) and name not in {"columns", "faults"}]
    assert isinstance(found, list)
    return found


def wrong(parameter: Parameter[Any]) -> tuple[list[str], list[str]]:
    """Values that a parameter of its kind can't have, and words that the refusal says."""
    match parameter.kind:
        case Choice(words=words):
            values, expected = ["nonsense", words[0].upper(), f"{words[0]} "], list(words)
        case GroupingText():
            values, expected = ["nonsense", "Pod", "label", "label:", "label:te am", "label:unkept"], ["label"]
        case Sort(columns=columns):
            values, expected = ["nonsense", f"+{columns[0]}", "-"], [*columns, "-"]
        case Whole(least=least, most=most):
            values, expected = [str(least - 1), str(most + 1), "1.5", "many"], [str(least), str(most)]
        case Decimal(least=least, most=most):
            values, expected = [str(most + 1), str(least - 1), "nan", "inf", "half"], ["from", "to"]
        case YesNo():
            values, expected = ["yes", "1", "True"], ["true", "false"]
        case WindowText():
            values, expected = ["fortnight", "0h", "999999w", "2026-11-08/2026-11-01", "9998-01-01/9998-01-02"], []
        case NamePattern():
            values, expected = ["a b", "a;b", "ü", "a" * 254, "[ab]"], ["letters", "*"]
        case LabelPattern():
            values, expected = ["team", "=a", "team=a b"], ["team="]
        case _:
            raise AssertionError(f"no wrong value is known for {parameter.kind}")
    return values, expected
