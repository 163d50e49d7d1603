import json

from kube_cost_pricing.custom.document import parse
from kube_cost_simulator.everything.price_file import custom_prices
from kube_cost_simulator.everything.scenarios import everything_scenario


def test_pricing_reads_the_file_without_a_fault() -> None:
    """No two rules are for the same machine: pricing would refuse the file."""
    parse(custom_prices(everything_scenario()), file="prices.yaml", usd_per={})


def test_every_machine_has_its_prices() -> None:
    """One on demand, and one for spot where there is any; pods sold by size have none."""
    rules = json.loads(custom_prices(everything_scenario()))["nodes"]
    found = {(rule["instance_type"], rule.get("capacity", "on_demand")): rule["usd_per_hour"] for rule in rules}
    assert found["c5.2xlarge", "on_demand"] == 0.34
    assert found["c5.2xlarge", "spot"] == 0.1387
    assert ("p4d.24xlarge", "spot") not in found
    assert len(rules) == len(found)


def test_a_class_that_is_paid_by_tier_has_no_room_in_it() -> None:
    """A price per GiB would be another."""
    volumes = json.loads(custom_prices(everything_scenario()))["volumes"]
    assert {"storage_class": "gp3", "usd_per_gib_month": 0.08} in volumes
    assert "managed-csi-premium" not in {rule["storage_class"] for rule in volumes}
