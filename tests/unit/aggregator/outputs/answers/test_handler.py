"""What all answers have in common."""

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from harness.api import World, small_world
from harness.costs import Shown, node_rate, rates_of
from kube_cost_aggregator.outputs.answers.sending import AT_ONCE_BYTES
from kube_cost_aggregator.outputs.routes import ENDPOINTS
from kube_cost_aggregator.state.rates import Use
from kube_cost_common.domain.resources import Resources
from kube_cost_common.runtime.health import Readiness

NAMES = [endpoint.name for endpoint in ENDPOINTS]


@pytest.mark.parametrize("name", NAMES)
async def test_an_answer_says_of_when_it_is_and_in_which_money(name: str) -> None:
    """JSON that nobody may keep."""
    async with small_world().client() as client, client.get(f"/api/v1/{name}") as answer:
        body = await answer.json()
        assert (answer.status, answer.headers["Cache-Control"], answer.headers["Vary"]) == (200, "no-store", "Accept")
    assert (body["generated_at"], body["cluster"]) == ("2027-01-15T08:00:00Z", None)
    assert (body["currency"], body["hours_per_month"]) == ("USD", 730)


@pytest.mark.parametrize("name", NAMES)
async def test_until_everything_is_listed_it_is_503_and_says_what_is_missing(name: str) -> None:
    """A cost of 0 that only means that nothing has been listed yet would be a lie."""
    world = World(shown=Shown(readiness=Readiness({"prices": "no prices have been read from the bus yet"})))
    async with world.client() as client, client.get(f"/api/v1/{name}") as answer:
        body = await answer.json(content_type="application/problem+json")
    assert (answer.status, body["detail"]) == (
        503,
        "costs aren't known yet: no prices have been read from the bus yet",
    )


async def test_the_first_answer_is_of_what_was_listed_and_not_of_what_was_rendered_before() -> None:
    """Metrics are rendered all the time, and everything may have been listed a moment ago."""
    readiness, full = Readiness({"cluster": "not listed yet"}), small_world().shown.rates
    world = World(shown=Shown(readiness=readiness))
    await world.shown.metrics.tick()
    world.shown.rates = full
    readiness.met("cluster")
    world.fresh = _nothing
    assert {node["node"] for node in (await world.get("nodes"))["nodes"]} == {"spot-1", "kept-1", "bare-1"}


async def test_what_cannot_be_asked_for_is_404_and_says_what_can() -> None:
    """As problem details, like all that is wrong."""
    async with small_world().client() as client:
        for path in ("/api/v1/", "/api/v1/node", "/api/v1/nodes/spot-1", "/api/v1/%ED%A0%80"):
            async with client.get(path) as answer:
                body = await answer.json(content_type="application/problem+json")
            assert (answer.status, body["status"]) == (404, 404)
            assert "nodes, prices, savings, volumes and openapi.json" in body["detail"]


@pytest.mark.parametrize("name", NAMES)
async def test_an_empty_cluster_is_an_answer(name: str) -> None:
    """Without lines, and not an error."""
    body = await World().get(name)
    assert body["left_out"] == 0


@pytest.mark.parametrize(
    ("query", "accept", "csv"),
    [
        ("", (), False),
        ("", ("*/*",), False),
        ("", ("text/csv",), True),
        ("", ("application/json;q=0.5", "text/csv;q=0.9"), True),
        ("", ("text/html, application/json, */*;q=0.8",), False),
        ("", ("text/csv;q=0, */*",), False),
        ("", ("text/csv;q=much",), False),
        ("?format=json", ("text/csv",), False),
        ("?format=csv", ("application/json",), True),
    ],
)
async def test_csv_is_what_is_asked_for_so(query: str, accept: Sequence[str], csv: bool) -> None:
    """The parameter goes before the header."""
    headers = [("Accept", one) for one in accept]
    async with small_world().client() as client, client.get(f"/api/v1/nodes{query}", headers=headers) as answer:
        text = await answer.text()
    assert answer.content_type == ("text/csv" if csv else "application/json")
    assert text.startswith("node,node_pool," if csv else "{")


@pytest.mark.parametrize("name", NAMES)
async def test_csv_has_the_lines_of_json(name: str) -> None:
    """As many of them, under a header, to be saved under a name."""
    world = small_world()
    body = await world.get(name)
    async with world.client() as client, client.get(f"/api/v1/{name}?format=csv") as answer:
        lines = (await answer.text()).splitlines()
    assert len(lines) == 1 + len(next(value for value in reversed(body.values())))
    assert f'filename="kube-cost-{name}.csv"' in answer.headers["Content-Disposition"]


async def test_no_name_comes_alive_in_a_spreadsheet() -> None:
    """A workload that is called `=train` is text."""
    async with small_world().client() as client, client.get("/api/v1/efficiency?format=csv") as answer:
        assert ",'=train," in await answer.text()


@pytest.mark.parametrize("format_of", ["json", "csv"])
async def test_a_large_answer_is_whole(format_of: str) -> None:
    """Thousands of lines, in pieces; the body isn't sent with HEAD."""
    count, name = 5_500, "j" * 200
    use = Use(Resources(1.0, 1.0), Resources(2.0, 2.0), 0.01, 0.0)
    node = replace(node_rate("n"), use={("shop", "Job", f"{name}-{number}"): use for number in range(count)})
    world = World(shown=Shown(rates=rates_of(node)))
    async with world.client() as client:
        async with client.get("/api/v1/efficiency", params={"format": format_of}) as answer:
            text = await answer.text()
        assert len(text) > AT_ONCE_BYTES
        lines = len(json.loads(text)["lines"]) if format_of == "json" else text.count("\r\n") - 1
        assert lines == count
        async with client.head("/api/v1/efficiency", params={"format": format_of}) as answer:
            assert (answer.status, await answer.read()) == (200, b"")


async def test_a_parameter_that_is_no_text_is_refused_as_one() -> None:
    """Half of a surrogate pair in a name or in a value."""
    async with small_world().client() as client:
        for query in ("%ED%A0%80=1", "node=%ED%A0%80", "node=%00", "%FF=%FF"):
            async with client.get(f"/api/v1/nodes?{query}") as answer:
                assert (answer.status, answer.content_type) == (400, "application/problem+json")


async def _nothing() -> None:
    pass
