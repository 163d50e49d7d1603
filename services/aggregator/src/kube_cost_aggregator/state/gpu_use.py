"""How busy pods keep their GPUs, by what a sample says more than the one before."""

from collections.abc import Mapping

from kube_cost_aggregator.history.store import NodeState
from kube_cost_aggregator.state.pods import Pod
from kube_cost_common.domain.money import NS_PER_SECOND
from kube_cost_common.messages.usage import UsageSample


def note_gpu_use(state: NodeState, sample: UsageSample, pods: Mapping[str, Pod], end_ns: int) -> None:
    """Note at each pod how many GPUs it keeps busy on average; `pods` are by the uid that the agent knows them by.

    None where nobody says: the node has no exporter, or the agent's total began within the sample. The totals are the
    agent's process's own, so that those of another session can't be compared. GPUs are charged by request, whatever
    their use.
    """
    same_session = sample.session == state.session and state.baseline_end_ns is not None
    start_ns = state.baseline_end_ns or 0
    for used in sample.pods:
        pod = pods.get(used.uid)
        if pod is None:
            continue
        pod.busy_gpus = None
        base = state.pods.get(used.uid)
        if not same_session or used.gpu_seconds is None or base is None or base.gpu_seconds is None:
            continue
        there_ns = (end_ns if pod.end_ns is None else min(end_ns, pod.end_ns)) - start_ns
        if there_ns > 0 and used.gpu_seconds >= base.gpu_seconds:
            pod.busy_gpus = (used.gpu_seconds - base.gpu_seconds) * NS_PER_SECOND / there_ns
