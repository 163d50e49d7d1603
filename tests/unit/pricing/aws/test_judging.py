import pytest

from kube_cost_common.messages.prices import PriceRequest, Shape
from kube_cost_pricing.providers.aws.judging import choose, machine, shape_of, usage
from kube_cost_pricing.providers.aws.price_list import Listing
from kube_cost_pricing.providers.aws.products import Product
from kube_cost_pricing.providers.source import AMBIGUOUS, NO_PRICE, Quote, Unknown

PLAIN = {
    "instanceType": "m5.large",
    "operatingSystem": "Linux",
    "preInstalledSw": "NA",
    "tenancy": "Shared",
    "capacitystatus": "Used",
    "marketoption": "OnDemand",
    "licenseModel": "No License required",
    "operation": "RunInstances",
    "usagetype": "BoxUsage:m5.large",
    "vcpu": "2",
    "memory": "8 GiB",
}
REQUEST = PriceRequest("aws", "us-east-1", "", "instance", "m5.large", "linux", "on_demand")
WINDOWS = PriceRequest("aws", "us-east-1", "", "instance", "m5.large", "windows", "on_demand")


def product(usd: float = 0.096, *, family: str = "Compute Instance", unit: str = "Hrs", **changes: str) -> Product:
    return Product("S", family, {**PLAIN, **changes}, "USD", unit, ((0.0, usd),))


@pytest.mark.parametrize(
    ("candidate", "reason"),
    [
        (product(), ""),
        (product(family="Compute Instance (bare metal)"), ""),
        (product(family="Dedicated Host"), "Dedicated Host"),
        (product(tenancy="Dedicated"), "tenancy"),
        (product(tenancy="Host"), "tenancy"),
        (product(capacitystatus="AllocatedCapacityReservation"), "capacitystatus"),
        (product(capacitystatus="UnusedCapacityReservation"), "capacitystatus"),
        (product(preInstalledSw="SQL Std"), "preInstalledSw"),
        (product(operatingSystem="RHEL"), "operatingSystem"),
        (product(operatingSystem="Windows"), "operatingSystem"),
        (product(instanceType="m5.xlarge"), "instanceType"),
        (product(marketoption="CapacityBlock"), "market"),
        (product(operation="RunInstances:0g00"), "operation"),
        (product(licenseModel="Bring your own license"), "licence"),
        (product(unit="Quantity"), "unit"),
    ],
)
def test_only_a_plain_shared_machine_is_taken(candidate: Product, reason: str) -> None:
    """Each decoy is left out for its own reason."""
    found = machine(REQUEST)(candidate)
    assert (reason in found) if reason else found == ""


@pytest.mark.parametrize(
    ("candidate", "taken"),
    [
        (product(operatingSystem="Windows", operation="RunInstances:0002"), True),
        (product(operatingSystem="Windows", operation="RunInstances:0800"), False),
        (product(), False),
    ],
)
def test_windows_is_with_its_licence(candidate: Product, taken: bool) -> None:
    """Not one's own, and not Linux."""
    assert (machine(WINDOWS)(candidate) == "") == taken


def chosen(*products: Product, lines: list[str] | None = None) -> Quote | Unknown:
    lines = [] if lines is None else lines
    answer = choose(Listing(list(products), 7), machine(REQUEST), "m5.large", unit="hour", seen=lines.append)
    assert isinstance(answer, Quote | Unknown)
    return answer


def test_two_that_cost_the_same_are_one() -> None:
    """A row that is listed twice."""
    answer = chosen(product(), product())
    assert isinstance(answer, Quote)
    assert answer.amount == 0.096


def test_two_that_differ_are_none() -> None:
    """Both are named."""
    answer = chosen(product(), product(0.2))
    assert isinstance(answer, Unknown)
    assert answer.code == AMBIGUOUS
    assert answer.reason.startswith("ambiguous: ")
    assert "0.096" in answer.reason
    assert "0.2" in answer.reason


def test_a_zero_beside_a_price_is_nothing() -> None:
    """Alone it goes on, for the gate to refuse."""
    answer, alone = chosen(product(0.0), product()), chosen(product(0.0))
    assert isinstance(answer, Quote)
    assert answer.amount == 0.096
    assert isinstance(alone, Quote)
    assert alone.amount == 0


def test_none_that_fits_isnt_sold() -> None:
    """And each candidate has a line."""
    lines: list[str] = []
    answer = chosen(product(tenancy="Host"), lines=lines)
    assert isinstance(answer, Unknown)
    assert answer.code == NO_PRICE
    assert lines == ["BoxUsage:m5.large (S): left out, its tenancy is Host"]


@pytest.mark.parametrize(
    ("usage_type", "taken"),
    [
        ("EBS:VolumeUsage.gp3", True),
        ("USE2-EBS:VolumeUsage.gp3", True),
        ("UGW1-EBS:VolumeUsage.gp3", True),
        ("EBS:VolumeUsage.gp3x", False),
        ("EBS:SnapshotUsage", False),
        ("x-EBS:VolumeUsage.gp3", False),
    ],
)
def test_a_usage_type_fits_whole_after_a_regions_prefix(usage_type: str, taken: bool) -> None:
    """us-east-1 has none."""
    assert (usage(r"EBS:VolumeUsage\.gp3")(product(usagetype=usage_type)) == "") == taken


@pytest.mark.parametrize(
    ("changes", "shape"),
    [
        ({}, Shape(2.0, 8.0)),
        ({"memory": "24,576 GiB", "vcpu": "448"}, Shape(448.0, 24576.0)),
        ({"memory": "0.5 GiB"}, Shape(2.0, 0.5)),
        ({"gpu": "8"}, Shape(2.0, 8.0, 8.0)),
        ({"memory": "NA"}, None),
        ({"vcpu": ""}, None),
    ],
)
def test_a_shape_is_what_the_list_says(changes: dict[str, str], shape: Shape | None) -> None:
    """So a type that is released tomorrow has its own."""
    assert shape_of(product()._replace(attributes={**PLAIN, **changes})) == shape
