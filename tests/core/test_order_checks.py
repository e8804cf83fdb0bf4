"""Order checks: what is refused, in which words, and that what is admitted only leads towards flat."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.events import Event, Recorded
from hedgeapp.core.events.halts import HaltDeclared
from hedgeapp.core.events.orders import OrderAcknowledged, OrderIntended, OrderSent
from hedgeapp.core.events.positions import PositionStated
from hedgeapp.core.events.reference import AccountChanged, VenueChanged
from hedgeapp.core.reference import Account, Venue
from portfolio.core.book import Book
from portfolio.core.effects import effect
from portfolio.core.order_checks import (
    Refusal,
    check,
    collar,
    in_flight,
    order_delta,
    quantity_at_most,
    refusals,
    worst_price,
)
from tests.builders.books import (
    AT,
    COINM,
    INVERSE,
    LINEAR,
    USDM,
    D,
    balance,
    book_of,
    collateral,
    common,
    instrument,
    limit,
    opening,
)
from tests.builders.desk import HEARD, heard
from tests.builders.orders import fill, intended, seen

PRICE = D(3000)
MARKS = common(PRICE)
LIMITS = (limit("order_size_max", "ETH", "40"), limit("price_collar", "ETH", "30"))
EPSILON = D("1e-12")  # what values rounded to 1e-18 may add up to


def account(name: str, *symbols: str, is_enabled: bool = True) -> AccountChanged:
    row = Account(name=name, venue=name.partition(":")[0], label="main", instruments=symbols, is_enabled=is_enabled)
    return AccountChanged(at=AT, account=row, version=2, by="ann")


ACCOUNTS = (account(USDM, "ETH-USDT-PERP"), account(COINM, "ETH-USD-PERP"))


def tell(book: Book, *events: Event) -> Book:
    for event in events:
        book.apply(Recorded(seq=book.seq + 1, recorded_at=AT, event=event))
    return book


def book_with(*events: Event, net: str = "30") -> Book:
    """Return a book that is long so many ETH, or short if it is negative, with limits and accounts."""
    held = D(net)
    start: list[Event] = [collateral("ETH", max(held, ZERO)), balance(COINM, "ETH", "0"), balance(USDM, "USDT", "0")]
    if held < 0:
        start.append(opening(held, PRICE))
    return tell(book_of(*HEARD, *ACCOUNTS, *LIMITS, *start), *events)


def order(name: str = "a", **given: Any) -> OrderIntended:
    return intended(f"hg{name:a>26}", **{"price": D("2995"), **given})


def test_a_book_that_was_not_read_whole_hedges_nothing() -> None:
    unread = tell(book_of(*ACCOUNTS, *LIMITS, collateral("ETH", "30")), *HEARD[1:])
    assert rules(order(), unread) == ["towards_flat"]
    gone = book_with(heard(HEARD[0].feed, "disconnected"))
    assert rules(order(), gone) == ["towards_flat"]


def stated(quantity: str, of: str = LINEAR) -> PositionStated:
    return PositionStated(
        at=AT, account=f"{of.partition(':')[0]}:main", instrument=of, quantity=D(quantity), entry_price=PRICE
    )


def rules(order: OrderIntended, book: Book, at: Any = AT) -> list[str]:
    return [one.rule for one in refusals(order, book, MARKS, at)]


def halted(scope: str = "*") -> HaltDeclared:
    return HaltDeclared(at=AT, halt_id="h-1", scope=scope, by="ann", reason="the venue looks wrong")


def test_an_order_towards_flat_within_its_limits_is_admitted() -> None:
    found = check(order(), book_with(), MARKS, AT)
    assert found.refusals == ()
    assert (found.mark.value, found.net.value) == (PRICE, D(30))


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({"account": "binance-usdm:other"}, "account"),
        ({"instrument": "binance-usdm:SOL-USDT-PERP"}, "instrument"),
        ({"account": COINM}, "account"),
        ({"quantity": D("5.0005")}, "quantity"),
        ({"quantity": D(0)}, "quantity"),
        ({"quantity": D("-5")}, "quantity"),
        ({"quantity": D("NaN")}, "quantity"),
        ({"quantity": D("1e70")}, "quantity"),
        ({"price": D("2995.001")}, "price"),
        ({"price": D(0)}, "price"),
        ({"price": D("2990.99")}, "price_collar"),
        ({"price": D("3009.01")}, "price_collar"),
        ({"side": "buy"}, "towards_flat"),
        ({"quantity": D("30.002")}, "towards_flat"),
    ],
)
def test_what_is_wrong_with_an_order_is_refused_by_name(given: dict[str, Any], rule: str) -> None:
    assert rule in rules(order(**given), book_with())


def test_the_edges_of_the_collar_and_one_step_across_zero_are_admitted() -> None:
    for price in ("2991", "3009"):
        assert rules(order(price=D(price), quantity=D("30.001")), book_with()) == []


def test_an_order_above_the_maximum_is_refused_with_limit_value_and_unit() -> None:
    (found,) = refusals(order(quantity=D(41)), book_with(net="100"), MARKS, AT)
    said = "an order of at most 40 ETH expected, found 41 ETH: send it in smaller ones"
    assert found == Refusal(rule="order_size_max", limit="40", value="41", unit="ETH", said=said)


def test_nothing_is_admitted_while_a_limit_is_not_set() -> None:
    book = tell(book_of(*HEARD, *ACCOUNTS, collateral("ETH", "30")))
    assert rules(order(), book) == ["order_size_max", "price_collar"]


def test_nothing_is_admitted_against_a_mark_that_is_not_fresh() -> None:
    assert rules(order(), book_with(), AT + timedelta(minutes=2)) == ["price_collar", "towards_flat"]


@pytest.mark.parametrize("wrong", ["0", "-3000"])
@pytest.mark.parametrize(("of", "in_account"), [(LINEAR, USDM), (INVERSE, COINM)])
def test_a_mark_that_is_no_price_is_no_mark(wrong: str, of: str, in_account: str) -> None:
    book, marks = book_with(opening("5", "3000", of)), common(PRICE)
    marks[of, "mark"] = replace(marks[of, "mark"], value=D(wrong))
    found = check(order(account=in_account, instrument=of), book, marks, AT)
    assert ("price_collar", "unknown") in [(one.rule, one.value) for one in found.refusals]
    effect(order(account=in_account, instrument=of), book, marks, AT)


def test_nothing_is_admitted_while_the_net_exposure_is_unknown() -> None:
    book = book_with(collateral("wstETH", "1"))  # its rate is not known
    assert rules(order(), book) == ["towards_flat"]


def test_a_disabled_account_and_a_disabled_venue_are_refused() -> None:
    off = Venue(name="binance-usdm", protocol="binance-usdm", rest_url="", ws_url="", is_enabled=False)
    book = book_with(
        account(USDM, "ETH-USDT-PERP", is_enabled=False), VenueChanged(at=AT, venue=off, version=2, by="ann")
    )
    assert rules(order(), book) == ["account", "venue"]


def test_orders_under_way_count_at_their_worst() -> None:
    book = book_with(order("b", quantity=D(20)))
    assert rules(order(quantity=D(10)), book) == []
    assert rules(order(quantity=D("10.002")), book) == ["towards_flat"]


def test_an_order_does_not_count_against_itself() -> None:
    intent = order(quantity=D(30))
    assert rules(intent, book_with(intent)) == []


def test_a_halt_refuses_and_says_who_and_why() -> None:
    (found,) = refusals(order(), book_with(halted()), MARKS, AT)
    assert found.rule == "halt"
    assert "ann declared" in found.said
    assert "the venue looks wrong" in found.said


def test_a_halt_of_another_venue_refuses_nothing() -> None:
    assert rules(order(), book_with(halted("binance-coinm"))) == []


def test_a_halt_admits_a_reduce_only_order_that_the_venue_s_own_word_covers() -> None:
    buy = order(side="buy", reduce_only=True, price=D(3005))
    assert rules(buy, book_with(stated("-30"), halted(), net="-30")) == []


@pytest.mark.parametrize("word", [None, "30", "0", "-4"])
def test_a_halt_refuses_a_reduce_only_order_that_the_venue_s_word_does_not_cover(word: str | None) -> None:
    book = book_with(halted(), net="-30")
    if word is not None:
        tell(book, stated(word))
    assert rules(order(side="buy", reduce_only=True), book) == ["halt", "reduce_only"]


def test_a_halt_refuses_a_reduce_only_order_on_an_old_word() -> None:
    later = AT + timedelta(minutes=2)
    found = refusals(
        order(side="buy", reduce_only=True),
        book_with(stated("-30"), halted(), net="-30"),
        common(PRICE, at=later),
        later,
    )
    assert {"halt", "reduce_only"} <= {one.rule for one in found}


def test_other_orders_that_reduce_the_same_position_are_taken_off() -> None:
    other = order("b", side="buy", reduce_only=True, quantity=D(27))
    book = book_with(stated("-30"), halted(), other, net="-30")
    assert rules(order(side="buy", reduce_only=True, quantity=D(3)), book) == []
    assert "reduce_only" in rules(order(side="buy", reduce_only=True, quantity=D("3.001")), book)


def test_an_inverse_order_counts_the_coin_at_its_price() -> None:
    assert order_delta(instrument(INVERSE), "sell", D(600), D(3000)) == D(-2)
    assert order_delta(instrument(LINEAR), "buy", D(2), D(3000)) == D(2)


def test_an_inverse_purchase_is_worst_at_the_bottom_of_the_collar() -> None:
    inverse = instrument(INVERSE)
    assert worst_price(inverse, "buy", D(3005), PRICE, D(30)) == D(2991)
    assert worst_price(inverse, "sell", D(2995), PRICE, D(30)) == D(2995)


@given(coin=st.decimals("0", "1000", places=6), price=st.decimals("0.01", "100000", places=2))
def test_a_quantity_at_most_is_the_largest_that_is_not_more(coin: Decimal, price: Decimal) -> None:
    for item in (instrument(LINEAR), instrument(INVERSE)):
        found = quantity_at_most(item, coin, price)
        assert found % item.step_size == 0
        assert order_delta(item, "buy", found, price) <= coin + EPSILON
        assert order_delta(item, "buy", found + item.step_size, price) > coin - EPSILON


@given(mark=st.decimals("0.5", "100000", places=3), bp=st.integers(1, 20_000).map(Decimal))
def test_a_collar_is_whole_ticks_inside_of_the_limit(mark: Decimal, bp: Decimal) -> None:
    found = collar(instrument(LINEAR), mark, bp)
    assert found.lowest > 0
    assert found.lowest % D("0.01") == 0 == found.highest % D("0.01")
    assert found.lowest >= mark - mark * bp / 10_000
    assert found.highest <= mark + mark * bp / 10_000


class Venues:
    """What the venues do with the orders that the checks admit: fill any part of them, in any order, or cancel them."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.admitted: list[OrderIntended] = []
        self.trades = 0

    def offer(self, intent: OrderIntended) -> None:
        if not refusals(intent, self.book, MARKS, AT):
            name = intent.client_order_id
            sent = OrderSent(at=AT, client_order_id=name, valid_until=AT, mark=PRICE, mark_at=AT, net=ZERO)
            heard = OrderAcknowledged(at=AT, client_order_id=name, venue_order_id=name)
            tell(self.book, intent, sent, heard)
            self.admitted.append(intent)

    def fill(self, intent: OrderIntended, part: Decimal, better: Decimal) -> None:
        order = self.book.our_orders.get(intent.client_order_id)
        assert order is not None
        step = self.book.catalogue.instruments[intent.instrument].step_size
        quantity = (order.in_flight * part / step).to_integral_value() * step
        if order.is_final or not quantity:
            return
        self.trades += 1
        best = D(2991) if intent.side == "buy" else D(3009)
        price = (intent.price + (best - intent.price) * better).quantize(D("0.01"))
        one = fill(str(self.trades), str(quantity), intent.client_order_id)
        fields: dict[str, Any] = {
            "account": intent.account,
            "instrument": intent.instrument,
            "side": intent.side,
            "price": price,
        }
        tell(self.book, replace(one, **fields))
        self._settle()

    def cancel(self, intent: OrderIntended) -> None:
        order = self.book.our_orders.get(intent.client_order_id)
        assert order is not None
        fields: dict[str, Any] = {"account": intent.account, "instrument": intent.instrument, "side": intent.side}
        one = seen(
            intent.client_order_id, status="canceled", filled=str(order.logged), venue_order_id=order.venue_order_id
        )
        tell(self.book, replace(one, **fields))

    def _settle(self) -> None:
        """State the coin balance as the venue does: what a closing realized is in it at once."""
        held = self.book.positions.get((COINM, INVERSE))
        if held is not None:
            tell(self.book, balance(COINM, "ETH", held.realized))

    def position(self, of: str) -> Decimal:
        held = self.book.positions.get((f"{of.partition(':')[0]}:main", of))
        return held.quantity if held else ZERO


def net(book: Book) -> Decimal:
    found = check(order(), book, MARKS, AT).net.value
    assert found is not None
    return found


sides = st.sampled_from(["buy", "sell"])
offers = st.tuples(
    st.just("offer"),
    st.sampled_from([LINEAR, INVERSE]),
    sides,
    st.integers(1, 13_000),
    st.integers(2991, 3009),
    st.booleans(),
)
parts = st.sampled_from([D("0.01"), D("0.3"), D("0.5"), D(1)])
events = st.tuples(st.sampled_from(["fill", "cancel"]), st.integers(0, 30), parts, parts)


def carry_out(venues: Venues, actions: Iterable[tuple[Any, ...]], *, reduce_only: bool = False) -> Iterable[None]:
    for place, action in enumerate(actions):
        match action:
            case ("offer", name, side, quantity, price, _):
                quantity = D(quantity) / 400 if name == LINEAR else D(quantity)
                at = f"{name.partition(':')[0]}:main"
                quantity = quantity.quantize(D("0.001")) if name == LINEAR else quantity
                venues.offer(
                    order(
                        str(place),
                        account=at,
                        instrument=name,
                        side=side,
                        quantity=quantity,
                        price=D(price),
                        reduce_only=reduce_only,
                    )
                )
            case (what, which, part, better) if venues.admitted:
                intent = venues.admitted[which % len(venues.admitted)]
                if what == "fill":
                    venues.fill(intent, part, better)
                else:
                    venues.cancel(intent)
        yield


@given(start=st.integers(-60_000, 60_000), actions=st.lists(st.one_of(offers, events), max_size=20))
def test_no_set_of_admitted_orders_goes_across_zero_by_more_than_a_step_whatever_fills(
    start: int, actions: list[tuple[Any, ...]]
) -> None:
    venues = Venues(book_with(net=str(D(start) / 1000)))
    before = net(venues.book)
    step = abs(order_delta(instrument(INVERSE), "buy", D(1), D(2991)))  # the larger of the two
    for _ in carry_out(venues, actions):
        now, (least, most) = net(venues.book), in_flight(venues.book, "ETH", MARKS)
        assert min(before, -step) - EPSILON <= now <= max(before, step) + EPSILON
        if now > step:
            assert now + least >= -step - EPSILON
        if now < -step:
            assert now + most <= step + EPSILON


@given(start=st.integers(1, 60_000), actions=st.lists(st.one_of(offers, events), max_size=20))
def test_verified_reduce_only_never_turns_a_position_around(start: int, actions: list[tuple[Any, ...]]) -> None:
    held = D(start) / 1000
    book = book_with(
        stated(str(-held)), opening(D(start), PRICE, INVERSE), stated(str(start), INVERSE), halted(), net=str(-held)
    )
    venues = Venues(book)
    for _ in carry_out(venues, actions, reduce_only=True):
        assert venues.position(LINEAR) <= 0 <= venues.position(INVERSE)


@given(actions=st.lists(st.one_of(offers, events), max_size=12))
def test_every_refusal_says_what_was_expected_and_found_in_one_sentence(actions: list[tuple[Any, ...]]) -> None:
    venues = Venues(book_with(net="3"))
    for _ in carry_out(venues, actions):
        for side in ("buy", "sell"):
            for found in refusals(order(side=side, quantity=D(50), price=D(3010)), venues.book, MARKS, AT):
                assert "expected" in found.said
                assert "found" in found.said
                assert "\n" not in found.said
                assert all((found.rule, found.limit, found.value, found.unit))
