"""The API and what the documentation says of it."""

import re
from pathlib import Path

import pytest

from kube_cost_aggregator.outputs.answers.costs_schema import COSTS, STATUS
from kube_cost_aggregator.outputs.answers.openapi import Described
from kube_cost_aggregator.outputs.parameter_kinds import Choice, Sort
from kube_cost_aggregator.outputs.routes import DESCRIBED

TEXT = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
ALL = [COSTS, STATUS, *DESCRIBED]


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)
def test_an_endpoint_has_a_section_with_its_parameters(one: Described) -> None:
    """All of them, and no others, each with the words that it can be, and its default."""
    section = _section(one.name)
    first_cells = re.findall(r"^\| (`.*?`) \|", section, re.MULTILINE)
    named = [name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)]
    assert sorted(named) == sorted(parameter.name for parameter in one.parameters)
    for parameter in one.parameters:
        words = {Choice: "words", Sort: "columns"}.get(type(parameter.kind))
        if words and parameter.name != "format":
            missing = [word for word in getattr(parameter.kind, words) if f"`{word}`" not in section.replace("`-", "`")]
            assert not missing, f"{parameter.name} can be {missing}"
        if parameter.default is not None:
            assert parameter.default in section


def test_each_endpoint_is_in_the_list() -> None:
    """At the top, with a link to its section; nothing else is."""
    assert sorted(re.findall(r"^\| \[(\w+)\]\(#\1\) \|", TEXT, re.MULTILINE)) == sorted(one.name for one in ALL)


def _section(name: str) -> str:
    found = re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert found, f"docs/api.md has no section {name}"
    return found[1]
