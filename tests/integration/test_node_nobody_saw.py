"""A node that came and went while the aggregator was away, through the real processes: bus, watches, ledger, API."""

import time
from fractions import Fraction
from pathlib import Path

import msgspec
import pytest

from harness import rows
from harness.mesh import live_mesh
from harness.nats import running_bus
from harness.records import SECOND, FakeKernel
from kube_cost_common.messages.codec import encode
from kube_cost_common.messages.names import usage_message_id, usage_subject
from kube_cost_common.runtime.clock import SystemClock
from kube_cost_demo.mesh import Pace
from kube_cost_simulator.demo import demo_scenario

SAMPLES = 4
EACH_SECONDS = 2
GHOST = "nobody-saw-it"


async def test_it_is_paid_for_its_samples_and_then_no_longer(tmp_path: Path) -> None:
    """Like the cluster's nodes of its size; what its agent sends after the aggregator is back is refused."""
    fact = next(node for node in demo_scenario().nodes if node.capacity_type == "on_demand")
    vcpu, memory_bytes = fact.capacity.cpu_millicores / 1000, fact.capacity.memory_bytes
    with live_mesh(tmp_path, pace=Pace(interval_seconds=2.0, read_seconds=0.5)) as live:
        live.wait(lambda: live.value("kube_cost_settled_through_timestamp_seconds"), "every node is settled once")
        cluster = (await live.samples())[0].cluster
        victim = live.process("aggregator")
        victim.kill()
        began_ns = SystemClock().now_ns()
        kernel = FakeKernel(node=GHOST, boot_id="ghost", session="f" * 16, pods={"ghost-pod": (1.0, 1.0)})
        kernel.began_ns = kernel.sampled_ns = began_ns
        async with running_bus(f"nats://127.0.0.1:{live.mesh.nats_port}") as bus:

            async def publish(seconds: float) -> None:
                """As its agent does: when the sample's time is over."""
                end_ns = began_ns + round(seconds * SECOND)
                time.sleep(max(0.0, (end_ns - SystemClock().now_ns()) / SECOND))  # noqa: ASYNC251 - nothing else runs
                sample = msgspec.structs.replace(
                    kernel.sample(end_ns),
                    cluster=cluster,
                    vcpu=vcpu,
                    memory_bytes=memory_bytes,
                    sent_at_ns=SystemClock().now_ns(),
                )
                message_id = usage_message_id(sample.node, sample.session, sample.seq)
                await bus.publish_to_stream(usage_subject(cluster, GHOST), encode(sample), message_id=message_id)

            for number in range(1, SAMPLES + 1):
                await publish(number * EACH_SECONDS)
            live.processes.replace(victim, live.mesh.start_aggregator(live.mesh.simulated_kubeconfig))
            live.wait(lambda: live.get("/readyz"), "the aggregator is back")
            live.wait(lambda: "unlisted/nobody-saw-it/ghost" in rows.node_seconds(tmp_path), "the node is settled")
            await publish((SystemClock().now_ns() - began_ns) / SECOND + 0.1)
            live.wait(
                lambda: live.value("kube_cost_samples_rejected_total", reason="unknown_node") == 1,
                "what came later is refused",
            )
        (row,) = [row for row in live.json("/api/v1/costs?by=node&window=24h")["costs"] if row["node"] == GHOST]
        assert live.value("kube_cost_node_hourly_usd", node=GHOST) is None
    rows.check_sums(tmp_path)
    seconds = rows.node_seconds(tmp_path)["unlisted/nobody-saw-it/ghost"]
    assert seconds == pytest.approx(SAMPLES * EACH_SECONDS, abs=0.5)
    assert float(Fraction(row["cost"]["total"])) == pytest.approx(
        float(fact.on_demand_usd_per_hour) * seconds / 3600, rel=0.01
    )
    assert rows.pods(tmp_path)["ghost-pod"].estimated_seconds == pytest.approx(seconds, abs=0.5)
