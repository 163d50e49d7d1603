"""The API over a real ledger in a file."""

import csv
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
import pytest
import structlog
from aiohttp import web
from msgspec import structs

from harness.costs import Shown, node_rate, rates_of
from kube_cost_aggregator.history.sqlite import SqliteStore, open_store
from kube_cost_aggregator.history.store import Batch, Money, NodeHour, NodeState, PodHour, PodRow
from kube_cost_aggregator.outputs.api import Api
from kube_cost_aggregator.state.totals import Totals
from kube_cost_common.runtime.http import serving

NOW = 1_800_000_000  # 2027-01-15T08:00:00Z
HOUR = NOW - 3600


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = open_store(tmp_path / "ledger.sqlite")
    yield store
    store.close()


async def fill(store: SqliteStore) -> None:
    await store.load(now_ns=(HOUR - 7200) * 10**9, month_start=0)
    pod = PodRow(
        pod_id=1,
        uid="u",
        usage_uid="u",
        namespace="shop",
        name="web-1",
        node_id=1,
        workload_kind="Deployment",
        workload="web",
        start_ns=HOUR * 10**9,
        end_ns=None,
        vcpu_request=1.0,
        memory_gib_request=1.0,
        gpus=0.0,
    )
    node = NodeState(node_id=1, uid="n", name="node-1", settled_through_ns=NOW * 10**9, instance_type="m5.large")
    money, idle = Money(30_000_000, 20_000_000, 0, 5), Money(46_000_000, 0, 0, 0)
    await store.commit(
        Batch(
            nodes={"n": node},
            pods={1: pod},
            pod_hours={(HOUR, 1): PodHour(money, 3600.0, 60.0)},
            node_hours={(HOUR, 1): NodeHour(96_000_000, 5, Money(), idle, 3600.0, 60.0)},
            namespace_hours={(HOUR, "shop"): money, (HOUR, "__idle__"): idle},
        )
    )


@asynccontextmanager
async def asked(store: SqliteStore, shown: Shown | None = None) -> AsyncIterator[aiohttp.ClientSession]:
    api = Api(
        store=store, sources=(shown or Shown(label_names=("team", "cost-center"))).sources, log=structlog.get_logger()
    )
    routes = [web.get("/api/v1/costs", api.costs), web.get("/api/v1/status", api.status)]
    async with (
        serving(host="127.0.0.1", port=0, routes=routes) as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client,
    ):
        yield client


async def costs(store: SqliteStore, **query: str) -> dict[str, Any]:
    async with asked(store) as client, client.get("/api/v1/costs", params=query) as answer:
        assert answer.status == 200
        assert answer.content_type == "application/json"
        body: dict[str, Any] = await answer.json()
        return body


async def test_costs_by_namespace_add_up_and_say_their_window(store: SqliteStore) -> None:
    """Money as decimal strings, the window as it was answered, the total of the lines."""
    await fill(store)
    body = await costs(store, by="namespace", window="90m")
    assert body["window"] == {"asked": "90m", "start": "2027-01-15T06:00:00Z", "end": "2027-01-15T08:00:00Z"}
    assert (body["currency"], body["hours_per_month"], body["columns"]) == ("USD", 730, ["namespace"])
    assert (body["by"], body["left_out"]) == ("namespace", 0)
    assert body["costs"] == [
        {
            "namespace": "shop",
            "cost": {"total": "0.05", "cpu": "0.03", "memory": "0.02", "gpu": "0"},
            "spot_savings": "0.000000005",
            "covered_seconds": None,
            "estimated_seconds": None,
            "pods": 1,
        },
        {
            "namespace": "__idle__",
            "cost": {"total": "0.046", "cpu": "0.046", "memory": "0", "gpu": "0"},
            "spot_savings": "0",
            "covered_seconds": None,
            "estimated_seconds": None,
            "pods": 0,
        },
    ]
    assert body["total"]["cost"] == {"total": "0.096", "cpu": "0.076", "memory": "0.02", "gpu": "0"}


async def test_a_large_answer_comes_in_pieces_and_is_whole(store: SqliteStore) -> None:
    """Thousands of pods, dearest first and then by name; those of one name are one line; the total is theirs."""
    count = 5_000
    await fill(store)
    base = (await store.load(now_ns=0, month_start=0)).open_pods[0]
    pods = {
        number: structs.replace(base, pod_id=number, uid=f"u{number}", name=f"pod-{number % (count - 2):05}")
        for number in range(2, count + 2)
    }
    hours = {(HOUR, number): PodHour(Money(1_000 * (number // 2), 0, 0, 0), 60.0, 0.0) for number in pods}
    await store.commit(Batch(pods=pods, pod_hours=hours))
    body = await costs(store, by="pod", window="today")
    lines = body["costs"]
    assert len(lines) == count - 1
    assert sum(line["pods"] for line in lines) == count + 1
    order = [(-Decimal(line["cost"]["total"]), line["pod"]) for line in lines]
    assert order == sorted(order)
    nano = 50_000_000 + sum(row.money.cpu for row in hours.values())
    assert Decimal(body["total"]["cost"]["total"]) == Decimal(nano) / 10**9 == -sum(total for total, _ in order)


async def test_costs_by_pod_say_how_much_is_covered_and_estimated(store: SqliteStore) -> None:
    """Seconds of the pod's life in the window, and those without a measurement."""
    await fill(store)
    (row,) = (await costs(store, by="pod", window="today"))["costs"]
    assert (row["namespace"], row["pod"], row["node"]) == ("shop", "web-1", "node-1")
    assert (row["covered_seconds"], row["estimated_seconds"], row["pods"]) == (3600.0, 60.0, 1)


async def test_costs_by_workload_and_node_have_their_columns(store: SqliteStore) -> None:
    """Nodes are whole: no split by resource is made up for them."""
    await fill(store)
    (row,) = (await costs(store, by="workload"))["costs"]
    assert (row["namespace"], row["workload_kind"], row["workload"]) == ("shop", "Deployment", "web")
    (row,) = (await costs(store, by="node"))["costs"]
    assert (row["node"], row["instance_type"]) == ("node-1", "m5.large")
    assert row["cost"] == {
        "total": "0.096",
        "cpu": None,
        "memory": None,
        "gpu": None,
        "idle": "0.046",
        "system": "0",
    }


@pytest.mark.parametrize(
    ("query", "lines"),
    [
        ("by=cluster", [("", "0.096", 1)]),
        ("by=resource", [("cpu", "0.076", None), ("memory", "0.02", None)]),
        ("by=label:team", [("", "0.05", 1), ("__idle__", "0.046", 0)]),
        ("by=node_pool", [("", "0.096", 1)]),
        ("by=node&namespace=shop", [("node-1", "0.05", 1)]),
        ("by=cluster&workload=we*&workload=db", [("", "0.05", 1)]),
        ("by=cluster&workload=db", []),
        ("by=pod&label=team=x", []),
        ("limit=1", [("shop", "0.05", 1)]),
        ("sort=cost&limit=1", [("__idle__", "0.046", 0)]),
        ("step=1h&namespace=shop", [("2027-01-15T07:00:00Z", "0.05", None)]),
    ],
)
async def test_costs_are_asked_by_anything_of_anything(
    store: SqliteStore, query: str, lines: list[tuple[str, str, int | None]]
) -> None:
    """The first column of each line, its money, and how many pods it had where they are counted."""
    await fill(store)
    asked_for = parse_qsl(f"window=90m&{query}")
    async with asked(store) as client, client.get("/api/v1/costs", params=asked_for) as answer:
        body = await answer.json()
    found = [
        (line[body["columns"][0]] if body["columns"] else "", line["cost"]["total"], line["pods"])
        for line in body["costs"]
    ]
    assert found == lines


@pytest.mark.parametrize("header", [{}, {"Accept": "text/csv"}])
async def test_costs_as_csv_have_their_money_by_resource_and_no_formula(
    store: SqliteStore, header: dict[str, str]
) -> None:
    """A line for each, the window in its first columns; a name that a spreadsheet would compute has an apostrophe."""
    await fill(store)
    row = (await store.load(now_ns=0, month_start=0)).open_pods[0]
    evil = structs.replace(row, pod_id=2, uid="u2", workload='=cmd|" /C calc"!A0', workload_kind="@SUM")
    hours = {(HOUR, 2): PodHour(Money(10**9), 60.0, 0.0)}
    await store.commit(Batch(pods={2: evil}, pod_hours=hours, pod_volume_hours={(HOUR, 2, 1): 7}))
    query = {"by": "workload", "window": "90m"} | ({} if header else {"format": "csv"})
    async with asked(store) as client, client.get("/api/v1/costs", params=query, headers=header) as answer:
        assert answer.content_type == "text/csv"
        lines = list(csv.reader((await answer.text()).splitlines()))
    window = ["2027-01-15T06:00:00Z", "2027-01-15T08:00:00Z"]
    money = ["cpu", "memory", "gpu", "storage", "network", "load_balancer", "control_plane", "shared"]
    ends = ["spot_savings", "covered_seconds", "estimated_seconds", "pods"]
    shop, none = [*window, "shop"], ["0", "0", "0", "0"]
    assert lines == [
        ["start", "end", "namespace", "workload_kind", "workload", "total", *money, *ends],
        [
            *shop,
            "'@SUM",
            '\'=cmd|" /C calc"!A0',
            "1.000000007",
            "1",
            "0",
            "0",
            "0.000000007",
            *none,
            "0",
            "60.0",
            "0.0",
            "1",
        ],
        [*shop, "Deployment", "web", "0.05", "0.03", "0.02", "0", "0", *none, "0.000000005", "3600.0", "60.0", "1"],
    ]


async def test_whole_nodes_as_csv_have_what_is_nobodys(store: SqliteStore) -> None:
    """Instead of a split by resource, which they don't have; a step's line has the step's start and end."""
    await fill(store)
    query = {"by": "node", "window": "90m", "step": "1h", "format": "csv"}
    async with asked(store) as client, client.get("/api/v1/costs", params=query) as answer:
        header, line = csv.reader((await answer.text()).splitlines())
    assert dict(zip(header, line, strict=True)) == {
        "start": "2027-01-15T07:00:00Z",
        "end": "2027-01-15T08:00:00Z",
        "node": "node-1",
        "instance_type": "m5.large",
        "node_pool": "",
        "total": "0.096",
        "idle": "0.046",
        "system": "0",
        "spot_savings": "0.000000005",
        "covered_seconds": "3600.0",
        "estimated_seconds": "60.0",
        "pods": "",
    }


async def test_more_groups_than_the_limit_are_counted_and_in_the_total(store: SqliteStore) -> None:
    """Who asks for the dearest ten learns what the others cost together."""
    await fill(store)
    body = await costs(store, window="90m", limit="1")
    assert (len(body["costs"]), body["left_out"], body["total"]["cost"]["total"]) == (1, 1, "0.096")


async def test_a_window_without_costs_is_an_empty_answer(store: SqliteStore) -> None:
    """Not an error: nothing was spent, or nothing is known."""
    await fill(store)
    body = await costs(store, window="2026-12-01/2026-12-02")
    assert (body["costs"], body["total"]["cost"]["total"]) == ([], "0")


@pytest.mark.parametrize(
    ("query", "parameter", "words"),
    [
        ("by=team", "by", "cluster, namespace, workload, pod, node, node_pool, resource or label:<name"),
        ("by=label:", "by", "label:<name"),
        ("by=label:colour", "by", "isn't kept, kept are team, cost-center; see KUBE_COST_LABELS"),
        ("label=colour=red", "label", "'colour' isn't kept"),
        ("label=team", "label", "team=pay*"),
        ("namespace=a'--", "namespace", "no name or pattern"),
        ("sort=money", "sort", "cost, name"),
        ("limit=0", "limit", "from 1 to 100000"),
        ("by=pod&step=1h&limit=1001", "limit", "1000 at most, for pods"),
        ("step=5m", "step", "1h, 1d"),
        ("window=fortnight", "window", "24h"),
        ("window=2027-01-09/2027-01-02", "window", "start isn't before"),
        ("window=401d", "window", "400 days"),
        ("windows=7d", "windows", "unknown parameter"),
        ("by=pod&by=node", "by", "more than once"),
    ],
)
async def test_a_bad_request_names_its_parameter(store: SqliteStore, query: str, parameter: str, words: str) -> None:
    """Problem details of RFC 9457."""
    async with asked(store) as client, client.get(f"/api/v1/costs?{query}") as answer:
        assert (answer.status, answer.content_type) == (400, "application/problem+json")
        body = await answer.json(content_type="application/problem+json")
    assert (body["status"], body["parameter"]) == (400, parameter)
    assert words in body["detail"]


async def test_a_ledger_that_cannot_be_read_is_503(store: SqliteStore) -> None:
    """And says so."""
    store._reader.execute("PRAGMA query_only = OFF")
    store._reader.execute("DROP TABLE namespace_hours")
    async with asked(store) as client, client.get("/api/v1/costs") as answer:
        assert (answer.status, answer.content_type) == (503, "application/problem+json")
        assert "can't read costs" in (await answer.json(content_type=None))["detail"]


async def test_status_has_a_state_for_each_part(store: SqliteStore) -> None:
    """Machine-readable, with the sentences that the page shows."""
    shown = Shown(cluster="eu", rates=rates_of(node_rate("n")), totals=Totals(started_at_ns=1))
    async with asked(store, shown) as client:
        async with client.get("/api/v1/status") as answer:
            body = await answer.json()
        async with client.get("/api/v1/status?verbose=1") as answer:
            assert answer.status == 400
    assert (body["cluster"], body["version"], body["ready"]) == ("eu", "1.2.3", True)
    states = {part["name"]: part["state"] for part in body["parts"]}
    assert states == {
        "agents": "waiting",
        "pricing": "waiting",
        "bus": "ok",
        "watches": "waiting",
        "ledger": "waiting",
        "aggregator": "ok",
        "alerts": "waiting",
    }
