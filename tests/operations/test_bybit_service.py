"""Bybit's feed as a host runs it, against the sandbox: its contracts, marks and books, without a key."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async

from hedgeapp.core.reference import Account, Asset, Venue
from marketdata.core.admission import AccountCannotBeFollowed
from marketdata.operations.changes import change
from marketdata.operations.seeding import seed
from marketdata.queries.catalogue import reference
from reconciliation.queries.due import subjects
from sandbox.app import describe
from tests.operations.test_binance_feed import KINDS, serving
from tests.sandbox.running import Sandbox, free_port

SYMBOLS = ("BTC-USD-PERP", "BTC-USDT-PERP", "ETH-USD-PERP", "ETH-USDT-PERP")
ACCOUNT = Account(name="bybit:main", venue="bybit", label="Unified", instruments=SYMBOLS, is_enabled=False)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox that serves Bybit."""
    running = Sandbox(tmp_path_factory.mktemp("bybit"), "--hand-every", "0", "--bybit")
    yield running
    running.stop()


def venue_of(port: int) -> Venue:
    """Return Bybit on a port."""
    return Venue(name="bybit", protocol="bybit", rest_url=f"http://127.0.0.1:{port}", ws_url=f"ws://127.0.0.1:{port}")


@pytest.mark.usefixtures("log_url")
class TestTheService:
    async def test_it_loads_linear_and_inverse_contracts_and_follows_them_all(self, sandbox: Sandbox) -> None:
        async with serving(venue_of(sandbox.port), ACCOUNT) as feed:
            expected = {(f"bybit:{symbol}", kind) for symbol in SYMBOLS for kind in KINDS}
            await feed.until(lambda health, marks: {(one.subject, one.kind) for one in marks} == expected and health)
            await feed.until(lambda health, _: health and health.is_connected and not health.error)
            found = (await sync_to_async(reference)()).instruments
            linear, inverse = found["bybit:ETH-USDT-PERP"], found["bybit:BTC-USD-PERP"]
            assert (linear.kind, linear.contract_size, linear.tick_size, linear.step_size) == (
                "linear",
                Decimal(1),
                Decimal("0.01"),
                Decimal("0.01"),
            )
            assert (inverse.kind, inverse.settlement, inverse.tick_size, inverse.step_size) == (
                "inverse",
                "BTC",
                Decimal("0.1"),
                Decimal(1),
            )
            assert len(linear.tiers) >= 10
            assert linear.tiers[1].deduction == 50

    async def test_a_venue_that_does_not_say_what_it_trades_is_said_in_a_sentence(self) -> None:
        async with serving(venue_of(free_port()), ACCOUNT) as feed:
            await feed.until(lambda health, _: health and "instruments-info: contracts expected, found" in health.error)

    async def test_nothing_asks_for_what_needs_a_key(self, sandbox: Sandbox) -> None:
        async with serving(venue_of(sandbox.port), ACCOUNT):
            assert await sync_to_async(subjects)() == ["engine", "marks:bybit"]


@pytest.mark.usefixtures("log_url")
def test_an_account_cannot_be_enabled_at_a_venue_whose_accounts_are_not_followed() -> None:
    at = datetime.now(UTC)
    venue = Venue(name="gate", protocol="ccxt-gate", rest_url="http://h", ws_url="ws://h")
    for row in (Asset(symbol="ETH", name="Ether", decimals=18, underlying="ETH"), venue):
        change(row, by="test", reason="test", at=at)
    enabled = Account(name="gate:main", venue="gate", label="Main", instruments=SYMBOLS)
    with pytest.raises(AccountCannotBeFollowed, match="found ccxt-gate: disable the account"):
        change(enabled, by="test", reason="test", at=at)


@pytest.mark.usefixtures("log_url")
def test_the_sandbox_describes_it_when_it_is_told_to_serve_it(tmp_path: Path) -> None:
    describe(1, tmp_path, seed=1, offered=["bybit"])
    said = list(seed(tmp_path / "reference.toml", tmp_path / "credentials.json", at=datetime.now(UTC)))
    known = reference()
    assert any("bybit" in line for line in said)
    assert known.venues["bybit"].is_enabled
    assert set(known.accounts["bybit:main"].instruments) == set(SYMBOLS)
    assert known.accounts["bybit:main"].is_enabled
