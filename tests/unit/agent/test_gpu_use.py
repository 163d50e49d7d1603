from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from kube_cost_agent.exposition_text import TextError, read_series
from kube_cost_agent.gpu_use import busy_gpus
from kube_cost_agent.readings import CgroupReading, NodeReading, PodSummary, Summary
from kube_cost_agent.sampler import Sampler
from kube_cost_common.messages.usage import PodUsage

_ACTIVE = "DCGM_FI_PROF_GR_ENGINE_ACTIVE"
_UTILIZATION = "DCGM_FI_DEV_GPU_UTIL"
_S = 1_000_000_000


def _line(value: float | str, pod: str = "train", family: str = _ACTIVE, **labels: str) -> str:
    all_labels = {"gpu": "0", "UUID": "GPU-a", **({"namespace": "ml", "pod": pod} if pod else {}), **labels}
    return f"{family}{{{','.join(f'{name}={chr(34)}{text}{chr(34)}' for name, text in all_labels.items())}}} {value}\n"


def test_a_busy_gpu_is_its_pods() -> None:
    """By namespace and name; what nobody has is nobody's."""
    assert busy_gpus(_line(0.75) + _line(0.5, pod="", UUID="GPU-b")) == {("ml", "train"): 0.75}


def test_a_pod_with_two_gpus_keeps_both_busy() -> None:
    """Their sum."""
    assert busy_gpus(_line(0.75) + _line(0.5, UUID="GPU-b")) == {("ml", "train"): 1.25}


def test_the_finer_figure_goes_before_the_percentage() -> None:
    """Where there is only the percentage it is taken."""
    assert busy_gpus(_line(80, family=_UTILIZATION) + _line(0.75)) == {("ml", "train"): 0.75}
    assert busy_gpus(_line(80, family=_UTILIZATION)) == {("ml", "train"): 0.8}


def test_an_instance_is_its_part_of_a_gpu() -> None:
    """Half of three sevenths, and all of one seventh of the same GPU."""
    text = _line(0.5, GPU_I_PROFILE="3g.20gb", GPU_I_ID="2") + _line(1, "b", GPU_I_PROFILE="1g.5gb", GPU_I_ID="7")
    assert busy_gpus(text) == {("ml", "train"): pytest.approx(3 / 14), ("ml", "b"): pytest.approx(1 / 7)}


def test_pods_that_share_a_gpu_have_equal_parts_of_its_use() -> None:
    """The exporter gives each of them the whole device's figure."""
    text = _line(0.6, "a", vgpu="0") + _line(0.6, "b", vgpu="1") + _line(0.6, "b", vgpu="2")
    assert busy_gpus(text) == {("ml", "a"): pytest.approx(0.2), ("ml", "b"): pytest.approx(0.4)}


@pytest.mark.parametrize("namespace", ["exported_namespace", "pod_namespace"])
def test_other_spellings_of_the_labels_are_read(namespace: str) -> None:
    """As a Prometheus in between writes them, whose own labels stand beside them; and as old exporters do."""
    pod = {"exported_namespace": "exported_pod", "pod_namespace": "pod_name"}[namespace]
    own = 'namespace="gpu-operator",pod="dcgm-exporter-x",' if pod == "exported_pod" else ""
    assert busy_gpus(f'{_ACTIVE}{{gpu="0",{own}{namespace}="ml",{pod}="train"}} 1\n') == {("ml", "train"): 1.0}


@pytest.mark.parametrize("value", ["NaN", "-1", "9223372036854775794", "+Inf"])
def test_a_figure_that_is_none_is_left_out(value: str) -> None:
    """DCGM's marks of a value that it doesn't know; the percentage stands in."""
    assert busy_gpus(_line(value)) == {}
    assert busy_gpus(_line(value) + _line(50, family=_UTILIZATION)) == {("ml", "train"): 0.5}


def test_other_families_are_passed_over_unread() -> None:
    """Also where they couldn't be read, and where their name begins like one that is asked for."""
    assert busy_gpus(f"# HELP {_ACTIVE} x\nbroken{{\n{_ACTIVE}_total{{\n\n" + _line(1)) == {("ml", "train"): 1.0}


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{",
        '{pod="a"',
        '{pod="a"}',
        '{pod="a"} one',
        '{pod="a"} 1 2 3',
        "{pod=a} 1",
        '{pod="a" ns="b"} 1',
        '{pod="a",pod="b"} 1',
        '{1pod="a"} 1',
    ],
)
def test_a_line_that_is_no_series_is_an_error(line: str) -> None:
    """It is named by its number."""
    with pytest.raises(TextError, match="line 2"):
        list(read_series(f"# a comment\n{_ACTIVE}{line}\n", [_ACTIVE]))


@given(
    labels=st.dictionaries(st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True), st.text(), max_size=4),
    value=st.floats(allow_nan=False),
)
def test_series_are_read_as_prometheus_reads_them(labels: dict[str, str], value: float) -> None:
    """Whatever stands in a label's value."""

    def escaped(text: str) -> str:
        return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")

    text = "family{" + ",".join(f'{name}="{escaped(content)}"' for name, content in labels.items()) + f"}} {value!r}\n"
    (series,) = read_series(text, ["family"])
    assert (series.labels, series.value) == (labels, value)
    ((theirs,),) = [found.samples for found in text_string_to_metric_families(text)]
    assert (theirs.labels, theirs.value) == (labels, value)


class _Node:
    """A node with the pods ml/train and ml/web."""

    def __init__(self) -> None:
        self.sampler = Sampler(cluster="c", node="n", boot_id="b", session="00ff", start_ns=_S)
        self.look(1)
        self.sampler.learn(
            Summary(
                pods=[
                    PodSummary(uid=uid, namespace="ml", name=uid, network=None, ephemeral_storage=None)
                    for uid in ("train", "web")
                ]
            )
        )

    def look(self, seconds: int, *uids: str) -> None:
        one = {"pod": CgroupReading(inode=1, cpu_ns=0, working_set_bytes=0, io=None)}
        self.sampler.take(NodeReading(at_ns=seconds * _S, roots={}, pods=dict.fromkeys(uids or ("train", "web"), one)))

    def gpus(self, seconds: int, busy: float | None) -> None:
        self.sampler.learn_gpus(seconds * _S, {} if busy is None else {("ml", "train"): busy})

    def pod(self, seconds: int, uid: str = "train") -> PodUsage:
        return next(pod for pod in self.sampler.sample(seconds * _S).pods if pod.uid == uid)


def test_busy_gpu_seconds_are_added_up() -> None:
    """What was told holds until the next is told: half a GPU for 25 s, then one for 5."""
    node = _Node()
    for seconds, busy in ((10, 0.5), (25, 0.5), (35, 1.0)):
        node.gpus(seconds, busy)
    assert node.pod(40).gpu_seconds == pytest.approx(12.5 + 5)


def test_a_pod_without_gpus_has_no_use_of_them() -> None:
    """That is unknown, and not 0."""
    node = _Node()
    node.gpus(10, 0.5)
    assert node.pod(20, "web").gpu_seconds is None
    assert node.pod(30, "train").gpu_seconds == pytest.approx(10)


def test_a_sample_that_ends_between_two_reads_has_its_time_whole() -> None:
    """Reads every 15 s, samples every 5: no sample has more than its own time."""
    node = _Node()
    totals = []
    for seconds in range(10, 100, 5):
        if seconds % 15 == 10:
            node.gpus(seconds, 0.9)
        totals.append(node.pod(seconds).gpu_seconds or 0.0)
    assert [after - before for before, after in pairwise(totals)] == [pytest.approx(4.5)] * (len(totals) - 1)


def test_a_pod_that_is_named_no_more_uses_nothing_more() -> None:
    """Its total stays."""
    node = _Node()
    for seconds, busy in ((10, 1.0), (20, 1.0), (30, None), (40, None)):
        node.gpus(seconds, busy)
    assert node.pod(50).gpu_seconds == pytest.approx(20)


def test_what_was_told_holds_for_a_minute() -> None:
    """An exporter that was away for two minutes: of the second nothing is assumed."""
    node = _Node()
    for seconds, busy in ((10, 1.0), (20, 1.0), (140, 1.0), (150, 1.0)):
        node.gpus(seconds, busy)
    assert node.pod(160).gpu_seconds == pytest.approx(10 + 60 + 20)


def test_a_pod_that_ended_keeps_its_total() -> None:
    """A pod of its name that comes after it begins at 0."""
    node = _Node()
    node.gpus(10, 1.0)
    node.gpus(20, 1.0)
    node.look(21, "web")
    node.gpus(30, 1.0)
    assert node.pod(40).gpu_seconds == pytest.approx(10)
