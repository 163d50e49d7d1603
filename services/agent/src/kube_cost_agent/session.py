"""A session: a random name, a clock that doesn't step, and the totals since."""

import secrets

from kube_cost_agent.machine import Machine
from kube_cost_agent.sampler import Sampler
from kube_cost_agent.session_clock import SessionClock
from kube_cost_common.runtime.clock import Clock


class CurrentSession:
    """The life of the agent's process under one boot of the kernel; under another boot, the next one."""

    def __init__(self, *, clock: Clock, cluster: str, node: str, boot_id: str, machine: Machine) -> None:
        self._wall = clock
        self._cluster = cluster
        self._node = node
        self._machine = machine
        self.clock = SessionClock(clock)
        self.sampler = self._sampler(boot_id)

    def now_ns(self) -> int:
        """Return the session's time in Unix nanoseconds."""
        return self.clock.now_ns()

    def follow_boot(self, boot_id: str) -> bool:
        """Begin a new session where the kernel was booted anew, and return whether it was.

        A process may be frozen under one boot and thawed under another.
        """
        if boot_id == self.sampler.boot_id:
            return False
        self.clock = SessionClock(self._wall)
        self.sampler = self._sampler(boot_id)
        return True

    def _sampler(self, boot_id: str) -> Sampler:
        return Sampler(
            cluster=self._cluster,
            node=self._node,
            boot_id=boot_id,
            # Random, since the bus drops a message id that it has seen, whichever process sent it.
            session=secrets.token_hex(8),
            start_ns=self.clock.start_ns,
            machine=self._machine,
        )
