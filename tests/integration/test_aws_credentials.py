"""Credentials of the three kinds, as the real SDK finds and uses them, and what is said where they fail."""

from pathlib import Path

import pytest

from harness.aws_prices import M5, M5_SPOT, AskedAmazon, asking_amazon, machine_request, plain_credentials, quoted
from kube_cost_common.messages.prices import SPOT
from kube_cost_pricing.calls.failures import ANSWER, DENIED, THROTTLED, TIMEOUT, CallFailedError
from kube_cost_simulator.clouds.aws_products import with_decoys
from kube_cost_simulator.clouds.faults import CloudFault

PRODUCTS = list(with_decoys(M5))


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    plain_credentials(monkeypatch)


@pytest.fixture
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")


@pytest.fixture
def _token(_no_key: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service account that is annotated with a role has its token mounted."""
    file = tmp_path / "token"
    file.write_text("kubernetes-token")
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/kube-cost")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(file))


async def price(amazon: AskedAmazon) -> float:
    """What an m5.large costs."""
    return quoted(await amazon.one(machine_request("m5.large"))).amount


class TestTheEnvironment:
    async def test_its_key_signs_for_the_region_of_the_question(self) -> None:
        """The price list's endpoint is in another region than the machines."""
        west = machine_request("m5.large", "us-west-2", capacity=SPOT, zone="us-west-2a")
        async with asking_amazon(PRODUCTS, M5_SPOT, pricing_region="eu-central-1") as amazon:
            await price(amazon)
            await amazon.one(west, "spot")
            assert set(amazon.cloud.access_keys) == {"AKIATEST"}
            assert amazon.cloud.regions == ["eu-central-1", "us-west-2"]

    async def test_a_key_that_isnt_known_is_looked_for_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A rotated key needs no restart."""
        async with asking_amazon(PRODUCTS, M5_SPOT) as amazon:
            amazon.cloud.refused_keys = {"AKIATEST"}
            for question, request in (
                ("instances", machine_request("m5.large")),
                ("spot", machine_request("m5.large", capacity=SPOT, zone="us-east-1b")),
            ):
                with pytest.raises(CallFailedError, match="doesn't know the pricing service's credentials") as caught:
                    await amazon.one(request, question)
                assert caught.value.reason == DENIED
            monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIANEXT")
            assert await price(amazon) == 0.096


@pytest.mark.usefixtures("_no_key")
class TestAProfile:
    async def test_the_one_that_is_named_signs(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """By AWS_PROFILE."""
        file = tmp_path / "credentials"
        file.write_text("[costs]\naws_access_key_id = AKIAPROFILE\naws_secret_access_key = secret\n")
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
        monkeypatch.setenv("AWS_PROFILE", "costs")
        async with asking_amazon(PRODUCTS) as amazon:
            await price(amazon)
            assert set(amazon.cloud.access_keys) == {"AKIAPROFILE"}

    async def test_one_that_isnt_there_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """In what is denied."""
        monkeypatch.setenv("AWS_PROFILE", "costs")
        async with asking_amazon(PRODUCTS) as amazon:
            with pytest.raises(CallFailedError, match=r"profile \(costs\)") as caught:
                await price(amazon)
        assert caught.value.reason == DENIED


@pytest.mark.usefixtures("_token")
class TestAServiceAccount:
    async def test_its_token_is_a_role(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """IRSA: STS is asked once, and what it gives signs."""
        async with asking_amazon(PRODUCTS) as amazon:
            monkeypatch.setenv("AWS_ENDPOINT_URL_STS", amazon.cloud.url)
            await price(amazon)
            await price(amazon)
            assert set(amazon.cloud.access_keys) == {"ASIAIRSA"}
            operations = [operation for operation, _ in amazon.cloud.misbehaviour.calls]
            assert operations == ["AssumeRoleWithWebIdentity", "GetProducts", "GetProducts"]

    @pytest.mark.parametrize(
        ("fault", "reason", "words"),
        [
            (CloudFault.DENIED, DENIED, "sts:AssumeRoleWithWebIdentity: let the role"),
            (CloudFault.THROTTLED, THROTTLED, "Rate exceeded"),
            (CloudFault.SERVER_ERROR, ANSWER, "Internal Server Error"),  # no XML, and the SDK hides the status
            (CloudFault.SILENT, TIMEOUT, "pricing"),
            (CloudFault.TRUNCATED, ANSWER, "pricing"),
        ],
    )
    async def test_sts_that_fails_is_asked_once_and_again_later(
        self, monkeypatch: pytest.MonkeyPatch, fault: CloudFault, reason: str, words: str
    ) -> None:
        """It says that it was STS, not that a policy is missing."""
        async with asking_amazon(PRODUCTS, call_timeout_seconds=2.0) as amazon:
            monkeypatch.setenv("AWS_ENDPOINT_URL_STS", amazon.cloud.url)
            amazon.cloud.token_fault = fault
            with pytest.raises(CallFailedError, match=words) as caught:
                await price(amazon)
            assert caught.value.reason == reason
            assert len(amazon.cloud.misbehaviour.calls) == 1, "no retries"
            amazon.cloud.token_fault = None
            assert await price(amazon) == 0.096

    async def test_a_token_that_isnt_mounted_is_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Its file, in what is denied."""
        nowhere = str(tmp_path / "nowhere")
        monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", nowhere)
        async with asking_amazon(PRODUCTS) as amazon:
            with pytest.raises(CallFailedError, match=nowhere) as caught:
                await price(amazon)
        assert caught.value.reason == DENIED


@pytest.mark.usefixtures("_no_key")
async def test_without_any_it_says_which_there_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """In one line, with the policy; once they are there they are used."""
    async with asking_amazon(PRODUCTS) as amazon:
        with pytest.raises(CallFailedError, match="no AWS credentials for pricing:GetProducts") as caught:
            await price(amazon)
        assert caught.value.reason == DENIED
        for words in ("eks.amazonaws.com/role-arn", "AWS_ACCESS_KEY_ID", "AWS_PROFILE", "DescribeSpotPriceHistory"):
            assert words in caught.value.detail
        assert "\n" not in caught.value.detail
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIALATER")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        assert await price(amazon) == 0.096


async def test_an_endpoint_by_the_sdks_own_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS_ENDPOINT_URL_PRICING does what the setting does."""
    async with asking_amazon(PRODUCTS) as amazon:
        monkeypatch.setenv("AWS_ENDPOINT_URL_PRICING", amazon.cloud.url)
        async with asking_amazon(pricing_endpoint="") as other:
            assert await price(other) == 0.096
