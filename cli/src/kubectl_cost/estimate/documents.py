"""Manifests as they come: files, directories, standard input; several documents in one, Lists."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from kubectl_cost.estimate.part import Part
from kubectl_cost.faults import BadInputError

SUFFIXES = frozenset({".yaml", ".yml", ".json"})

# Every scalar stays the text that it is: what `010`, `1:30`, `1e400` or `no` mean is for the field to say.
_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


def objects(sources: Sequence[str]) -> Iterator[Part]:
    """Yield the objects of files, of the files of directories, and of `-`; raise BadInputError, which says where."""
    for source in sources:
        if source == "-":
            yield from parsed(sys.stdin.read(), "standard input")
            continue
        path = Path(source)
        files = sorted(one for one in path.iterdir() if one.suffix in SUFFIXES) if path.is_dir() else [path]
        if not files:
            raise BadInputError(f"{source}: there is no file here that ends in .yaml, .yml or .json")
        for file in files:
            try:
                text = file.read_text()
            except (OSError, UnicodeError) as error:
                reason = error.strerror if isinstance(error, OSError) else "it isn't text in UTF-8"
                raise BadInputError(f"{file}: can't be read: {reason}") from error
            yield from parsed(text, str(file))


def parsed(text: str, name: str) -> Iterator[Part]:
    """Yield the objects of a text; `name` is what sentences call it."""
    try:
        for number, document in enumerate(yaml.load_all(text, Loader=_LOADER), start=1):
            if document in (None, ""):
                continue
            yield from _listed(Part(document, f"{name}, document {number}"))
    except yaml.YAMLError as error:
        raise BadInputError(f"{name}: {_fault(error, text)}") from error
    except RecursionError as error:
        raise BadInputError(f"{name}: it is nested too deeply") from error


def _listed(part: Part) -> Iterator[Part]:
    kind = part.at("kind").text()
    if not kind:
        raise BadInputError(f"{part.place}: kind: is missing; is this a Kubernetes object?")
    if kind.endswith("List") and isinstance(part.at("items").value, list):
        for item in part.at("items").items():
            yield from _listed(item)
    else:
        yield part


def _fault(error: yaml.YAMLError, text: str) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "it can't be read"
    line = "" if mark is None else f"line {mark.line + 1}: "
    template = " ({{ … }} is a template; render it first)" if "{{" in text else ""
    return f"{line}no YAML: {problem}{template}"
