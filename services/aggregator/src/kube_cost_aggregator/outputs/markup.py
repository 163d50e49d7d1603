"""HTML from values: everything is escaped here, so that no name from the cluster is ever markup."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

from kube_cost_common.domain.money import NANO_PER_USD


class Markup(NamedTuple):
    """HTML that is made already."""

    html: str


Cell = str | Markup


def text(value: Cell) -> str:
    """Return HTML of a text, or of what is HTML already."""
    return value.html if isinstance(value, Markup) else escape(value)


def element(name: str, *content: Cell, css: str = "") -> Markup:
    """Return an element of that content, with a CSS class of ours."""
    attribute = f' class="{css}"' if css else ""
    return Markup(f"<{name}{attribute}>{''.join(map(text, content))}</{name}>")


def table(columns: Sequence[tuple[str, str]], rows: Iterable[Sequence[Cell]]) -> Markup:
    """Return a table that scrolls by itself on a narrow screen; columns have a title and a CSS class."""
    head = "".join(f'<th scope="col" class="{css}">{escape(title)}</th>' for title, css in columns)
    body = "".join(
        "<tr>"
        + "".join(f'<td class="{css}">{text(cell)}</td>' for cell, (_, css) in zip(row, columns, strict=True))
        + "</tr>"
        for row in rows
    )
    return Markup(f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>')


def dollars(nano: int) -> str:
    """Return money for the eye: two decimals from a dollar on, four below, never a bare 0 for what isn't nothing."""
    usd = abs(nano) / NANO_PER_USD
    sign = "−" if nano < 0 else ""
    if usd >= 1 or not nano:
        return f"{sign}${usd:,.2f}"
    return f"{sign}${usd:.4f}" if usd >= 0.00005 else f"{sign}<$0.0001"


def share(part: int, whole: int) -> Markup:
    """Return a bar of how much of `whole` a part is, with the number beside it."""
    ratio = max(0.0, min(1.0, part / whole)) if whole > 0 else 0.0
    percent = f"{100 * ratio:.0f} %"
    return Markup(f'<meter min="0" max="1" value="{ratio:.3f}" title="{percent}"></meter> <span>{percent}</span>')
