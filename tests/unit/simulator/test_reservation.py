import pytest

from kube_cost_simulator.reservation import ContainerRequests, PodRequests, reserved
from kube_cost_simulator.scenario import Resources


def cpu(millicores: int) -> Resources:
    return Resources(millicores, millicores * 10, 0)


def main(millicores: int, status: int | None = None) -> ContainerRequests:
    return ContainerRequests("main", cpu(millicores), None if status is None else cpu(status))


def init(millicores: int) -> ContainerRequests:
    return ContainerRequests("init", cpu(millicores), init=True)


def sidecar(millicores: int) -> ContainerRequests:
    return ContainerRequests("sidecar", cpu(millicores), init=True, sidecar=True)


@pytest.mark.parametrize(
    ("containers", "millicores"),
    [
        ([main(100), main(200)], 300),
        ([init(500), main(100)], 500),
        ([init(500), init(400), main(300), main(300)], 600),
        ([sidecar(50), main(100)], 150),
        ([sidecar(50), init(500), main(100)], 550),
        ([init(500), sidecar(50), main(100)], 500),
        ([sidecar(50), init(60), sidecar(70), init(200), main(10)], 320),
        ([main(100, status=200)], 200),
        ([main(300, status=200)], 300),
    ],
)
def test_a_pod_reserves_what_the_scheduler_says(containers: list[ContainerRequests], millicores: int) -> None:
    """Sidecars add up with what comes after them; other init containers only need their own moment."""
    assert reserved(PodRequests(0, tuple(containers))) == cpu(millicores)


def test_pod_level_requests_replace_the_sum() -> None:
    """A pod-level request counts instead of the containers', in the resources it names; overhead is added."""
    requests = PodRequests(0, (main(100),), pod_level=Resources(cpu_millicores=700), overhead=Resources(5, 7))
    assert reserved(requests) == Resources(705, 1007)
