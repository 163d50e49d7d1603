"""YAML read with its line numbers, all faults collected, so that a person mends a file in one go."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

import yaml

_PLAIN_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|nan)", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, order=True)
class Fault:
    """One thing wrong with a file: at which line (from 1; 0 is the whole) and field, and what was expected there."""

    file: str
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.field}: {self.message}" if self.field else f"{place}: {self.message}"


class Reader:
    """Takes YAML nodes apart and notes what isn't as expected in `faults`; what is at fault is read as None."""

    def __init__(self, *, file: str) -> None:
        self._file = file
        self.faults: list[Fault] = []

    def fault(self, node: yaml.Node | None, field: str, message: str) -> None:
        """Note a fault at the line of `node`."""
        self.fault_at(1 if node is None else node.start_mark.line + 1, field, message)

    def fault_at(self, line: int, field: str, message: str) -> None:
        """Note a fault at a line, counted from 1."""
        self.faults.append(Fault(file=self._file, line=line, field=field, message=message))

    def document(self, text: str) -> yaml.Node | None:
        """Return the root node of the only document in `text`; None (and a fault) where it isn't YAML or empty."""
        try:
            root = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = 1 if mark is None else mark.line + 1
            problem = error.problem or error.context or "can't be read"
            self.fault_at(line, "", f"not YAML: {problem}")
            return None
        except (yaml.YAMLError, RecursionError) as error:
            self.fault_at(1, "", f"not YAML: {error}")
            return None
        if root is None:
            self.fault(None, "", "the file is empty")
        return root

    def mapping(self, node: yaml.Node | None, field: str, names: Sequence[str]) -> dict[str, yaml.Node]:
        """Return the values of a mapping by their names, which are to be among `names`."""
        values = self.free_mapping(node, field)
        known: dict[str, yaml.Node] = {}
        for name, value in values.items():
            if name in names:
                known[name] = value
                continue
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(names)}"
            self.fault(value, _below(field, name), f"unknown field; {hint}")
        return known

    def free_mapping(self, node: yaml.Node | None, field: str) -> dict[str, yaml.Node]:
        """Return the values of a mapping with whatever names; each name may stand there once."""
        if not isinstance(node, yaml.MappingNode):
            self.fault(node, field, f"expected fields with values, found {found(node)}")
            return {}
        values: dict[str, yaml.Node] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.fault(key, field, f"expected a name, found {found(key)}")
            elif key.value in values:
                self.fault(key, _below(field, key.value), "stands there twice")
            else:
                values[key.value] = value
        return values

    def sequence(self, node: yaml.Node, field: str) -> list[yaml.Node]:
        """Return the items of a list."""
        if not isinstance(node, yaml.SequenceNode):
            self.fault(node, field, f"expected a list, found {found(node)}")
            return []
        return list(node.value)

    def text(self, node: yaml.Node, field: str, what: str) -> str | None:
        """Return a text; numbers and booleans count as what they look like, since labels are often written so."""
        if not isinstance(node, yaml.ScalarNode) or node.tag == "tag:yaml.org,2002:null" or not node.value.strip():
            self.fault(node, field, f"expected {what}, found {found(node)}")
            return None
        return str(node.value)

    def choice(self, node: yaml.Node, field: str, choices: Sequence[str]) -> str | None:
        """Return one of `choices`."""
        if isinstance(node, yaml.ScalarNode) and node.value in choices:
            return str(node.value)
        self.fault(node, field, f"expected one of {', '.join(choices)}, found {found(node)}")
        return None

    def switch(self, node: yaml.Node, field: str) -> bool | None:
        """Return whether it is true."""
        if isinstance(node, yaml.ScalarNode) and not node.style and node.value.lower() in {"true", "false"}:
            return bool(node.value.lower() == "true")
        self.fault(node, field, f"expected true or false, found {found(node)}")
        return None

    def amount(self, node: yaml.Node, field: str, currency: str) -> float | None:
        """Return a finite number that isn't negative."""
        expected = f"expected a number of {currency}, 0 or more"
        if not isinstance(node, yaml.ScalarNode) or node.style:
            self.fault(node, field, f"{expected}, found {found(node)}")
            return None
        if _PLAIN_NUMBER.fullmatch(node.value) is None:
            kind = "which isn't finite" if _NOT_FINITE.fullmatch(node.value) else "which is no number"
            self.fault(node, field, f"{expected}, found {found(node)}, {kind}")
            return None
        number = float(node.value)
        if not 0 <= number < float("inf"):
            self.fault(node, field, f"{expected}, found {node.value}")
            return None
        return number


def found(node: yaml.Node | None) -> str:
    """Return what `node` is, for a person."""
    match node:
        case yaml.MappingNode():
            return "fields"
        case yaml.SequenceNode():
            return "a list"
        case yaml.ScalarNode(tag="tag:yaml.org,2002:null"):
            return "nothing"
        case yaml.ScalarNode(style=None | ""):  # not quoted; the two loaders say it in two ways
            return _short(node.value)
        case yaml.ScalarNode():
            return f"the text '{_short(node.value)}'"
        case _:
            return "nothing"


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:40] + "…"


def _below(field: str, name: str) -> str:
    return f"{field}.{_short(name)}" if field else _short(name)
