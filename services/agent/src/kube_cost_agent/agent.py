"""The agent's rounds: a look at the cgroups every few seconds, a sample every interval."""

import asyncio
import hashlib
import pathlib

from structlog.typing import FilteringBoundLogger

from kube_cost_agent.cgroups import CgroupReader
from kube_cost_agent.kubelet import Kubelet, KubeletError
from kube_cost_agent.publisher import Publisher
from kube_cost_agent.session import CurrentSession
from kube_cost_common.runtime.health import Counters, Problems, Readiness


def phase_seconds(node: str, interval_seconds: float) -> float:
    """Return where in the interval a node publishes: spread over nodes, and the same after a restart."""
    digest = hashlib.sha256(node.encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64 * interval_seconds


def seconds_to_phase(now_ns: int, *, phase: float, interval_seconds: float) -> float:
    """Return how long it is from `now_ns` to the next moment of that phase."""
    return (phase - now_ns / 1e9) % interval_seconds


class Agent:
    """Reads, samples, and hands samples to the publisher.

    Each round raises what the cgroup tree raises; a kubelet that is away is noted and done without.
    """

    def __init__(
        self,
        *,
        cgroups: CgroupReader,
        kubelet: Kubelet,
        publisher: Publisher,
        session: CurrentSession,
        boot_id_file: pathlib.Path,
        readiness: Readiness,
        counters: Counters,
        problems: Problems,
        log: FilteringBoundLogger,
    ) -> None:
        self._cgroups = cgroups
        self._kubelet = kubelet
        self._publisher = publisher
        self._session = session
        self._boot_id_file = boot_id_file
        self._readiness = readiness
        self._counters = counters
        self._problems = problems
        self._log = log
        self._reading = asyncio.Lock()
        self._sampled = False

    async def read(self) -> None:
        """Take one look at the cgroups; the first one is followed by a sample at once, from which usage counts."""
        await self._look()
        if not self._sampled:
            await self.sample()

    async def sample(self) -> None:
        """Ask the kubelet, look at the cgroups once more, and hand on the sample that ends now."""
        boot_id = read_boot_id(self._boot_id_file)
        if self._session.follow_boot(boot_id):
            self._log.warning("the kernel was booted anew", boot_id=boot_id)
        await self._learn()
        await self.sample_cgroups()

    async def sample_cgroups(self) -> None:
        """Look at the cgroups once more, and hand on the sample that ends now, with what the kubelet said before."""
        await self._look()
        self._publisher.offer(self._session.sampler.sample(self._session.now_ns()))
        self._sampled = True

    def cgroups_failed(self, error: Exception) -> None:
        """Note that a round failed; the loop that runs it logs the first of a row."""
        self._problems.say("cgroups", f"the cgroups can't be read: {error}")
        self._counters.add("kube_cost_errors_total", component="agent", error_type="config")

    async def _look(self) -> None:
        async with self._reading:
            sampler = self._session.sampler
            sampler.take(await asyncio.to_thread(self._cgroups.read, self._session.now_ns()))
        self._readiness.met("cgroups")
        if self._problems.over("cgroups"):
            self._log.info("cgroups are read again")

    async def _learn(self) -> None:
        try:
            summary = await self._kubelet.summary()
        except KubeletError as error:
            self._counters.add("kube_cost_errors_total", component="agent", error_type="kubernetes_watch")
            if self._problems.say("kubelet", f"no names and no network: {error}"):
                self._log.warning("kubelet can't be asked", reason=error.reason, error=str(error))
        else:
            self._session.sampler.learn(summary)
            if self._problems.over("kubelet"):
                self._log.info("kubelet answers again")


def read_boot_id(file: pathlib.Path) -> str:
    """Return the id of the kernel's boot; empty where the file can't be read, which is then the same each time."""
    try:
        return file.read_text(encoding="ascii").strip()
    except OSError:
        return ""
