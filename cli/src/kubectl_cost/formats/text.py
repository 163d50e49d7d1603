"""Tables as kubectl has them, and as Markdown has them."""

from collections.abc import Sequence

from kubectl_cost.formats.values import right_aligned, shown
from kubectl_cost.report import Column, Report

SUMMED = "SUMMED"
_GAP = "   "


def table(report: Report, *, wide: bool) -> str:
    """Return a table with a row of sums and a footer."""
    columns = _columns(report, wide=wide)
    lines = _cells(report, columns)
    widths = [max(len(line[number]) for line in lines) for number in range(len(columns))]
    text = "".join(
        _GAP.join(
            cell.rjust(width) if right_aligned(column) else cell.ljust(width)
            for cell, width, column in zip(line, widths, columns, strict=True)
        ).rstrip()
        + "\n"
        for line in lines
    )
    if not report.rows:
        text = "Nothing is found.\n"
    return text + "".join(f"\n{line}" for line in ("", *report.footer)).removeprefix("\n") + "\n" * bool(report.footer)


def markdown(report: Report) -> str:
    """Return the narrow table as Markdown, with the footer as a list."""
    columns = _columns(report, wide=False)
    header, *lines = _cells(report, columns)
    rule = ["---:" if right_aligned(column) else "---" for column in columns]
    text = "".join(f"| {' | '.join(map(_escaped, line))} |\n" for line in ([*header], rule, *lines))
    return text + "\n" + "".join(f"- {_escaped(line)}\n" for line in report.footer)


def _columns(report: Report, *, wide: bool) -> list[Column]:
    return [column for column in report.columns if wide or not column.wide]


def _cells(report: Report, columns: Sequence[Column]) -> list[list[str]]:
    rows = [[shown(column, row.get(column.key)) for column in columns] for row in report.rows]
    if report.summed is not None and report.rows:
        summed = report.summed
        first, *others = (shown(column, summed[column.key]) if column.key in summed else "" for column in columns)
        rows.append([first or SUMMED, *others])
    return [[column.title for column in columns], *rows]


def _escaped(cell: str) -> str:
    """Return a text that is nothing but text in Markdown."""
    for character in "\\|`<>*_[]":
        cell = cell.replace(character, f"\\{character}")
    return cell
