"""A ticket suggests a hedge that would pass, and rehearses an order by the functions that decide when it is sent."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgeapp.core.events.halts import HaltDeclared
from hedgeapp.core.events.orders import HedgeProposed, OrderIntended, TimeInForce
from marketdata.core.board import Depth
from portfolio.core.book import Book
from portfolio.core.hedge_choices import Scene
from portfolio.core.rehearsals import Rehearsal, mid_figure, rehearsal
from portfolio.core.tickets import Draft, draft
from portfolio.core.valuation import Marks, Valuation
from tests.builders.books import AT, COINM, INVERSE, LINEAR, USDM, D, common, mark, marks_of
from tests.builders.desk import desk, tell
from tests.builders.orders import intended, sent

MARKS = common("3000") | marks_of(
    mark(LINEAR, "bid", "2999.90"),
    mark(LINEAR, "ask", "3000.10"),
    mark(INVERSE, "bid", "2999.90"),
    mark(INVERSE, "ask", "3000.10"),
)
DEPTH = Depth(
    instrument=INVERSE, bids=((2999.9, 900.0), (2999.0, 9000.0)), asks=((3000.1, 500.0),), at=AT, received_at=AT
)


def scene(book: Book, marks: Marks = MARKS) -> Scene:
    return Scene(book=book, marks=marks, at=AT, feeds=(), valuation=Valuation(book, marks, AT))


def of(book: Book, marks: Marks = MARKS, instrument: str = "") -> Draft:
    return draft("ETH", scene(book, marks), instrument=instrument)


def order_of(found: Draft, time_in_force: TimeInForce = "ioc", **given: Any) -> OrderIntended:
    """Return the order that a ticket would send as it is filled in."""
    price = found.price(time_in_force)
    assert found.place is not None
    fields: dict[str, Any] = {
        "account": found.place.account,
        "instrument": found.place.instrument.id,
        "side": found.side,
        "quantity": found.quantity,
        "price": price,
        "time_in_force": time_in_force,
    }
    return intended(**{**fields, **given})


def rehearsed(book: Book, order: OrderIntended, depth: Depth | None = DEPTH) -> Rehearsal:
    return rehearsal(order, scene(book), depth, D("0.0005"))


PROPOSAL = HedgeProposed(
    at=AT,
    proposal_id="ETH-1",
    currency="ETH",
    account=USDM,
    instrument=LINEAR,
    side="sell",
    quantity=D("29.5"),
    net=D(30),
    in_flight=D(0),
    band=D(25),
    because="net ETH of 30 is outside of ±25",
)


@pytest.mark.parametrize(("net", "side"), [("30", "sell"), ("-30", "buy")])
@pytest.mark.parametrize("time_in_force", ["ioc", "gtc", "post_only"])
def test_what_is_suggested_passes_every_check(net: str, side: str, time_in_force: TimeInForce) -> None:
    book = desk(net=net, coins="100")
    found = of(book)
    assert found.side == side
    assert rehearsed(book, order_of(found, time_in_force)).check.refusals == ()


@given(st.decimals("-200", "200", places=2), st.decimals("100", "9000", places=2))
def test_a_suggestion_never_leads_across_flat(net: Decimal, price: Decimal) -> None:
    marks, book = common(price), desk(net=net)
    found = of(book, marks)
    if found.quantity and found.at_once:
        assert rehearsal(order_of(found), scene(book, marks), None).check.refusals == ()


def test_an_inverse_contract_is_preferred_and_leads_to_flat() -> None:
    found = of(desk(net="30"))
    assert found.place is not None
    assert (found.place.account, found.place.instrument.id, found.side) == (COINM, INVERSE, "sell")
    assert found.room == 30
    assert [one.instrument.kind for one in found.places] == ["inverse", "linear"]


def test_an_order_that_fills_at_once_has_room_for_the_mark_to_move() -> None:
    found = of(desk(net="30"))
    assert found.at_once == D("2992.80")  # 30 bp are allowed, 24 are used
    assert found.touch == MARKS[INVERSE, "ask"].value


def test_the_place_that_is_asked_for_is_taken() -> None:
    found = of(desk(net="30"), instrument=LINEAR)
    assert found.place is not None
    assert (found.place.instrument.id, found.quantity) == (LINEAR, D(30))


def test_a_proposal_fills_the_ticket_in() -> None:
    found = draft("ETH", scene(desk(net="30")), proposal=PROPOSAL)
    assert found.place is not None
    assert (found.place.account, found.place.instrument.id, found.quantity) == (USDM, LINEAR, D("29.5"))


@pytest.mark.parametrize("net", ["29.4", "0.02"])
def test_a_proposal_that_is_too_much_by_now_fills_in_what_passes(net: str) -> None:
    book = desk(net=net)
    found = draft("ETH", scene(book), proposal=PROPOSAL)
    assert found.quantity == D(net)
    assert rehearsed(book, order_of(found)).check.refusals == ()


def test_a_proposal_that_orders_under_way_have_taken_fills_nothing_in() -> None:
    book = desk(net="30")
    tell(book, intended(quantity=D(30), price=D(2999)), sent())
    found = draft("ETH", scene(book), proposal=PROPOSAL)
    assert (found.quantity, found.because) == (
        None,
        "orders under way may already bring ETH to flat: wait for them or cancel them",
    )


def test_what_is_under_way_is_taken_off() -> None:
    book = desk(net="30")
    tell(book, intended(quantity=D(10), price=D(2999)), sent())
    assert of(book, instrument=LINEAR).quantity == D(20)


def test_nothing_is_left_to_hedge_while_an_order_takes_it_all() -> None:
    book = desk(net="30")
    tell(book, intended(quantity=D(30), price=D(2999)), sent())
    found = of(book)
    assert found.quantity is None
    assert found.because == "orders under way may already bring ETH to flat: wait for them or cancel them"


def test_a_flat_book_needs_no_hedge() -> None:
    found = of(desk(net="0"))
    assert (found.side, found.quantity, found.because) == (None, None, "ETH is flat: there is nothing to hedge")


def test_without_a_mark_there_is_no_side_and_the_reason_is_said() -> None:
    found = of(desk(net="30"), {})
    assert (found.quantity, found.at_once, found.touch) == (None, None, None)
    assert found.because


def test_a_currency_that_nothing_trades_has_no_place() -> None:
    found = draft("USDC", scene(desk()))
    assert (found.place, found.because) == (None, "no account trades a perpetual contract on USDC: enable one")


def test_an_effect_ends_within_a_step_of_flat() -> None:
    book = desk(net="30")
    found = rehearsed(book, order_of(of(book, instrument=LINEAR)))
    assert found.effect is not None
    assert found.effect.net.before.value == 30
    assert found.effect.net.after.value == 0
    assert found.coin == -30


def test_every_rule_is_shown_with_its_limit_and_what_was_found() -> None:
    book = desk(net="30")
    rules = {one.name: one for one in rehearsed(book, order_of(of(book, instrument=LINEAR))).rules}
    assert {name: (one.limit, one.value, one.unit, one.said) for name, one in rules.items()} == {
        "order_size_max": ("40", "30.0000", "ETH", ""),
        "price_collar": ("30", "24.0", "bp", ""),
        "towards_flat": ("30.0000", "30.0000", "ETH", ""),
        "halt": ("0", "0", "halts", ""),
        "suspension": ("0", "0", "suspensions", ""),
    }


def test_a_broken_rule_comes_first_in_the_words_of_the_checks() -> None:
    book = desk(net="30")
    found = rehearsed(book, order_of(of(book, instrument=LINEAR), quantity=D(35)))
    assert (found.rules[0].name, found.rules[0].limit, found.rules[0].value) == ("towards_flat", "30", "35")
    assert found.rules[0].said == found.check.refusals[0].said


def test_a_halt_is_shown_as_broken() -> None:
    book = desk(net="30")
    order = order_of(of(book))
    tell(book, HaltDeclared(at=AT, halt_id="h", scope="*", by="ann", reason="odd prices"))
    assert [one.name for one in rehearsed(book, order).rules if one.said] == ["halt"]


def test_an_order_that_makes_no_sense_is_not_measured() -> None:
    found = rehearsed(desk(), intended(quantity=D(0)))
    assert (found.effect, found.cost, found.coin, found.outlook) == (None, None, None, "")
    assert found.rules[0].name == "quantity"


@pytest.mark.parametrize(
    ("time_in_force", "quantity", "price", "said"),
    [
        ("ioc", "900", "2999.9", "The levels shown would fill it whole, at once."),
        ("ioc", "1000", "2999.9", "900 contracts would fill at once; 100 would be canceled."),
        ("gtc", "1000", "2999.9", "900 contracts would fill at once; 100 would be left to rest at 2999.9."),
        ("gtc", "1000", "3000.5", "Nothing would fill at once; all 1,000 contracts would be left to rest at 3000.5."),
        (
            "fok",
            "10000",
            "2990",
            "It would be canceled whole: the levels shown take only 9,900 contracts at its price. "
            "The book goes on beyond the levels shown.",
        ),
        ("post_only", "10", "3000.1", "It would rest in the book at 3000.1 until it is met or canceled."),
        (
            "post_only",
            "10",
            "2999.9",
            "The venue would refuse it: a post-only order must not reach the other side of the book.",
        ),
    ],
)
def test_the_outlook_says_what_the_levels_would_do(
    time_in_force: TimeInForce, quantity: str, price: str, said: str
) -> None:
    order = intended(
        account=COINM, instrument=INVERSE, time_in_force=time_in_force, quantity=D(quantity), price=D(price)
    )
    assert rehearsed(desk(), order).outlook == said


def test_a_depth_is_as_old_as_its_book_and_stale_beyond_the_budget_of_quotes() -> None:
    catalogue = desk().catalogue
    assert mid_figure(None, INVERSE, catalogue, AT).state == "unknown"
    budget = catalogue.budget("quote")
    assert budget is not None
    states = [
        mid_figure(DEPTH, INVERSE, catalogue, AT + later).state for later in (timedelta(), budget * 0.6, budget * 1.1)
    ]
    assert states == ["live", "late", "stale"]
    ahead = replace(DEPTH, at=AT + timedelta(seconds=5))
    assert mid_figure(ahead, INVERSE, catalogue, AT).at == AT
