"""docs/configuration.md has every setting of every service, with its default and its reason, and no other."""

import ast
import inspect
import os
import re
import textwrap
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from kube_cost_agent.config import AgentConfig
from kube_cost_aggregator.config import AggregatorConfig
from kube_cost_alerts.config import AlertsConfig
from kube_cost_common.runtime.config import Config, variable
from kube_cost_common.runtime.lifecycle import ServiceConfig
from kube_cost_common.runtime.mesh import DefaultPriceConfig, MeshConfig
from kube_cost_pricing.config import PricingConfig

DOCUMENT = Path(__file__).parents[2] / "docs" / "configuration.md"
UPDATE = os.environ.get("KUBE_COST_UPDATE_DOCS") == "1"

SECTIONS: dict[str, list[type[Config]]] = {
    "every service": [ServiceConfig, MeshConfig],
    "agent": [AgentConfig],
    "pricing": [PricingConfig],
    "aggregator": [AggregatorConfig],
    "alerts": [AlertsConfig],
    "pricing and aggregator": [DefaultPriceConfig],
}


def reasons(config_type: type[Config]) -> dict[str, str]:
    """The docstring under each field that a record itself declares, on one line."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(config_type)))
    body = tree.body[0].body  # type: ignore[attr-defined]
    found = {}
    for field, said in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            has_docstring = isinstance(said, ast.Expr) and isinstance(said.value, ast.Constant)
            assert has_docstring, f"{config_type.__name__}.{field.target.id} has no docstring under it"
            found[field.target.id] = re.sub(r"\s+", " ", str(said.value.value)).strip()
    return found


def table(config_types: list[type[Config]]) -> str:
    """The settings that these records declare themselves, as a table."""
    rows = ["| variable | default | |", "| --- | --- | --- |"]
    for config_type in config_types:
        defaults = {field.name: field.default for field in msgspec.structs.fields(config_type)}
        for name, reason in reasons(config_type).items():
            default = defaults[name]
            shown = "required" if default is msgspec.NODEFAULT else "" if default == "" else f"`{default}`"
            rows.append(f"| `{variable(name)}` | {shown} | {reason.replace('|', chr(92) + '|')} |")
    return "\n".join(rows)


def test_every_service_is_in_the_document() -> None:
    """Each has its table."""
    assert {AgentConfig, PricingConfig, AggregatorConfig, AlertsConfig} < {
        one for section in SECTIONS.values() for one in section
    }


@pytest.mark.parametrize("section", SECTIONS)
def test_the_document_has_the_settings_as_they_are(section: str) -> None:
    """Each table equals what the records say; `KUBE_COST_UPDATE_DOCS=1` writes it anew."""
    text = DOCUMENT.read_text()
    begin, end = f"<!-- settings: {section} -->\n", f"\n<!-- end: {section} -->"
    expected = table(SECTIONS[section])
    before, _, rest = text.partition(begin)
    shown, _, after = rest.partition(end)
    if UPDATE:
        DOCUMENT.write_text(f"{before}{begin}{expected}{end}{after}")
    else:
        assert shown == expected
