"""Which pods mount which persistent volume claims."""

from collections.abc import Collection
from math import inf

from kube_cost_aggregator.state.pods import Pod


class Mounts:
    """Pods by the claims that they mount, from their binding until they are forgotten; they may have ended."""

    def __init__(self) -> None:
        self.settled_ns: float = inf
        """Through when the volumes are settled that they mount, in Unix nanoseconds: nobody asks for what was before.
        Infinite while nobody settles them."""
        self._pods: dict[tuple[str, str], dict[str, Pod]] = {}

    def add(self, pod: Pod) -> None:
        """Take up a pod that is on a node."""
        for claim in pod.claims:
            self._pods.setdefault((pod.namespace, claim), {})[pod.uid] = pod

    def remove(self, pod: Pod) -> None:
        """Forget a pod."""
        for claim in pod.claims:
            pods = self._pods.get((pod.namespace, claim))
            if pods is not None:
                pods.pop(pod.uid, None)
                if not pods:
                    del self._pods[pod.namespace, claim]

    def needed(self, pod: Pod) -> bool:
        """Whether a pod that has ended mounted something in time that isn't settled yet."""
        return bool(pod.claims) and pod.end_ns is not None and pod.end_ns > self.settled_ns

    def pods_of(self, namespace: str, claim: str) -> Collection[Pod]:
        """Return the pods that mount a claim, or have done so and aren't forgotten."""
        pods = self._pods.get((namespace, claim))
        return pods.values() if pods is not None else ()

    def running(self, namespace: str, claim: str) -> list[Pod]:
        """Return the pods that mount a claim now."""
        return [pod for pod in self.pods_of(namespace, claim) if pod.end_ns is None]
