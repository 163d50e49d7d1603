"""The agent says what machine its node is."""

import os
from pathlib import Path

from kube_cost_agent.machine import Machine, read_machine
from kube_cost_agent.sampler import Sampler


def test_a_machine_is_what_its_kernel_says() -> None:
    """The processors that are online and all memory, as /proc has them for the kubelet too."""
    machine = read_machine()
    total = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal:"))
    assert machine.memory_bytes == int(total.split()[1]) * 1024
    assert machine.vcpu >= len(os.sched_getaffinity(0))


def test_samples_say_the_machine() -> None:
    """Each one, so that the first that arrives suffices."""
    machine = Machine(4.0, 16_000_000_000)
    sampler = Sampler(cluster="c", node="n", boot_id="b", session="0" * 16, start_ns=1, machine=machine)
    samples = [sampler.sample(2), sampler.sample(3)]
    assert {(sample.vcpu, sample.memory_bytes) for sample in samples} == {machine}
