"""What all tests share: the parts they may need, and a list at the end of those that weren't there."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from harness import parts

# Times are printed, never asserted: a machine that is busy isn't a fault of the code.
settings.register_profile("kube-cost", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("kube-cost")


@pytest.fixture(scope="session")
def recorded_data() -> Path:
    """The folder of recorded payloads and price tables."""
    return parts.folder(parts.RECORDED_DATA, "KUBE_COST_TEST_DATA")


@pytest.fixture(scope="session")
def promtool() -> str:
    """The path of Prometheus' promtool."""
    return parts.program(parts.PROMTOOL)


@pytest.fixture(scope="session")
def amtool() -> str:
    """The path of Alertmanager's amtool."""
    return parts.program(parts.AMTOOL)


@pytest.fixture(scope="session")
def alertmanager_binary() -> str:
    """The path of Alertmanager."""
    return parts.program(parts.ALERTMANAGER)


@pytest.fixture(scope="session")
def prometheus_binary() -> str:
    """The path of Prometheus."""
    return parts.program(parts.PROMETHEUS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the tests of a file stay in one worker where there are several, and so those that share the one cluster."""
    for item in items:
        on_cluster = {"cluster", "scratch"} & set(getattr(item, "fixturenames", ()))
        item.add_marker(pytest.mark.xdist_group("cluster" if on_cluster else item.path.name))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In a worker, hand over which parts weren't found."""
    output: dict[str, dict[str, str]] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["missing"] = {part.name: part.how for part in parts.missing.values()}


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over which parts a worker didn't find."""
    for name, how in getattr(node, "workeroutput", {}).get("missing", {}).items():
        parts.missing[name] = parts.Part(name, how)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which parts weren't found, and how to get them."""
    if parts.missing:
        terminalreporter.section("parts that were not found")
        for part in parts.missing.values():
            terminalreporter.write_line(f"{part.name}: {part.how}")
