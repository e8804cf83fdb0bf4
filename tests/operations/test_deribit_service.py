"""Deribit's feed as a host runs it, against the sandbox: its contracts, marks and books, without a key."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async

from hedgeapp.core.reference import Account, Venue
from marketdata.operations.seeding import seed
from marketdata.queries.catalogue import reference
from reconciliation.queries.due import subjects
from sandbox.app import describe
from tests.operations.test_binance_feed import serving
from tests.sandbox.running import Sandbox, free_port

SYMBOLS = ("BTC-USD-PERP", "ETH-USD-PERP")
KINDS = ("mark", "index", "bid", "ask", "funding_rate")
ACCOUNT = Account(name="deribit:main", venue="deribit", label="Main", instruments=SYMBOLS, is_enabled=False)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox that serves Deribit."""
    running = Sandbox(tmp_path_factory.mktemp("deribit"), "--hand-every", "0", "--deribit")
    yield running
    running.stop()


def venue_of(port: int) -> Venue:
    """Return Deribit on a port."""
    return Venue(
        name="deribit", protocol="deribit", rest_url=f"http://127.0.0.1:{port}", ws_url=f"ws://127.0.0.1:{port}"
    )


@pytest.mark.usefixtures("log_url")
class TestTheService:
    async def test_it_loads_the_contracts_and_follows_them_all(self, sandbox: Sandbox) -> None:
        async with serving(venue_of(sandbox.port), ACCOUNT) as feed:
            expected = {(f"deribit:{symbol}", kind) for symbol in SYMBOLS for kind in KINDS}
            await feed.until(lambda health, marks: {(one.subject, one.kind) for one in marks} == expected and health)
            await feed.until(lambda health, _: health and health.is_connected and not health.error)
            found = (await sync_to_async(reference)()).instruments
            eth, btc = (found[f"deribit:{coin}-USD-PERP"] for coin in ("ETH", "BTC"))
            assert (eth.kind, eth.settlement, eth.contract_size, eth.tick_size, eth.step_size) == (
                "inverse",
                "ETH",
                Decimal(1),
                Decimal("0.05"),
                Decimal(1),
            )
            assert (btc.contract_size, btc.tick_size, btc.step_size) == (Decimal(10), Decimal("0.5"), Decimal(1))

    async def test_a_venue_that_does_not_say_what_it_trades_is_said_in_a_sentence(self) -> None:
        async with serving(venue_of(free_port()), ACCOUNT) as feed:
            await feed.until(lambda health, _: health and "get_instruments: contracts expected, found" in health.error)

    async def test_nothing_asks_for_what_needs_a_key(self, sandbox: Sandbox) -> None:
        async with serving(venue_of(sandbox.port), ACCOUNT):
            assert await sync_to_async(subjects)() == ["engine", "marks:deribit"]


@pytest.mark.usefixtures("log_url")
def test_the_sandbox_describes_it_when_it_is_told_to_serve_it(tmp_path: Path) -> None:
    describe(1, tmp_path, seed=1, offered=["deribit"])
    said = list(seed(tmp_path / "reference.toml", tmp_path / "credentials.json", at=datetime.now(UTC)))
    known = reference()
    assert any("deribit" in line for line in said)
    assert known.venues["deribit"].is_enabled
    assert set(known.accounts["deribit:main"].instruments) == set(SYMBOLS)
    assert known.accounts["deribit:main"].is_enabled
