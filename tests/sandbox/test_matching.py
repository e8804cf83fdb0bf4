"""Price-time priority, the queue among simulated quantity, and what the flow does to resting orders."""

import json
from pathlib import Path
from random import Random

import pytest

from sandbox.binance.errors import RequestRefused
from sandbox.instruments import instruments
from sandbox.model import STEP_MS, STEPS_PER_SECOND, Maker
from tests.sandbox.matching_world import ALICE, BOB, PRICE, Bench


def refused(code: int) -> "pytest.RaisesExc[RequestRefused]":
    return pytest.raises(RequestRefused, check=lambda refusal: refusal.code == code)


def test_a_taker_pays_each_levels_price_and_leaves_the_rest_resting() -> None:
    bench = Bench()
    order = bench.place(ALICE, "BUY", 25, PRICE + 2)
    assert (order.status, bench.steps(order.executed)) == ("PARTIALLY_FILLED", 20)
    fills = bench.ledger.fills(ALICE, None, "1 = 1", (), 10)
    assert [(each.price, bench.steps(each.quantity)) for each in fills] == [("1000.01", 10), ("1000.02", 10)]
    assert (bench.market.book.bids.best, bench.market.book.bids.best_size) == (PRICE + 2, 5)
    assert bench.market.book.asks.best == PRICE + 3


def test_the_book_shows_simulated_and_own_quantity_together() -> None:
    bench = Bench()
    bench.place(ALICE, "BUY", 7, PRICE - 1)
    assert bench.market.book.bids.best_size == 17
    bench.market.book.set_bid(PRICE - 1, 4)
    assert bench.market.book.bids.best_size == 11


def test_a_simulated_taker_eats_what_is_ahead_before_it_fills_an_order() -> None:
    bench = Bench()
    first = bench.place(ALICE, "BUY", 5, PRICE - 1)
    bench.market.book.set_bid(PRICE - 1, 16)  # six more come behind the first order
    second = bench.place(BOB, "BUY", 5, PRICE - 1)
    for steps, filled in ((9, (0, 0)), (3, (2, 0)), (6, (5, 0)), (6, (5, 3)), (2, (5, 5))):
        bench.market.residents.hit(bench.market, 1, PRICE - 1, steps)
        assert (bench.steps(bench.order(first).executed), bench.steps(bench.order(second).executed)) == filled
    assert bench.ledger.fills(ALICE, None, "1 = 1", (), 10)[0].maker


def test_quantity_that_is_withdrawn_was_ahead() -> None:
    bench = Bench()
    order = bench.place(ALICE, "SELL", 5, PRICE + 1)
    bench.market.book.set_ask(PRICE + 1, 3)
    bench.market.residents.hit(bench.market, -1, PRICE + 1, 4)
    assert bench.steps(bench.order(order).executed) == 1


def test_a_fair_price_that_moves_through_an_order_fills_it_at_its_price() -> None:
    bench = Bench()
    order = bench.place(ALICE, "BUY", 50, PRICE - 1)
    bench.market.book.set_bid(PRICE - 1, 0)
    bench.market.residents.swept(bench.market, 1, PRICE - 1)
    done = bench.order(order)
    assert (done.status, done.average_price) == ("FILLED", bench.spec.price(PRICE - 1))
    assert bench.market.book.bids.best == PRICE - 2


def test_accounts_trade_with_each_other_and_both_are_booked() -> None:
    bench = Bench()
    bench.place(ALICE, "SELL", 8, PRICE, "GTX")
    bench.place(BOB, "BUY", 8, PRICE, "IOC")
    (sold,), (bought,) = (bench.ledger.fills(each, None, "1 = 1", (), 10) for each in (ALICE, BOB))
    assert (sold.id, sold.price, sold.quantity) == (bought.id, bought.price, bought.quantity)
    assert (sold.maker, bought.maker) == (True, False)
    assert (bench.position(ALICE), bench.position(BOB)) == (-8, 8)


def test_an_own_order_in_the_way_expires_and_is_not_met() -> None:
    bench = Bench()
    resting = bench.place(ALICE, "SELL", 8, PRICE)
    taker = bench.place(ALICE, "BUY", 10, PRICE + 1)
    assert bench.order(resting).status == "EXPIRED_IN_MATCH"
    fills = bench.ledger.fills(ALICE, None, "1 = 1", (), 10)
    assert [(each.order_id, each.price) for each in fills] == [(taker.id, "1000.01")]


def test_market_ioc_and_fok_leave_nothing_behind() -> None:
    bench = Bench()
    assert bench.place(ALICE, "BUY", 15, PRICE + 1, "FOK").status == "EXPIRED"
    ioc = bench.place(ALICE, "BUY", 15, PRICE + 1, "IOC")
    assert (ioc.status, bench.steps(ioc.executed)) == ("EXPIRED", 10)
    market = bench.place(ALICE, "BUY", 200)
    assert (market.status, bench.steps(market.executed)) == ("EXPIRED", 90)
    assert bench.place(ALICE, "BUY", 1).status == "EXPIRED"
    assert bench.open(ALICE) == []


def test_a_market_order_is_refused_when_its_counterparty_is_beyond_the_band() -> None:
    bench = Bench()
    bench.market.prices.index *= 0.9
    with refused(-4131):
        bench.place(ALICE, "BUY", 1)
    assert bench.place(ALICE, "SELL", 1).status == "FILLED"


def test_a_post_only_order_is_refused_when_it_would_take() -> None:
    bench = Bench()
    with refused(-5022):
        bench.place(ALICE, "BUY", 1, PRICE + 1, "GTX")
    assert bench.place(ALICE, "BUY", 1, PRICE, "GTX").status == "NEW"


def test_a_reduce_only_order_needs_a_position_and_never_exceeds_it() -> None:
    bench = Bench()
    with refused(-2022):
        bench.place(ALICE, "SELL", 1, PRICE + 5, reduce_only=True)
    bench.place(ALICE, "BUY", 10)
    with refused(-2022):
        bench.place(ALICE, "SELL", 11, PRICE + 5, reduce_only=True)
    with refused(-2022):
        bench.place(ALICE, "BUY", 1, PRICE - 5, reduce_only=True)
    done = bench.place(ALICE, "SELL", 500, reduce_only=True)
    assert (done.status, bench.steps(done.quantity), bench.position(ALICE)) == ("FILLED", 10, 0)


def test_reduce_only_orders_expire_when_nothing_is_left_to_reduce() -> None:
    bench = Bench()
    bench.place(ALICE, "BUY", 10)
    resting = [bench.place(ALICE, "SELL", 10, PRICE + 3 + each, reduce_only=True) for each in range(2)]
    plain = bench.place(ALICE, "SELL", 10, PRICE + 5)
    bench.place(ALICE, "SELL", 10)
    assert [bench.order(each).status for each in (*resting, plain)] == ["EXPIRED", "EXPIRED", "NEW"]


def test_two_reduce_only_orders_swept_at_once_do_not_flip_the_position() -> None:
    bench = Bench()
    bench.place(ALICE, "BUY", 10)
    resting = [bench.place(ALICE, "SELL", 7, PRICE + 3, reduce_only=True) for _ in range(2)]
    bench.market.book.set_ask(PRICE + 3, 0)
    bench.market.residents.swept(bench.market, -1, PRICE + 3)
    assert bench.position(ALICE) == 0
    assert [(each.status, bench.steps(each.executed)) for each in map(bench.order, resting)] == [
        ("FILLED", 7),
        ("EXPIRED", 3),
    ]


def test_an_order_beyond_the_margin_is_refused_unless_it_reduces() -> None:
    bench = Bench(levels=1)
    bench.market.book.set_ask(PRICE + 1, 10**9)
    bench.market.book.set_bid(PRICE - 1, 10**9)
    most = 10_000_000 * bench.spec.leverage  # a wallet of ten million USDT
    bench.place(ALICE, "BUY", 150_000_000)
    with refused(-2019):
        bench.place(ALICE, "BUY", most // 2)
    with refused(-2019):
        bench.place(ALICE, "BUY", most // 2, PRICE - 1)
    assert bench.place(ALICE, "SELL", 150_000_000).status == "FILLED"


def test_an_amended_order_goes_to_the_end_of_its_queue() -> None:
    bench = Bench()
    order = bench.place(ALICE, "BUY", 5, PRICE - 1)
    other = bench.place(BOB, "BUY", 5, PRICE - 1)
    (resting,) = bench.engine.orders.of(ALICE, bench.spec.symbol)
    bench.engine.amend(resting, PRICE - 1, 4)
    bench.market.residents.hit(bench.market, 1, PRICE - 1, 16)
    assert [bench.steps(bench.order(each).executed) for each in (order, other)] == [1, 5]


def test_an_amendment_ends_an_order_that_asks_no_more_than_it_has() -> None:
    bench = Bench()
    bench.place(ALICE, "BUY", 15, PRICE + 1)
    (resting,) = bench.engine.orders.of(ALICE, bench.spec.symbol)
    done = bench.engine.amend(resting, PRICE + 1, 10)
    assert (done.status, bench.steps(done.executed)) == ("CANCELED", 10)


def test_a_post_only_order_amended_to_take_is_canceled() -> None:
    bench = Bench()
    bench.place(ALICE, "BUY", 5, PRICE - 1, "GTX")
    (resting,) = bench.engine.orders.of(ALICE, bench.spec.symbol)
    assert bench.engine.amend(resting, PRICE + 1, 5).status == "CANCELED"
    assert bench.open(ALICE) == []


def test_the_news_of_a_fill_come_in_the_venues_order() -> None:
    bench = Bench()
    bench.news.clear()
    bench.place(ALICE, "BUY", 20)
    assert [kind for _, kind, _ in bench.news] == [
        "ORDER_TRADE_UPDATE",
        *["TRADE_LITE", "ACCOUNT_UPDATE", "ORDER_TRADE_UPDATE"] * 2,
    ]
    bodies = [json.loads(text)["o"] for _, kind, text in bench.news if kind == "ORDER_TRADE_UPDATE"]
    assert [(each["x"], each["X"], each["z"]) for each in bodies] == [
        ("NEW", "NEW", "0"),
        ("TRADE", "PARTIALLY_FILLED", "0.01"),
        ("TRADE", "FILLED", "0.02"),
    ]


def test_a_liquidation_is_told_as_calculated() -> None:
    bench = Bench()
    bench.accounts.execute(ALICE, bench.spec.symbol, "SELL", [(9, PRICE, 1)], maker=False, at_ms=5, kind="LIQUIDATION")
    bodies = [json.loads(text)["o"] for _, kind, text in bench.news if kind == "ORDER_TRADE_UPDATE"]
    assert [(each["x"], each["X"], each["o"]) for each in bodies] == [
        ("NEW", "NEW", "LIQUIDATION"),
        ("CALCULATED", "FILLED", "LIQUIDATION"),
    ]


def test_open_orders_rest_again_after_a_restart_with_their_priority(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    bench = Bench(ledger=path)
    first = bench.place(ALICE, "BUY", 5, PRICE - 1, client_id="one")
    second = bench.place(BOB, "BUY", 5, PRICE - 1)
    again = Bench(ledger=path)
    assert [each.client_id for each in again.open(ALICE)] == ["one"]
    again.market.residents.hit(again.market, 1, PRICE - 1, 17)
    assert [again.steps(again.order(each).executed) for each in (first, second)] == [5, 2]
    assert again.place(ALICE, "BUY", 1).id > second.id


@pytest.mark.parametrize("spec", instruments(), ids=lambda spec: spec.symbol)
def test_the_model_lives_with_resting_orders_and_never_crosses(spec: object) -> None:
    bench = Bench(spec, levels=0)  # type: ignore[arg-type]
    market, rng = bench.market, Random(5)
    maker = Maker(market, Random(6))
    maker.open()
    for step in range(20 * STEPS_PER_SECOND):
        market.now_ms += STEP_MS
        market.prices.index *= 1 + rng.gauss(0, 0.00005)
        maker.step()
        if step % 10 == 0:
            side, distance = rng.choice(("BUY", "SELL")), rng.randrange(-2, 12)
            ticks = market.book.bids.best - distance if side == "BUY" else market.book.asks.best + distance
            bench.place(rng.choice((ALICE, BOB)), side, rng.randrange(1, 400), ticks)
        assert not market.book.crossed()
        for book_side in (market.book.bids, market.book.asks):
            assert all(book_side.sizes[key] == queue.total for key, queue in book_side.queues.items())
    assert bench.ledger.fills(ALICE, None, "maker = 1", (), 1)


def test_a_recorded_trade_eats_what_is_ahead_and_then_fills_the_order() -> None:
    bench = Bench()
    bench.market.book.recorded = True
    order = bench.place(ALICE, "BUY", 5, PRICE - 1)
    taken = [bench.market.residents.printed(bench.market, 1, PRICE - 1, steps, 9) for steps in (6, 6, 6)]
    assert (taken, bench.order(order).status) == ([0, 2, 3], "FILLED")
    assert bench.market.book.touched


def test_a_recorded_trade_that_the_depth_already_shows_eats_nothing_ahead() -> None:
    bench = Bench()
    order = bench.place(ALICE, "BUY", 5, PRICE - 1)
    bench.market.book.set_bid(PRICE - 1, 4)
    bench.market.book.bids.queues[PRICE - 1].told_ms = 9
    assert bench.market.residents.printed(bench.market, 1, PRICE - 1, 6, 9) == 0
    assert bench.engine.orders.of(ALICE, bench.spec.symbol)[0].ahead == 4
    assert bench.order(order).status == "NEW"


def test_a_recorded_trade_fills_orders_at_better_prices_first() -> None:
    bench = Bench()
    better = bench.place(ALICE, "BUY", 5, PRICE)
    assert bench.market.residents.printed(bench.market, 1, PRICE - 2, 3, 9) == 3
    assert bench.order(better).average_price == bench.spec.price(PRICE)


def test_recorded_quantity_that_reaches_an_order_fills_it_at_its_price() -> None:
    bench = Bench()
    order = bench.place(ALICE, "BUY", 15, PRICE)
    for ticks in (PRICE - 1, PRICE - 2):
        bench.market.book.set_bid(ticks, 0)
    bench.market.book.set_ask(PRICE - 1, 4)
    bench.market.residents.uncross(bench.market)
    done = bench.order(order)
    assert (bench.steps(done.executed), done.average_price) == (4, bench.spec.price(PRICE))
    assert (bench.market.book.bids.best, bench.market.book.asks.best) == (PRICE, PRICE + 1)
