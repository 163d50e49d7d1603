"""Questions to /api/v1, and what answers mean that aren't one."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from kubectl_cost.client.connection import Answer, Connection
from kubectl_cost.faults import BadInputError, CannotAnswerError

Query = Sequence[tuple[str, str]]

OPTIONS = {
    "sort": "--sort-by",
    "label": "-l",
    "namespace": "namespace",
    "by": "label",
    "pod": "NAME",
    "workload": "NAME",
    "node": "NAME",
    "volume": "NAME",
    "sku": "NAME",
    "scope_kind": "--kind",
}
"""What a parameter of the API is called at the prompt, where it isn't `--<name>`."""


class Server:
    """The aggregator, wherever it is."""

    def __init__(self, *, connection: Connection, named: str) -> None:
        self._connection = connection
        self.named = named
        """What sentences call it."""

    def ask(self, name: str, query: Query = ()) -> dict[str, Any]:
        """Return the answer to `/api/v1/<name>`; raise BadInputError where it is the question's fault."""
        answer = self._connection.get(f"/api/v1/{name}", query)
        if answer.status != 200:
            raise self.refusal(answer, name)
        content = _json(answer)
        if content is None:
            raise CannotAnswerError(f"{self.named} answers with something that is no JSON; is it an aggregator?")
        return content

    def stream(self, name: str, query: Query = ()) -> Iterator[bytes]:
        """Yield the answer to `/api/v1/<name>` as it comes, which is no JSON; raises as `ask` does."""
        for answer in self._connection.pieces(f"/api/v1/{name}", query):
            if answer.status != 200:
                raise self.refusal(answer, name)
            yield answer.body

    def refusal(self, answer: Answer, name: str) -> Exception:
        """Return what to raise for an answer that is none."""
        problem = _json(answer) or {}
        detail = str(problem.get("detail") or problem.get("message") or "").strip()
        if answer.status == 400 and detail:
            parameter = str(problem.get("parameter") or "")
            option = OPTIONS.get(parameter, f"--{parameter.replace('_', '-')}" if parameter else "")
            return BadInputError(f"{option}: {detail}" if option else detail)
        if answer.status == 503 and detail:
            return CannotAnswerError(f"{self.named} can't answer yet: {detail}")
        if answer.status == 401:
            return CannotAnswerError(f"{self.named} asks who you are; give it a token by --token")
        if answer.status == 404:
            return CannotAnswerError(
                f"{self.named} has no /api/v1/{name}; is it an aggregator, and not older than this command?"
            )
        return CannotAnswerError(f"{self.named} answers with {answer.status}{f': {detail}' if detail else ''}")


def _json(answer: Answer) -> dict[str, Any] | None:
    try:
        content = json.loads(answer.body)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None
