"""The whole cluster, followed: a watch for each resource."""

from collections import OrderedDict
from collections.abc import Coroutine
from typing import Any, NoReturn

from structlog.typing import FilteringBoundLogger

from kube_cost_aggregator.inputs.kubernetes.client import ApiClient
from kube_cost_aggregator.inputs.kubernetes.objects import ObjectReader
from kube_cost_aggregator.inputs.kubernetes.reading import ObjectError
from kube_cost_aggregator.inputs.kubernetes.resources import Facts, all_resources
from kube_cost_aggregator.inputs.kubernetes.watch import OnProblem, Receiver, Watch, WatchState, WatchTimes, nobody
from kube_cost_common.domain.gpus import GpuResources
from kube_cost_common.domain.privacy import PLAIN, PodNames
from kube_cost_common.runtime.clock import Clock
from kube_cost_common.runtime.health import Counters
from kube_cost_common.runtime.lifecycle import Service

_REMEMBERED_FAULTS = 1000


class ClusterWatch:
    """Follows all resources that money depends on, and tells one receiver."""

    def __init__(
        self,
        *,
        client: ApiClient,
        receiver: Receiver[Facts],
        gpus: GpuResources,
        kept_labels: frozenset[str],
        pod_names: PodNames = PLAIN,
        counters: Counters,
        clock: Clock,
        log: FilteringBoundLogger,
        times: WatchTimes,
        on_problem: OnProblem = nobody,
    ) -> None:
        """Take whom to ask and to tell, which extended resources are GPUs, and which labels of pods to keep.

        `on_problem` is told what is wrong with the watch of a kind, and when nothing is any more.
        """
        self._counters = counters
        self._pod_names = pod_names
        self._log = log
        self._said: OrderedDict[tuple[str, ...], None] = OrderedDict()
        reader = ObjectReader(gpus=gpus, kept_labels=kept_labels, report=self._bad_object, pod_names=pod_names)
        self._watches = tuple(
            Watch(
                client=client,
                resource=resource,
                receiver=receiver,
                on_error=self._failed,
                clock=clock,
                log=log,
                times=times,
                on_problem=on_problem,
            )
            for resource in all_resources(reader=reader, report=self._bad_object).all()
        )

    def start(self, service: Service) -> None:
        """Keep a task for each watch."""
        for watch in self._watches:
            service.keep(f"watch {watch.state.kind}", watch.run())

    def runs(self) -> list[Coroutine[Any, Any, NoReturn]]:
        """Return what each watch does, for whoever runs them without a service."""
        return [watch.run() for watch in self._watches]

    def relist(self) -> None:
        """List everything anew."""
        for watch in self._watches:
            watch.relist()

    @property
    def states(self) -> list[WatchState]:
        """How each watch is."""
        return [watch.state for watch in self._watches]

    @property
    def unsynced(self) -> list[str]:
        """The kinds that haven't been listed yet."""
        return [state.kind for state in self.states if not state.synced]

    @property
    def problems(self) -> list[str]:
        """What is wrong now, a sentence for each watch that isn't well."""
        return [state.problem for state in self.states if state.problem]

    def _failed(self, _: Exception) -> None:
        self._counters.add("kube_cost_errors_total", component="aggregator", error_type="kubernetes_watch")

    def _bad_object(self, error: ObjectError) -> None:
        """Count a bad object each time, log it the first time."""
        self._failed(error)
        if error.kind == "Pod":
            error.name = self._pod_names.shown(error.name)
        what = (error.kind, error.namespace, error.name, error.field)
        if what in self._said:
            return
        self._said[what] = None
        if len(self._said) > _REMEMBERED_FAULTS:
            self._said.popitem(last=False)
        self._log.warning("object can't be read in full", error=str(error))
