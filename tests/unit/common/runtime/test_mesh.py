import pytest

from kube_cost_common.runtime.config import ConfigError, load
from kube_cost_common.runtime.mesh import DefaultPriceConfig, MeshConfig


def test_a_mesh_in_one_cluster_needs_no_setting() -> None:
    """Every field has a default."""
    config = load(MeshConfig, {})
    assert (config.cluster, config.nats_url, config.listen_port) == ("", "nats://nats:4222", 8080)
    assert (config.log_level, config.log_format) == ("info", "auto")


@pytest.mark.parametrize(("cluster", "cluster_id"), [("", "default"), ("prod-eu", "prod-eu"), ("no", "no")])
def test_a_cluster_without_a_name_is_default_where_there_must_be_one(cluster: str, cluster_id: str) -> None:
    """Its metrics have no label for it then, its records have."""
    assert load(MeshConfig, {"KUBE_COST_CLUSTER": cluster}).cluster_id == cluster_id


@pytest.mark.parametrize(
    ("url", "servers"),
    [
        ("nats://a:4222", ("nats://a:4222",)),
        ("nats://a:4222,nats://b:4222", ("nats://a:4222", "nats://b:4222")),
        (" nats://a:4222 ,\n nats://b:4222,", ("nats://a:4222", "nats://b:4222")),
    ],
)
def test_several_servers_are_separated_by_commas(url: str, servers: tuple[str, ...]) -> None:
    """With blanks and a comma too many, as lists in manifests have them."""
    assert load(MeshConfig, {"KUBE_COST_NATS_URL": url}).bus("alerts").servers == servers


def test_what_is_set_of_the_bus_gets_to_the_bus() -> None:
    """Under the service's name."""
    config = load(
        MeshConfig,
        {
            "KUBE_COST_NATS_URL": "tls://nats:4222",
            "KUBE_COST_NATS_INBOX_PREFIX": "_INBOX_alerts",
            "KUBE_COST_NATS_TLS_CA_FILE": "/tls/ca.crt",
            "KUBE_COST_NATS_NKEY_SEED_FILE": "/nkey/seed",
        },
    )
    bus = config.bus("alerts")
    assert (bus.name, bus.inbox_prefix) == ("kube-cost-alerts", "_INBOX_alerts")
    assert (bus.tls_ca_file, bus.nkey_seed_file, bus.tls) == ("/tls/ca.crt", "/nkey/seed", True)


@pytest.mark.parametrize("port", ["0", "65535"])
def test_a_port_may_be_any(port: str) -> None:
    """0 takes a free one."""
    assert load(MeshConfig, {"KUBE_COST_LISTEN_PORT": port}).listen_port == int(port)


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_what_is_no_port_is_refused(port: str) -> None:
    """By the variable's name."""
    with pytest.raises(ConfigError, match="KUBE_COST_LISTEN_PORT"):
        load(MeshConfig, {"KUBE_COST_LISTEN_PORT": port})


@pytest.mark.parametrize("resource", ["VCPU", "GIB", "GPU"])
@pytest.mark.parametrize("usd", ["-0.01", "nan", "inf", "$1"])
def test_an_impossible_default_price_is_refused(resource: str, usd: str) -> None:
    """Each of the three; NaN would make every sum NaN."""
    with pytest.raises(ConfigError, match=f"KUBE_COST_DEFAULT_USD_PER_{resource}_HOUR"):
        load(DefaultPriceConfig, {f"KUBE_COST_DEFAULT_USD_PER_{resource}_HOUR": usd})


def test_a_default_price_of_zero_switches_it_off() -> None:
    """0 is a price that can be set."""
    assert load(DefaultPriceConfig, {"KUBE_COST_DEFAULT_USD_PER_VCPU_HOUR": "0"}).default_usd_per_vcpu_hour == 0.0
