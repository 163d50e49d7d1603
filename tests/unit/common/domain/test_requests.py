from kube_cost_common.domain.requests import PodReservations, Requests, Reservation, effective_requests


def cpu(millicores: int) -> Requests:
    return {"cpu": millicores}


def spec(requests: Requests) -> Reservation:
    return Reservation(spec=requests)


def test_containers_add_up() -> None:
    """Without anything else a pod holds the sum of its containers."""
    pod = PodReservations(containers=[spec({"cpu": 100, "memory": 7}), spec({"cpu": 250, "nvidia.com/gpu": 1})])
    assert effective_requests(pod) == {"cpu": 350, "memory": 7, "nvidia.com/gpu": 1}


def test_an_init_container_counts_when_it_is_greater() -> None:
    """Init containers run one after another, so only the greatest counts, and only per resource."""
    pod = PodReservations(
        containers=[spec({"cpu": 100, "memory": 900})],
        init_containers=[(spec({"cpu": 700, "memory": 10}), False), (spec({"cpu": 300}), False)],
    )
    assert effective_requests(pod) == {"cpu": 700, "memory": 900}


def test_sidecars_count_with_the_containers_and_with_later_init_containers() -> None:
    """After KEP-753: sidecars 1 and 0.5, then an init container of 4 between: 4 + 1.5 beats 2 + 1.5 + 0.5."""
    pod = PodReservations(
        containers=[spec(cpu(2000))],
        init_containers=[
            (spec(cpu(1000)), True),
            (spec(cpu(500)), True),
            (spec(cpu(4000)), False),
            (spec(cpu(500)), True),
        ],
    )
    assert effective_requests(pod) == {"cpu": 5500}


def test_a_sidecar_declared_after_an_init_container_does_not_run_beside_it() -> None:
    """Only the sidecars before an init container are there while it runs."""
    pod = PodReservations(
        containers=[spec(cpu(100))], init_containers=[(spec(cpu(1000)), False), (spec(cpu(300)), True)]
    )
    assert effective_requests(pod) == {"cpu": 1000}


def test_overhead_is_added_last() -> None:
    """A runtime class's overhead comes on top of whatever the pod holds."""
    pod = PodReservations(containers=[spec(cpu(100))], overhead={"cpu": 50, "memory": 5})
    assert effective_requests(pod) == {"cpu": 150, "memory": 5}


def test_pod_level_requests_replace_the_sum() -> None:
    """KEP-2837: for cpu, memory and huge pages; extended resources stay the containers'."""
    pod = PodReservations(
        containers=[spec({"cpu": 100, "memory": 10, "nvidia.com/gpu": 1})],
        pod_level=spec({"cpu": 900, "hugepages-2Mi": 4, "nvidia.com/gpu": 9}),
        overhead=cpu(10),
    )
    assert effective_requests(pod) == {"cpu": 910, "memory": 10, "hugepages-2Mi": 4, "nvidia.com/gpu": 1}


def test_a_resize_holds_the_greatest_until_it_is_done() -> None:
    """KEP-1287: of what is asked for, what is allocated and what runs, the node keeps the most free."""
    shrinking = Reservation(spec=cpu(100), actual=cpu(400), allocated=cpu(300))
    growing = Reservation(spec=cpu(800), actual=cpu(400), allocated=cpu(400))
    assert effective_requests(PodReservations(containers=[shrinking, growing])) == {"cpu": 1200}


def test_an_infeasible_resize_is_not_held() -> None:
    """What can never be given is left out."""
    pod = PodReservations(
        containers=[Reservation(spec=cpu(64_000), actual=cpu(400), allocated=cpu(300))], resize_infeasible=True
    )
    assert effective_requests(pod) == {"cpu": 400}


def test_without_a_resources_block_in_the_status_the_spec_counts() -> None:
    """An old API server says nothing of what runs."""
    pod = PodReservations(containers=[Reservation(spec=cpu(100), allocated=cpu(900))], resize_infeasible=True)
    assert effective_requests(pod) == {"cpu": 100}
