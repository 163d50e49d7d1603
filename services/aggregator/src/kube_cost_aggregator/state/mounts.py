"""Which pods mount which persistent volume claims."""

from collections.abc import Collection

from kube_cost_aggregator.state.pods import Pod


class Mounts:
    """Pods by the claims that they mount, from their binding until they are forgotten; they may have ended."""

    def __init__(self) -> None:
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

    def pods_of(self, namespace: str, claim: str) -> Collection[Pod]:
        """Return the pods that mount a claim, or have done so and aren't forgotten."""
        pods = self._pods.get((namespace, claim))
        return pods.values() if pods is not None else ()

    def running(self, namespace: str, claim: str) -> list[Pod]:
        """Return the pods that mount a claim now."""
        return [pod for pod in self.pods_of(namespace, claim) if pod.end_ns is None]
