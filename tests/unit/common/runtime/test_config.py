from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_cost_common.runtime.config import Config, ConfigError, load, unknown_variables, variable


class Everything(Config, frozen=True, kw_only=True):
    """A field of each kind."""

    node_name: Annotated[str, msgspec.Meta(min_length=1)]
    url: Annotated[str, msgspec.Meta(pattern="^https?://")] = "http://localhost"
    text: str = "as it was"
    count: Annotated[int, msgspec.Meta(ge=1, le=10)] = 3
    share: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.5
    wait_seconds: Annotated[float, msgspec.Meta(gt=0)] = 60.0
    ratio: float = 1.0
    enabled: bool = False
    level: Literal["low", "high"] = "low"
    limit: int | None = None
    listen_port: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 8080


class Secrets(Config, frozen=True, kw_only=True):
    """Fields whose values are nobody's business."""

    slack_webhook_url: Annotated[str, msgspec.Meta(pattern="^https://")] = ""
    api_token: Annotated[str, msgspec.Meta(min_length=100)] = ""
    database_dsn: Annotated[str, msgspec.Meta(pattern="^postgresql://")] = ""
    bus_password: Annotated[str, msgspec.Meta(max_length=3)] = ""
    shared_secret: int = 0


def loaded(**environ: str) -> Everything:
    return load(Everything, {"KUBE_COST_NODE_NAME": "n", **{f"KUBE_COST_{key}": text for key, text in environ.items()}})


def faults(**environ: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        loaded(**environ)
    return caught.value.faults


def test_what_is_not_set_has_its_default() -> None:
    """An environment with the one required variable is enough."""
    assert loaded() == Everything(node_name="n")


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("NODE_NAME", "ip-10-0-1-7", "ip-10-0-1-7"),
        ("URL", "https://host:1", "https://host:1"),
        ("TEXT", "nothing special", "nothing special"),
        ("COUNT", "1", 1),
        ("COUNT", "10", 10),
        ("SHARE", "0", 0.0),
        ("SHARE", "1", 1.0),
        ("SHARE", "1e-3", 0.001),
        ("WAIT_SECONDS", "0.5", 0.5),
        ("LEVEL", "high", "high"),
        ("LIMIT", "7", 7),
        ("LISTEN_PORT", "9090", 9090),
    ],
)
def test_a_variable_is_read_as_its_fields_type(key: str, text: str, value: object) -> None:
    """The bounds themselves are within the bounds."""
    read = getattr(loaded(**{key: text}), key.lower())
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize("text", ["true", "True", "TRUE", "1", "yes", "Yes", "on", "ON", " on "])
def test_a_switch_is_on_in_each_of_the_usual_words(text: str) -> None:
    """As Kubernetes users write it."""
    assert loaded(ENABLED=text).enabled is True


@pytest.mark.parametrize("text", ["false", "False", "0", "no", "No", "off", "OFF"])
def test_a_switch_is_off_in_each_of_the_usual_words(text: str) -> None:
    """Likewise."""
    assert load(Everything, {"KUBE_COST_NODE_NAME": "n", "KUBE_COST_ENABLED": text}).enabled is False


@pytest.mark.parametrize("text", ["yes", "no", "on", "off", "On", "true", "1", "null", "none"])
def test_a_name_that_looks_like_a_switch_stays_a_name(text: str) -> None:
    """A cluster in Norway may be called no."""
    assert loaded(TEXT=text).text == text


@pytest.mark.parametrize("text", ["", " ", "\n"])
def test_an_empty_variable_counts_as_not_set(text: str) -> None:
    """A manifest that leaves the value blank means the default; blanks around a value mean nothing either."""
    assert loaded(TEXT=text, COUNT=text, ENABLED=text) == Everything(node_name="n")
    assert loaded(COUNT=f"{text}7{text}").count == 7


@pytest.mark.parametrize("environ", [{}, {"KUBE_COST_NODE_NAME": ""}, {"node_name": "n"}, {"KUBE_COST_node_name": "n"}])
def test_what_has_no_default_must_be_set(environ: dict[str, str]) -> None:
    """Missing, empty and misspelt are the same."""
    with pytest.raises(ConfigError) as caught:
        load(Everything, environ)
    assert caught.value.faults == ["KUBE_COST_NODE_NAME is not set, and it has no default"]


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("URL", "ftp://host"),
        ("COUNT", "0"),
        ("COUNT", "11"),
        ("COUNT", "many"),
        ("COUNT", "1.5"),
        ("COUNT", "0x1"),
        ("COUNT", "9" * 5000),
        ("COUNT", "yes"),
        ("SHARE", "1.01"),
        ("SHARE", "-0.1"),
        ("SHARE", "0,5"),
        ("SHARE", "50%"),
        ("WAIT_SECONDS", "0"),
        ("WAIT_SECONDS", "60s"),
        ("WAIT_SECONDS", "nan"),
        ("WAIT_SECONDS", "inf"),
        ("WAIT_SECONDS", "1e999"),
        ("RATIO", "nan"),
        ("RATIO", "-Infinity"),
        ("ENABLED", "maybe"),
        ("ENABLED", "2"),
        ("LEVEL", "HIGH"),
        ("LEVEL", "on"),
        ("LIMIT", "some"),
        ("LISTEN_PORT", "65536"),
        ("LISTEN_PORT", "-1"),
    ],
)
def test_what_a_field_can_not_be_is_a_fault_that_names_variable_and_value(key: str, text: str) -> None:
    """One sentence, so that nobody has to search."""
    (fault,) = faults(**{key: text})
    assert fault.startswith(f"KUBE_COST_{key}={text!r}: ")


@pytest.mark.parametrize(
    ("key", "text", "why"),
    [
        ("COUNT", "0", "Expected `int` >= 1"),
        ("WAIT_SECONDS", "-1", "Expected `float` > 0.0"),
        ("RATIO", "inf", "Expected a finite number"),
        ("LEVEL", "medium", "Invalid enum value 'medium'"),
        ("ENABLED", "maybe", "Expected `bool`, got `str`"),
    ],
)
def test_a_fault_says_what_was_expected(key: str, text: str, why: str) -> None:
    """With the bound, where it was one."""
    assert faults(**{key: text}) == [f"KUBE_COST_{key}={text!r}: {why}"]


def test_all_faults_are_said_at_once() -> None:
    """Nobody restarts a pod five times to find five typos."""
    with pytest.raises(ConfigError) as caught:
        load(Everything, {"KUBE_COST_COUNT": "0", "KUBE_COST_ENABLED": "maybe", "KUBE_COST_LEVEL": "x"})
    named = [fault.split("=")[0].split(" ")[0] for fault in caught.value.faults]
    assert named == ["KUBE_COST_NODE_NAME", "KUBE_COST_COUNT", "KUBE_COST_ENABLED", "KUBE_COST_LEVEL"]
    assert str(caught.value) == "; ".join(caught.value.faults)


@pytest.mark.parametrize("field", [field.name for field in msgspec.structs.fields(Secrets)])
def test_a_secret_is_not_shown_in_the_fault(field: str) -> None:
    """The variable is named, its value isn't: faults end up in logs."""
    with pytest.raises(ConfigError) as caught:
        load(Secrets, {variable(field): "hunter2"})
    (fault,) = caught.value.faults
    assert fault.startswith(f"{variable(field)}=…: ")
    assert "hunter2" not in str(caught.value)


@given(environ=st.dictionaries(st.sampled_from([variable(field) for field in Everything.__struct_fields__]), st.text()))
def test_any_environment_is_read_or_refused(environ: dict[str, str]) -> None:
    """Nothing but a ConfigError comes out, and each variable at fault is named once."""
    try:
        load(Everything, environ)
    except ConfigError as error:
        named = [fault.split("=")[0].split(" ")[0] for fault in error.faults]
        assert len(set(named)) == len(named)
        assert set(named) <= {*environ, "KUBE_COST_NODE_NAME"}


SERVICE_LINKS = {
    "KUBE_COST_EXPORTER_PORT": "tcp://10.96.0.7:9090",
    "KUBE_COST_EXPORTER_SERVICE_HOST": "10.96.0.7",
    "KUBE_COST_EXPORTER_SERVICE_PORT": "9090",
    "KUBE_COST_EXPORTER_SERVICE_PORT_METRICS": "9090",
    "KUBE_COST_EXPORTER_PORT_9090_TCP": "tcp://10.96.0.7:9090",
    "KUBE_COST_EXPORTER_PORT_9090_TCP_PROTO": "tcp",
    "KUBE_COST_EXPORTER_PORT_9090_TCP_PORT": "9090",
    "KUBE_COST_EXPORTER_PORT_9090_TCP_ADDR": "10.96.0.7",
    "KUBE_COST_DNS_PORT_53_UDP": "udp://10.96.0.8:53",
    "KUBE_COST_DNS_PORT": "udp://10.96.0.8:53",
    "KUBE_COST_SIGNAL_PORT_38412_SCTP_ADDR": "10.96.0.9",
    # of a Service that is called kube-cost
    "KUBE_COST_PORT": "tcp://10.96.0.6:80",
    "KUBE_COST_SERVICE_HOST": "10.96.0.6",
    "KUBE_COST_SERVICE_PORT": "80",
    "KUBE_COST_PORT_80_TCP": "tcp://10.96.0.6:80",
}


@pytest.mark.parametrize("name", SERVICE_LINKS)
def test_what_kubernetes_says_of_services_is_no_misspelt_setting(name: str) -> None:
    """Each kind of service link is passed over."""
    assert unknown_variables([Everything], {name: SERVICE_LINKS[name]}) == []


def test_what_kubernetes_says_of_a_service_is_not_taken_for_a_setting() -> None:
    """A Service called kube-cost-listen gives KUBE_COST_LISTEN_PORT a value that isn't ours."""
    assert loaded(LISTEN_PORT="tcp://10.96.0.7:80").listen_port == 8080


def test_unknown_variables_are_named_in_order() -> None:
    """Misspelt ones, and those of another service; what isn't ours at all isn't looked at."""
    environ: dict[str, Any] = {
        "KUBE_COST_ZONE": "1",
        "KUBE_COST_LISTN_PORT": "8080",
        "KUBE_COST_COUNT": "1",
        "KUBE_COST_SLACK_WEBHOOK_URL": "",
        "KUBE_COSTCOUNT": "1",
        "PATH": "/bin",
    }
    assert unknown_variables([Everything, Secrets], environ) == ["KUBE_COST_LISTN_PORT", "KUBE_COST_ZONE"]
