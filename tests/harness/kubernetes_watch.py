"""A watch of pods over a server of a test's own, and what it told."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog
import yaml

from harness.apiserver import ApiServer, running_apiserver
from harness.clock import TurnedClock
from harness.kubernetes_objects import ReadObjects
from kube_cost_aggregator.inputs.kubernetes.client import ApiClient, api_client
from kube_cost_aggregator.inputs.kubernetes.watch import Watch, WatchTimes
from kube_cost_aggregator.state.facts import PodFacts


@dataclass
class Told:
    """What a receiver was told, in order: `= one two`, `+ one`, `- one`; and when."""

    lines: list[str] = field(default_factory=list)
    times_ns: list[int] = field(default_factory=list)
    fault: Exception | None = None

    def replaced(self, _kind: str, facts: Sequence[Any], at_ns: int) -> None:
        self._note(" ".join(["=", *(one.name for one in facts)]), at_ns)

    def changed(self, _kind: str, facts: Any, at_ns: int) -> None:
        self._note(f"+ {facts.name}", at_ns)

    def removed(self, _kind: str, uid: str, last: Any, at_ns: int) -> None:
        self._note(f"- {last.name if last else uid}", at_ns)

    def _note(self, line: str, at_ns: int) -> None:
        if self.fault is not None:
            fault, self.fault = self.fault, None
            raise fault
        self.lines.append(line)
        self.times_ns.append(at_ns)


@dataclass
class Watched:
    """A watch, and all around it that a test looks at or turns."""

    api: ApiServer
    clock: TurnedClock
    client: ApiClient
    watch: Watch[PodFacts]
    read: ReadObjects
    told: Told = field(default_factory=Told)
    errors: list[Exception] = field(default_factory=list)


@contextlib.asynccontextmanager
async def watched_pods(folder: Path, times: WatchTimes) -> AsyncIterator[Watched]:
    """A server and a watch over it, which the test runs."""
    clock = TurnedClock()
    log = structlog.get_logger()
    async with running_apiserver(read_clock=clock.monotonic) as api:
        kubeconfig = write_kubeconfig(folder, api.url)
        async with api_client(kubeconfig=str(kubeconfig), environ={}, clock=clock, log=log) as client:
            read, told, errors = ReadObjects(), Told(), list[Exception]()
            watch = Watch(
                client=client,
                resource=read.resources.pods,
                receiver=told,
                on_error=errors.append,
                clock=clock,
                log=log,
                times=times,
            )
            yield Watched(api, clock, client, watch, read, told, errors)


def write_kubeconfig(
    folder: Path, server: str, *, user: dict[str, Any] | None = None, cluster: dict[str, Any] | None = None
) -> Path:
    """A kubeconfig of one cluster and one user."""
    path = folder / "kubeconfig"
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "clusters": [{"name": "test", "cluster": {"server": server} | (cluster or {})}],
        "users": [{"name": "test", "user": user or {}}],
    }
    path.write_text(yaml.safe_dump(content))
    return path
