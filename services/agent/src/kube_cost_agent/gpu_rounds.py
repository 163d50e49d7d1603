"""The rounds in which a node's GPUs are looked at."""

from structlog.typing import FilteringBoundLogger

from kube_cost_agent.dcgm import Dcgm, DcgmError
from kube_cost_agent.session import CurrentSession
from kube_cost_common.runtime.health import Counters, Problems


class GpuRounds:
    """Reads the exporter and hands what it says to the sampler; one that is away is noted and done without."""

    def __init__(
        self,
        *,
        dcgm: Dcgm,
        session: CurrentSession,
        counters: Counters,
        problems: Problems,
        log: FilteringBoundLogger,
    ) -> None:
        self._dcgm = dcgm
        self._session = session
        self._counters = counters
        self._problems = problems
        self._log = log

    async def read(self) -> None:
        """Take one look at the GPUs."""
        try:
            busy = await self._dcgm.busy_gpus()
        except DcgmError as error:
            self.failed(error)
            return
        self._session.sampler.learn_gpus(self._session.now_ns(), busy)
        if self._problems.over("gpus"):
            self._log.info("the DCGM exporter answers again")

    def failed(self, error: Exception) -> None:
        """Note that a round failed."""
        self._counters.add("kube_cost_errors_total", component="agent", error_type="config")
        if self._problems.say("gpus", f"no use of GPUs: {error}"):
            self._log.warning("the DCGM exporter can't be read", error=str(error))
