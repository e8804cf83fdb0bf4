"""The margin of whole accounts: open orders, assets that margin together, liquidation, insurance fund, ADL."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sandbox.binance.errors import RequestRefused
from sandbox.binance.history import forced_orders
from sandbox.binance.modes import adl_quantile, asset_index, set_multi_assets
from sandbox.binance.orders import set_leverage
from sandbox.collateral import RatiosAreMalformed, ratios_of
from sandbox.hand import trade
from sandbox.instruments import COINM, USDM
from sandbox.liquidation import NothingToReduce
from sandbox.matching.tickets import GTC, LIMIT, Ticket
from sandbox.opening import COIN, MAIN, RESERVE
from sandbox.reference import exchange_keys
from sandbox.rows import Order
from sandbox.world import Settings, World

COLLATERAL = {"ETH": Decimal(11_660), "BTC": Decimal(150)}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Open the world of one folder, again and again; nothing in it moves by itself."""
    opened: list[World] = []

    def begin(**settings: Any) -> World:
        if opened:
            opened[-1].ledger.close()
        made = Settings(folder=tmp_path, **{"hand_every_s": 0.0, **settings})
        opened.append(World(made, exchange_keys(tmp_path), lambda: COLLATERAL))
        return opened[-1]

    yield begin
    opened[-1].ledger.close()


def limit(world: World, account: str, symbol: str, side: str, steps: int, off: float) -> Order:
    """Rest a limit order so far from the mark."""
    ticks = round(world.accounts.market(account, symbol).mark_ticks * off)
    return world.engine.place(
        Ticket(account=account, symbol=symbol, side=side, kind=LIMIT, time_in_force=GTC, ticks=ticks, steps=steps)
    )


def move(world: World, coin: str, factor: float) -> None:
    """Move index and marks of a coin."""
    world.walks[coin].price *= factor
    for market in world.markets.values():
        if market.spec.coin == coin:
            market.prices.index = world.walks[coin].price


def pay(world: World, account: str, amount: Decimal, asset: str = "USDT") -> None:
    world.accounts.transfer(account, asset, amount, world.now_ms())


def leave(world: World, account: str, symbol: str) -> None:
    """Close a position."""
    quantity = world.accounts.position(account, symbol).quantity
    steps = int(abs(quantity).scaleb(world.accounts.market(account, symbol).spec.quantity_decimals))
    side = "BUY" if quantity < 0 else "SELL"
    trade(world.engine, account, symbol, side, steps, maker=True, at_ms=world.now_ms())


def bankrupt_long(world: World) -> None:
    """Let the reserve account be long 300 ETH with hardly any margin, and the price fall through it."""
    leave(world, RESERVE, "BTCUSDT")
    leave(world, RESERVE, "ETHUSDT")
    trade(world.engine, RESERVE, "ETHUSDT", "BUY", 300_000, maker=True, at_ms=world.now_ms())
    pay(world, RESERVE, Decimal(20_000) - world.accounts.wallet(RESERVE, "USDT"))
    move(world, "ETH", 0.9)


@pytest.mark.parametrize(("account", "symbol", "steps"), [(MAIN, "ETHUSDT", 100_000), (COIN, "ETHUSD_PERP", 10_000)])
def test_an_open_order_takes_initial_margin_until_it_is_canceled(
    world: Callable[..., World], account: str, symbol: str, steps: int
) -> None:
    living = world()
    before = living.cross.pool(account, symbol)
    order = limit(living, account, symbol, "SELL", steps, 1.02)
    during = living.cross.pool(account, symbol)
    spec = living.accounts.market(account, symbol).spec
    quantity, price = spec.quantity(steps) * spec.contract_size, Decimal(order.price)
    value = quantity / price if spec.inverse else quantity * price
    assert abs(during.order_margin - value / spec.leverage) < Decimal("1e-8")
    assert abs(before.available - during.available - during.order_margin) < Decimal("1e-18")
    living.engine.cancel_all(account, symbol)
    assert living.cross.pool(account, symbol) == before


def test_a_leverage_that_the_account_sets_decides_its_initial_margin_and_is_kept(world: Callable[..., World]) -> None:
    living = world()
    exchange = living.exchanges[USDM]
    before = living.cross.pool(MAIN, "ETHUSDT")
    done = set_leverage(exchange, MAIN, {"symbol": "ETHUSDT", "leverage": "40"})
    assert isinstance(done.answer, dict)
    assert done.answer["leverage"] == 40
    held = living.accounts.holding(MAIN, "ETHUSDT")
    assert held.leverage == 40
    less = abs(held.quantity) * held.mark / 40
    assert abs(before.position_margin - living.cross.pool(MAIN, "ETHUSDT").position_margin - less) < Decimal("1e-8")
    assert world().accounts.leverage(MAIN, "ETHUSDT") == 40
    assert living.accounts.leverage(MAIN, "BTCUSDT") == 20


@pytest.mark.parametrize("wanted", ["0", "1000", ""])
def test_a_leverage_that_no_tier_allows_is_refused(world: Callable[..., World], wanted: str) -> None:
    with pytest.raises(RequestRefused, match="is not valid"):
        set_leverage(world().exchanges[USDM], MAIN, {"symbol": "ETHUSDT", "leverage": wanted})


def test_a_leverage_for_which_the_margin_is_too_little_is_refused(world: Callable[..., World]) -> None:
    living = world()
    bankrupt_long(living)
    pay(living, RESERVE, Decimal(60_000))
    with pytest.raises(RequestRefused, match="insufficient"):
        set_leverage(living.exchanges[USDM], RESERVE, {"symbol": "ETHUSDT", "leverage": "1"})
    assert living.accounts.leverage(RESERVE, "ETHUSDT") == 20


def test_an_order_that_reduces_a_position_takes_no_margin(world: Callable[..., World]) -> None:
    living = world()
    limit(living, MAIN, "ETHUSDT", "BUY", 100_000, 0.98)
    assert living.cross.pool(MAIN, "ETHUSDT").order_margin == 0


def test_each_asset_margins_for_itself_unless_told(world: Callable[..., World]) -> None:
    living = world()
    before = living.cross.pool(MAIN, "ETHUSDT")
    pay(living, MAIN, Decimal(100), "ETH")
    after = living.cross.pool(MAIN, "ETHUSDT")
    assert (after.unit, after.balance) == ("USDT", before.balance)
    assert [each.unit for each in living.cross.pools(MAIN)] == ["USDT", "ETH"]


def test_joint_assets_count_by_their_ratio_of_the_index(world: Callable[..., World]) -> None:
    living = world(multi_assets=True)
    before = living.cross.pool(MAIN, "ETHUSDT")
    assert before.unit == "USD"
    pay(living, MAIN, Decimal(100), "ETH")
    pay(living, MAIN, Decimal(1_000), "USDC")
    expected = 100 * living.cross.price("ETH") * Decimal("0.95") + 1_000 * Decimal("0.9999")
    after = living.cross.pool(MAIN, "ETHUSDT")
    assert after.balance - before.balance == expected
    assert after.ratio < before.ratio
    price = living.cross.liquidation_price(MAIN, "ETHUSDT")
    assert price is not None
    assert price > living.accounts.holding(MAIN, "ETHUSDT").mark
    assert living.cross.pool(COIN, "ETHUSD_PERP").unit == "ETH"


def test_joint_collateral_carries_an_order_that_one_asset_could_not(world: Callable[..., World]) -> None:
    living = world()
    pay(living, RESERVE, Decimal(200), "ETH")
    steps = 5_000_000
    with pytest.raises(RequestRefused, match="Margin is insufficient"):
        limit(living, RESERVE, "ETHUSDT", "SELL", steps, 1.02)
    living.cross.set_joint(RESERVE, True)
    pay(living, RESERVE, Decimal(2_000), "ETH")
    assert limit(living, RESERVE, "ETHUSDT", "SELL", steps // 4, 1.02).status == "NEW"


def test_the_mode_is_set_by_the_venues_endpoint_and_survives_a_restart(world: Callable[..., World]) -> None:
    living = world()
    exchange = living.exchanges[USDM]
    limit(living, MAIN, "ETHUSDT", "SELL", 1_000, 1.02)
    with pytest.raises(RequestRefused, match="with open orders"):
        set_multi_assets(exchange, MAIN, {"multiAssetsMargin": "true"})
    living.engine.cancel_all(MAIN, "ETHUSDT")
    assert set_multi_assets(exchange, MAIN, {"multiAssetsMargin": "true"}).answer["code"] == 200
    with pytest.raises(RequestRefused, match="does not need to be adjusted"):
        set_multi_assets(exchange, MAIN, {"multiAssetsMargin": "true"})
    again = world()
    assert again.cross.joint(MAIN)
    assert not again.cross.joint(RESERVE)


def test_leaving_the_joint_mode_is_refused_when_one_asset_alone_is_too_little(world: Callable[..., World]) -> None:
    living = world(multi_assets=True)
    pay(living, RESERVE, Decimal(1_000), "ETH")
    pay(living, RESERVE, -living.accounts.wallet(RESERVE, "USDT"))
    living.liquidation.second(living.now_ms())
    assert living.accounts.position(RESERVE, "ETHUSDT").quantity
    with pytest.raises(RequestRefused, match="insufficient margin balance"):
        set_multi_assets(living.exchanges[USDM], RESERVE, {"multiAssetsMargin": "false"})


def test_the_asset_index_tells_what_is_counted(world: Callable[..., World]) -> None:
    living = world()
    row = asset_index(living.exchanges[USDM], {"symbol": "ETHUSD"})
    assert Decimal(row["bidRate"]) == Decimal(row["index"]) * (1 - Decimal(row["bidBuffer"]))
    assert len(asset_index(living.exchanges[USDM], {})) == 4


def test_a_joint_account_is_liquidated_only_when_all_its_assets_are_too_little(world: Callable[..., World]) -> None:
    living = world(multi_assets=True)
    pay(living, RESERVE, Decimal(20), "ETH")
    pay(living, RESERVE, Decimal(1_000) - living.accounts.wallet(RESERVE, "USDT"))
    assert living.liquidation.second(living.now_ms()) == []
    pay(living, RESERVE, Decimal(-20), "ETH")
    assert living.liquidation.second(living.now_ms())


def test_debts_of_a_joint_account_are_paid_from_its_other_assets(world: Callable[..., World]) -> None:
    living = world(multi_assets=True)
    pay(living, RESERVE, Decimal(1_000), "ETH")
    pay(living, RESERVE, Decimal(-50_000) - living.accounts.wallet(RESERVE, "USDT"))
    living.liquidation.second(living.now_ms())
    assert 0 <= living.accounts.wallet(RESERVE, "USDT") < 1
    sold = 1_000 - living.accounts.wallet(RESERVE, "ETH")
    assert abs(sold * living.cross.price("ETH") * Decimal("0.95") - 50_000) < 1
    assert len(living.ledger.incomes(RESERVE, None, "kind = 'AUTO_EXCHANGE'", (), 10)) == 2


def test_liquidation_cancels_orders_reduces_at_the_mark_and_feeds_the_fund(world: Callable[..., World]) -> None:
    living = world()
    limit(living, RESERVE, "ETHUSDT", "SELL", 1_000, 1.02)
    held, fund = living.accounts.position(RESERVE, "ETHUSDT").quantity, living.liquidation.fund.held["USDT"]
    pay(living, RESERVE, Decimal(2_000) - living.accounts.wallet(RESERVE, "USDT"))
    orders = living.liquidation.second(living.now_ms())
    assert not living.engine.orders.of(RESERVE, "ETHUSDT")
    assert {each.client_id.partition("-")[0] for each in orders} == {"autoclose"}
    assert abs(living.accounts.position(RESERVE, "ETHUSDT").quantity - held / 2) <= Decimal("0.001")
    fees = living.ledger.incomes(RESERVE, None, "kind = 'INSURANCE_CLEAR'", (), 10)
    assert living.liquidation.fund.held["USDT"] - fund == -sum(each.income for each in fees) > 0


def test_the_fund_pays_what_a_bankrupt_account_owes(world: Callable[..., World]) -> None:
    living = world()
    bankrupt_long(living)
    owed = -living.cross.pool(RESERVE, "ETHUSDT").balance
    before = living.liquidation.fund.held["USDT"]
    main = living.accounts.position(MAIN, "ETHUSDT").quantity
    living.liquidation.second(living.now_ms())
    assert living.accounts.position(RESERVE, "ETHUSDT").quantity == 0
    assert living.accounts.wallet(RESERVE, "USDT") == 0
    assert abs(before - living.liquidation.fund.held["USDT"] - owed) < Decimal("0.01") * 300
    assert living.accounts.position(MAIN, "ETHUSDT").quantity == main
    assert world().liquidation.fund.held["USDT"] == living.liquidation.fund.held["USDT"]


def test_winners_are_deleveraged_at_the_bankruptcy_price_when_the_fund_cannot_pay(
    world: Callable[..., World],
) -> None:
    living = world()
    bankrupt_long(living)
    living.liquidation.fund.set("USDT", Decimal(100))
    before = living.accounts.position(MAIN, "ETHUSDT").quantity
    pool = living.cross.pool(RESERVE, "ETHUSDT")
    price = living.accounts.market(RESERVE, "ETHUSDT").spec.price(
        living.liquidation.bankruptcy_ticks(RESERVE, "ETHUSDT", pool)
    )
    forced, *reduced = living.liquidation.second(living.now_ms())
    assert (forced.account, forced.average_price) == (RESERVE, price)
    assert [(each.account, each.average_price, each.executed) for each in reduced] == [(MAIN, price, Decimal(300))]
    assert reduced[0].client_id.startswith("adl_autoclose-")
    assert living.accounts.position(MAIN, "ETHUSDT").quantity == before + 300
    assert living.accounts.position(RESERVE, "ETHUSDT").quantity == 0
    assert abs(living.accounts.wallet(RESERVE, "USDT")) < 3  # one tick of 300 ETH
    assert price > living.accounts.holding(MAIN, "ETHUSDT").mark
    exchange = living.exchanges[USDM]
    listed = {
        kind: [row["clientOrderId"] for row in forced_orders(exchange, MAIN, {"autoCloseType": kind})]
        for kind in ("ADL", "LIQUIDATION")
    }
    assert listed == {"ADL": [reduced[0].client_id], "LIQUIDATION": []}


def test_only_what_wins_is_deleveraged_and_the_most_levered_first(world: Callable[..., World]) -> None:
    living = world()
    market = living.markets[USDM, "ETHUSDT"]
    move(living, "ETH", 1.1)
    assert [each.score < 0 for each in living.liquidation.ranks(market, Decimal(-1))] == [True, True]
    move(living, "ETH", 0.8)
    first, second = living.liquidation.ranks(market, Decimal(-1))
    assert first.score > second.score > 0
    assert {first.account, second.account} == {MAIN, RESERVE}
    assert living.liquidation.ranks(market, Decimal(1)) == []


def test_the_quantile_grows_with_profit_and_leverage(world: Callable[..., World]) -> None:
    living = world()
    exchange = living.exchanges[COINM]

    def quantile() -> int:
        return int(adl_quantile(exchange, COIN, {"symbol": "ETHUSD_PERP"})["adlQuantile"]["BOTH"])

    move(living, "ETH", 1.1)
    assert quantile() == 0
    found = []
    for factor in (0.85, 0.95, 0.9):
        move(living, "ETH", factor)
        found.append(quantile())
    assert found == sorted(found)
    assert found[-1] > 0
    assert len(adl_quantile(exchange, COIN, {})) == 2


@pytest.mark.parametrize(("account", "symbol", "steps"), [(MAIN, "ETHUSDT", 1_000), (COIN, "ETHUSD_PERP", 100)])
def test_a_drilled_deleveraging_reduces_a_position_without_a_fee(
    world: Callable[..., World], account: str, symbol: str, steps: int
) -> None:
    living = world()
    before = living.accounts.position(account, symbol).quantity
    order = living.liquidation.deleverage(account, symbol, steps, None, living.now_ms())
    spec = living.accounts.market(account, symbol).spec
    assert living.accounts.position(account, symbol).quantity - before == spec.quantity(steps)
    assert order.average_price > living.accounts.holding(account, symbol).mark
    (fill,) = living.ledger.fills(account, symbol, "order_id = ?", (order.id,), 10)
    assert fill.commission == 0
    with pytest.raises(NothingToReduce):
        living.liquidation.deleverage(account, symbol, 10**12, None, living.now_ms())


@pytest.mark.parametrize("text", ["DOGE=1", "ETH", "ETH=2", "ETH=0", "ETH=much", "STETH=2", "STETH=-1", "STETH=much"])
def test_malformed_collateral_ratios_are_refused(text: str) -> None:
    with pytest.raises(RatiosAreMalformed, match="expected USDT"):
        ratios_of(text)


def test_collateral_ratios_are_read_from_the_setting(world: Callable[..., World]) -> None:
    living = world(multi_assets=True, collateral_ratios=ratios_of("USDT=1, ETH=0.5"))
    assert living.cross.rate(MAIN, "ETH", Decimal(1)) == living.cross.price("ETH") / 2
    assert living.cross.rate(MAIN, "ETH", Decimal(-1)) == living.cross.price("ETH")
    assert living.cross.rate(MAIN, "BTC", Decimal(1)) == 0
