"""CSV for finance: RFC 4180 in UTF-8 with a header, in which no text comes alive as a formula."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

CONTENT_TYPE = "text/csv; charset=utf-8; header=present"

LINES_AT_A_TIME = 1_000

Cell = str | int | float | bool | None

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_QUOTED = frozenset('",\r\n')
_FORMULA = frozenset("=+-@−")
_IGNORED = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})
"""Control and format characters and blanks: spreadsheets drop them on import, and look at what comes then."""


def csv_pieces(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[bytes]:
    """Yield a header and lines, a thousand at a time, as UTF-8. None is an empty cell, a truth value true or false."""
    lines = [_line(header)]
    for row in rows:
        lines.append(_line(row))
        if len(lines) >= LINES_AT_A_TIME:
            yield _bytes(lines)
            lines = []
    if lines:
        yield _bytes(lines)


def neutral(text: str) -> str:
    """Return a text that a spreadsheet doesn't take for a formula: with an apostrophe before it where it would.

    That is where its first visible character is `=`, `+`, `-` or `@`, or a full-width form of one, and where it begins
    with a tab or a line's end. Plain numbers stay as they are: negative money is a number.
    """
    if not text or _NUMBER.fullmatch(text) or text[0].isalnum():
        return text
    visible = next((one for one in text if unicodedata.category(one) not in _IGNORED), "")
    dangerous = text[0] in "\t\r\n" or unicodedata.normalize("NFKC", visible)[:1] in _FORMULA
    return f"'{text}" if dangerous else text


def _line(cells: Sequence[Cell]) -> str:
    return ",".join(map(_cell, cells)) + "\r\n"


def _cell(value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = neutral(value) if isinstance(value, str) else repr(value)
    if _QUOTED.isdisjoint(text):
        return text
    return '"' + text.replace('"', '""') + '"'


def _bytes(lines: list[str]) -> bytes:
    return "".join(lines).encode("utf-8", "replace")
