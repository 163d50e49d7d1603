"""JSON or CSV: which is asked for, and how lines become either."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, NamedTuple, get_origin

import msgspec

from kube_cost_aggregator.outputs.answers.answer import Answer
from kube_cost_aggregator.outputs.csv_text import CONTENT_TYPE, Cell, csv_pieces
from kube_cost_aggregator.outputs.parameter_kinds import Choice
from kube_cost_aggregator.outputs.parameters import Asked, Parameter

JSON, CSV = FORMATS = ("json", "csv")

FORMAT = Parameter(
    name="format",
    kind=Choice(FORMATS),
    about="What is answered with. Without it the header `Accept` says so; JSON, where that leaves both.",
)

LINES_AT_A_TIME = 1_000


class Column(NamedTuple):
    """A column of CSV: its name, and how a line's cell is found."""

    name: str
    cell: Callable[[msgspec.Struct], Cell]


def wants_csv(asked: Asked, accept: str) -> bool:
    """Return whether CSV is asked for, by the parameter or else by an Accept header (RFC 9110 §12.5.1)."""
    given = asked.given(FORMAT)
    if given is not None:
        return given == CSV
    weights = dict(map(_weighed, accept.lower().split(",")))
    csv = weights.get("text/csv", weights.get("text/*", 0.0))
    json = weights.get("application/json", weights.get("application/*", weights.get("*/*", 0.0)))
    return csv > json


def headers_of(name: str, *, csv: bool) -> Mapping[str, str]:
    """Return what an answer's headers say of its body; browsers save CSV under a name."""
    if not csv:
        return {"Content-Type": "application/json"}
    return {
        "Content-Type": CONTENT_TYPE,
        "Content-Disposition": f'attachment; filename="kube-cost-{name}.csv"',
    }


def json_pieces(answer: Answer) -> Iterator[bytes]:
    """Yield the body with its lines, a thousand at a time."""
    encoder = msgspec.json.Encoder()
    yield encoder.encode(answer.body).removesuffix(b"]}")
    for first in range(0, len(answer.lines), LINES_AT_A_TIME):
        lines = encoder.encode(answer.lines[first : first + LINES_AT_A_TIME])[1:-1]
        yield b"," + lines if first else lines
    yield b"]}"


def csv_of(line: type[msgspec.Struct], lines: Sequence[msgspec.Struct]) -> Iterator[bytes]:
    """Yield lines as CSV."""
    columns = columns_of(line)
    return csv_pieces([column.name for column in columns], ([cell(one) for _, cell in columns] for one in lines))


def columns_of(line: type[msgspec.Struct], within: str = "") -> list[Column]:
    """Return the columns of lines of a type: its fields, those of a record in it with its name before theirs."""
    columns: list[Column] = []
    for field in msgspec.structs.fields(line):
        path = f"{within}{field.name}"
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            columns += columns_of(field.type, f"{path}.")
        else:
            columns.append(Column(path.replace(".", "_"), _cell(attrgetter(path), get_origin(field.type))))
    return columns


def _cell(value: Callable[[msgspec.Struct], Any], of: object) -> Callable[[msgspec.Struct], Cell]:
    if of is dict:
        return lambda line: " ".join(f"{key}={one}" for key, one in value(line).items())
    if of is list:
        return lambda line: " ".join(value(line))
    return value


def _weighed(media_range: str) -> tuple[str, float]:
    name, *parameters = (piece.strip() for piece in media_range.split(";"))
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return name, float(parameter[2:])
            except ValueError:
                return name, 0.0
    return name, 1.0
