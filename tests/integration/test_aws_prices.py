"""AWS's prices by its own SDK from fake endpoints: machines, spot, volumes, traffic and the rest."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.aws_prices import (
    M5,
    M5_SPOT,
    asking_amazon,
    machine_request,
    plain_credentials,
    quoted,
    recorded_machines,
)
from kube_cost_common.messages.prices import (
    CONTROL_PLANE,
    LOAD_BALANCER,
    NETWORK,
    POD_MEMORY,
    POD_VCPU,
    SPOT,
    VOLUME,
    VOLUME_IOPS,
    VOLUME_THROUGHPUT,
    Shape,
    Tier,
)
from kube_cost_common.runtime.clock import SystemClock
from kube_cost_common.runtime.health import Counters
from kube_cost_pricing.providers.cloud import HOURS_ALONE
from kube_cost_pricing.providers.source import AMBIGUOUS, NO_INSTANCE_TYPE, NO_REGION, Unknown
from kube_cost_pricing.sanity import Refused, Sanity
from kube_cost_simulator.clouds.aws import SpotPrice
from kube_cost_simulator.clouds.aws_products import AwsProduct, Machine, product_of, with_decoys

HERE = "us-east-1"


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    plain_credentials(monkeypatch)


def sold(service: str, family: str, usage_type: str, usd: str, unit: str = "Hrs", **attributes: str) -> AwsProduct:
    """A product that isn't a machine, in one tier."""
    return AwsProduct(
        sku=usage_type,
        service=service,
        family=family,
        attributes={"regionCode": HERE, "usagetype": usage_type, **attributes},
        unit=unit,
        tiers=(("0", usd),),
    )


class TestMachines:
    async def test_a_sample_of_every_family_is_the_tables(self, recorded_data: Path) -> None:
        """The first type of each family of us-east-1 among its decoys, to 1e-6, by pages of the region's list."""
        machines = recorded_machines(recorded_data)
        by_family = {machine.name.split(".")[0]: machine for machine in reversed(machines)}
        products = [product for machine in by_family.values() for product in with_decoys(machine)]
        async with asking_amazon(products, page_size=100) as amazon:
            requests = [machine_request(machine.name) for machine in by_family.values()]
            answers = await amazon.answers("instances", HERE, *requests)
            for machine, answer in zip(by_family.values(), answers, strict=True):
                assert quoted(answer).amount == pytest.approx(machine.usd, rel=1e-6), machine.name
            assert len(by_family) > 150
            assert len(amazon.ask.endpoints) == -(-3 * len(by_family) // 100), "filters let two decoys through"

    async def test_one_of_a_few_types_is_a_call(self) -> None:
        """With the filters that leave its one price; its shape is the list's."""
        async with asking_amazon(list(with_decoys(M5))) as amazon:
            quote = quoted(await amazon.one(machine_request("m5.large")))
        assert quote.amount == 0.096
        assert quote.shape == Shape(2.0, 8.0)
        operation, filters = amazon.cloud.questions[0]
        assert operation == "GetProducts"
        assert filters == {
            "regionCode": HERE,
            "instanceType": "m5.large",
            "operatingSystem": "Linux",
            "preInstalledSw": "NA",
            "tenancy": "Shared",
            "capacitystatus": "Used",
        }

    async def test_decoys_that_a_filter_lets_through_are_left_out(self) -> None:
        """A capacity block, another operation, and one's own licence on Windows."""
        windows = Machine("m5.large", 0.188, os="Windows")
        async with asking_amazon([*with_decoys(M5), *with_decoys(windows)]) as amazon:
            assert quoted(await amazon.one(machine_request("m5.large"))).amount == 0.096
            assert quoted(await amazon.one(machine_request("m5.large", os="windows"))).amount == 0.188
            assert any("CapacityBlock" in line for line in amazon.lines)
            assert any("licence" in line for line in amazon.lines)
            assert any("its operation is RunInstances:0g00" in line for line in amazon.lines)

    async def test_bare_metal_gpus_and_types_of_tomorrow(self) -> None:
        """By what the list says of them."""
        machines = [
            Machine("m5.metal", 4.608, vcpu=96, memory_gib=384),
            Machine("p9.48xlarge", 1234.5, vcpu=384, memory_gib=4096, gpus=16),
        ]
        async with asking_amazon([product for machine in machines for product in with_decoys(machine)]) as amazon:
            metal, tomorrow = await amazon.answers(
                "instances", HERE, machine_request("m5.metal"), machine_request("p9.48xlarge")
            )
        assert quoted(metal).amount == 4.608
        assert quoted(tomorrow).shape == Shape(384.0, 4096.0, 16.0)

    async def test_local_and_wavelength_zones_have_their_own_price(self) -> None:
        """Under the zone's group; the region's price is another one."""
        machines = [
            M5,
            Machine("m5.large", 0.12, region="us-east-1-atl-1"),
            Machine("m5.large", 0.135, region="us-east-1-wl1-atl1"),
        ]
        async with asking_amazon([product for machine in machines for product in with_decoys(machine)]) as amazon:
            answers = await amazon.answers(
                "instances",
                HERE,
                machine_request("m5.large"),
                machine_request("m5.large", zone="us-east-1-atl-1a"),
                machine_request("m5.large", zone="us-east-1-wl1-atl-wlz-1"),
            )
        assert [quoted(answer).amount for answer in answers] == [0.096, 0.12, 0.135]

    async def test_govcloud_is_in_the_same_list_and_china_is_not(self) -> None:
        """China's prices are at an endpoint of their own, in CNY."""
        machines = [
            Machine("m5.large", 0.121, region="us-gov-west-1"),
            Machine("m5.large", 0.792, region="cn-north-1", currency="CNY"),
        ]
        products = [product for machine in machines for product in with_decoys(machine)]
        china = machine_request("m5.large", "cn-north-1")
        async with asking_amazon(products) as amazon:
            assert quoted(await amazon.one(machine_request("m5.large", "us-gov-west-1"))).amount == 0.121
            answer = await amazon.one(china)
            assert isinstance(answer, Unknown)
            assert "cn-northwest-1" in answer.reason
        async with asking_amazon(products, pricing_region="cn-northwest-1") as amazon:
            quote = quoted(await amazon.one(china))
        assert (quote.amount, quote.currency) == (0.792, "CNY")
        sanity = Sanity(usd_per={}, clock=SystemClock(), counters=Counters())
        refused = sanity.examine(china, quote, last_usd=None, on_demand_usd=None)
        assert isinstance(refused, Refused)
        assert refused.reason == "currency"

    async def test_two_prices_for_one_thing_are_none(self) -> None:
        """Whichever is taken might be wrong."""
        products = [*with_decoys(M5), *with_decoys(Machine("m5.large", 0.2, extra={"storage": "another"}))]
        async with asking_amazon(products) as amazon:
            answer = await amazon.one(machine_request("m5.large"))
        assert isinstance(answer, Unknown)
        assert answer.code == AMBIGUOUS

    @pytest.mark.parametrize(
        ("name", "region", "code"),
        [("", HERE, NO_INSTANCE_TYPE), ("m5.large", "", NO_REGION), ("m9.x", HERE, "no_price")],
    )
    async def test_what_cant_be_answered_has_its_reason(self, name: str, region: str, code: str) -> None:
        """A code that a metric can have."""
        async with asking_amazon(list(with_decoys(M5))) as amazon:
            answer = await amazon.one(machine_request(name, region))
        assert isinstance(answer, Unknown)
        assert answer.code == code


class TestSpot:
    async def test_the_newest_price_of_each_zone(self) -> None:
        """Of Linux, or of Windows; a zone that has none says so."""
        async with asking_amazon(spot=M5_SPOT, page_size=2) as amazon:
            zones = [
                machine_request("m5.large", zone=f"us-east-1{letter}", capacity=SPOT) for letter in ("a", "b", "c")
            ]
            first, second, third = await amazon.answers("spot", HERE, *zones)
            windows = await amazon.one(
                machine_request("m5.large", zone="us-east-1b", capacity=SPOT, os="windows"), "spot"
            )
        assert (quoted(first).amount, quoted(second).amount) == (0.0412, 0.0389)
        assert isinstance(third, Unknown)
        assert quoted(windows).amount == 0.11

    async def test_a_type_that_isnt_one_leaves_the_others_their_prices(self) -> None:
        """EC2 refuses the whole question; its halves are asked, down to the type, which is then unknown."""
        types = [f"m{number}.large" for number in range(8)]
        async with asking_amazon(spot=[SpotPrice(name, "us-east-1a", 0.04) for name in types]) as amazon:
            amazon.cloud.unknown_types = {"m5.large"}
            requests = [machine_request(name, zone="us-east-1a", capacity=SPOT) for name in types]
            answers = await amazon.answers("spot", HERE, *requests)
            assert [name for name, answer in zip(types, answers, strict=True) if isinstance(answer, Unknown)] == [
                "m5.large"
            ]
            assert len(amazon.ask.endpoints) == 7

    async def test_chinas_are_in_yuan(self) -> None:
        """EC2's history names no currency; without a rate the gate refuses it."""
        request = machine_request("m5.large", "cn-north-1", zone="cn-north-1a", capacity=SPOT)
        async with asking_amazon(spot=[SpotPrice("m5.large", "cn-north-1a", 0.31)]) as amazon:
            quote = quoted(await amazon.one(request, "spot"))
        assert (quote.amount, quote.currency) == (0.31, "CNY")

    async def test_sixty_types_are_two_questions(self) -> None:
        """Fifty types each."""
        types = [f"m{number}.large" for number in range(60)]
        rows = [SpotPrice(name, f"us-east-1{zone}", 0.04) for name in types for zone in "abcde"]
        async with asking_amazon(spot=rows) as amazon:
            requests = [
                machine_request(name, zone=f"us-east-1{zone}", capacity=SPOT) for name in types for zone in "abcde"
            ]
            answers = await amazon.answers("spot", HERE, *requests)
            assert {quoted(answer).amount for answer in answers} == {0.04}
            assert len(amazon.ask.endpoints) == 2


async def test_sixty_types_in_five_zones_are_sixteen_calls() -> None:
    """As docs/pricing.md says: 14 pages of the region's 1,367 types and a dozen capacity blocks, and two for spot."""
    machines = [Machine(f"m{number}.large", 0.1) for number in range(1367)]
    blocks = [
        replace(one, sku=f"{one.sku}-block", attributes={**one.attributes, "marketoption": "CapacityBlock"})
        for one in map(product_of, machines[:12])
    ]
    types = [machine.name for machine in machines[:60]]
    zones = [f"{HERE}{letter}" for letter in "abcde"]
    rows = [SpotPrice(name, zone, 0.04) for name in types for zone in zones]
    async with asking_amazon([*map(product_of, machines), *blocks], rows) as amazon:
        on_demand = await amazon.answers("instances", HERE, *map(machine_request, types))
        spot = [machine_request(name, zone=zone, capacity=SPOT) for name in types for zone in zones]
        answers = await amazon.answers("spot", HERE, *spot)
        assert {quoted(answer).amount for answer in on_demand} == {0.1}
        assert {quoted(answer).amount for answer in answers} == {0.04}
        assert len(amazon.ask.endpoints) == 16


class TestOtherPrices:
    async def test_volumes_with_operations_and_throughput(self) -> None:
        """gp3's own are free up to a limit, io2's come in three tiers; one call a type."""
        storage = {"volumeApiName": "gp3"}
        io2 = {"volumeApiName": "io2"}
        products = [
            sold("AmazonEC2", "Storage", "EBS:VolumeUsage.gp3", "0.08", "GB-Mo", **storage),
            sold("AmazonEC2", "System Operation", "EBS:VolumeP-IOPS.gp3", "0.005", "IOPS-Mo", **storage),
            sold("AmazonEC2", "Provisioned Throughput", "EBS:VolumeP-Throughput.gp3", "40.96", "GiBps-mo", **storage),
            sold("AmazonEC2", "Storage", "EBS:VolumeUsage.io2", "0.125", "GB-Mo", **io2),
            sold("AmazonEC2", "System Operation", "EBS:VolumeP-IOPS.io2", "0.065", "IOPS-Mo", **io2),
            sold("AmazonEC2", "System Operation", "EBS:VolumeP-IOPS.io2.tier2", "0.0455", "IOPS-Mo", **io2),
            sold("AmazonEC2", "System Operation", "EBS:VolumeP-IOPS.io2.tier3", "0.03185", "IOPS-Mo", **io2),
        ]
        async with asking_amazon(products) as amazon:
            gp3 = await amazon.answers(
                "storage",
                HERE,
                *[machine_request("gp3", kind=kind) for kind in (VOLUME, VOLUME_IOPS, VOLUME_THROUGHPUT)],
            )
            assert len(amazon.ask.endpoints) == 1
            tiers = quoted(await amazon.one(machine_request("io2", kind=VOLUME_IOPS), "storage")).tiers
        capacity, iops, throughput = map(quoted, gp3)
        assert [capacity.amount, iops.amount, throughput.amount] == pytest.approx([0.08, 0.005, 0.04])
        assert iops.tiers == (Tier(start=0.0, usd=0.0), Tier(start=3000.0, usd=0.005))
        assert [(tier.start, tier.usd) for tier in tiers] == [(0.0, 0.065), (32000.0, 0.0455), (64000.0, 0.03185)]

    async def test_traffic_load_balancers_clusters_and_fargate(self) -> None:
        """Each by its usage type, also with a region's prefix; a load balancer says that its units aren't in it."""
        here = {"fromRegionCode": HERE}
        products = [
            sold(
                "AWSDataTransfer",
                "Data Transfer",
                "DataTransfer-Regional-Bytes",
                "0.01",
                "GB",
                transferType="IntraRegion",
                **here,
            ),
            AwsProduct(
                sku="out",
                service="AWSDataTransfer",
                family="Data Transfer",
                attributes={**here, "transferType": "AWS Outbound", "toLocation": "External", "usagetype": "x"},
                unit="GB",
                tiers=(("0", "0.09"), ("10240", "0.085")),
            ),
            sold("AWSELB", "Load Balancer-Network", "USE1-LoadBalancerUsage", "0.0225"),
            sold("AWSELB", "Load Balancer-Application", "USE1-LoadBalancerUsage", "0.0250"),
            sold("AWSELB", "Load Balancer-Network", "USE1-LCUUsage", "0.006", "LCU-Hrs"),
            sold("AWSELB", "Load Balancer-Application", "USE1-LCUUsage", "0.008", "LCU-Hrs"),
            sold("AWSELB", "Load Balancer", "USE1-DataProcessing-Bytes", "0.008", "GB"),
            sold("AmazonEKS", "Compute", "USE1-AmazonEKS-Hours:perCluster", "0.10"),
            sold("AmazonEKS", "Compute", "USE1-AmazonEKS-Hours:extendedSupport", "0.50"),
            sold("AmazonEKS", "Compute", "USE1-Fargate-vCPU-Hours:perCPU", "0.04048"),
            sold("AmazonEKS", "Compute", "USE1-Fargate-GB-Hours", "0.004445"),
        ]
        async with asking_amazon(products) as amazon:
            network = await amazon.answers(
                "network",
                HERE,
                machine_request("zone", kind=NETWORK),
                machine_request("internet", kind=NETWORK),
                machine_request("", kind=LOAD_BALANCER),
                machine_request("application", kind=LOAD_BALANCER),
                machine_request("standard", kind=CONTROL_PLANE),
                machine_request("extended", kind=CONTROL_PLANE),
            )
            pods = await amazon.answers(
                "instances",
                HERE,
                machine_request("fargate", kind=POD_VCPU),
                machine_request("fargate", kind=POD_MEMORY),
            )
        assert [bool(quoted(answer).note) for answer in network] == [False, False, True, True, False, False]
        assert quoted(network[2]).note == HOURS_ALONE
        amounts = [quoted(answer).amount for answer in (*network, *pods)]
        assert amounts == pytest.approx([0.01, 0.09, 0.0225, 0.025, 0.1, 0.5, 0.04048, 0.004445])
