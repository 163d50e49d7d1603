from collections.abc import AsyncIterator
from fractions import Fraction

import aiohttp
import pytest

from kube_cost_simulator.apiserver import ApiServer
from kube_cost_simulator.clock import ManualClock
from kube_cost_simulator.cluster import SimulatedCluster
from kube_cost_simulator.demo import demo_scenario
from kube_cost_simulator.scenario import GIB, NamespaceFact, NodeFact, Resources, Scenario, Shape

START_NS = 1_800_000_000_000_000_000
SECOND_NS = 1_000_000_000
TOKEN = "a-token"


def small_node(name: str = "n1") -> NodeFact:
    return NodeFact(
        name=name,
        provider_id=f"aws:///us-east-1a/i-{name}",
        labels={"topology.kubernetes.io/zone": "us-east-1a"},
        capacity_type="on_demand",
        shape=Shape(Fraction(4), Fraction(16)),
        capacity=Resources(4000, 15 * GIB),
        allocatable=Resources(3900, 14 * GIB),
        on_demand_usd_per_hour=Fraction("0.192"),
    )


def small_scenario() -> Scenario:
    return Scenario(name="small", nodes=(small_node(),), namespaces=(NamespaceFact("default"), NamespaceFact("other")))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(start_ns=START_NS)


@pytest.fixture
def node() -> NodeFact:
    """4 vCPU and 16 GiB, a little less of them for pods."""
    return small_node()


@pytest.fixture
def small(clock: ManualClock) -> SimulatedCluster:
    """One empty node."""
    cluster = SimulatedCluster(scenario=small_scenario(), seed=1, clock=clock)
    cluster.start()
    return cluster


@pytest.fixture
def demo(clock: ManualClock) -> SimulatedCluster:
    """The demo's cluster at its beginning."""
    cluster = SimulatedCluster(scenario=demo_scenario(), seed=1, clock=clock)
    cluster.start()
    return cluster


@pytest.fixture
async def api(small: SimulatedCluster) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of the small cluster's API server, with its token."""
    server = ApiServer(cluster=small, tokens=[TOKEN], bookmark_seconds=0.05)
    url = await server.start()
    async with aiohttp.ClientSession(url, headers={"Authorization": f"Bearer {TOKEN}"}) as session:
        yield session
    await server.stop()
