"""Bybit's loans in the sandbox: what is borrowed, which part of it costs, and each hour once."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from sandbox.bybit.lending import AFTER_MS, HOUR_MS, HOURLY_RATES, MISSED_MAX, Lending
from sandbox.reference import exchange_keys
from sandbox.world import Settings, World

ACCOUNT = "bybit:main"
HOUR = 500_000 * HOUR_MS


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A world with Bybit in which nothing moves by itself."""
    settings = Settings(folder=tmp_path, hand_every_s=0.0, bybit=True)
    found = World(settings, exchange_keys(tmp_path), dict)
    yield found
    found.ledger.close()


def lending(world: World, now_ms: int) -> Lending:
    return Lending(world.accounts, world.cross, now_ms)


def owe(world: World, asset: str, amount: str) -> None:
    wallet = world.accounts.wallet(ACCOUNT, asset)
    world.accounts.transfer(ACCOUNT, asset, -wallet - Decimal(amount), world.now_ms())


def charges(world: World) -> list[tuple[str, int, Decimal]]:
    rows = world.ledger.incomes(ACCOUNT, None, "kind = 'INTEREST'", (), 1000)
    return [(row.asset, row.at_ms, row.income) for row in rows]


def test_who_owes_nothing_pays_nothing(world: World) -> None:
    assert lending(world, HOUR).charge(HOUR) == []


def test_a_realized_debt_bears_interest_and_an_open_loss_of_dollars_does_not(world: World) -> None:
    owe(world, "USDT", "1000")
    open_loss = max(Decimal(0), -world.cross.asset_pool(ACCOUNT, "USDT").unrealized)
    loans = lending(world, HOUR)
    gain = max(Decimal(0), world.cross.asset_pool(ACCOUNT, "USDT").unrealized)
    assert loans.borrowed(ACCOUNT, "USDT") == max(Decimal(0), 1000 + open_loss - gain)
    assert loans.bearing(ACCOUNT, "USDT") == max(Decimal(0), 1000 - gain)
    owe(world, "ETH", "50")
    assert loans.bearing(ACCOUNT, "ETH") == loans.borrowed(ACCOUNT, "ETH")


def test_each_hour_is_charged_once_though_the_venue_was_away_or_began_anew(world: World) -> None:
    owe(world, "USDC", "1000000")
    loans = lending(world, HOUR)
    loans.second(HOUR + AFTER_MS - 1)
    assert charges(world) == []
    loans.second(HOUR + AFTER_MS)
    loans.second(HOUR + AFTER_MS + 1000)
    assert charges(world) == [("USDC", HOUR + AFTER_MS, -1_000_000 * HOURLY_RATES["USDC"])]
    again = lending(world, HOUR + 3 * HOUR_MS)
    again.second(HOUR + 3 * HOUR_MS)
    assert [at_ms for _, at_ms, _ in charges(world)] == [HOUR + AFTER_MS + n * HOUR_MS for n in range(3)]
    again.charge(HOUR + AFTER_MS)
    assert len(charges(world)) == 3
    lending(world, 0).second(HOUR + 500 * HOUR_MS)
    assert len(charges(world)) == 3 + MISSED_MAX
