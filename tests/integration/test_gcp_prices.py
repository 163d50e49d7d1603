"""Google Cloud's prices by its own SDK from a catalogue over gRPC: every family, decoys, faults, credentials."""

from fractions import Fraction
from pathlib import Path

import msgspec
import pytest

from harness.clock import TurnedClock
from harness.gcp_prices import asking_google
from harness.gcp_table import is_exception, request, sku, skus_of, table
from kube_cost_common.domain.attached_gpus import ACCELERATOR_LABEL, GPUS_LABEL
from kube_cost_common.messages.prices import (
    CONTROL_PLANE,
    INSTANCE,
    LOAD_BALANCER,
    NETWORK,
    ON_DEMAND,
    SPOT,
    VOLUME,
    VOLUME_IOPS,
    PriceRequest,
    Shape,
    Tier,
)
from kube_cost_common.runtime.clock import SystemClock
from kube_cost_common.runtime.health import Counters
from kube_cost_price_snapshot import load
from kube_cost_pricing.calls.failures import (
    ANSWER,
    CONNECTION,
    DENIED,
    SERVER,
    THROTTLED,
    TIMEOUT,
    CallFailedError,
)
from kube_cost_pricing.providers.source import AMBIGUOUS, NO_REGION, Answer, Quote, Unknown
from kube_cost_pricing.sanity import Refused, Sanity
from kube_cost_simulator.clouds.faults import CloudFault
from kube_cost_simulator.clouds.gcp_skus import KUBERNETES, GcpSku, with_decoys

HERE = "us-central1"


def n2(usage: str = ON_DEMAND) -> list[GcpSku]:
    """Cores and memory of N2, with decoys."""
    parts = [
        sku("n2-core", "N2 Instance Core", "CPU", usage, HERE, "h", Fraction("0.031611")),
        sku("n2-ram", "N2 Instance Ram", "RAM", usage, HERE, "GiBy.h", Fraction("0.004237")),
    ]
    return list(with_decoys(parts))


def asked(name: str = "n2-standard-4", gib: float = 16.0, **fields: str) -> PriceRequest:
    """A request for a machine of 4 vCPUs in Iowa."""
    usual = PriceRequest("gcp", HERE, "", INSTANCE, name, "linux", ON_DEMAND, Shape(4.0, gib))
    return msgspec.structs.replace(usual, **fields)


def n1_with_t4() -> list[GcpSku]:
    """N1's cores and memory, predefined and custom, and a GPU that can be attached."""
    return [
        sku("c", "N1 Predefined Instance Core", "N1Standard", ON_DEMAND, HERE, "h", Fraction("0.031611")),
        sku("r", "N1 Predefined Instance Ram", "N1Standard", ON_DEMAND, HERE, "GiBy.h", Fraction("0.004237")),
        sku("cc", "Custom Instance Core", "CPU", ON_DEMAND, HERE, "h", Fraction("0.033174")),
        sku("cr", "Custom Instance Ram", "RAM", ON_DEMAND, HERE, "GiBy.h", Fraction("0.004446")),
        sku("t4", "Nvidia Tesla T4 GPU", "GPU", ON_DEMAND, HERE, "h", Fraction("0.35")),
    ]


def attached(name: str, *, kind: str = "nvidia-tesla-t4", count: str) -> PriceRequest:
    """A request for an N1 machine with GPUs; an empty text is a label that isn't there."""
    labels = {ACCELERATOR_LABEL: kind, GPUS_LABEL: count}
    wanted = asked(name, gib=15.0)
    return msgspec.structs.replace(wanted, labels={label: text for label, text in labels.items() if text})


def quoted(answer: Answer) -> Quote:
    """The answer, which has to be a price."""
    assert isinstance(answer, Quote), answer
    return answer


class TestMachines:
    async def test_a_sample_of_every_family_is_the_tables(self, recorded_data: Path) -> None:
        """The first and the last type of each family and kind, of a region, on demand and spot, to 1e-6."""
        prices, snapshot = table(recorded_data)[HERE], load()
        skus = [
            one for capacity in prices for one in with_decoys([*skus_of(HERE, capacity, prices[capacity], snapshot)])
        ]
        kinds: dict[str, list[str]] = {}
        for name in prices[ON_DEMAND]:
            if not is_exception(name, HERE):
                kinds.setdefault("-".join(name.split("-")[:2]), []).append(name)
        names = sorted({name for of_kind in kinds.values() for name in (min(of_kind), max(of_kind))})
        assert len(names) > 100
        async with asking_google(skus, page_size=1000) as google:
            for question, capacity in (("instances", ON_DEMAND), ("spot", SPOT)):
                requests = [request(name, HERE, capacity, snapshot) for name in names]
                for name, answer in zip(names, await google.answers(question, HERE, *requests), strict=True):
                    assert quoted(answer).amount == pytest.approx(prices[capacity][name], rel=1e-6), name
                    assert quoted(answer).exact, name
            assert len(google.ask.endpoints) == -(-len(skus) // 1000), "one listing answers both questions"

    async def test_its_weights_are_the_skus_own(self) -> None:
        """Where a provider sells cores and memory apart, their prices say how the machine's divides."""
        async with asking_google(n2()) as google:
            quote = quoted(await google.one(asked()))
        assert quote.amount == pytest.approx(0.194236)
        assert quote.weights is not None
        assert [quote.weights.vcpu, quote.weights.memory_gib] == pytest.approx([0.031611, 0.004237])
        assert quote.shape == Shape(4.0, 16.0)

    async def test_a_family_of_tomorrow_needs_no_release(self) -> None:
        """Its name falls out of the descriptions."""
        skus = [
            sku("1", "N9Q Instance Core", "CPU", ON_DEMAND, HERE, "h", Fraction("0.05")),
            sku("2", "N9Q Instance Ram", "RAM", ON_DEMAND, HERE, "GiBy.h", Fraction("0.005")),
        ]
        async with asking_google(skus) as google:
            assert quoted(await google.one(asked("n9q-standard-4"))).amount == pytest.approx(0.28)

    async def test_memory_that_only_the_node_tells_is_taken_up_to_the_types_and_said(self) -> None:
        """A kernel reports 15.6 of 16 GiB: an estimate, by the ratio that comes next."""
        async with asking_google(n2()) as google:
            quote = quoted(await google.one(asked(gib=15.6123)))
        assert quote.amount == pytest.approx(0.194236)
        assert not quote.exact
        assert "16 GiB" in quote.note

    async def test_custom_and_shared_core_machines(self) -> None:
        """Custom ones at their own SKUs, E2's shared cores by the part that is billed."""
        skus = [
            *n2(),
            sku("e", "E2 Instance Core", "CPU", ON_DEMAND, HERE, "h", Fraction("0.02")),
            sku("f", "E2 Instance Ram", "RAM", ON_DEMAND, HERE, "GiBy.h", Fraction("0.003")),
        ]
        async with asking_google(skus) as google:
            custom = quoted(await google.one(asked("n2-custom-4-16384")))
            small = quoted(await google.one(asked("e2-small")))
        assert custom.amount == pytest.approx(0.194236 * 1.05)
        assert small.amount == pytest.approx(0.5 * 0.02 + 2 * 0.003)

    async def test_windows_adds_its_licence(self) -> None:
        """By the core."""
        licence = GcpSku(
            sku_id="w",
            description="Licensing Fee for Windows Server 2022 Datacenter Edition (CPU cost)",
            group="Google",
            usage="OnDemand",
            regions=("global",),
            unit="h",
            tiers=((0.0, Fraction("0.046")),),
            family="License",
        )
        async with asking_google([*n2(), licence]) as google:
            assert quoted(await google.one(asked(os="windows"))).amount == pytest.approx(0.194236 + 4 * 0.046)

    async def test_gpus_attached_to_an_n1_are_billed_by_their_kind_and_number(self) -> None:
        """Of predefined and of custom machines, on demand; two T4 beside cores and memory."""
        async with asking_google(n1_with_t4()) as google:
            predefined = quoted(await google.one(attached("n1-standard-4", count="2")))
            custom = quoted(await google.one(attached("n1-custom-4-15360", count="2")))
            plain = quoted(await google.one(asked("n1-standard-4", gib=15.0)))
        assert plain.amount == pytest.approx(0.189999)
        assert predefined.amount == pytest.approx(0.189999 + 2 * 0.35)
        assert custom.amount == pytest.approx(4 * 0.033174 + 15 * 0.004446 + 2 * 0.35)
        assert predefined.exact
        assert predefined.shape == Shape(4.0, 15.0, 2.0)
        assert predefined.weights is not None
        assert predefined.weights.gpu == pytest.approx(0.35)

    async def test_gpus_that_nothing_names_or_counts_are_never_left_out_in_silence(self) -> None:
        """An unknown kind has no price; while the node reports none the rest is an estimate that says so."""
        async with asking_google(n1_with_t4()) as google:
            unknown = await google.one(attached("n1-standard-4", kind="nvidia-tesla-x9", count="1"))
            unlabelled = await google.one(attached("n1-standard-4", kind="", count="1"))
            waiting = quoted(await google.one(attached("n1-standard-4", count="")))
        assert isinstance(unknown, Unknown)
        assert "GPUs of a kind that nothing names" in unknown.reason
        assert isinstance(unlabelled, Unknown)
        assert waiting.amount == pytest.approx(0.189999)
        assert not waiting.exact
        assert "without its GPUs (nvidia-tesla-t4)" in waiting.note

    async def test_two_prices_for_one_thing_are_none(self) -> None:
        """Whichever is taken might be wrong."""
        twice = [*n2(), sku("again", "N2 Instance Core", "CPU", ON_DEMAND, HERE, "h", Fraction("31.6"))]
        async with asking_google(twice) as google:
            answer = await google.one(asked())
        assert isinstance(answer, Unknown)
        assert answer.code == AMBIGUOUS

    @pytest.mark.parametrize("name", ["", "m5.large", "n1-standard-4"])
    async def test_what_isnt_sold_has_its_reason(self, name: str) -> None:
        """No type, another cloud's, one that isn't listed there."""
        async with asking_google(n2()) as google:
            assert isinstance(await google.one(asked(name)), Unknown)

    async def test_without_a_region_nobody_is_asked(self) -> None:
        """The reason is counted."""
        async with asking_google(n2()) as google:
            answer = await google.one(asked(region=""))
            assert isinstance(answer, Unknown)
            assert answer.code == NO_REGION
            assert google.cloud.calls == []


class TestOtherPrices:
    async def test_disks_traffic_rules_and_clusters(self) -> None:
        """Each at its SKU, with tiers where there are any."""

        def plain(sku_id: str, text: str, unit: str, usd: str, service: str = "6F81-5844-456A") -> GcpSku:
            return GcpSku(
                sku_id=sku_id,
                description=text,
                group="Any",
                usage="OnDemand",
                regions=(HERE,),
                unit=unit,
                tiers=((0.0, Fraction(usd)),),
                service=service,
            )

        skus = [
            plain("1", "Balanced PD Capacity", "GiBy.mo", "0.1"),
            plain("2", "Regional Balanced PD Capacity", "GiBy.mo", "0.2"),
            GcpSku(
                sku_id="3",
                description="Hyperdisk Balanced IOPS",
                group="SSD",
                usage="OnDemand",
                regions=(HERE,),
                unit="count.mo",
                tiers=((0.0, Fraction(0)), (3000.0, Fraction("0.005"))),
            ),
            plain("4", "Network Inter Zone Data Transfer Out", "GiBy", "0.01"),
            plain("5", "Network Internet Data Transfer Out from Americas to Americas", "GiBy", "0.12"),
            plain("6", "Network Internet Data Transfer Out from Americas to China", "GiBy", "0.23"),
            plain("7", "Network Load Balancing: Forwarding Rule Minimum Service Charge", "h", "0.025"),
            plain("8", "Regional Kubernetes Clusters", "h", "0.1", KUBERNETES),
        ]
        async with asking_google(skus) as google:
            disk = await google.one(asked("pd-balanced", kind=VOLUME, capacity=""), "storage")
            speed = await google.one(asked("hyperdisk-balanced", kind=VOLUME_IOPS, capacity=""), "storage")
            zone = await google.one(asked("zone", kind=NETWORK, capacity=""), "network")
            internet = await google.one(asked("internet", kind=NETWORK, capacity=""), "network")
            rule = await google.one(asked("", kind=LOAD_BALANCER, capacity=""), "network")
            cluster = await google.one(asked("standard", kind=CONTROL_PLANE, capacity=""), "network")
        amounts = [quoted(answer).amount for answer in (disk, speed, zone, internet, rule, cluster)]
        assert amounts == pytest.approx([0.1, 0.005, 0.01, 0.12, 0.025, 0.1])
        assert quoted(speed).tiers == (Tier(start=0.0, usd=0.0), Tier(start=3000.0, usd=0.005))


class TestCalls:
    async def test_pages_are_calls_of_their_own(self) -> None:
        """Eleven SKUs, four a page."""
        skus = n2()
        async with asking_google(skus, page_size=4) as google:
            assert quoted(await google.one(asked())).amount == pytest.approx(0.194236)
            assert len(google.cloud.calls) == len(google.ask.endpoints) == -(-len(skus) // 4)

    async def test_a_listing_is_used_for_an_hour(self) -> None:
        """Then it is listed anew, and a changed price is seen."""
        clock = TurnedClock()
        async with asking_google(n2(), clock=clock) as google:
            await google.one(asked())
            google.cloud.skus = [
                sku("n2-core", "N2 Instance Core", "CPU", ON_DEMAND, HERE, "h", Fraction("0.04")),
                sku("n2-ram", "N2 Instance Ram", "RAM", ON_DEMAND, HERE, "GiBy.h", Fraction("0.004")),
            ]
            clock.turn(3599)
            assert quoted(await google.one(asked())).amount == pytest.approx(0.194236)
            clock.turn(2)
            assert quoted(await google.one(asked())).amount == pytest.approx(0.224)
            assert len(google.cloud.calls) == 2

    async def test_an_api_key_is_sent(self, tmp_path: Path) -> None:
        """From its file; without it the call is refused, and says what to do."""
        key = tmp_path / "key"
        key.write_text("a-key\n")
        async with asking_google(n2(), api_key="a-key", api_key_file=key) as google:
            assert quoted(await google.one(asked())).amount == pytest.approx(0.194236)
        async with asking_google(n2(), api_key="a-key") as google:
            with pytest.raises(CallFailedError, match="Workload Identity") as caught:
                await google.one(asked())
            assert caught.value.reason == DENIED


class TestFaults:
    @pytest.mark.parametrize(
        ("fault", "reasons"),
        [
            (CloudFault.THROTTLED, {THROTTLED}),
            (CloudFault.SERVER_ERROR, {SERVER}),
            (CloudFault.DENIED, {DENIED}),
            (CloudFault.RESET, {CONNECTION}),
            (CloudFault.SILENT, {TIMEOUT}),
            (CloudFault.TRUNCATED, {SERVER, ANSWER}),
            (CloudFault.HUGE, {THROTTLED, SERVER, ANSWER, TIMEOUT}),  # a busy machine is too slow for 100 MB
            (CloudFault.ENDLESS, {ANSWER}),
        ],
    )
    async def test_a_fault_is_said_and_over_when_it_is(self, fault: CloudFault, reasons: set[str]) -> None:
        """The next question is answered."""
        async with asking_google(n2(), call_timeout_seconds=2.0, max_pages=5) as google:
            google.cloud.misbehaviour.fault = fault
            with pytest.raises(CallFailedError) as caught:
                await google.one(asked())
            assert caught.value.reason in reasons
            google.cloud.misbehaviour.fault = None
            assert quoted(await google.one(asked())).amount == pytest.approx(0.194236)

    async def test_who_throttles_says_for_how_long(self) -> None:
        """In a RetryInfo."""
        async with asking_google(n2()) as google:
            google.cloud.misbehaviour.fault = CloudFault.THROTTLED
            with pytest.raises(CallFailedError) as caught:
                await google.one(asked())
            assert caught.value.retry_after_seconds == 3.0

    @pytest.mark.parametrize("fault", [CloudFault.ZERO, CloudFault.NEGATIVE, CloudFault.CURRENCY])
    async def test_a_price_that_cant_be_is_refused(self, fault: CloudFault) -> None:
        """By the gate that all prices pass."""
        sanity = Sanity(usd_per={}, clock=SystemClock(), counters=Counters())
        async with asking_google(n2()) as google:
            google.cloud.misbehaviour.fault = fault
            quote = quoted(await google.one(asked()))
        assert isinstance(sanity.examine(asked(), quote, last_usd=None, on_demand_usd=None), Refused)

    async def test_what_vanished_isnt_sold(self) -> None:
        """No price is made up."""
        async with asking_google(n2()) as google:
            google.cloud.misbehaviour.fault = CloudFault.VANISHED
            assert isinstance(await google.one(asked()), Unknown)
