"""CSV that is safe to open."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_cost_aggregator.outputs.csv_text import LINES_AT_A_TIME, csv_pieces, neutral


def text_of(*rows: list[str | int | float | bool | None]) -> str:
    return b"".join(csv_pieces(["namespace", "usd"], rows)).decode()


def test_lines_are_those_of_rfc_4180() -> None:
    """A header, CRLF, quotes where they are needed and doubled in a cell; what isn't there is empty."""
    assert text_of(["shop", "-0.5"], ['a,"b"', 3], [None, 1.5], [True, "é\nx"]) == (
        'namespace,usd\r\nshop,-0.5\r\n"a,""b""",3\r\n,1.5\r\ntrue,"é\nx"\r\n'
    )


def test_no_rows_leave_the_header() -> None:
    """So that what reads it knows the columns."""
    assert text_of() == "namespace,usd\r\n"


def test_many_lines_come_in_pieces() -> None:
    """None of them is lost, none is larger than a thousand lines."""
    pieces = list(csv_pieces(["a", "b"], ((str(number), number) for number in range(3 * LINES_AT_A_TIME))))
    assert len(pieces) == 4
    assert b"".join(pieces).count(b"\r\n") == 3 * LINES_AT_A_TIME + 1


@pytest.mark.parametrize(
    "text",
    [
        "=cmd|' /C calc'!A0",
        "+1+1",
        "-1+1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "\tplain",
        " =1",
        "\u00a0=1",
        "\u200b=1",
        "\ufeff=1",
        "\u3000＝1",
        "＝1",
        "＋1",
        "－1",
        "＠x",
        "﹦1",
        "−1+1",
        "-",
        "--1",
        "-1e",
        "+1",
    ],
)
def test_what_a_spreadsheet_takes_for_a_formula_is_text(text: str) -> None:
    """An apostrophe stands before it, and nothing is lost."""
    assert neutral(text) == f"'{text}"


@pytest.mark.parametrize(
    "text", ["", "shop", "-0.000000001", "-12", "1e-9", "a=b", "__idle__", "2026-11-01", "'x", "*"]
)
def test_what_is_no_formula_stays_as_it_is(text: str) -> None:
    """Negative money is a number."""
    assert neutral(text) == text


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=2))
def test_a_reader_gets_back_what_was_written(cells: list[str]) -> None:
    """Whatever characters there are, but for the apostrophe of what is neutralised."""
    _, read = csv.reader(io.StringIO(text_of(list(cells)), newline=""))
    assert read == [neutral(cell) for cell in cells]
