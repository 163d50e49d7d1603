"""In-place changes of a running pod's requests: asked for in the spec, and in effect a moment later."""

from dataclasses import replace
from functools import partial

from kube_cost_simulator.containers import container_statuses, running_states
from kube_cost_simulator.objects.quantities import amounts
from kube_cost_simulator.pod_state import PodState
from kube_cost_simulator.pods import PodLifecycle
from kube_cost_simulator.reservation import PodRequests, reserved
from kube_cost_simulator.resources import PODS
from kube_cost_simulator.scenario import Resources


class Resizer:
    """Resizes containers without restarting them."""

    def __init__(self, *, lifecycle: PodLifecycle) -> None:
        self._lifecycle = lifecycle

    def resize(self, pod: PodState, container: str, requests: Resources, at_ns: int) -> bool:
        """Change a container's requests; False, and nothing changed, if it doesn't run or the node has no room."""
        if pod.room is None or not pod.running or pod.terminating:
            return False
        old = pod.requests[-1]
        asked = replace(
            old,
            from_ns=at_ns,
            containers=tuple(
                replace(each, spec=requests, status=each.held) if each.name == container else each
                for each in old.containers
            ),
        )
        if not (reserved(asked) - reserved(old)).fits_in(pod.room.free):
            return False
        self._hold(pod, asked)
        stored = self._lifecycle.store.get(PODS, pod.namespace, pod.name)
        assert stored is not None
        containers = [
            {**each, "resources": {**each.get("resources", {}), "requests": amounts(requests)}}
            if each["name"] == container
            else each
            for each in stored.content["spec"]["containers"]
        ]
        self._lifecycle.update(pod, spec={"containers": containers})
        done_ns = at_ns + self._lifecycle.delay(self._lifecycle.delays.resize_milliseconds)
        self._lifecycle.agenda.at(done_ns, partial(self._resized, pod))
        return True

    def _hold(self, pod: PodState, requests: PodRequests) -> None:
        assert pod.room is not None
        before = reserved(pod.requests[-1])
        pod.requests.append(requests)
        pod.room.held += reserved(requests) - before

    def _resized(self, pod: PodState, at_ns: int) -> None:
        if pod.room is None or not pod.running or pod.started_ns is None:
            return
        old = pod.requests[-1]
        in_effect = tuple(replace(each, status=each.spec) for each in old.containers)
        self._hold(pod, replace(old, from_ns=at_ns, containers=in_effect))
        self._lifecycle.update(pod, **container_statuses(pod, running_states(pod)))
        self._lifecycle.retry_pending(at_ns)
