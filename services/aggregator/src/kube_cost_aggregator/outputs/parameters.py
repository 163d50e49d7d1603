"""Query parameters declared as data: what is read by it is what the OpenAPI document says."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from kube_cost_aggregator.outputs.parameter_kinds import Kind, ValueRefusedError

T = TypeVar("T")

MAX_PARAMETER = 100
"""Characters of an unknown name that an answer repeats."""

MAX_REPEATED = 20
"""So often a repeated parameter may be given."""


class ParameterError(ValueError):
    """A parameter that can't be read: its name, and a sentence that says why, and what would be right."""

    def __init__(self, parameter: str, detail: str) -> None:
        super().__init__(f"{parameter}: {detail}")
        self.parameter = parameter
        self.detail = detail


@dataclass(frozen=True, kw_only=True)
class Parameter(Generic[T]):
    """A parameter. `default` is text as it would be asked with, None where nothing stands for what isn't given."""

    name: str
    kind: Kind[T]
    about: str
    """A sentence for readers of the OpenAPI document."""
    default: str | None = None
    repeated: bool = False
    """It may be given several times: each value is one more that is meant."""
    examples: tuple[str, ...] = ()


class Asked:
    """What was asked, by parameter."""

    def __init__(self, values: Mapping[str, Sequence[Any]], texts: Mapping[str, Sequence[str]]) -> None:
        self._values = values
        self._texts = texts

    def one(self, parameter: Parameter[T]) -> T:
        """Return the value of a parameter that has a default."""
        value: T = self._values[parameter.name][0]
        return value

    def given(self, parameter: Parameter[T]) -> T | None:
        """Return the value, None where there is none."""
        values = self._values[parameter.name]
        return values[0] if values else None

    def all(self, parameter: Parameter[T]) -> tuple[T, ...]:
        """Return all values of a repeated parameter."""
        return tuple(self._values[parameter.name])

    def text(self, parameter: Parameter[T]) -> str:
        """Return the text that was asked with, or the default; empty where there is none."""
        return next(iter(self._texts[parameter.name]), "")


def read_query(parameters: Sequence[Parameter[Any]], query: Iterable[tuple[str, str]], now_ns: int) -> Asked:
    """Return what a query's names and values ask at the moment `now_ns` (Unix nanoseconds); raise ParameterError."""
    texts: dict[str, list[str]] = {parameter.name: [] for parameter in parameters}
    for name, text in query:
        if name not in texts:
            raise ParameterError(name[:MAX_PARAMETER], f"unknown parameter; {_there_are(list(texts))}")
        texts[name].append(text)
    values: dict[str, list[Any]] = {}
    for parameter in parameters:
        given = texts[parameter.name]
        if len(given) > (MAX_REPEATED if parameter.repeated else 1):
            often = f"more than {MAX_REPEATED} times" if parameter.repeated else "more than once"
            raise ParameterError(parameter.name, f"given {often}")
        if not given and parameter.default is not None:
            given.append(parameter.default)
        try:
            values[parameter.name] = [parameter.kind.read(text, now_ns) for text in given]
        except ValueRefusedError as error:
            raise ParameterError(parameter.name, str(error)) from error
    return Asked(values, texts)


def _there_are(names: list[str]) -> str:
    if not names:
        return "there is none"
    *others, last = names
    return f"there are {', '.join(others)} and {last}" if others else f"there is {last}"
