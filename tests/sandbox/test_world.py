"""The sandbox's accounts in time: how they opened, the hand, funding, and a restart."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from sandbox.binance.markets import funding_info
from sandbox.model import STEPS_PER_SECOND
from sandbox.opening import NET_LONG, UNIFIED, net_delta
from sandbox.reference import exchange_keys
from sandbox.world import Settings, World

COLLATERAL = {"ETH": Decimal(11_660), "BTC": Decimal(150)}
LATE_MS = 100 * 86_400_000


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Open the world of one folder, again and again."""
    opened: list[World] = []

    def begin(**settings: Any) -> World:
        if opened:
            opened[-1].ledger.close()
        made = Settings(folder=tmp_path, **{"hand_every_s": 0.0, **settings})
        opened.append(World(made, exchange_keys(tmp_path), lambda: COLLATERAL))
        return opened[-1]

    yield begin
    opened[-1].ledger.close()


def live(world: World, seconds: int) -> None:
    for _ in range(seconds * STEPS_PER_SECOND):
        world.step()


def exposures(world: World) -> dict[str, Decimal]:
    return {coin: COLLATERAL[coin] + net_delta(world.accounts, coin) for coin in COLLATERAL}


@pytest.mark.parametrize("index_move", [0.8, 1.0, 1.25])
def test_the_book_opens_slightly_long_at_any_price(world: Callable[..., World], index_move: float) -> None:
    living = world()
    for walk in living.walks.values():
        walk.price *= index_move
    for coin, exposure in exposures(living).items():
        assert abs(exposure - NET_LONG[coin]) < Decimal("0.001")


def test_one_seed_opens_one_book(world: Callable[..., World], tmp_path: Path) -> None:
    first = {key: held.quantity for key, held in world().ledger.positions.items()}
    other = tmp_path / "other"
    other.mkdir()
    again = World(Settings(folder=other, hand_every_s=0), exchange_keys(other), lambda: COLLATERAL)
    shorts = {key: held.quantity for key, held in again.ledger.positions.items()}
    again.close()
    inverse = ("binance-coinm:main", "ETHUSD_PERP")
    assert shorts[inverse] == first[inverse]


def test_the_hand_trades_and_keeps_the_book_near_balance(world: Callable[..., World]) -> None:
    living = world(hand_every_s=1.0)
    orders = living.accounts.order_ids.next
    live(living, 30)
    assert living.accounts.order_ids.next - orders > 15
    assert abs(exposures(living)["ETH"] - NET_LONG["ETH"]) < 20


def test_the_hand_leaves_collateral_that_arrived_to_its_owner(
    world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    living = world(hand_every_s=1.0)
    monkeypatch.setitem(COLLATERAL, "ETH", COLLATERAL["ETH"] + 200)
    live(living, 30)
    assert abs(exposures(living)["ETH"] - NET_LONG["ETH"] - 200) < 20


def test_the_hand_remembers_what_it_bought_through_a_restart(world: Callable[..., World]) -> None:
    living = world(hand_every_s=1.0)
    live(living, 10)
    bought = dict(living.hand.bought)
    assert any(bought.values())
    assert world().hand.bought == bought


def test_every_interval_is_funded_once_even_across_a_restart(
    world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    living = world()
    market = living.markets["binance-coinm", "ETHUSD_PERP"]
    now = {"ms": (living.now_ms() // market.funding_ms + 1) * market.funding_ms + 10}
    monkeypatch.setattr(World, "now_ms", staticmethod(lambda: now["ms"]))
    live(living, 2)
    living = world()
    live(living, 1)
    now["ms"] += 2 * market.funding_ms
    living = world()
    settled = living.ledger.fundings("binance-coinm", "ETHUSD_PERP", now["ms"] - 60_000_000, now["ms"], 100)
    times = [each.at_ms for each in settled][-3:]
    assert [after - before for before, after in pairwise(times)] == [market.funding_ms] * 2
    where, values = "kind = 'FUNDING_FEE' AND at_ms >= ?", (times[0],)
    paid = living.ledger.incomes("binance-coinm:main", "ETHUSD_PERP", where, values, 100)
    assert [each.at_ms for each in paid] == times
    quantity = living.accounts.position("binance-coinm:main", "ETHUSD_PERP").quantity
    first = settled[-3]
    expected = -quantity * 10 / Decimal(first.mark) * Decimal(first.rate)
    assert abs(paid[0].income - expected) < Decimal("1e-7")


def test_each_contract_is_funded_at_its_own_interval(
    world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: dict[str, Any] = {"funding_of_s": {"BTCUSDT": 14_400.0}}
    living = world(**settings)
    eight_hours_ms = 28_800_000
    now = {"ms": (living.now_ms() // eight_hours_ms + 1) * eight_hours_ms + 10}
    monkeypatch.setattr(World, "now_ms", staticmethod(lambda: now["ms"]))
    living = world(**settings)
    since = now["ms"]
    for hours in (4, 8):
        now["ms"] = since + hours * 3_600_000
        live(living, 1)
    paid = {
        symbol: len(living.ledger.fundings("binance-usdm", symbol, since, now["ms"], 100))
        for symbol in ("BTCUSDT", "ETHUSDT")
    }
    assert paid == {"BTCUSDT": 2, "ETHUSDT": 1}
    rows = funding_info(living.exchanges["binance-usdm"], {})
    assert {each["symbol"]: each["fundingIntervalHours"] for each in rows} == {"BTCUSDT": 4, "ETHUSDT": 8}


def test_the_market_goes_on_from_its_last_price(world: Callable[..., World]) -> None:
    living = world()
    living.walks["ETH"].price = 5_000.0
    live(living, 1)
    price, update_id = living.walks["ETH"].price, living.markets["binance-usdm", "ETHUSDT"].book.update_id
    again = world()
    assert again.walks["ETH"].price == pytest.approx(price, rel=1e-9)
    assert again.markets["binance-usdm", "ETHUSDT"].book.update_id > update_id


def test_with_bybit_the_book_opens_as_long_as_without_it(world: Callable[..., World]) -> None:
    living = world(bybit=True)
    assert living.accounts.position(UNIFIED, "ETHUSD").quantity < 0
    assert living.accounts.wallet(UNIFIED, "ETH") > 190
    assert {coin: exposures(living)[coin].quantize(Decimal("0.01")) for coin in COLLATERAL} == NET_LONG


def test_bybit_joins_an_older_folder_with_dollars_alone(world: Callable[..., World]) -> None:
    before = exposures(world())
    living = world(bybit=True)
    assert living.accounts.wallet(UNIFIED, "USDT") == 1_000_000
    assert living.accounts.assets(UNIFIED) == ["USDT", "ETH", "BTC"]
    assert exposures(living) == before
    assert world(bybit=True).accounts.wallet(UNIFIED, "USDT") == 1_000_000


def test_a_unified_account_margins_with_all_its_coins_and_has_no_price_of_liquidation(
    world: Callable[..., World],
) -> None:
    living = world(bybit=True)
    (pool,) = living.cross.pools(UNIFIED)
    assert pool.unit == "USD"
    assert set(pool.holdings) == {"ETHUSDT", "ETHUSD", "BTCUSD"}
    assert living.cross.liquidation_price(UNIFIED, "ETHUSD") is None
