"""What holds after any sequence of orders, cancels, amendments and simulated flow."""

from collections import defaultdict
from contextlib import suppress
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.binance.errors import RequestRefused
from sandbox.matching.queues import Resting
from sandbox.rows import Fill
from tests.sandbox.matching_world import ALICE, BOB, PRICE, Bench

EVERY = ("1 = 1", (), 1000)
OPEN = ("NEW", "PARTIALLY_FILLED")
accounts = st.sampled_from((ALICE, BOB))
prices = st.integers(PRICE - 3, PRICE + 3)
sizes = st.integers(1, 12)
sides = st.sampled_from(("BUY", "SELL"))
signs = st.sampled_from((1, -1))
forces = st.sampled_from(("GTC", "GTC", "GTC", "IOC", "FOK", "GTX"))
limits = st.tuples(st.just("place"), accounts, sides, sizes, prices, forces, st.just(False))
reductions = st.tuples(st.just("place"), accounts, sides, st.integers(1, 4), prices, st.just("GTC"), st.just(True))
markets = st.tuples(st.just("place"), accounts, sides, sizes, st.none(), forces, st.booleans())
flows = st.one_of(
    st.tuples(st.just("level"), signs, st.integers(0, 3), st.integers(0, 8)),
    st.tuples(st.just("hit"), signs, sizes),
    st.tuples(st.just("sweep"), signs),
    st.tuples(st.just("reach"), signs, prices, sizes),
    st.tuples(st.just("print"), signs, prices, sizes),
)
changes = st.one_of(
    st.tuples(st.just("cancel"), st.integers(0, 20)),
    st.tuples(st.just("amend"), st.integers(0, 20), prices, sizes),
    st.tuples(st.just("force"), accounts, sides, sizes),
)
actions = st.lists(
    st.one_of(limits, limits, reductions, reductions, markets, flows, flows, changes), min_size=10, max_size=50
)


def act(bench: Bench, action: tuple[object, ...]) -> None:
    """Do one thing to the market."""
    match action:
        case ("place", str(account), str(side), int(steps), None, _, bool(reduce_only)):
            bench.place(account, side, steps, reduce_only=reduce_only)
        case ("place", str(account), str(side), int(steps), int(ticks), str(force), bool(reduce_only)):
            bench.place(account, side, steps, ticks, force, reduce_only=reduce_only)
        case ("cancel", int(place)):
            if chosen := one(bench, place):
                bench.engine.cancel(chosen)
        case ("amend", int(place), int(ticks), int(steps)):
            if chosen := one(bench, place):
                bench.engine.amend(chosen, ticks, steps)
        case ("level", int(sign), int(distance), int(steps)):
            other = bench.market.book.side(-sign)
            edge = other.best - sign if other.keys else PRICE
            (bench.market.book.set_bid if sign > 0 else bench.market.book.set_ask)(edge - sign * distance, steps)
        case ("hit", int(sign), int(steps)):
            if (levels := bench.market.book.side(sign)).keys:
                bench.market.residents.hit(bench.market, sign, levels.best, steps)
        case ("sweep", int(sign)):
            if (levels := bench.market.book.side(sign)).keys:
                ticks = levels.best
                (bench.market.book.set_bid if sign > 0 else bench.market.book.set_ask)(ticks, 0)
                bench.market.residents.swept(bench.market, sign, ticks)
        case ("reach", int(sign), int(ticks), int(steps)):
            reach(bench, sign, ticks, steps)
        case ("print", int(sign), int(ticks), int(steps)):
            assert 0 <= bench.market.residents.printed(bench.market, sign, ticks, steps, 5) <= steps
        case ("force", str(account), str(side), int(steps)):
            part = (bench.market.trade_ids.take(), PRICE, steps)
            bench.accounts.execute(account, bench.spec.symbol, side, [part], maker=False, at_ms=bench.market.now_ms)


def reach(bench: Bench, sign: int, ticks: int, steps: int) -> None:
    """Let a recording say that simulated quantity stands at a price, and none of it beyond on the other side."""
    book = bench.market.book
    other, put = book.side(-sign), (book.set_ask if sign > 0 else book.set_bid)
    for key in [key for key in other.keys if key * other.sign * sign <= ticks * sign]:
        put(key * other.sign, 0)
    (book.set_bid if sign > 0 else book.set_ask)(ticks, steps)
    bench.market.residents.uncross(bench.market)


def one(bench: Bench, place: int) -> Resting | None:
    """Choose one of the open orders."""
    found = [each for name in (ALICE, BOB) for each in bench.engine.orders.of(name, bench.spec.symbol)]
    return found[place % len(found)] if found else None


def fills(bench: Bench) -> list[Fill]:
    return sorted(
        (each for name in (ALICE, BOB) for each in bench.ledger.fills(name, None, *EVERY)), key=lambda each: each.id
    )


def check(bench: Bench) -> None:
    """Hold book, orders, fills, positions and wallets against each other."""
    book = bench.market.book
    assert not book.crossed()
    resting = {each.order.id: each for name in (ALICE, BOB) for each in bench.engine.orders.of(name, bench.spec.symbol)}
    in_queues = 0
    for side in (book.bids, book.asks):
        assert side.keys == sorted(side.sizes)
        for key, queue in side.queues.items():
            assert side.sizes[key] == queue.total > 0
            assert [each.ahead for each in queue.orders] == sorted(each.ahead for each in queue.orders)
            assert all(0 <= each.ahead <= queue.simulated for each in queue.orders)
            in_queues += len(queue.orders)
    assert in_queues == len(resting)
    assert {each.id for each in bench.ledger.open_orders(1000)} == set(resting)
    executed: dict[int, Decimal] = defaultdict(Decimal)
    for fill in fills(bench):
        executed[fill.order_id] += fill.quantity
    for name in (ALICE, BOB):
        for order in bench.ledger.orders(name, None, *EVERY):
            assert order.executed == executed[order.id] <= order.quantity
            assert (order.status == "FILLED") == (order.executed == order.quantity)
            if order.status in OPEN:
                held = resting[order.id]
                assert (held.order, bench.spec.quantity(held.left)) == (order, order.quantity - order.executed)
                assert (order.status == "NEW") == (not order.executed)
        check_account(bench, name)


def check_account(bench: Bench, name: str) -> None:
    total = Decimal(0)
    reducing = {each.id for each in bench.ledger.orders(name, None, "reduce_only = 1", (), 1000)}
    for fill in (each for each in fills(bench) if each.account == name):
        before, total = total, total + (fill.quantity if fill.side == "BUY" else -fill.quantity)
        if fill.order_id in reducing:
            assert abs(total) < abs(before)
            assert total * before >= 0
    assert total == bench.accounts.position(name, bench.spec.symbol).quantity
    wallet = sum((each.income for each in bench.ledger.incomes(name, None, *EVERY)), Decimal(0))
    assert wallet == bench.accounts.wallet(name, bench.spec.margin_asset)


@settings(max_examples=150)
@given(actions)
def test_book_orders_fills_positions_and_wallets_agree_and_the_book_is_never_crossed(
    rows: list[tuple[object, ...]],
) -> None:
    bench = Bench(levels=2)
    for row in rows:
        with suppress(RequestRefused):
            act(bench, row)
        check(bench)


@settings(max_examples=60)
@given(actions)
def test_every_trade_of_an_account_is_on_the_public_tape_once(rows: list[tuple[object, ...]]) -> None:
    bench = Bench(levels=2)
    for row in rows:
        if row[0] != "force":
            with suppress(RequestRefused):
                act(bench, row)
    tape = {each.id: each for each in bench.market.trades}
    assert len(tape) == len(bench.market.trades)
    for fill in fills(bench):
        trade = tape[fill.id]
        assert (bench.spec.price_text(trade.ticks), trade.steps) == (fill.price, bench.steps(fill.quantity))
        assert trade.buyer_is_maker == (fill.maker == (fill.side == "BUY"))
    both = [each for each in tape if sum(fill.id == each for fill in fills(bench)) == 2]
    for number in both:
        first, second = (each for each in fills(bench) if each.id == number)
        assert {first.side, second.side} == {"BUY", "SELL"}
        assert first.account != second.account


@settings(max_examples=100)
@given(
    st.lists(st.tuples(prices.filter(lambda ticks: ticks > PRICE), sizes), min_size=2, max_size=8),
    st.integers(1, 150),
)
def test_a_better_price_fills_first_and_at_one_price_the_older_order(rows: list[tuple[int, int]], steps: int) -> None:
    bench = Bench(levels=0)
    placed = [bench.place(ALICE, "SELL", size, ticks) for ticks, size in rows]
    taker = bench.place(BOB, "BUY", steps)
    assert bench.steps(taker.executed) == min(steps, sum(size for _, size in rows))
    in_turn = sorted(placed, key=lambda each: (Decimal(each.price), each.id))
    left = [bench.steps(order.quantity - bench.order(order).executed) for order in in_turn]
    begun = [bool(bench.order(order).executed) for order in in_turn]
    assert begun == sorted(begun, reverse=True)
    assert all(not more for more, after in zip(left, begun[1:], strict=False) if after)


@settings(max_examples=100)
@given(
    st.integers(1, 8),
    st.lists(st.tuples(st.integers(1, 8), st.integers(PRICE + 1, PRICE + 3), st.booleans()), min_size=2, max_size=8),
    st.lists(st.tuples(st.sampled_from(("hit", "sweep", "buy", "reach")), st.integers(1, 20)), max_size=5),
)
def test_reduce_only_orders_of_one_account_never_flip_its_position_together(
    position: int, rows: list[tuple[int, int, bool]], flow: list[tuple[str, int]]
) -> None:
    bench = Bench(levels=0)
    act(bench, ("force", ALICE, "BUY", position))
    for size, ticks, reduce_only in rows:
        with suppress(RequestRefused):
            bench.place(ALICE, "SELL", size, ticks, reduce_only=reduce_only)
    for kind, steps in flow:
        ways = {
            "hit": ("hit", -1, steps),
            "sweep": ("sweep", -1),
            "buy": ("place", BOB, "BUY", steps, None, "GTC", False),
            "reach": ("reach", 1, PRICE + 3, steps),
        }
        act(bench, ways[kind])
        check(bench)
