"""The price sheet over a socket, by Azure's SDK, and its faults."""

import subprocess
import sys

import pytest

from harness.azure_facts import priced, quoted
from harness.azure_prices import D4S, EASTUS, SIXTY, asking, price_list
from kube_cost_pricing.calls.failures import (
    ANSWER,
    CONNECTION,
    DENIED,
    SERVER,
    THROTTLED,
    TIMEOUT,
)
from kube_cost_simulator.clouds.faults import CloudFault


class TestThePriceSheet:
    async def test_it_overrides_the_list(self) -> None:
        """An agreement's D4s v5 at 0.15; the note says which price is whose."""
        async with asking(price_list(), agreement=True) as asked:
            asked.cloud.sheet.agree("eastus", D4S, 0.15)
            agreed, listed = await asked.instances("eastus", priced(D4S), priced("Standard_B2ms"))
            assert quoted(agreed).amount == pytest.approx(0.15)
            assert quoted(agreed).note == "price sheet"
            assert quoted(listed).amount == EASTUS["Standard_B2ms"]
            assert quoted(listed).note == "retail price: the price sheet has no such meter"
            assert asked.ask.endpoints == ["price_sheet", "instance_price"]

    async def test_its_pages_are_followed_and_it_is_read_once(self) -> None:
        """250 lines are three pages of 100; the second question asks for none."""
        async with asking(price_list(SIXTY), agreement=True) as asked:
            for _ in range(4):
                for sku, usd in SIXTY.items():
                    asked.cloud.sheet.agree("eastus", sku, usd / 2)
            for sku in ("Standard_D60s_v9", "Standard_D1s_v9"):
                assert quoted(await asked.one(priced(sku))).amount == pytest.approx(SIXTY[sku] / 2)
            assert asked.ask.endpoints.count("price_sheet") == 3

    @pytest.mark.parametrize("token", ["another", ""])
    async def test_a_wrong_token_is_denied_and_list_prices_go_on(self, token: str) -> None:
        """401: one line in the log that names the role; the quote says why it is the list's."""
        async with asking(price_list(), agreement=True, token=token) as asked:
            quote = quoted(await asked.one(priced(D4S)))
            assert quote.amount == 0.192
            assert quote.note == "retail price: the price sheet can't be read: denied"
            (line,) = asked.log.calls
            assert "Billing Reader" in line.kwargs["detail"]
            assert "view charges" in line.kwargs["detail"]
            assert "\n" not in line.kwargs["detail"]

    @pytest.mark.parametrize(
        ("fault", "reasons"),
        [
            (CloudFault.DENIED, {DENIED}),
            (CloudFault.THROTTLED, {THROTTLED}),
            (CloudFault.SERVER_ERROR, {SERVER}),
            (CloudFault.SILENT, {TIMEOUT}),
            (CloudFault.RESET, {CONNECTION}),
            (CloudFault.TRUNCATED, {ANSWER}),
            (CloudFault.TRICKLE, {TIMEOUT}),
            (CloudFault.HUGE, {ANSWER}),
            (CloudFault.ENDLESS, {ANSWER}),
        ],
    )
    async def test_its_faults_leave_the_list_prices(self, fault: CloudFault, reasons: set[str]) -> None:
        """A fault of the sheet costs its own calls, one each, and is in the note; nothing is raised."""
        async with asking(price_list(), agreement=True, limit_seconds=2.0, price_sheet_max_pages=5) as asked:
            asked.cloud.sheet.agree("eastus", D4S, 0.15)
            asked.cloud.sheet_misbehaviour.fault = fault
            quote = quoted(await asked.one(priced(D4S)))
            assert quote.amount == 0.192
            assert quote.note.removeprefix("retail price: the price sheet can't be read: ") in reasons
            assert len(asked.cloud.sheet_misbehaviour.calls) == (5 if fault is CloudFault.ENDLESS else 1)
            assert asked.cloud.misbehaving.sent_bytes < 50e6
            if fault is CloudFault.DENIED:
                assert "Billing Reader" in asked.log.calls[0].kwargs["detail"]

    async def test_it_comes_back_when_the_fault_is_over(self) -> None:
        """After the wait the sheet is read, behind the first answers."""
        async with asking(
            price_list(), agreement=True, price_sheet_retry_seconds=0.0, rows_max_age_seconds=0.0
        ) as asked:
            asked.cloud.sheet.agree("eastus", D4S, 0.15)
            asked.cloud.sheet_misbehaviour.fault = CloudFault.SERVER_ERROR
            assert quoted(await asked.one(priced(D4S))).amount == 0.192
            asked.cloud.sheet_misbehaviour.fault = None
            assert quoted(await asked.one(priced(D4S))).amount == pytest.approx(0.15)

    async def test_nothing_of_the_token_is_said(self) -> None:
        """Neither the log nor what `lookup` sees has the token or the subscription."""
        async with asking(price_list(), agreement=True, token="so-secret") as asked:
            await asked.one(priced(D4S))
            said = repr(asked.log.calls) + "\n".join(asked.seen)
            assert "so-secret" not in said
            assert "00000000-0000" not in said

    async def test_without_any_credentials_it_is_denied(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """No token from the environment: list prices go on, and the log says what gave none."""
        monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")  # the only one that asks no network
        async with asking(price_list(), agreement=True, own_credentials=True) as asked:
            assert quoted(await asked.one(priced(D4S))).note.endswith(": denied")
            assert "gives a token" in asked.log.calls[0].kwargs["detail"]
            assert asked.cloud.sheet_misbehaviour.calls == []


_MEMORY = """
import sys
def rss(): return int(open('/proc/self/statm').read().split()[1]) * 4096 / 1e6
before = rss()
import asyncio
from structlog import get_logger
from kube_cost_common.runtime.clock import SystemClock
from kube_cost_pricing.providers.azure import AzureSettings, azure_prices
async def main():
    azure_prices(
        settings=AzureSettings(subscription_id=sys.argv[1]), ask=None, clock=SystemClock(), log=get_logger()
    )
asyncio.run(main())
sdk = sorted(name for name in sys.modules if name.startswith(('azure.', 'msal', 'boto', 'google.cloud')))
print(round(rss() - before, 1), len(sdk), 'azure.identity' in sys.modules, 'boto' in ' '.join(sdk))
"""


@pytest.mark.parametrize(("subscription", "has_sdk"), [("", False), ("s", True)])
def test_the_sdk_is_loaded_only_for_a_subscription(subscription: str, has_sdk: bool) -> None:
    """Without one no module of it; the memory of either is printed, and below 80 MB."""
    done = subprocess.run(
        [sys.executable, "-c", _MEMORY, subscription], capture_output=True, text=True, check=True, timeout=60
    )
    megabytes, modules, identity, boto = done.stdout.split()
    print(f"\nAzure {'with' if has_sdk else 'without'} its SDK: {megabytes} MB, {modules} of its modules")
    assert (int(modules) > 0) == has_sdk
    assert (identity == "True") == has_sdk
    assert boto == "False"
    assert float(megabytes) < 80
