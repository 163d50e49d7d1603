import asyncio
import json
from typing import Any

import aiohttp
import pytest

from kube_cost_simulator.apiserver import ApiServer
from kube_cost_simulator.clock import ManualClock
from kube_cost_simulator.cluster import SimulatedCluster
from kube_cost_simulator.resources import NODES, PODS, RESOURCES, Resource

SECOND_NS = 1_000_000_000
PODS_PATH = "/api/v1/namespaces/default/pods"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
METADATA = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"


def pod(name: str, cpu: str = "100m", **annotations: str) -> dict[str, Any]:
    container = {"name": "main", "image": "i", "resources": {"requests": {"cpu": cpu, "memory": "64Mi"}}}
    return {"metadata": {"name": name, "annotations": annotations}, "spec": {"containers": [container]}}


async def create(api: aiohttp.ClientSession, *names: str) -> None:
    for name in names:
        async with api.post(PODS_PATH, json=pod(name)) as answer:
            assert answer.status == 201, await answer.text()


async def get(api: aiohttp.ClientSession, path: str, **headers: str) -> tuple[int, Any]:
    async with api.get(path, headers=headers) as answer:
        return answer.status, await answer.json()


async def watch(api: aiohttp.ClientSession, query: str, path: str = "/api/v1/pods", **headers: str) -> list[Any]:
    """All events of a watch that ends after a while."""
    async with api.get(f"{path}?{query}", headers=headers) as answer:
        assert answer.status == 200
        return [json.loads(line) async for line in answer.content]


def turn(small: SimulatedCluster, clock: ManualClock, seconds: int) -> None:
    clock.turn_to(clock.now_ns() + seconds * SECOND_NS)
    small.advance()


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic YTpi"}])
async def test_without_the_token_the_answer_is_a_status_401(api: aiohttp.ClientSession, header: dict[str, str]) -> None:
    """No token, a wrong one and another scheme are all unauthorized."""
    async with aiohttp.ClientSession(api._base_url) as stranger, stranger.get("/api/v1/pods", headers=header) as answer:
        assert answer.status == 401
        body = await answer.json()
    assert (body["kind"], body["reason"], body["code"]) == ("Status", "Unauthorized", 401)


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/livez", "/version"])
async def test_health_and_version_need_no_token(api: aiohttp.ClientSession, path: str) -> None:
    """What load balancers ask is public."""
    async with aiohttp.ClientSession(api._base_url) as stranger, stranger.get(path) as answer:
        assert answer.status == 200


async def test_a_list_says_its_version_and_leaves_kinds_to_the_list(
    api: aiohttp.ClientSession, small: SimulatedCluster
) -> None:
    """A PodList carries the resourceVersion of now; its items have neither kind nor apiVersion."""
    await create(api, "a", "b")
    _, body = await get(api, "/api/v1/pods")
    assert body["kind"] == "PodList"
    assert body["metadata"] == {"resourceVersion": str(small.store.version)}
    assert [item["metadata"]["name"] for item in body["items"]] == ["a", "b"]
    assert all("kind" not in item for item in body["items"])


async def test_pages_are_of_one_version_whatever_happens_meanwhile(
    api: aiohttp.ClientSession, small: SimulatedCluster
) -> None:
    """The second page shows the objects as they were when the first was sent, under the same version."""
    await create(api, "a", "b", "d")
    _, first = await get(api, "/api/v1/pods?limit=2")
    await create(api, "c")
    await api.delete(f"{PODS_PATH}/d?gracePeriodSeconds=0")
    _, second = await get(api, f"/api/v1/pods?limit=2&continue={first['metadata']['continue']}")
    assert first["metadata"]["remainingItemCount"] == 1
    assert [item["metadata"]["name"] for item in second["items"]] == ["d"]
    assert second["metadata"] == {"resourceVersion": first["metadata"]["resourceVersion"]}


async def test_a_continue_token_that_is_too_old_is_gone(api: aiohttp.ClientSession, small: SimulatedCluster) -> None:
    """After a compaction the next page is refused with 410."""
    await create(api, "a", "b")
    _, first = await get(api, "/api/v1/pods?limit=1")
    await create(api, "c")
    small.store.compact()
    status, body = await get(api, f"/api/v1/pods?limit=1&continue={first['metadata']['continue']}")
    assert (status, body["reason"], body["code"]) == (410, "Expired", 410)


async def test_a_watch_from_a_list_sees_every_change_once_and_in_order(
    api: aiohttp.ClientSession, small: SimulatedCluster, clock: ManualClock
) -> None:
    """List, then changes before and during the watch: the versions go up and end where the store is."""
    await create(api, "a")
    _, listed = await get(api, "/api/v1/pods")
    version = int(listed["metadata"]["resourceVersion"])
    await create(api, "b")

    async def change() -> None:
        for step in range(10):
            await asyncio.sleep(0.01)
            turn(small, clock, 1)
            if step == 5:
                await api.delete(f"{PODS_PATH}/a")

    async with asyncio.TaskGroup() as group:
        watching = group.create_task(watch(api, f"watch=1&resourceVersion={version}&timeoutSeconds=0.4"))
        group.create_task(change())
    events = watching.result()
    expected = [(event.kind, event.stored.key[1], event.version) for event in small.store.events_since(PODS, version)]
    seen = [
        (event["type"], event["object"]["metadata"]["name"], int(event["object"]["metadata"]["resourceVersion"]))
        for event in events
    ]
    assert seen == expected
    assert [kind for kind, name, _ in seen if name == "b"] == ["ADDED", "MODIFIED", "MODIFIED"]
    assert seen[-1][:2] == ("DELETED", "a")


@pytest.mark.parametrize("yes", ["1", "true", "True"])
async def test_a_watch_from_nowhere_begins_with_everything(api: aiohttp.ClientSession, yes: str) -> None:
    """Without a resourceVersion what is there comes as ADDED; clients write `watch` in several ways."""
    await create(api, "a", "b")
    events = await watch(api, f"watch={yes}&timeoutSeconds=0.05")
    assert [(event["type"], event["object"]["metadata"]["name"]) for event in events] == [
        ("ADDED", "a"),
        ("ADDED", "b"),
    ]


async def test_bookmarks_carry_the_newest_version(api: aiohttp.ClientSession, small: SimulatedCluster) -> None:
    """A watch of pods learns of versions that other resources used up."""
    version = small.store.version
    await api.post("/api/v1/namespaces", json={"metadata": {"name": "new"}})
    events = await watch(api, f"watch=1&resourceVersion={version}&allowWatchBookmarks=true&timeoutSeconds=0.12")
    assert {event["type"] for event in events} == {"BOOKMARK"}
    assert len(events) >= 2
    assert events[-1]["object"]["metadata"]["resourceVersion"] == str(small.store.version)
    assert events[-1]["object"]["kind"] == "Pod"


async def test_a_watch_from_too_long_ago_is_an_error_event(api: aiohttp.ClientSession, small: SimulatedCluster) -> None:
    """After a compaction the stream has one ERROR with code 410, and ends."""
    version = small.store.version
    await create(api, "a")
    small.store.compact()
    events = await watch(api, f"watch=1&resourceVersion={version}")
    assert [event["type"] for event in events] == ["ERROR"]
    assert events[0]["object"]["code"] == 410


async def test_a_watch_from_too_long_ago_can_be_an_http_answer(small: SimulatedCluster) -> None:
    """A server set to it refuses the request itself with 410."""
    server = ApiServer(cluster=small, tokens=["t"], expired_watch_answer="status")
    url = await server.start()
    small.store.compact()
    async with (
        aiohttp.ClientSession(url, headers={"Authorization": "Bearer t"}) as api,
        api.get("/api/v1/pods?watch=1&resourceVersion=1") as answer,
    ):
        assert answer.status == 410
        assert (await answer.json())["reason"] == "Expired"
    await server.stop()


async def test_a_watch_that_goes_on_survives_a_compaction(api: aiohttp.ClientSession, small: SimulatedCluster) -> None:
    """A compaction only hurts who comes later."""

    async def change() -> None:
        await asyncio.sleep(0.05)
        small.store.compact()
        await create(api, "a")

    async with asyncio.TaskGroup() as group:
        watching = group.create_task(watch(api, f"watch=1&resourceVersion={small.store.version}&timeoutSeconds=0.2"))
        group.create_task(change())
    assert [event["type"] for event in watching.result()] == ["ADDED"]


async def test_a_version_that_has_not_come_yet_is_refused(api: aiohttp.ClientSession, small: SimulatedCluster) -> None:
    """A resourceVersion from the future is a timeout, as with a cache that isn't there yet."""
    status, body = await get(api, f"/api/v1/pods?watch=1&resourceVersion={small.store.version + 100}")
    assert (status, body["reason"]) == (504, "Timeout")


async def test_metadata_only_by_the_accept_header(api: aiohttp.ClientSession) -> None:
    """Lists, objects and watches come as PartialObjectMetadata, without spec and status."""
    await create(api, "a")
    _, listed = await get(api, "/api/v1/pods", Accept=METADATA_LIST)
    assert (listed["kind"], listed["apiVersion"]) == ("PartialObjectMetadataList", "meta.k8s.io/v1")
    assert set(listed["items"][0]) == {"kind", "apiVersion", "metadata"}
    _, single = await get(api, f"{PODS_PATH}/a", Accept=METADATA)
    assert single["kind"] == "PartialObjectMetadata"
    events = await watch(api, "watch=1&timeoutSeconds=0.05", Accept=METADATA)
    assert set(events[0]["object"]) == {"kind", "apiVersion", "metadata"}


async def test_a_pod_that_is_posted_is_scheduled_runs_and_ends(
    api: aiohttp.ClientSession, small: SimulatedCluster, clock: ManualClock
) -> None:
    """A pod with a running time becomes Running on the node, and Succeeded with finishedAt."""
    await api.post(PODS_PATH, json=pod("a", **{"simulator.kube-cost.io/run-milliseconds": "5000"}))
    turn(small, clock, 4)
    _, running = await get(api, f"{PODS_PATH}/a")
    assert (running["status"]["phase"], running["spec"]["nodeName"]) == ("Running", "n1")
    scheduled = [each for each in running["status"]["conditions"] if each["type"] == "PodScheduled"]
    assert scheduled[0]["status"] == "True"
    turn(small, clock, 5)
    _, ended = await get(api, f"{PODS_PATH}/a")
    assert ended["status"]["phase"] == "Succeeded"
    assert "finishedAt" in ended["status"]["containerStatuses"][0]["state"]["terminated"]


@pytest.mark.parametrize(
    ("method", "path", "body", "code", "reason"),
    [
        ("GET", f"{PODS_PATH}/none", None, 404, "NotFound"),
        ("GET", "/api/v1/secrets", None, 404, "NotFound"),
        ("POST", PODS_PATH, {"metadata": {}}, 422, "Invalid"),
        ("POST", PODS_PATH, {"metadata": {"name": "x"}, "spec": {}}, 422, "Invalid"),
        ("POST", "/api/v1/namespaces", {"metadata": {"name": "default"}}, 409, "AlreadyExists"),
        ("POST", "/api/v1/namespaces/nowhere/pods", pod("x"), 404, "NotFound"),
        ("POST", PODS_PATH, pod("x", cpu="many"), 400, "BadRequest"),
        ("DELETE", PODS_PATH, None, 405, "MethodNotAllowed"),
        ("GET", "/api/v1/pods?fieldSelector=spec.colour=red", None, 400, "BadRequest"),
        ("GET", "/api/v1/pods?continue=nonsense", None, 400, "BadRequest"),
    ],
)
async def test_what_cannot_be_done_is_a_status(
    api: aiohttp.ClientSession, method: str, path: str, body: dict[str, Any] | None, code: int, reason: str
) -> None:
    """Errors are Status objects with the code and reason that Kubernetes has for them."""
    async with api.request(method, path, json=body) as answer:
        content = await answer.json()
    assert (answer.status, content["kind"], content["reason"], content["code"]) == (code, "Status", reason, code)


async def test_a_status_patch_changes_the_status_alone(api: aiohttp.ClientSession, small: SimulatedCluster) -> None:
    """A merge patch on /status is merged into it, null takes away, and metadata stays."""
    headers = {"Content-Type": "application/merge-patch+json"}
    patch = json.dumps({"metadata": {"labels": {"x": "y"}}, "status": {"phase": "Running", "nodeInfo": None}})
    async with api.patch("/api/v1/nodes/n1/status", data=patch, headers=headers) as answer:
        content = await answer.json()
    assert content["status"]["phase"] == "Running"
    assert "nodeInfo" not in content["status"]
    assert content["status"]["capacity"]["cpu"] == "4"
    stored = small.store.get(NODES, "", "n1")
    assert stored is not None
    assert "x" not in stored.content["metadata"]["labels"]


async def test_selectors_narrow_lists_and_watches(api: aiohttp.ClientSession) -> None:
    """By label, by field and by namespace; a watch reports what comes to meet its selector as added."""
    await create(api, "a", "b")
    headers = {"Content-Type": "application/merge-patch+json"}
    _, before = await get(api, "/api/v1/pods?labelSelector=app=x")
    assert before["items"] == []
    patch = json.dumps({"metadata": {"labels": {"app": "x"}}})
    await api.patch(f"{PODS_PATH}/a", data=patch, headers=headers)
    _, named = await get(api, "/api/v1/pods?fieldSelector=metadata.name!=a")
    assert [item["metadata"]["name"] for item in named["items"]] == ["b"]
    version = before["metadata"]["resourceVersion"]
    events = await watch(api, f"watch=1&labelSelector=app%3Dx&resourceVersion={version}&timeoutSeconds=0.05")
    assert [(event["type"], event["object"]["metadata"]["name"]) for event in events] == [("ADDED", "a")]


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.plural)
async def test_every_resource_is_listed_at_its_path(api: aiohttp.ClientSession, resource: Resource) -> None:
    """The thirteen kinds have their lists below /api/v1 or their group."""
    prefix = f"/apis/{resource.group}" if resource.group else "/api"
    status, body = await get(api, f"{prefix}/{resource.version}/{resource.plural}")
    assert (status, body["kind"], body["apiVersion"]) == (200, f"{resource.kind}List", resource.api_version)
