"""What programs read."""

import csv
import io

from kubectl_cost.formats.machine import as_csv
from kubectl_cost.formats.text import markdown
from kubectl_cost.report import Column, Report

HOSTILE = Report(
    kind="Test",
    columns=[Column("NAME", "name"), Column("COST", "cost_usd", "money"), Column("BY", "by", "names")],
    rows=[{"name": "=1+1", "cost_usd": "-1.5", "by": ["a", "b"]}, {"name": 'a,"b|c*', "cost_usd": None, "by": []}],
)


def test_no_text_in_csv_is_a_formula() -> None:
    """An apostrophe stands before it; below 0 is a number."""
    rows = list(csv.reader(io.StringIO(as_csv(HOSTILE))))
    assert rows == [["name", "cost_usd", "by"], ["'=1+1", "-1.5", "a b"], ['a,"b|c*', "", ""]]


def test_no_text_in_markdown_is_markup() -> None:
    """Bars, stars and the like are escaped."""
    assert '| a,"b\\|c\\* | - | - |' in markdown(HOSTILE)
