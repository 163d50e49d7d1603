from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_cost_agent.agent import phase_seconds, read_boot_id, seconds_to_phase
from kube_cost_agent.config import AgentConfig
from kube_cost_agent.machine import UNKNOWN_MACHINE
from kube_cost_agent.session import CurrentSession
from kube_cost_common.runtime.clock import SystemClock
from kube_cost_common.runtime.config import ConfigError, load


@given(node=st.text(min_size=1), interval_seconds=st.floats(1, 300))
def test_a_nodes_phase_is_within_the_interval_and_stays_the_same(node: str, interval_seconds: float) -> None:
    """The phase comes from the name alone, so a restart doesn't move it."""
    phase = phase_seconds(node, interval_seconds)
    assert 0 <= phase < interval_seconds
    assert phase_seconds(node, interval_seconds) == phase


def test_phases_of_many_nodes_are_spread_over_the_interval() -> None:
    """Of 6000 nodes, each second of a minute gets between 60 and 140."""
    phases = [int(phase_seconds(f"ip-10-0-{number}.ec2.internal", 60)) for number in range(6000)]
    assert all(60 <= phases.count(second) <= 140 for second in range(60))


def test_the_phase_is_waited_for() -> None:
    """At 130 s of a 60-s interval, phase 15 is 5 s away and phase 5 is 55 s away."""
    now_ns = 130 * 10**9
    assert seconds_to_phase(now_ns, phase=15, interval_seconds=60) == pytest.approx(5)
    assert seconds_to_phase(now_ns, phase=5, interval_seconds=60) == pytest.approx(55)


def test_another_boot_begins_another_session() -> None:
    """A new boot id gives a new session with a sequence of its own; the same one changes nothing."""
    session = CurrentSession(clock=SystemClock(), cluster="c", node="n", boot_id="first", machine=UNKNOWN_MACHINE)
    before = session.sampler.sample(session.now_ns())
    assert not session.follow_boot("first")
    assert session.follow_boot("second")
    after = session.sampler.sample(session.now_ns())
    assert (before.boot_id, after.boot_id) == ("first", "second")
    assert before.session != after.session
    assert (before.seq, after.seq) == (0, 0)


def test_a_session_is_64_random_bits() -> None:
    """Sixteen hexadecimal digits, another time others."""
    sessions = {
        CurrentSession(clock=SystemClock(), cluster="c", node="n", boot_id="", machine=UNKNOWN_MACHINE)
        .sampler.sample(0)
        .session
        for _ in range(100)
    }
    assert len(sessions) == 100
    assert all(len(session) == 16 and int(session, 16) >= 0 for session in sessions)


def test_a_boot_id_that_can_not_be_read_is_empty(tmp_path: Path) -> None:
    """Without the file the boot id is the same each time."""
    assert read_boot_id(tmp_path / "nowhere") == ""
    (tmp_path / "boot_id").write_text("3b6f2f35-dce0-44a6-a955-a67f504a8822\n")
    assert read_boot_id(tmp_path / "boot_id") == "3b6f2f35-dce0-44a6-a955-a67f504a8822"


def test_the_node_name_is_the_one_setting_without_a_default() -> None:
    """With it everything else has a value; without it the error names its variable."""
    config = load(AgentConfig, {"KUBE_COST_NODE_NAME": "node-1"})
    assert (config.interval_seconds, config.read_interval_seconds, config.cluster_id) == (60.0, 5.0, "default")
    assert (config.cgroup_root, config.listen_port, config.kubelet_insecure) == ("/sys/fs/cgroup", 8080, False)
    with pytest.raises(ConfigError, match="KUBE_COST_NODE_NAME"):
        load(AgentConfig, {})


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("KUBE_COST_INTERVAL_SECONDS", "0.5"),
        ("KUBE_COST_INTERVAL_SECONDS", "301"),
        ("KUBE_COST_READ_INTERVAL_SECONDS", "0"),
        ("KUBE_COST_KUBELET_URL", "localhost:10250"),
        ("KUBE_COST_KUBELET_INSECURE", "perhaps"),
    ],
)
def test_a_setting_out_of_its_bounds_is_named(variable: str, value: str) -> None:
    """A value that can't be meant is refused at the start, by its variable."""
    with pytest.raises(ConfigError, match=variable):
        load(AgentConfig, {"KUBE_COST_NODE_NAME": "node-1", variable: value})
