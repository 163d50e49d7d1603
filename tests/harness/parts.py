"""Real parts that tests run on when they are there, and what to say when they aren't."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

REQUIRE_ALL = os.environ.get("KUBE_COST_TEST_REQUIRE") == "all"
"""Whether a part that isn't there is a failure."""


@dataclass(frozen=True)
class Part:
    """Something that isn't a Python package, and the command that gets it."""

    name: str
    how: str
    everywhere: bool = True
    """Whether any machine can have it; what not is skipped even where all parts are required."""


PROMTOOL = Part("promtool", "apt-get install prometheus")
PROMETHEUS = Part("prometheus", "apt-get install prometheus")
AMTOOL = Part("amtool", "apt-get install prometheus-alertmanager")
ALERTMANAGER = Part("prometheus-alertmanager", "apt-get install prometheus-alertmanager")
RECORDED_DATA = Part("recorded data", "KUBE_COST_TEST_DATA=<folder with agent/ and pricing/>")
CLUSTER = Part("a disposable cluster", "KUBE_COST_TEST_KUBECONFIG=<kubeconfig>, from kind for example")
KUBECTL = Part("kubectl", "https://kubernetes.io/docs/tasks/tools, onto the PATH")
IMAGES = Part(
    "a way to load images",
    "KUBE_COST_TEST_LOAD_IMAGE=<command that takes the image's tar>, from kind: `kind load image-archive`",
)
NODE = Part("a node of the cluster on this machine", "run the tests where the cluster's kubelet runs, as root")
POSTGRES = Part("postgres", "apt-get install postgresql")
TIMESCALE = Part(
    "TimescaleDB", "KUBE_COST_TEST_TIMESCALE_DSN=<how to connect to an empty database that has it>", everywhere=False
)
CGROUPS = Part("writable cgroups", "run as root on Linux")
TMPFS = Part("a tmpfs of its own", "run as root on Linux, where mount is allowed")

missing: dict[str, Part] = {}
"""The parts that a test of this run looked for and didn't find."""


def lacking(part: Part) -> NoReturn:
    """Skip, or fail where all parts are required; the run's end lists what wasn't there."""
    missing[part.name] = part
    message = f"not found: {part.name}; to have it: {part.how}"
    if REQUIRE_ALL and part.everywhere:
        pytest.fail(message)
    pytest.skip(message)


def program(part: Part) -> str:
    """Return the path of a part that is a program on the PATH."""
    path = shutil.which(part.name)
    if path is None:
        lacking(part)
    return path


def folder(part: Part, variable: str) -> Path:
    """Return the folder that an environment variable names."""
    name = os.environ.get(variable, "")
    if not name or not Path(name).is_dir():
        lacking(part)
    return Path(name)
