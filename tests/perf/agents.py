"""The agents of a population as one: each node's sample once an interval, spread over it, and its status reports."""

import asyncio
from collections import deque
from typing import NoReturn

from kube_cost_common.messages.codec import encode
from kube_cost_common.messages.names import status_subject, usage_message_id, usage_subject
from kube_cost_common.messages.status import STATUS_INTERVAL_SECONDS, Reading, StatusReport
from kube_cost_common.messages.usage import PodUsage, RootUsage, UsageSample
from kube_cost_common.runtime.bus import Bus, BusError
from kube_cost_common.runtime.clock import Clock
from perf.population import MIB, LivePod, Population

CLUSTER = "default"
SAMPLES_AFTER_END = 5
NS = 1_000_000_000


class Agents:
    """Publishes for all nodes. Every value changes each interval, and every pod uses more than it requests."""

    def __init__(self, *, population: Population, bus: Bus, clock: Clock, interval_seconds: float) -> None:
        self._population = population
        self._bus = bus
        self._clock = clock
        self._interval_seconds = interval_seconds
        self._started_ns = clock.now_ns()
        self._seq = [0] * len(population.node_names)
        self._sampled_ns = [self._started_ns] * len(population.node_names)
        self._roots = [0.0] * len(population.node_names)
        self._on_node: list[dict[str, LivePod]] = [{} for _ in population.node_names]
        self._ended: list[deque[tuple[int, PodUsage]]] = [deque() for _ in population.node_names]
        self.published = 0
        self.failed = 0
        for pod in population.pods.values():
            self.come(pod)

    def come(self, pod: LivePod) -> None:
        self._on_node[self._population.node_of(pod.slot)][pod.uid] = pod

    def go(self, pod: LivePod) -> None:
        node = self._population.node_of(pod.slot)
        if self._on_node[node].pop(pod.uid, None) is not None:
            self._ended[node].append((self._seq[node], self._usage(pod, self._clock.now_ns(), ended=True)))

    async def run(self) -> NoReturn:
        """Publish for ever; what was due while the loop was busy is published at once."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._samples())
            group.create_task(self._statuses())
        raise AssertionError("unreachable")

    async def _samples(self) -> NoReturn:
        nodes = len(self._population.node_names)
        started, number = self._clock.monotonic(), 0
        while True:
            due = started + number * self._interval_seconds / nodes
            await self._clock.sleep(max(0.0, due - self._clock.monotonic()))
            node = number % nodes
            sample = self._sample(node)
            name = self._population.node_names[node]
            try:
                await self._bus.publish_to_stream(
                    usage_subject(CLUSTER, name),
                    encode(sample),
                    message_id=usage_message_id(name, sample.session, sample.seq),
                )
                self.published += 1
            except BusError:
                self.failed += 1
            number += 1

    async def _statuses(self) -> NoReturn:
        nodes = len(self._population.node_names)
        started, number = self._clock.monotonic(), 0
        while True:
            await self._clock.sleep(
                max(0.0, started + number * STATUS_INTERVAL_SECONDS / nodes - self._clock.monotonic())
            )
            name = self._population.node_names[number % nodes]
            report = StatusReport(
                component="agent",
                instance=f"{name}-0123456789abcdef",
                software_version="1.0.0",
                sent_at_ns=self._clock.now_ns(),
                started_at_ns=self._started_ns,
                ready=True,
                problems=[],
                counters=[
                    Reading(name="kube_cost_errors_total", labels={"component": "agent", "error_type": "bus"}, value=1)
                ],
                gauges=[],
                node=name,
            )
            try:
                await self._bus.publish(status_subject("agent", report.instance), encode(report))
            except BusError:
                self.failed += 1
            number += 1

    def _sample(self, node: int) -> UsageSample:
        now_ns = self._clock.now_ns()
        before_ns, seq = self._sampled_ns[node], self._seq[node]
        seconds = (now_ns - before_ns) / NS
        used = 0.0
        pods = []
        for pod in self._on_node[node].values():
            before = pod.cpu_seconds
            self._use(pod, min(seconds, (now_ns - pod.since_ns) / NS))
            used += pod.cpu_seconds - before
            pods.append(self._usage(pod, now_ns, ended=False))
        ended = self._ended[node]
        while ended and seq - ended[0][0] >= SAMPLES_AFTER_END:
            ended.popleft()
        pods += [usage for _, usage in ended]
        self._roots[node] += used * 1.02
        self._seq[node], self._sampled_ns[node] = seq + 1, now_ns
        root = self._roots[node]
        return UsageSample(
            sent_at_ns=now_ns,
            cluster=CLUSTER,
            node=self._population.node_names[node],
            boot_id="8e9ec0a2-3a57-4f6c-9a4e-0d6d3a3f6b1c",
            session=f"{node:016x}",
            seq=seq,
            start_ns=before_ns,
            end_ns=now_ns,
            roots=[
                RootUsage(name="kubepods", cpu_seconds=root, memory_byte_seconds=root * 1e9),
                RootUsage(name="node", cpu_seconds=root * 1.1, memory_byte_seconds=root * 1.1e9),
            ],
            pods=pods,
        )

    def _use(self, pod: LivePod, seconds: float) -> None:
        millicores, mebibytes = self._population.requests_of(pod.slot)
        chance = self._population.chance
        pod.cpu_seconds += max(millicores, 15) / 1000 * chance.uniform(1.05, 1.6) * seconds
        pod.memory_byte_seconds += max(mebibytes, 24) * MIB * chance.uniform(1.05, 1.3) * seconds
        pod.network_bytes += int(chance.uniform(1e3, 1e5) * seconds)

    def _usage(self, pod: LivePod, now_ns: int, *, ended: bool) -> PodUsage:
        return PodUsage(
            uid=pod.uid,
            namespace=self._population.namespace_of(pod.slot),
            name=pod.name,
            since_ns=pod.since_ns,
            last_ns=now_ns,
            ended=ended,
            cpu_seconds=pod.cpu_seconds,
            memory_byte_seconds=pod.memory_byte_seconds,
            receive_bytes=pod.network_bytes,
            transmit_bytes=pod.network_bytes // 2,
            read_bytes=pod.network_bytes // 8,
            write_bytes=pod.network_bytes // 9,
            read_operations=pod.network_bytes // 8000,
            write_operations=pod.network_bytes // 9000,
            ephemeral_byte_seconds=pod.memory_byte_seconds / 10,
        )
