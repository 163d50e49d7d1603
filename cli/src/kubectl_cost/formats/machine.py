"""Formats for programs: all columns, money as exact strings, what isn't known as null."""

import csv
import io
import json
import re
from typing import Any

from kubectl_cost.report import Report, Value

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def as_json(report: Report) -> str:
    """Return one JSON object."""
    return json.dumps(_document(report), indent=2, ensure_ascii=False) + "\n"


def as_yaml(report: Report) -> str:
    """Return one YAML document."""
    import yaml  # noqa: PLC0415 - not needed for anything else

    text: str = yaml.safe_dump(_document(report), sort_keys=False, allow_unicode=True, explicit_start=True)
    return text


def as_csv(report: Report) -> str:
    """Return the rows, of sums none, with a header; texts that a spreadsheet would take for a formula are defused."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([column.key for column in report.columns])
    for row in report.rows:
        writer.writerow([_cell(row.get(column.key)) for column in report.columns])
    return out.getvalue()


def _document(report: Report) -> dict[str, Any]:
    keys = [column.key for column in report.columns]
    return {
        "kind": report.kind,
        **report.facts,
        "left_out": report.left_out,
        "items": [{key: row.get(key) for key in keys} for row in report.rows],
        **({"total": dict(report.summed)} if report.summed is not None else {}),
    }


def _cell(value: Value) -> str | float | int:
    if value is None:
        return ""
    text = value if isinstance(value, str) else " ".join(value) if isinstance(value, (list, tuple)) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text) else text
