from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from kube_cost_alerts.routing import Routing, Telling
from kube_cost_alerts.routing_document import RoutingError, read_routing
from kube_cost_alerts.routing_file import RoutingFile
from kube_cost_common.runtime.clock import SystemClock
from kube_cost_common.runtime.followed_file import MAX_FILE_BYTES
from kube_cost_common.runtime.health import Counters, Problems

GOOD = """\
channel: costs
platform: ops
burn: 2
routes:
- namespace: team-a-*
  channel: team-a
- label: team=payments
  channel: payments
  thresholds: [100, 50, 90]
- cluster: "*"
  run_rate: false
  forecast: true
  anomaly_usd_per_hour: 2.5
- workload: shop/Deployment/*
  channel: web
"""


def test_the_first_route_that_matches_says_it() -> None:
    """By namespace, label, workload and cluster; what it leaves out is as it is for all."""
    routing = read_routing(GOOD, file="r.yaml")
    assert routing.platform == "ops"
    assert routing.telling("namespace", "team-a-web") == Telling(channel="team-a", burn=2.0)
    assert routing.telling("namespace", "team-b") == Telling(channel="costs", burn=2.0)
    assert routing.telling("label", "team=payments").thresholds == (50.0, 90.0, 100.0)
    assert routing.telling("cluster", "prod") == Telling(
        channel="costs", burn=2.0, run_rate=False, forecast=True, anomaly_usd_per_hour=2.5
    )
    assert routing.telling("workload", "shop/Deployment/web").channel == "web"
    assert routing.telling("workload", "team-a-1/Deployment/web").channel == "team-a"


def test_an_empty_mapping_is_the_default() -> None:
    """All goes to the channel that the settings name."""
    assert read_routing("{}", file="r", channel="C1") == Routing(default=Telling(channel="C1"), routes=[])


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("chanel: x", "r.yaml:1: chanel: unknown field; did you mean channel?"),
        ("channel: x\nroutes:\n- channel: y", "r.yaml:3: routes[0]: expected one of namespace, label"),
        ("routes:\n- {namespace: a, label: b=c}", "found 2 of them"),
        ("channel: ../x", "r.yaml:1: channel: a channel's name has no slash"),
        ("channel: [x]", "r.yaml:1: channel: expected the name of a channel, found a list"),
        ("run_rate: maybe", "r.yaml:1: run_rate: expected true or false, found maybe"),
        ("\n\nthresholds: [80, much]", "r.yaml:3: thresholds: expected a number of percent, 0 or more, found much"),
        ("thresholds: [0]", "r.yaml:1: thresholds: expected percents above 0"),
        ("burn: -1", "r.yaml:1: burn: expected a number of times the allowed rate"),
        ("routes: ]", "r.yaml:1: not YAML"),
        ("", "r.yaml:1: the file is empty"),
        ("- x", "r.yaml:1: expected fields with values, found a list"),
        ("channel: a\nchannel: b", "stands there twice"),
    ],
)
def test_a_fault_names_file_line_and_field(text: str, fault: str) -> None:
    """Whatever is wrong."""
    with pytest.raises(RoutingError) as error:
        read_routing(text, file="r.yaml")
    assert fault in str(error.value)


def test_all_faults_are_named_at_once() -> None:
    """In the order of their lines."""
    with pytest.raises(RoutingError) as error:
        read_routing("burn: x\nforecast: x\nroutes: x", file="r.yaml")
    assert [fault.line for fault in error.value.faults] == [1, 2, 3]


class _File:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "routing.yaml"
        self.counters, self.problems = Counters(), Problems()
        self.routing = RoutingFile(
            path=self.path,
            channel="default",
            clock=SystemClock(),
            log=structlog.get_logger(),
            counters=self.counters,
            problems=self.problems,
        )

    @property
    def faults(self) -> float:
        return sum(counted.value for counted in self.counters.counts())


@pytest.mark.parametrize("bad", ["routes: [", "chanel: x", "", "#" * (MAX_FILE_BYTES + 1), None])
async def test_a_faulty_file_leaves_the_last_good_one_in_force(tmp_path: Path, bad: str | None) -> None:
    """It is counted and logged once, said in the problems, and over when the file is mended."""
    file = _File(tmp_path)
    file.path.write_text("channel: a")
    await file.routing.start()
    if bad is None:
        file.path.unlink()
    else:
        file.path.write_text(bad)
    with capture_logs() as logs:
        for _ in range(4):
            await file.routing.check()
    assert file.routing.now.default.channel == "a"
    assert file.faults == 1
    assert [line["event"] for line in logs] == ["routing file refused"]
    assert str(file.path) in file.problems.sentences()[0]
    file.path.write_text("channel: b")
    await file.routing.check()
    assert file.routing.now.default.channel == "a"
    await file.routing.check()
    assert file.routing.now.default.channel == "b"
    assert file.problems.sentences() == []


async def test_a_file_that_is_not_utf8_is_named_with_its_line(tmp_path: Path) -> None:
    """From the start on; the default holds."""
    file = _File(tmp_path)
    file.path.write_bytes(b"channel: a\nplatform: \xff\n")
    await file.routing.start()
    assert f"{file.path}:2: not UTF-8" in file.problems.sentences()[0]
    assert file.routing.now == Routing()
