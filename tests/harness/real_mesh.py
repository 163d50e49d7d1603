"""The mesh as processes over a real cluster: a bus, pricing and the aggregator, and an agent where one is wanted."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.mesh import LiveMesh
from kube_cost_common.messages.codec import RecordDecoder
from kube_cost_common.messages.streams import USAGE
from kube_cost_common.messages.usage import UsageSample
from kube_cost_common.runtime.bus import Bus
from kube_cost_demo.mesh import Mesh, Pace, free_port
from kube_cost_demo.processes import Processes

USD_PER_VCPU_HOUR = "0.02"
USD_PER_GIB_HOUR = "0.003"

PRICES = f"""\
currency: USD
nodes:
  - provider: custom
    usd_per_vcpu_hour: {USD_PER_VCPU_HOUR}
    usd_per_gib_hour: {USD_PER_GIB_HOUR}
"""
"""Of nodes that belong to no cloud; those that say they are AWS' have their prices from the shipped table."""

PACE = Pace(interval_seconds=2.0, read_seconds=0.5)


@contextmanager
def starting_mesh(folder: Path, kubeconfig: Path) -> Iterator[LiveMesh]:
    """Start a bus, pricing and the aggregator with that kubeconfig, and end them; nothing is waited for."""
    with Processes(logs=folder / "logs") as processes:
        mesh = Mesh(processes=processes, folder=folder, port=free_port(), pace=PACE)
        mesh.prices_file.write_text(PRICES)
        mesh.start_bus()
        mesh.start_aggregator(str(kubeconfig))
        mesh.start_pricing()
        yield LiveMesh(mesh=mesh, processes=processes, nodes=[], history=folder / "history.json")


@contextmanager
def ready_mesh(folder: Path, kubeconfig: Path) -> Iterator[LiveMesh]:
    """The same, ready."""
    with starting_mesh(folder, kubeconfig) as live:
        live.wait(lambda: live.get("/readyz"), "the aggregator is ready")
        yield live


def restart_aggregator(live: LiveMesh, kubeconfig: Path) -> None:
    """Kill it, start another on its ledger, and wait until that has listed everything."""
    old = live.process("aggregator")
    old.kill()
    live.processes.replace(old, live.mesh.start_aggregator(str(kubeconfig)))
    live.wait(lambda: live.get("/readyz"), "the new aggregator is ready")


def part(live: LiveMesh, name: str) -> tuple[str, str]:
    """State and sentences of a part of the mesh, as the status page has them."""
    found = next(one for one in live.json("/api/v1/status")["parts"] if one["name"] == name)
    return found["state"], "; ".join(found["facts"])


async def stored_samples(bus: Bus) -> list[UsageSample]:
    """All samples on the bus, in order, whoever has read them."""
    state = (await bus.api(f"STREAM.INFO.{USAGE.name}"))["state"]
    decoder = RecordDecoder(UsageSample)
    samples = []
    for sequence in range(max(1, state["first_seq"]), state["last_seq"] + 1):
        answer = await bus.api(f"STREAM.MSG.GET.{USAGE.name}", {"seq": sequence})
        samples.append(decoder.decode(base64.b64decode(answer["message"]["data"])))
    return samples
