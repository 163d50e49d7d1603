import asyncio
import json
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from kube_cost_simulator.apiserver import ApiServer
from kube_cost_simulator.clock import ManualClock
from kube_cost_simulator.cluster import SimulatedCluster
from kube_cost_simulator.everything.namespaces import BUDGET_ANNOTATION
from kube_cost_simulator.everything.scenarios import everything_scenario
from kube_cost_simulator.resources import RESOURCES, Resource

SECOND_NS = 1_000_000_000
START_NS = 1_800_000_000 * SECOND_NS
WHOLE = "application/json"
METADATA = "application/json;as=PartialObjectMetadata{};v=v1;g=meta.k8s.io"
Objects = dict[str, dict[str, Any]]


def path_of(resource: Resource) -> str:
    return f"/{'apis' if resource.group else 'api'}/{resource.api_version}/{resource.plural}"


class Follower:
    """A client that lists a resource once, and then only watches."""

    def __init__(self, session: aiohttp.ClientSession, resource: Resource, accept: str) -> None:
        self._session = session
        self._path = path_of(resource)
        self._accept = accept
        self.objects: Objects = {}
        self.version = ""
        self.events = 0

    async def listed(self) -> Objects:
        """All objects by uid as a list has them now; takes up its version."""
        headers = {"Accept": self._accept.format("List")}
        async with self._session.get(self._path, headers=headers) as answer:
            assert answer.status == 200
            body = await answer.json()
        self.version = body["metadata"]["resourceVersion"]
        return {item["metadata"]["uid"]: item["metadata"] | {"spec": item.get("spec")} for item in body["items"]}

    async def watch(self) -> None:
        """Take up what has happened since."""
        query = {"watch": "1", "resourceVersion": self.version, "timeoutSeconds": "0.05"}
        headers = {"Accept": self._accept.format("")}
        async with self._session.get(self._path, params=query, headers=headers) as answer:
            events = [json.loads(line) async for line in answer.content]
        for event in events:
            found = event["object"]
            metadata = found["metadata"]
            assert int(metadata["resourceVersion"]) > int(self.version)
            self.version = metadata["resourceVersion"]
            if event["type"] == "DELETED":
                del self.objects[metadata["uid"]]
            else:
                self.objects[metadata["uid"]] = metadata | {"spec": found.get("spec")}
        self.events += len(events)


Key = tuple[str, str]


@dataclass(frozen=True)
class Known:
    """What a client knows of a resource at the end, what there is, and how many events it took."""

    known: Objects
    there: Objects
    events: int


async def follow_all() -> dict[Key, Known]:
    """48 minutes of everything, by the resource's plural and what is asked for."""
    clock = ManualClock(start_ns=START_NS)
    cluster = SimulatedCluster(scenario=everything_scenario(), seed=2, clock=clock)
    cluster.start()
    server = ApiServer(cluster=cluster, tokens=["t"])
    url = await server.start()
    async with aiohttp.ClientSession(url, headers={"Authorization": "Bearer t"}) as session:
        followers = {
            (resource.plural, accept): Follower(session, resource, accept)
            for resource in RESOURCES
            for accept in (WHOLE, METADATA)
        }
        for follower in followers.values():
            follower.objects = await follower.listed()
        for minute in range(4, 49, 4):
            clock.turn_to(START_NS + minute * 60 * SECOND_NS)
            cluster.advance()
            async with asyncio.TaskGroup() as group:
                for follower in followers.values():
                    group.create_task(follower.watch())
        found = {
            key: Known(follower.objects, await follower.listed(), follower.events)
            for key, follower in followers.items()
        }
    await server.stop()
    return found


@pytest.fixture(scope="module")
def followed() -> dict[Key, Known]:
    return asyncio.run(follow_all())


@pytest.mark.parametrize("accept", [WHOLE, METADATA], ids=["whole", "metadata"])
@pytest.mark.parametrize("plural", [resource.plural for resource in RESOURCES])
def test_who_watches_knows_everything_of_every_kind(followed: dict[Key, Known], plural: str, accept: str) -> None:
    """From one list on, by watches alone, whole objects or their metadata: at the end it is what a list says."""
    one = followed[plural, accept]
    assert one.known == one.there
    assert one.there
    if accept == METADATA:
        assert all(item["spec"] is None for item in one.there.values())


@pytest.mark.parametrize("plural", ["persistentvolumes", "persistentvolumeclaims", "services", "namespaces"])
def test_what_costs_by_its_mere_being_comes_and_goes(followed: dict[Key, Known], plural: str) -> None:
    """Volumes grow and are released, claims and Services are deleted, budgets change."""
    assert followed[plural, WHOLE].events >= 2
    assert followed[plural, METADATA].events == followed[plural, WHOLE].events


def test_a_budget_that_changes_is_in_the_metadata(followed: dict[Key, Known]) -> None:
    """Who asks for metadata alone sees the annotation of now."""
    (ml,) = [item for item in followed["namespaces", METADATA].known.values() if item["name"] == "ml"]
    assert ml["annotations"][BUDGET_ANNOTATION] == "90"
