"""The custom prices file: what it can say, and how it is told what is wrong with it."""

from pathlib import Path

import pytest

from kube_cost_common.messages.prices import INSTANCE, ON_DEMAND, SPOT, VOLUME, PriceRequest
from kube_cost_pricing.custom import document
from kube_cost_pricing.custom.document import CustomPricesError, parse
from kube_cost_pricing.custom.rules import CustomPrices, ResourceRates

EXAMPLE = Path(__file__).parent / "data" / "custom-prices.yaml"


def read(text: str, **usd_per: float) -> CustomPrices:
    return parse(text, file="prices.yaml", usd_per=usd_per)


def faults(text: str, **usd_per: float) -> list[str]:
    with pytest.raises(CustomPricesError) as caught:
        read(text, **usd_per)
    return [str(fault) for fault in caught.value.faults]


def node(sku: str = "c5.2xlarge", *, capacity: str = ON_DEMAND, **other: object) -> PriceRequest:
    fields: dict[str, object] = {"provider": "aws", "region": "us-east-1", "zone": "us-east-1a", **other}
    return PriceRequest(kind=INSTANCE, sku=sku, os="linux", capacity=capacity, **fields)  # type: ignore[arg-type]


def volume(sku: str, **labels: str) -> PriceRequest:
    return PriceRequest(
        provider="aws", region="us-east-1", zone="", kind=VOLUME, sku=sku, os="", capacity="", labels=labels
    )


def test_the_example_in_the_documentation_is_read() -> None:
    """The file that the module's docstring shows has no faults, and the test data's example is the same."""
    assert document.__doc__ is not None
    shown = document.__doc__.split("```yaml\n")[1].split("```")[0]
    prices = read(shown)
    assert len(prices.nodes) == 3
    assert len(prices.volumes) == 1
    assert EXAMPLE.read_text() == shown


def test_a_spot_price_of_one_zone() -> None:
    """A rule for a type, a zone and spot capacity answers just that."""
    prices = read(EXAMPLE.read_text())
    rule = prices.node_rule(node(capacity=SPOT))
    assert rule is not None
    assert rule.price == 0.1387
    assert prices.node_rule(node(capacity=SPOT, zone="us-east-1b")) is None
    assert prices.node_rule(node("m5.large", capacity=SPOT)) is None


def test_no_capacity_is_on_demand() -> None:
    """A rule that names no capacity is a price for on demand, not for spot."""
    prices = read("nodes: [{instance_type: m5.large, usd_per_hour: 0.05}]")
    assert prices.node_rule(node("m5.large")) is not None
    assert prices.node_rule(node("m5.large", capacity=SPOT)) is None


def test_prices_by_resource() -> None:
    """Rates by vCPU, GiB and GPU are one rule; the GPU's may be left out."""
    prices = read("nodes: [{usd_per_vcpu_hour: 0.02, usd_per_gib_hour: 0.003}]")
    assert prices.nodes[0].price == ResourceRates(usd_per_vcpu_hour=0.02, usd_per_gib_hour=0.003, usd_per_gpu_hour=0.0)


def test_zero_is_a_price() -> None:
    """Hardware that is written off costs 0, if the user says so."""
    rule = read("nodes: [{node_labels: {pool: old}, usd_per_hour: 0}]").node_rule(node(labels={"pool": "old"}))
    assert rule is not None
    assert rule.price == 0.0


@pytest.mark.parametrize(
    ("labels", "sku", "zone", "usd"),
    [
        ({"pool": "batch", "team": "x"}, "m5.large", "us-east-1a", 6.0),
        ({"pool": "batch"}, "m5.large", "us-east-1a", 5.0),
        ({"pool": "other"}, "m5.large", "us-east-1a", 4.0),
        ({}, "m5.large", "us-east-1b", 3.0),
        ({}, "r5.large", "us-east-1a", 2.5),
        ({}, "r5.large", "us-east-1b", 2.0),
        ({}, "r5.large", "us-west-2a", 1.0),
    ],
)
def test_the_most_specific_rule_wins(labels: dict[str, str], sku: str, zone: str, usd: float) -> None:
    """More labels beat fewer, these a type, it a zone, it a region, it a provider; the order doesn't matter."""
    rules = [
        "{provider: aws, capacity: spot, usd_per_hour: 1}",
        "{region: us-east-1, capacity: spot, usd_per_hour: 2}",
        "{zone: us-east-1a, capacity: spot, usd_per_hour: 2.5}",
        "{instance_type: m5.large, capacity: spot, usd_per_hour: 3}",
        "{instance_type: m5.large, zone: us-east-1a, capacity: spot, usd_per_hour: 4}",
        "{node_labels: {pool: batch}, capacity: spot, usd_per_hour: 5}",
        "{node_labels: {pool: batch, team: x}, capacity: spot, usd_per_hour: 6}",
    ]
    for order in (rules, rules[::-1]):
        prices = read("nodes:\n" + "\n".join(f"- {rule}" for rule in order))
        rule = prices.node_rule(node(sku, capacity=SPOT, zone=zone, region=zone[:-1], labels=labels))
        assert rule is not None
        assert rule.price == usd


def test_label_values_are_text_however_they_are_written() -> None:
    """`true`, `1` and an empty value in YAML mean the labels' texts."""
    prices = read('nodes: [{node_labels: {spot: true, tier: 1, bare: , quoted: "yes"}, usd_per_hour: 1}]')
    assert prices.nodes[0].node_labels == (("bare", ""), ("quoted", "yes"), ("spot", "true"), ("tier", "1"))
    assert prices.label_names == ("bare", "quoted", "spot", "tier")


def test_volumes_by_type_and_by_storage_class() -> None:
    """A volume's price goes by its storage class before its type, and the labels that are needed say so."""
    prices = read(
        "volumes:\n- {volume_type: gp3, usd_per_gib_month: 0.07}\n- {storage_class: fast, usd_per_gib_month: 0.2}\n"
    )
    by_type, by_class, by_label = (
        prices.volume_rule(request) for request in (volume("gp3"), volume("fast"), volume("gp3", storage_class="fast"))
    )
    assert by_type is not None
    assert by_class is not None
    assert by_label is not None
    assert [rule.usd_per_gib_month for rule in (by_type, by_class, by_label)] == [0.07, 0.2, 0.2]
    assert by_label.by_labels(volume("gp3", storage_class="fast"))
    assert not by_class.by_labels(volume("fast"))
    assert prices.volume_rule(volume("io2")) is None
    assert prices.label_names == ("storage_class",)


def test_another_currency_is_converted() -> None:
    """Prices in a currency with a rate become USD; the names of the fields say the currency."""
    prices = read("currency: EUR\nnodes: [{eur_per_hour: 0.1}]\nvolumes: [{eur_per_gib_month: 0.05}]", EUR=1.08)
    assert prices.nodes[0].price == pytest.approx(0.108)
    assert prices.volumes[0].usd_per_gib_month == pytest.approx(0.054)


@pytest.mark.parametrize("number", ["0.1387", ".5", "5.", "1e-3", "2", "+1.5", "1.5E+1"])
def test_numbers_as_people_write_them(number: str) -> None:
    """Also what YAML 1.1 doesn't take for a number, like 1e-3."""
    assert read(f"nodes: [{{usd_per_hour: {number}}}]").nodes[0].price == float(number)


RULE = "nodes:\n- instance_type: m5.large\n  "


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["prices.yaml:1: the file is empty"]),
        ("# nothing\n", ["prices.yaml:1: the file is empty"]),
        ("- a\n- b\n", ["prices.yaml:1: expected fields with values, found a list"]),
        ("just words", ["prices.yaml:1: expected fields with values, found just words"]),
        ("nodes: [\n", ["prices.yaml:2: not YAML: did not find expected node content"]),
        ("a: b: c\n", ["prices.yaml:1: not YAML: mapping values are not allowed in this context"]),
        ("nodes: []\n---\nnodes: []\n", ["prices.yaml:2: not YAML: but found another document"]),
        ("nodes: [*x]\n", ["prices.yaml:1: not YAML: found undefined alias"]),
        ("node: []\n", ["prices.yaml:1: node: unknown field; did you mean nodes?"]),
        ("prices: []\n", ["prices.yaml:1: prices: unknown field; expected one of currency, nodes, volumes"]),
        ("nodes: []\nnodes: []\n", ["prices.yaml:2: nodes: stands there twice"]),
        ("nodes: 5\n", ["prices.yaml:1: nodes: expected a list, found 5"]),
        ("nodes:\n", ["prices.yaml:1: nodes: expected a list, found nothing"]),
        ("nodes:\n- m5.large\n", ["prices.yaml:2: nodes[0]: expected fields with values, found m5.large"]),
        ("? [a]\n: b\n", ["prices.yaml:1: expected a name, found a list"]),
        ("currency: euro\n", ["prices.yaml:1: currency: no rate for euro is configured (known: USD); "]),
        ("currency:\n", ["prices.yaml:1: currency: expected a currency's three letters, found nothing"]),
        (
            RULE + "usd_per_hour: abc\n",
            ["prices.yaml:3: nodes[0].usd_per_hour: expected a number of USD, 0 or more, found abc, which is no"],
        ),
        (
            RULE + 'usd_per_hour: "0.1"\n',
            ["prices.yaml:3: nodes[0].usd_per_hour: expected a number of USD, 0 or more, found the text '0.1'"],
        ),
        (
            RULE + "usd_per_hour: -0.1\n",
            ["prices.yaml:3: nodes[0].usd_per_hour: expected a number of USD, 0 or more, "],
        ),
        (
            RULE + "usd_per_hour: .nan\n",
            ["prices.yaml:3: nodes[0].usd_per_hour: expected a number of USD, 0 or more, "],
        ),
        (
            RULE + "usd_per_hour: .inf\n",
            ["prices.yaml:3: nodes[0].usd_per_hour: expected a number of USD, 0 or more, "],
        ),
        (
            RULE + "usd_per_hour: 1e999\n",
            ["prices.yaml:3: nodes[0].usd_per_hour: expected a number of USD, 0 or more, "],
        ),
        (
            RULE + "usd_per_hour: 0,34\n",
            ["prices.yaml:3: nodes[0].usd_per_hour: expected a number of USD, 0 or more, "],
        ),
        (
            RULE + "usd_per_hour: $0.34\n",
            ["prices.yaml:3: nodes[0].usd_per_hour: expected a number of USD, 0 or more, "],
        ),
        (RULE + "usd_per_hour: 1_0\n", ["prices.yaml:3: nodes[0].usd_per_hour: expected a number of USD, 0 or more, "]),
        (
            RULE + "usd_per_hour: true\n",
            ["prices.yaml:3: nodes[0].usd_per_hour: expected a number of USD, 0 or more, "],
        ),
        (RULE + "usd_per_hour: [1]\n", ["prices.yaml:3: nodes[0].usd_per_hour: expected a number of USD, 0 or more, "]),
        (RULE + "usd_per_hour:\n", ["prices.yaml:3: nodes[0].usd_per_hour: expected a number of USD, 0 or more, "]),
        (
            RULE + "region: a\n",
            ["prices.yaml:2: nodes[0]: no price; expected usd_per_hour, or usd_per_vcpu_hour and usd_per_gib_hour"],
        ),
        (
            RULE + "usd_per_vcpu_hour: 1\n",
            ["prices.yaml:2: nodes[0]: usd_per_gib_hour is missing; expected it beside usd_per_vcpu_hour"],
        ),
        (
            RULE + "usd_per_hour: 1\n  usd_per_gib_hour: 1\n",
            ["prices.yaml:4: nodes[0].usd_per_gib_hour: usd_per_hour is given too; expected one of them"],
        ),
        (
            RULE + "usd_per_hours: 1\n",
            ["prices.yaml:2: nodes[0]: no price", "prices.yaml:3: nodes[0].usd_per_hours: unk"],
        ),
        (
            RULE + "usd_per_hour: 1\n  provider: amazon\n",
            ["prices.yaml:4: nodes[0].provider: expected one of aws, azure, gcp, custom, found amazon"],
        ),
        (
            RULE + "usd_per_hour: 1\n  capacity: SPOT\n",
            ["prices.yaml:4: nodes[0].capacity: expected one of on_demand, spot, found SPOT"],
        ),
        (
            RULE + "usd_per_hour: 1\n  region: ''\n",
            ["prices.yaml:4: nodes[0].region: expected a region, found the text ''"],
        ),
        (
            RULE + "usd_per_hour: 1\n  zone: us-east-1a\n",
            ["prices.yaml:4: nodes[0].zone: on-demand prices hold for a region; expected capacity: spot beside it"],
        ),
        (
            RULE + "usd_per_hour: 1\n  region: {a: b}\n",
            ["prices.yaml:4: nodes[0].region: expected a region, found fields"],
        ),
        (
            RULE + "usd_per_hour: 1\n  node_labels: {}\n",
            ["prices.yaml:4: nodes[0].node_labels: expected at least one label"],
        ),
        (
            RULE + "usd_per_hour: 1\n  node_labels: pool\n",
            ["prices.yaml:4: nodes[0].node_labels: expected fields with values, found pool"],
        ),
        (
            RULE + "usd_per_hour: 1\n  node_labels: {a: [b]}\n",
            ["prices.yaml:4: nodes[0].node_labels.a: expected the label's value, a text"],
        ),
        (
            "volumes: [{zone: a, usd_per_gib_month: 1}]\n",
            ["prices.yaml:1: volumes[0].zone: unknown field; expected one of storage_class, volume_type, pro"],
        ),
        (
            "volumes: [{storage_class: fast}]\n",
            ["prices.yaml:1: volumes[0]: no price; expected usd_per_gib_month"],
        ),
        (
            "volumes: [{usd_per_gb_month: 1}]\n",
            [
                "prices.yaml:1: volumes[0]: no price",
                "prices.yaml:1: volumes[0].usd_per_gb_month: unknown field; did you m",
            ],
        ),
    ],
)
def test_a_fault_names_file_line_field_and_what_was_expected(text: str, expected: list[str]) -> None:
    """Every malformed file is refused with a sentence that leads to the place and says what belongs there."""
    said = faults(text)
    assert len(said) == len(expected)
    for sentence, start in zip(said, expected, strict=True):
        assert sentence.startswith(start)


def test_all_faults_are_said_at_once() -> None:
    """One reading finds all faults, in the order of their lines."""
    said = faults(
        "currency: USD\n"
        "nodes:\n"
        "- {instance_type: a, usd_per_hour: x}\n"
        "- {instance_typ: b, usd_per_hour: 1}\n"
        "volumes:\n"
        "- {usd_per_gib_month: -1}\n"
        "extra: 1\n"
    )
    assert [sentence.split(": ")[:2] for sentence in said] == [
        ["prices.yaml:3", "nodes[0].usd_per_hour"],
        ["prices.yaml:4", "nodes[1].instance_typ"],
        ["prices.yaml:6", "volumes[0].usd_per_gib_month"],
        ["prices.yaml:7", "extra"],
    ]


def test_with_another_currency_the_fields_are_named_by_it() -> None:
    """A figure in euros under a name that says USD is a fault, and the right name is offered."""
    said = faults("currency: EUR\nnodes:\n- usd_per_hour: 1\n", EUR=1.08)
    assert any("usd_per_hour: unknown field; did you mean eur_per_hour?" in sentence for sentence in said)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("instance_type: m5.large", "instance_type: m5.large"),
        ("node_labels: {pool: a}", "node_labels: {team: x}"),
        ("node_labels: {pool: a, team: x}", "node_labels: {team: x, zone: b}"),
        ("zone: a, capacity: spot", "zone: a, capacity: spot"),
        ("capacity: spot", "capacity: spot"),
    ],
)
def test_two_rules_for_the_same_are_a_fault(one: str, other: str) -> None:
    """Rules that can match one node with nothing to choose between them are refused, and both lines are named."""
    assert faults(f"nodes:\n- {{{one}, usd_per_hour: 1}}\n- {{{other}, usd_per_hour: 2}}\n") == [
        "prices.yaml:3: this rule and the one at line 2 can be for the same, and neither is more specific"
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("instance_type: m5.large", "instance_type: m5.xlarge"),
        ("instance_type: m5.large", "instance_type: m5.large, capacity: spot"),
        ("instance_type: m5.large", "node_labels: {pool: a}"),
        ("node_labels: {pool: a}", "node_labels: {pool: b}"),
        ("node_labels: {pool: a, team: x}", "node_labels: {pool: b, zone: z}"),
        ("node_labels: {pool: a}", "node_labels: {pool: a, team: x}"),
        ("zone: a, capacity: spot", "region: a, capacity: spot"),
    ],
)
def test_rules_that_cannot_meet_are_no_fault(one: str, other: str) -> None:
    """Rules of which one is more specific, or that no node can match both of, stand side by side."""
    assert len(read(f"nodes:\n- {{{one}, usd_per_hour: 1}}\n- {{{other}, usd_per_hour: 2}}\n").nodes) == 2


def test_two_volume_rules_for_the_same_are_a_fault() -> None:
    """The same holds for volumes."""
    assert faults(
        "volumes:\n- {volume_type: gp3, usd_per_gib_month: 1}\n- {volume_type: gp3, usd_per_gib_month: 2}\n"
    ) == ["prices.yaml:3: this rule and the one at line 2 can be for the same, and neither is more specific"]


def test_a_deeply_nested_file_is_refused() -> None:
    """Nesting without end is a fault, not the end of the process."""
    assert len(faults("nodes: " + "[" * 20_000)) == 1
