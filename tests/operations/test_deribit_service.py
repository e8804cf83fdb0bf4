"""Deribit's feed as a host runs it, against the sandbox: its contracts, marks and books, without a key."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async

from hedgeapp.core.instruments import Tier
from hedgeapp.core.reference import Account, Asset, Venue
from marketdata.core.deribit_instruments import instruments
from marketdata.operations.changes import change
from marketdata.operations.instruments import take_instruments
from marketdata.operations.seeding import seed
from marketdata.queries.catalogue import reference
from reconciliation.queries.due import subjects
from sandbox.app import describe
from tests.core.test_deribit_instruments import BTC as BTC_ROW
from tests.core.test_deribit_instruments import ETH as ETH_ROW
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
def test_what_a_person_entered_of_a_contracts_margin_stays_when_the_venue_tells_none() -> None:
    at = datetime.now(UTC)
    for coin in ("ETH", "BTC"):
        change(Asset(symbol=coin, name=coin, decimals=18, underlying=coin), by="test", reason="test", at=at)
    for row in (venue_of(1), ACCOUNT):
        change(row, by="test", reason="test", at=at)
    specified = partial(instruments, "deribit", [BTC_ROW, ETH_ROW])
    assert len(take_instruments("deribit", specified, by="feed", at=at)) == 2
    tier = Tier(
        floor=Decimal(0),
        cap=Decimal(1_000_000),
        maintenance_rate=Decimal("0.01"),
        deduction=Decimal(0),
        leverage_max=Decimal(50),
        growth=Decimal("0.00005"),
    )
    known = reference().instruments["deribit:BTC-USD-PERP"]
    change(replace(known, tiers=(tier,)), by="ann", reason="the venue's page of the contract", at=at)
    assert take_instruments("deribit", specified, by="feed", at=at) == []
    halted = partial(instruments, "deribit", [BTC_ROW | {"state": "closed"}, ETH_ROW])
    (changed,) = take_instruments("deribit", halted, by="feed", at=at)
    assert (changed.instrument.is_trading, changed.instrument.tiers) == (False, (tier,))
    assert reference().instruments["deribit:BTC-USD-PERP"].tiers == (tier,)


@pytest.mark.usefixtures("log_url")
def test_the_sandbox_describes_it_when_it_is_told_to_serve_it(tmp_path: Path) -> None:
    describe(1, tmp_path, seed=1, offered=["deribit"])
    said = list(seed(tmp_path / "reference.toml", tmp_path / "credentials.json", at=datetime.now(UTC)))
    known = reference()
    assert any("deribit" in line for line in said)
    assert known.venues["deribit"].is_enabled
    assert set(known.accounts["deribit:main"].instruments) == set(SYMBOLS)
    assert known.accounts["deribit:main"].is_enabled


@pytest.mark.usefixtures("log_url")
def test_the_sandbox_enters_the_margin_that_the_venue_does_not_tell(tmp_path: Path) -> None:
    describe(1, tmp_path, seed=1, offered=["deribit"])
    list(seed(tmp_path / "reference.toml", tmp_path / "credentials.json", at=datetime.now(UTC)))
    known = reference().instruments
    specified = partial(instruments, "deribit", [BTC_ROW, ETH_ROW])
    assert take_instruments("deribit", specified, by="feed", at=datetime.now(UTC)) == []
    assert {name: len(one.tiers) for name, one in known.items()} == {
        "deribit:BTC-USD-PERP": 1,
        "deribit:ETH-USD-PERP": 1,
    }
