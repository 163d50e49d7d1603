"""`kube-cost-pricing lookup` as a person types it, against fake clouds."""

import pytest

from harness.commands import pricing
from kube_cost_simulator.clouds.aws import AwsCloud, SpotPrice
from kube_cost_simulator.clouds.aws_products import Machine, with_decoys


async def lookup(*arguments: str, **environ: str) -> tuple[int, str, str]:
    return await pricing("lookup", *arguments, **environ)


@pytest.mark.parametrize(("spot", "usd"), [(False, "0.096"), (True, "0.0412")])
async def test_it_prints_price_source_age_and_candidates(spot: bool, usd: str) -> None:
    """On demand with what was left out and why; the spot price of a zone."""
    cloud = AwsCloud(
        products=list(with_decoys(Machine("m5.large", 0.096))), spot=[SpotPrice("m5.large", "us-east-1a", 0.0412)]
    )
    await cloud.start()
    environ = {
        "AWS_ACCESS_KEY_ID": "AKIATEST",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "KUBE_COST_AWS_PRICING_ENDPOINT": cloud.url,
        "KUBE_COST_AWS_EC2_ENDPOINT": cloud.url,
    }
    try:
        more = ("--spot", "--zone", "us-east-1a") if spot else ()
        code, out, errors = await lookup("aws", "us-east-1", "m5.large", *more, **environ)
    finally:
        await cloud.stop()
    assert (code, errors) == (0, "")
    api, *_ = out.splitlines()
    assert api.startswith(f"api:        {usd} USD per hour, asked ")
    assert "snapshot:" in out
    assert "taken" in out
    if not spot:
        assert "left out, its market is CapacityBlock" in out


async def test_the_discount_is_taken_off_and_said() -> None:
    """As the service would."""
    code, out, _ = await lookup("aws", "us-east-1", "m5.large", "--offline", KUBE_COST_DISCOUNTS="aws=5,aws/m5=10")
    assert code == 0
    assert "0.0864 USD per hour" in out
    assert "10 % off the list price" in out


async def test_what_isnt_sold_has_another_exit_code() -> None:
    """For scripts."""
    code, out, _ = await lookup("gcp", "us-central1", "n9-standard-4", "--offline")
    assert code == 1
    assert "none:" in out


async def test_a_wrong_setting_is_named() -> None:
    """And the command ends."""
    code, _, errors = await lookup("gcp", "us-central1", "n2-standard-4", "--offline", KUBE_COST_DISCOUNTS="much")
    assert code == 2
    assert "'much' is no discount" in errors
