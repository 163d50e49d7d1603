"""Persistent volumes."""

from harness.api import small_world


async def test_a_volume_has_its_price_and_its_pods() -> None:
    """Per hour and per month of 730 h."""
    body = await small_world().get("volumes", {"namespace": "shop"})
    assert body["volumes"] == [
        {
            "volume": "vol-1",
            "namespace": "shop",
            "claim": "data",
            "storage_class": "gp3",
            "driver": "ebs.csi.aws.com",
            "capacity_gib": 1.0,
            "usd_per_hour": "0.001",
            "usd_per_month": "0.73",
            "price_source": "api",
            "mounted_by": ["web-1", "web-2"],
        }
    ]


async def test_a_volume_that_nobody_claims_is_nobodys() -> None:
    """And one without a price has none, rather than 0; it comes last."""
    body = await small_world().get("volumes")
    last = body["volumes"][-1]
    assert (last["volume"], last["namespace"], last["claim"], last["usd_per_hour"]) == (
        "vol-2",
        "__unclaimed__",
        None,
        None,
    )
    assert (body["unpriced"], body["total_usd_per_hour"]) == (1, "0.001")


async def test_volumes_are_filtered_by_class_and_name() -> None:
    """All filters have to match."""
    world = small_world()
    assert [row["volume"] for row in (await world.get("volumes", {"storage_class": "s*"}))["volumes"]] == ["vol-2"]
    assert (await world.get("volumes", {"storage_class": "s*", "volume": "vol-1"}))["volumes"] == []
