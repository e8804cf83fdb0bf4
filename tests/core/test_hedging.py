"""Hedging: what is proposed, when, how much and where; and what is not."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hedgeapp.core.events import Event
from hedgeapp.core.events.halts import HaltDeclared
from hedgeapp.core.events.orders import HedgeProposed, OrderIntended, OrderRejected, ProposalClosed
from portfolio.core.book import Book
from portfolio.core.exposure import exposure
from portfolio.core.hedging import Stance, proposals, stances
from portfolio.core.order_checks import collar, refusals
from portfolio.core.snapshots import dump, load
from portfolio.core.valuation import Marks
from tests.builders.books import (
    AT,
    COINM,
    INVERSE,
    LINEAR,
    USDM,
    D,
    balance,
    collateral,
    common,
    instrument,
    introduced,
    limit,
    mark,
    opening,
)
from tests.builders.desk import account, desk, heard, really_filled, tell
from tests.builders.orders import NAME, intended, seen, sent

PRICE = "3000"
MARKS = common(PRICE)
COLLAR = D("0.003")


def seconds(later: float) -> datetime:
    return AT + timedelta(seconds=later)


def stance(book: Book, marks: Marks = MARKS, at: datetime = AT) -> Stance:
    """Return how hedging stands in ETH."""
    found = {one.row.currency: one for one in stances(book, exposure(book, marks, at), marks, at)}
    return found["ETH"]


def decided(book: Book, marks: Marks = MARKS, at: datetime = AT) -> tuple[HedgeProposed | ProposalClosed, ...]:
    return proposals(book, exposure(book, marks, at), marks, at)


def proposed(book: Book, marks: Marks = MARKS, at: datetime = AT) -> HedgeProposed:
    """Return the one hedge that is proposed, and let it stand."""
    found = decided(book, marks, at)
    assert [type(one).__name__ for one in found] == ["HedgeProposed"], stance(book, marks, at).row.because
    tell(book, *found)
    assert isinstance(found[0], HedgeProposed)
    return found[0]


def because(book: Book, at: datetime = AT, marks: Marks = MARKS) -> str:
    """Return why nothing is proposed."""
    found = stance(book, marks, at)
    assert found.events == ()
    return found.row.because


def net(book: Book, marks: Marks = MARKS) -> Decimal:
    value = next(row for row in exposure(book, marks, AT) if row.currency == "ETH").net.value
    assert value is not None
    return value


def order_of(one: HedgeProposed, name: str = NAME, marks: Marks = MARKS, at: datetime = AT) -> OrderIntended:
    """Return the order that the ticket of a proposal makes: at once, at the edge of the collar."""
    price = marks[one.instrument, "mark"].value
    allowed = collar(instrument(one.instrument), price, D(30))
    return intended(
        name,
        at=at,
        account=one.account,
        instrument=one.instrument,
        side=one.side,
        quantity=one.quantity,
        price=allowed.lowest if one.side == "sell" else allowed.highest,
        proposal_id=one.proposal_id,
    )


def done(one: HedgeProposed, name: str, at: datetime) -> tuple[Event, ...]:
    """Return that the order of a proposal was sent, and the venue's word that it filled."""
    word = replace(
        seen(name, status="filled", filled=str(one.quantity), venue_order_id=name),
        at=at,
        account=one.account,
        instrument=one.instrument,
        side=one.side,
        quantity=one.quantity,
    )
    return sent(name), word


def test_inside_the_band_nothing_is_proposed() -> None:
    assert because(desk(net="25")) == ""
    assert stance(desk(net="25")).row.stand == "inside"


def test_outside_of_its_band_a_hedge_towards_flat_is_proposed() -> None:
    one = proposed(desk(net="30"))
    # 30 ETH at the lowest price of the collar, in whole contracts of 10 USD.
    assert (one.proposal_id, one.side, one.quantity) == ("ETH-1", "sell", D(30) * 2991 // 10)
    assert (one.account, one.instrument) == (COINM, INVERSE)
    assert (one.net, one.in_flight, one.band) == (D(30), D(0), D(25))
    assert one.because == (
        "net ETH of 30 is outside of ±25: sell 29.91 ETH as 8,973 contracts of binance-coinm:ETH-USD-PERP "
        "in binance-coinm:main, whose headroom goes from 100 to 96.919 ETH"
    )


def test_a_book_that_is_short_buys() -> None:
    one = proposed(desk(net="-30"))
    assert one.side == "buy"


def test_what_stands_in_the_way_is_reduced_first() -> None:
    # The short that makes the book short is linear: it is bought back, though an inverse contract could be bought.
    one = proposed(desk(net="-30", coins="100"))
    assert (one.account, one.instrument, one.quantity) == (USDM, LINEAR, D(30))


def test_no_more_is_bought_back_than_was_sold() -> None:
    short = desk(opening("-20", PRICE), opening("-39000", PRICE, INVERSE), net="100")
    assert net(short) == -50
    tell(short, limit("order_size_max", "ETH", "60"))
    one = proposed(short)
    assert (one.instrument, one.quantity) == (INVERSE, D(50) * 2991 // 10)
    tell(short, account(COINM))
    later = stance(short)
    assert [type(event).__name__ for event in later.events] == ["ProposalClosed", "HedgeProposed"]
    other = later.events[1]
    assert isinstance(other, HedgeProposed)
    assert (other.instrument, other.quantity) == (LINEAR, D(20))


def test_inverse_comes_before_linear_and_then_the_account_with_the_most_headroom() -> None:
    both = desk()
    assert proposed(both).instrument == INVERSE
    linear = desk(account(COINM), account("binance-usdm:reserve", "ETH-USDT-PERP"))
    tell(linear, balance("binance-usdm:reserve", "USDT", "2000000"), heard("account:binance-usdm:reserve"))
    assert proposed(linear).account == "binance-usdm:reserve"


def test_a_hedge_is_not_larger_than_an_order_may_be() -> None:
    one = proposed(desk(net="500"))
    assert one.quantity == D(40) * 2991 // 10


def test_orders_under_way_count_at_their_worst() -> None:
    book = desk(intended(quantity=D(10), side="sell", price=D("2995")), net="60")
    assert proposed(book).in_flight == -10
    # 60 − 10 are left, of which one order may take 40; and 50 − 40 come later.
    tell(book, intended("hg" + "b" * 26, quantity=D(25), side="sell", price=D("2995")))
    changed = stance(book).events
    assert [type(event).__name__ for event in changed] == ["ProposalClosed", "HedgeProposed"]
    smaller = changed[1]
    assert isinstance(smaller, HedgeProposed)
    assert (smaller.in_flight, smaller.quantity) == (D(-35), D(25) * 2991 // 10)


def test_nothing_is_proposed_while_orders_under_way_suffice() -> None:
    book = desk(intended(quantity=D(25), side="sell", price=D("2995")))
    assert because(book) == "orders under way suffice: they may add -25 to 0 ETH to a net of 30 ETH"
    assert stance(book).row.stand == "in_flight"
    # Its venue does not know it: the exposure is there again, and so is the proposal.
    tell(book, sent(), OrderRejected(at=AT, client_order_id=NAME, code="-2019", said="Margin is insufficient."))
    assert proposed(book, at=seconds(5)).net == 30


def test_a_proposal_is_shown_as_it_stands() -> None:
    book = desk(net="30")
    one = proposed(book)
    found = stance(book, at=seconds(1)).row
    assert (found.stand, found.proposal, found.because) == ("open", one, one.because)
    assert found.size == one.quantity * 10 / D(PRICE)


@pytest.mark.parametrize(("left", "stands"), [("29.8", True), ("10.1", True), ("10", False), ("-3", False)])
def test_hysteresis(left: str, stands: bool) -> None:
    book = desk(net="30", coins="20")
    proposed(book)
    tell(book, collateral("ETH", D(left) - 20 if D(left) > 20 else "0", seconds(0.5)))
    if D(left) <= 20:
        tell(book, balance(COINM, "ETH", left, seconds(0.5)))
    assert net(book) == D(left)
    events = decided(book, at=seconds(1))
    ends = [one.end for one in events if isinstance(one, ProposalClosed)]
    assert ends == ([] if left == "29.8" else ["superseded"] if stands else ["withdrawn"])
    if not stands:
        assert len(events) == 1
        assert events[0].reason == f"net ETH of {left} is back within ±10, where hedging ends"  # type: ignore[union-attr]


def test_a_proposal_that_became_too_large_is_replaced_at_once_and_one_too_small_after_a_while() -> None:
    book = desk(net="30", coins="10")
    proposed(book)
    tell(book, balance(COINM, "ETH", "13", seconds(0.1)))
    assert decided(book, at=seconds(1)) == ()
    grown = decided(book, at=seconds(5))
    assert [type(one).__name__ for one in grown] == ["ProposalClosed", "HedgeProposed"]
    assert isinstance(grown[0], ProposalClosed)
    assert (grown[0].end, grown[0].reason) == ("superseded", "32.999 ETH are needed now, instead of 30 ETH")
    tell(book, balance(COINM, "ETH", "8", seconds(0.2)))
    shrunk = decided(book, at=seconds(1))
    assert isinstance(shrunk[1], HedgeProposed)
    assert shrunk[1].quantity == D(28) * 2991 // 10
    assert shrunk[1].proposal_id == "ETH-2"


def test_an_order_of_somebody_else_withdraws_a_proposal_that_it_makes_needless() -> None:
    book = desk()
    proposed(book)
    tell(book, intended(proposal_id="", quantity=D(25), price=D("2995")))
    closed = decided(book, at=seconds(1))
    assert [one.end for one in closed if isinstance(one, ProposalClosed)] == ["withdrawn"]
    assert stance(tell(book, *closed)).row.stand == "in_flight"


def test_the_next_proposal_waits_for_the_cooldown() -> None:
    book = desk()
    proposed(book)
    tell(book, ProposalClosed(at=seconds(3), proposal_id="ETH-1", end="dismissed", by="ann", reason="not now"))
    assert because(book, seconds(4)) == "cooldown until 12:00:08 UTC, after proposal ETH-1 was closed"
    assert proposed(book, at=seconds(8)).proposal_id == "ETH-2"


def test_the_cooldown_counts_from_the_end_of_any_order_in_the_currency() -> None:
    late = OrderRejected(at=seconds(20), client_order_id=NAME, code="-2019", said="Margin is insufficient.")
    book = desk(intended(proposal_id="", quantity=D(1)), sent(), late)
    assert because(book, seconds(21)) == f"cooldown until 12:00:25 UTC, after order {NAME} ended"
    assert proposed(book, at=seconds(25)).proposal_id == "ETH-1"


def test_less_than_the_smallest_clip_is_not_hedged() -> None:
    book = desk(limit("net_delta_band", "ETH", "0.2"), limit("hedge_release", "ETH", "0.1"), net="0.4")
    assert because(book) == "0.4 ETH are less than 0.5 ETH, the least that is hedged"


def test_a_halted_venue_is_passed_over_and_a_halt_everywhere_ends_proposing() -> None:
    book = desk(HaltDeclared(at=AT, halt_id="h-1", scope="binance-coinm", by="ann", reason="odd marks"))
    assert proposed(book).instrument == LINEAR
    tell(book, HaltDeclared(at=AT, halt_id="h-2", scope="*", by="ann", reason="all odd"))
    withdrawn = decided(book)
    assert [one.end for one in withdrawn if isinstance(one, ProposalClosed)] == ["withdrawn"]
    tell(book, *withdrawn)
    assert because(book, seconds(60)) == "binance-coinm is halted: odd marks; binance-usdm is halted: all odd"


def test_what_does_not_trade_or_is_not_enabled_is_passed_over() -> None:
    book = desk(introduced(replace(instrument(INVERSE), is_trading=False), version=2))
    assert proposed(book).instrument == LINEAR
    tell(book, account(USDM, "ETH-USDT-PERP", is_enabled=False))
    assert [one.end for one in decided(book) if isinstance(one, ProposalClosed)] == ["withdrawn"]


def test_without_margin_nothing_is_proposed_and_the_reason_has_the_numbers() -> None:
    book = desk(coins="1", cash="5000")
    assert because(book) == (
        "no margin in binance-coinm:main to sell 8,973 contracts of binance-coinm:ETH-USD-PERP: "
        "headroom 1 ETH, -2.081 after; no margin in binance-usdm:main to sell 30 contracts of "
        "binance-usdm:ETH-USDT-PERP: headroom 5,000 USDT, -4,270 after"
    )
    assert stance(book).row.stand == "blocked"


def test_a_limit_on_the_margin_ratio_is_kept() -> None:
    book = desk(limit("margin_ratio_max", "account", "0.001"))
    assert proposed(desk()).instrument == INVERSE
    assert because(book).startswith("no margin in binance-coinm:main: margin ratio 0.0015 after it, limit 0.001")


@pytest.mark.parametrize("kind", ["order_size_max", "price_collar"])
def test_without_the_limits_that_orders_need_nothing_is_proposed(kind: str) -> None:
    book = desk()
    book.catalogue.limits_by_subject.pop((kind, "ETH"))
    assert f"a limit of kind {kind} for ETH expected, found none" in because(book)


def test_an_exposure_that_is_not_current_is_not_hedged() -> None:
    late = seconds(61)
    book = desk()
    assert because(book, late).startswith("net ETH is not current: ")
    assert stance(book, at=late).row.stand == "unknown"


def test_a_book_that_was_not_read_whole_is_not_hedged() -> None:
    book = desk(account("binance-usdm:reserve", "ETH-USDT-PERP"))
    assert because(book) == "account:binance-usdm:reserve has not been read yet"
    tell(book, heard("account:binance-usdm:reserve", "disconnected"))
    assert because(book) == "account:binance-usdm:reserve is disconnected: connection refused"
    tell(book, heard("account:binance-usdm:reserve", at=seconds(1)))
    assert proposed(book).proposal_id == "ETH-1"
    tell(book, heard("custodian:ceffu", "disconnected", seconds(2)))
    assert because(book) == "custodian:ceffu is disconnected: connection refused"
    assert stance(book).row.stand == "open"


def test_a_proposal_outlives_a_silence_of_the_feeds() -> None:
    book = desk()
    proposed(book)
    assert stance(book, at=seconds(61)).row.stand == "open"
    assert decided(book, at=seconds(61)) == ()


def test_a_proposal_outlives_marks_that_are_late_and_no_halt() -> None:
    book = desk(coins="20")
    proposed(book)
    old = AT - timedelta(hours=1)
    silent = MARKS | {(name, "mark"): mark(name, "mark", PRICE, old) for name in (LINEAR, INVERSE)}
    found = stance(book, silent)
    assert (found.row.stand, found.events) == ("open", ())
    assert found.row.because.startswith(f"{INVERSE}: mark of {INVERSE} from test is older than its budget of 60 s")
    tell(book, HaltDeclared(at=AT, halt_id="h-1", scope="binance-coinm", by="ann", reason="odd marks"))
    assert [one.end for one in decided(book, silent) if isinstance(one, ProposalClosed)] == ["withdrawn"]


def test_two_engines_in_succession_make_one_proposal() -> None:
    book = desk()
    before = decided(book)
    successor = load(dump(book))
    assert [one.key for one in decided(successor, at=seconds(1))] == [one.key for one in before]
    tell(book, *before)
    assert decided(load(dump(book)), at=seconds(1)) == ()
    after = load(dump(tell(book, ProposalClosed(at=AT, proposal_id="ETH-1", end="dismissed", by="ann", reason=""))))
    assert after.last_proposals == book.last_proposals
    assert proposed(after, at=seconds(9)).proposal_id == "ETH-2"


books = st.builds(
    lambda held, coins, short, inverse: desk(
        *([opening(-D(short), PRICE)] if coins <= held else []),
        opening(-D(inverse), PRICE, INVERSE),
        net=D(held) / 10,
        coins=str(D(coins) / 10),
    ),
    held=st.integers(0, 3000),
    coins=st.integers(100, 1000),
    short=st.integers(0, 250),
    inverse=st.integers(0, 60_000),
)
orders = st.lists(
    st.builds(
        lambda place, side, quantity, away: (place, side, quantity, away),
        st.sampled_from([LINEAR, INVERSE]),
        st.sampled_from(["buy", "sell"]),
        st.integers(1, 40),
        st.integers(-30, 30),
    ),
    max_size=4,
)


def under_way(made: Iterable[tuple[str, str, int, int]]) -> list[OrderIntended]:
    """Return orders of so many coins each, so many bp from the mark."""
    found = []
    for place, (where, side, coins, away) in enumerate(made):
        quantity = D(coins) if where == LINEAR else D(coins) * 300
        price = (D(PRICE) * (1 + D(away) / 10_000)).quantize(D("0.01"))
        found.append(
            intended(
                f"hg{place:026}",
                account=USDM if where == LINEAR else COINM,
                instrument=where,
                side=side,
                quantity=quantity,
                price=price,
            )
        )
    return found


def settled(book: Book, order: OrderIntended | HedgeProposed, price: Decimal, venue_order_id: str = "1") -> None:
    really_filled(book, order.account, order.instrument, order.side, order.quantity, price, venue_order_id)


@given(book=books, flying=orders, marked=st.integers(-100, 100), slips=st.integers(-30, 30))
@settings(max_examples=60)
def test_whatever_fills_a_proposal_never_leads_across_zero(
    book: Book, flying: list[tuple[str, str, int, int]], marked: int, slips: int
) -> None:
    price = D(PRICE) * (1 + D(marked) / 100_000)
    marks = common(price)
    made = under_way(flying)
    tell(book, *made)
    for one in decided(book, marks):
        assert isinstance(one, HedgeProposed)
        long = net(book, marks) > 0
        assert one.side == ("sell" if long else "buy")
        assert refusals(order_of(one, "hg" + "z" * 26, marks), book, marks, AT) == ()
        for each in made:
            if each.side == one.side:
                settled(book, each, each.price)
        settled(book, one, price * (1 + D(slips) / 10_000))
        after = net(book, marks)
        assert after >= D("-1e-6") if long else after <= D("1e-6")


@given(book=books, flying=orders)
@settings(max_examples=60)
def test_nothing_is_proposed_whenever_what_is_under_way_may_suffice(
    book: Book, flying: list[tuple[str, str, int, int]]
) -> None:
    made = under_way(flying)
    tell(book, *made)
    found = decided(book)
    held = net(book)
    if found:
        for each in made:
            if (each.side == "sell") == (held > 0):
                settled(book, each, each.price)
        assert abs(net(book)) > 10


@given(book=books, slips=st.integers(-30, 30))
@settings(max_examples=40)
def test_hedging_again_and_again_leads_into_the_band_and_then_stops(book: Book, slips: int) -> None:
    at = AT
    tell(book, limit("hedge_cooldown", "ETH", "1"))  # twenty hedges are over before what accounts stated is stale
    for number in range(20):
        found = decided(book, at=at)
        if not found:
            break
        one = found[0]
        assert isinstance(one, HedgeProposed)
        name = f"hg{number:026}"
        before = abs(net(book))
        closed = ProposalClosed(at=at, proposal_id=one.proposal_id, end="sent", by="ann", reason="")
        tell(book, one, replace(order_of(one, name), at=at), closed)
        tell(book, *done(one, name, at))
        settled(book, one, D(PRICE) * (1 + D(slips) / 10_000), name)
        assert abs(net(book)) < before
        at += timedelta(seconds=2)
    assert stance(book, at=at).row.stand == "inside"
    assert book.proposals == {}
