"""A delegated balance counts once, at every moment of its move: neither backing nor delta changes."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from hedgeapp.core.events import Event
from hedgeapp.core.events.moves import MoveDone, MoveNeverArrived
from portfolio.core.backing import backing
from portfolio.core.book import Book
from portfolio.core.exposure import exposure
from portfolio.core.holdings import balance_rows, collateral_rows
from portfolio.core.pnl import valued_positions
from portfolio.core.valuation import Valuation
from tests.builders.books import AT, USDM, balance, collateral, common, fill, recorded, reference, supply
from tests.builders.moves import (
    mirrored,
    payload,
    reported,
    seen,
    until_submitted,
)

MARKS = common("2000", staked="1.1")
SECOND = timedelta(seconds=1)
D = Decimal


def measured(book: Book) -> tuple[Decimal, Decimal]:
    """Return assets in USD and the net of ETH."""
    valuation = Valuation(book, MARKS, AT)
    rows = (valued_positions(valuation), balance_rows(valuation), collateral_rows(valuation))
    net = next(row.net for row in exposure(book, MARKS, AT) if row.currency == "ETH")
    assets = backing(*rows, valuation).assets_usd.value
    assert assets is not None
    assert net.value is not None
    return assets, net.value


def world(delegated: str = "0") -> list[Event]:
    stated = [mirrored(delegated)] if D(delegated) else []
    return [
        *reference(),
        collateral("stETH", "1500"),
        *stated,
        balance(USDM, "stETH", delegated),
        balance(USDM, "USDT", "100000"),
        fill("sell", "1600", "2000"),
        supply("3000000"),
    ]


def book_of(events: Sequence[Event]) -> Book:
    book = Book()
    for one in recorded(events):
        book.apply(one)
    return book


def moments(events: Sequence[Event], before: int) -> list[tuple[Decimal, Decimal]]:
    """Return what is measured after each event from a place on."""
    return [measured(book_of(events[: place + 1])) for place in range(before - 1, len(events))]


amounts = st.decimals(min_value="0.000001", max_value="1000", places=6)


@settings(max_examples=40)
@given(amount=amounts, venue_first=st.booleans(), is_there=st.booleans())
def test_delegating_changes_neither_backing_nor_delta_at_any_moment(
    amount: Decimal, venue_first: bool, is_there: bool
) -> None:
    start = world("300" if is_there else "0")
    before = D(300) if is_there else D(0)
    of = payload(amount=amount)
    shown: list[Event] = [balance(USDM, "stETH", before + amount, AT + SECOND), seen(of.move_id, at=AT + SECOND)]
    told: list[Event] = [reported("pending", of.move_id), reported("success", of.move_id, at=AT + SECOND)]
    events = [
        *start,
        *until_submitted(of),
        *((*shown, *told) if venue_first else (*told, *shown)),
        MoveDone(at=AT + 2 * SECOND, move_id=of.move_id),
        mirrored(f"{before + amount:f}", AT + 3 * SECOND),
    ]
    assert len(set(moments(events, len(start)))) == 1
    assert book_of(events).delegated[USDM, "stETH"] == before + amount


@settings(max_examples=40)
@given(amount=amounts.filter(lambda one: one < 300))
def test_undelegating_changes_neither_backing_nor_delta_at_any_moment(amount: Decimal) -> None:
    start = world("300")
    of = payload(kind="undelegate", amount=amount)
    events = [
        *start,
        *until_submitted(of),
        balance(USDM, "stETH", D(300) - amount, AT + SECOND),
        seen(of.move_id, USDM, AT + SECOND),
        reported("success", of.move_id, at=AT + SECOND),
        MoveDone(at=AT + 2 * SECOND, move_id=of.move_id),
        mirrored(f"{D(300) - amount:f}", AT + 3 * SECOND),
    ]
    assert len(set(moments(events, len(start)))) == 1


def test_a_transfer_between_wallets_changes_no_delegation() -> None:
    of = payload(kind="transfer")
    book = book_of([*world("300"), *until_submitted(of), reported("success", of.move_id), seen(of.move_id, "w2")])
    assert book.delegated == {(USDM, "stETH"): D(300)}


def test_the_custodians_word_waits_while_a_move_is_under_way() -> None:
    of = payload()
    under_way = [*world("300"), *until_submitted(of), mirrored("400", AT + SECOND)]
    book = book_of(under_way)
    assert book.delegated[USDM, "stETH"] == 300
    assert book.mirrored["ceffu", USDM, "stETH"].total == 400


def test_a_word_from_before_the_moves_end_does_not_undo_it() -> None:
    of = payload()
    done = [
        *world("300"),
        *until_submitted(of),
        reported("success", of.move_id),
        seen(of.move_id),
        MoveDone(at=AT + 5 * SECOND, move_id=of.move_id),
    ]
    assert book_of([*done, mirrored("300", AT + 4 * SECOND)]).delegated[USDM, "stETH"] == 400
    assert book_of([*done, mirrored("350", AT + 6 * SECOND)]).delegated[USDM, "stETH"] == 350


def test_an_older_word_does_not_replace_a_newer_one() -> None:
    book = book_of([*world(), mirrored("7", AT + SECOND), mirrored("9", AT)])
    assert book.delegated[USDM, "stETH"] == 7


def test_a_balance_that_only_looked_like_a_move_is_taken_back_when_the_move_never_arrived() -> None:
    of = payload()
    looked = [*world("300"), *until_submitted(of), balance(USDM, "stETH", "400", AT + SECOND)]
    assert book_of(looked).delegated[USDM, "stETH"] == 400
    never = MoveNeverArrived(at=AT + SECOND, move_id=of.move_id, said="not there")
    assert book_of([*looked, never]).delegated[USDM, "stETH"] == 300


def test_two_moves_of_one_amount_are_counted_once_each_whichever_is_shown_first() -> None:
    one, other = payload("mv1"), payload("mv2")
    events = [
        *world("300"),
        *until_submitted(one),
        *until_submitted(other),
        balance(USDM, "stETH", "400", AT + SECOND),
        seen("mv2", at=AT + SECOND),
        balance(USDM, "stETH", "500", AT + 2 * SECOND),
        seen("mv1", at=AT + 2 * SECOND),
    ]
    totals = [book_of(events[: len(events) - left]).delegated[USDM, "stETH"] for left in (3, 2, 1, 0)]
    assert totals == [400, 400, 500, 500]
    assert all(later >= earlier for earlier, later in pairwise(totals))


def test_what_two_custodians_mirror_to_one_account_adds_up() -> None:
    other = mirrored("50")
    book = book_of([*world("300"), replace(other, custodian="copper")])
    assert book.delegated[USDM, "stETH"] == 350
