"""The state of each part of the mesh, in words."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from kube_cost_aggregator.outputs.amounts import current_nodes
from kube_cost_aggregator.outputs.sources import Sources
from kube_cost_aggregator.state.components import SILENT_AFTER_SECONDS, Components, Instance
from kube_cost_common.domain.money import NS_PER_SECOND
from kube_cost_common.runtime.clock import Clock

State = Literal["ok", "waiting", "problem"]

MAX_NAMES = 5
"""Names that a sentence lists before it says how many more there are."""

MAX_SENTENCES = 12


class Part(NamedTuple):
    """A part, how it is, and the facts: what is wrong or waited for first."""

    name: str
    state: State
    sentences: tuple[str, ...]


def parts_of(sources: Sources) -> list[Part]:
    """Return the parts in the way of the data."""
    return [
        _agents(sources),
        _service("pricing", sources.components, sources.clock, absent="problem"),
        _bus(sources),
        _watches(sources),
        _ledger(sources),
        _aggregator(sources),
        _service("alerts", sources.components, sources.clock, absent="waiting"),
    ]


def age(seconds: float) -> str:
    """Return a duration in words, in the largest unit of which there is more than one: `3 s`, `5 min`, `2 h`, `9 d`."""
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def listed(names: list[str]) -> str:
    """Return names in a sentence, not more than five of them."""
    shown = ", ".join(names[:MAX_NAMES])
    return f"{shown} and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else shown


def _agents(sources: Sources) -> Part:
    nodes = current_nodes(sources.rates().nodes.values())
    connected = sources.components.connected_nodes() & nodes.keys()
    sentences = [f"{len(connected)} of {len(nodes)} nodes have an agent that is heard"]
    if missing := sorted(nodes.keys() - connected):
        sentences.append(
            f"not heard within {SILENT_AFTER_SECONDS:.0f} s: {listed(missing)}; gauges go on with what was used last, "
            "and by requests once their time is settled so"
        )
    now_ns = sources.clock.now_ns()
    samples = [end_ns for name, end_ns in sources.last_samples().items() if name in nodes]
    if samples:
        newest, oldest = (age((now_ns - end_ns) / NS_PER_SECOND) for end_ns in (max(samples), min(samples)))
        sentences.append(f"last samples are between {newest} and {oldest} old")
    sentences += _problems(sources.components.live("agent"))
    if not nodes:
        return Part("agents", "waiting", ("no node is known yet",))
    state: State = "problem" if missing and sources.components.last_heard("agent") else "waiting" if missing else "ok"
    return Part("agents", state, tuple(sentences[:MAX_SENTENCES]))


def _service(name: str, components: Components, clock: Clock, *, absent: State) -> Part:
    live = components.live(name)
    if not live:
        last = components.last_heard(name)
        if last is None:
            waiting = clock.now_ns() - components.began_ns < SILENT_AFTER_SECONDS * NS_PER_SECOND
            return Part(name, "waiting" if waiting else absent, ("not heard since this aggregator began",))
        return Part(name, "problem", (f"silent for {age(clock.monotonic() - last.heard_at)}", *last.problems))
    problems = tuple(_problems(live))
    newest = live[-1]
    heard = f"heard {age(clock.monotonic() - newest.heard_at)} ago, version {newest.software_version or 'unknown'}"
    state: State = "ok" if not problems else "waiting" if not newest.ready else "problem"
    return Part(name, state, (*problems, heard)[:MAX_SENTENCES])


def _problems(live: list[Instance]) -> Iterator[str]:
    several = len(live) > 1
    for known in live:
        for problem in known.problems:
            yield f"{known.node or known.instance}: {problem}" if several else problem


def _bus(sources: Sources) -> Part:
    if not sources.bus_connected():
        return Part("bus", "problem", ("not connected; agents keep their samples, prices stay as they are",))
    pending = sources.pending_messages()
    if pending:
        return Part("bus", "ok", ("connected", f"{pending} samples wait to be settled"))
    return Part("bus", "ok", ("connected",))


def _watches(sources: Sources) -> Part:
    watches = sources.watches()
    problems = tuple(watch.problem for watch in watches if watch.problem)
    unlisted = [watch.kind for watch in watches if not watch.synced]
    if problems:
        return Part("watches", "problem", problems[:MAX_SENTENCES])
    if unlisted or not watches:
        return Part("watches", "waiting", (f"not listed yet: {listed(unlisted) or 'anything'}",))
    heard = [watch.last_event_ns for watch in watches if watch.last_event_ns is not None]
    oldest = age((sources.clock.now_ns() - min(heard)) / NS_PER_SECOND) if heard else "unknown"
    return Part("watches", "ok", (f"{len(watches)} resources are followed; the quietest was heard {oldest} ago",))


def _ledger(sources: Sources) -> Part:
    totals = sources.totals()
    if not totals.started_at_ns:
        return Part("ledger", "waiting", ("not read yet",))
    if totals.settled_through_ns is None:
        return Part("ledger", "waiting", ("nothing is settled yet: the first samples are on their way",))
    behind = age((sources.clock.now_ns() - totals.settled_through_ns) / NS_PER_SECOND)
    return Part("ledger", "ok", (f"the node furthest behind is settled up to {behind} ago",))


def _aggregator(sources: Sources) -> Part:
    of_watches = {watch.problem for watch in sources.watches()}  # said by their own part
    missing = sources.readiness.missing
    problems = [sentence for sentence in sources.problems.sentences() if sentence not in of_watches]
    state: State = "problem" if problems else "waiting" if missing else "ok"
    sentences = (*problems, *(f"waiting: {sentence}" for sentence in missing), f"version {sources.version}")
    return Part("aggregator", state, sentences[:MAX_SENTENCES])
