"""The aggregator behind the API server's service proxy, and what the API server says when it doesn't let us there."""

import json

from kubectl_cost.client.connection import Answer, Connection
from kubectl_cost.client.server import Server
from kubectl_cost.faults import CannotAnswerError


class ProxiedServer(Server):
    """A Service, by `[scheme:]name[:port]` as the API server's proxy calls it."""

    def __init__(self, *, connection: Connection, namespace: str, service: str) -> None:
        super().__init__(connection=connection, named=f"the Service {namespace}/{service}")
        self._namespace = namespace
        self._service = service
        self._api_server = connection.base.partition("/api/v1/")[0]

    def refusal(self, answer: Answer, name: str) -> Exception:
        """Return what to raise: the API server's own answers are `Status` objects, all others are the aggregator's."""
        message = _status_message(answer)
        if message is None:
            return super().refusal(answer, name)
        if answer.status == 401:
            return CannotAnswerError(
                f"the API server {self._api_server} doesn't know who you are; log in anew, or name another --context"
            )
        if answer.status == 403:
            return CannotAnswerError(
                f"the API server doesn't let you reach {self.named}: {message}. What you need is a Role in the "
                f'namespace {self._namespace} with apiGroups [""], resources ["services/proxy"], resourceNames '
                f'["{self._service}"], verbs ["get"]'
            )
        if answer.status == 404:
            return CannotAnswerError(
                f"there is no Service {self._bare} in the namespace {self._namespace} ({message}); say where it is by "
                "--service-namespace and --service, or by --url (KUBE_COST_URL)"
            )
        if answer.status == 503:
            return CannotAnswerError(
                f"{self.named} has no pod that is ready ({message}); see `kubectl -n {self._namespace} get pods`, or "
                "name another port by --service NAME:PORT"
            )
        return CannotAnswerError(f"the API server can't reach {self.named} ({answer.status}): {message}")

    @property
    def _bare(self) -> str:
        """The name alone."""
        parts = self._service.split(":")
        return parts[1] if len(parts) == 3 else parts[0]


def _status_message(answer: Answer) -> str | None:
    """Return the message of a Kubernetes Status, None where the answer isn't one."""
    try:
        content = json.loads(answer.body)
    except ValueError:
        # What breaks between API server and pod is plain text: "error trying to reach service: …".
        text = answer.body.decode("utf-8", "replace").strip()
        return text if text.startswith("error trying to reach service") else None
    if not isinstance(content, dict) or content.get("kind") != "Status":
        return None
    return str(content.get("message") or content.get("reason") or "no reason is given").rstrip(".")
