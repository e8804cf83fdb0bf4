"""Move effects: what a move changes is what it does change, and what it must not change it does not."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hedgeapp.core.events import Event
from hedgeapp.core.events.collateral import CollateralStated
from hedgeapp.core.events.moves import MovePayload
from portfolio.core.book import Book
from portfolio.core.effects import Change
from portfolio.core.frames import frame
from portfolio.core.move_effects import MoveEffect, move_effect, moved
from portfolio.core.snapshots import dump
from portfolio.core.valuation import Marks
from tests.builders.books import (
    AT,
    COINM,
    INVERSE,
    USDM,
    D,
    balance,
    book_of,
    collateral,
    common,
    opening,
    supply,
)
from tests.builders.moves import mirrored, payload
from tests.strategies import prices


def held(*events: Event) -> Book:
    """Return a book with a wallet, shorts at both venues, and cash in both accounts."""
    return book_of(
        collateral("stETH", "1000"),
        balance(USDM, "USDT", "400000"),
        balance(COINM, "ETH", "300"),
        opening("-500", "2000", last="1"),
        opening("-100000", "2000", INVERSE, last="1"),
        supply("2000000"),
        *events,
    )


def effect_of(of: MovePayload, book: Book | None = None, marks: Marks | None = None) -> MoveEffect:
    return move_effect(of, held() if book is None else book, common("2000") if marks is None else marks, AT)


def ether(**given: Any) -> MovePayload:
    """Return the payload of a delegation of 10 ETH, which counts as margin at the inverse venue."""
    fields: dict[str, Any] = {"asset": "ETH", "amount": D(10), "venue": "binance-coinm"}
    there = {"source": COINM, "destination": "w1"} if given.get("kind") == "undelegate" else {"destination": COINM}
    return payload(**{**fields, **given, **there})


def values(change: Change) -> list[Decimal | None]:
    return [change.before.value, change.after.value]


def measured(book: Book, marks: Marks) -> tuple[Decimal | None, ...]:
    """Return the live numbers that a delegation must leave alone, from a frame."""
    found = frame(book, marks, (), number=1, at=AT)
    ether = next(row for row in found.exposure if row.currency == "ETH")
    return ether.net.value, found.backing.assets_usd.value, found.backing.ratio.value


amounts = st.decimals("0.0001", "1000", places=4)


@given(amounts, prices, st.sampled_from(["0", "250.5"]), st.sampled_from(["0.97", "1", "1.02"]))
def test_delegating_changes_neither_delta_nor_backing(amount: Decimal, price: Decimal, before: str, rate: str) -> None:
    stated: list[Event] = [balance(USDM, "stETH", before), mirrored(before)]
    book = held(*(stated if D(before) else []))
    of, marks = payload(amount=amount), common(price, staked=rate)
    found = effect_of(of, book, marks)
    assert found.net.before.value == found.net.after.value
    assert found.assets_usd.before.value == found.assets_usd.after.value
    assert found.backing_ratio.before.value == found.backing_ratio.after.value
    assert measured(book, marks) == measured(moved(of, book), marks)


@given(amounts, prices)
def test_what_is_delegated_and_taken_back_leaves_everything_as_it_was(amount: Decimal, price: Decimal) -> None:
    book, marks = held(balance(USDM, "stETH", "0"), mirrored("0")), common(price)
    there, back = payload(amount=amount), payload("mv-back", kind="undelegate", amount=amount)
    gone = moved(back, moved(there, book))
    assert gone.collateral == book.collateral
    assert gone.balances == book.balances
    assert measured(gone, marks) == measured(book, marks)


def test_a_book_stays_as_it_is() -> None:
    book = held()
    before = dump(book)
    effect_of(payload(), book)
    assert dump(book) == before


def test_a_delegation_of_what_counts_as_margin_raises_the_headroom_by_its_worth() -> None:
    found = effect_of(ether(), held(collateral("ETH", "50")))
    assert found.account == COINM
    assert found.margin_asset == "ETH"
    assert found.headroom_usd is not None
    assert found.headroom_usd.before.value is not None
    assert found.headroom_usd.after.value == found.headroom_usd.before.value + 10 * 2000
    assert found.margin_ratio is not None
    assert found.margin_ratio.before.value is not None
    assert found.margin_ratio.after.value is not None
    assert found.margin_ratio.after.value < found.margin_ratio.before.value


def test_taking_back_lowers_it_again() -> None:
    book = held(collateral("ETH", "50"), mirrored("20", asset="ETH", account=COINM))
    found = effect_of(ether(kind="undelegate"), book)
    assert found.headroom_usd is not None
    assert found.headroom_usd.before.value is not None
    assert found.headroom_usd.after.value == found.headroom_usd.before.value - 10 * 2000
    assert values(found.source) == [20, 10]


def test_what_does_not_count_as_margin_changes_none() -> None:
    found = effect_of(payload())
    assert found.margin_asset == "USDT"
    assert found.headroom_usd is not None
    assert found.headroom_usd.before.value == found.headroom_usd.after.value


def test_each_side_has_what_it_can_give() -> None:
    book = held(replace(collateral("stETH", "1000"), locked=D(300)), balance(USDM, "stETH", "300"), mirrored("300"))
    found = effect_of(payload(amount=D(100)), book)
    assert values(found.source) == [700, 600]
    assert values(found.destination) == [300, 400]


def test_the_custodian_keeps_what_the_venue_is_given_to_count() -> None:
    found = effect_of(payload(amount=D(100)))
    (ceffu,) = found.custodians
    usdm = next(one for one in found.venues if one.name == "binance-usdm")
    owed = next(one for one in found.unsettled if one.name == "binance-usdm")
    assert ceffu.usd.before.value == ceffu.usd.after.value == 1000 * 2000
    assert usdm.usd.before.value == 400000
    assert usdm.usd.after.value == 400000 + 100 * 2000
    assert owed.usd.before.value == owed.usd.after.value == 400000


def test_a_venue_owes_what_it_has_beyond_the_delegation() -> None:
    book = held(balance(USDM, "stETH", "300"), mirrored("300"))
    found = effect_of(payload(amount=D(1)), book, common("1900"))
    owed = next(one for one in found.unsettled if one.name == "binance-usdm")
    assert owed.usd.before.value == 400000 + 500 * 100
    assert owed.share.before.value == owed.usd.before.value / (found.assets_usd.before.value or 1)


def test_a_transfer_moves_between_wallets_and_touches_no_margin() -> None:
    found = effect_of(payload(kind="transfer", amount=D(100)))
    assert found.account == ""
    assert found.headroom_usd is None
    assert found.margin_ratio is None
    assert found.assets_usd.before.value == found.assets_usd.after.value
    assert values(found.source) == [1000, 900]
    assert found.destination.before.value is None
    assert found.destination.after.value == 100


def test_what_nobody_has_stated_stays_unknown() -> None:
    found = effect_of(payload(), book_of(), {})
    assert found.source.before.value is None
    assert found.source.after.because == "ceffu has not stated what w1 has of stETH"
    assert found.headroom_usd is not None
    assert found.headroom_usd.after.value is None
    assert found.usd.value is None


def test_what_is_stale_becomes_no_fresher_by_a_move_that_has_not_happened() -> None:
    old: CollateralStated = replace(collateral("stETH", "1000"), at=AT.replace(hour=2))
    found = effect_of(payload(), held(replace(old, reference="2")), common("2000"))
    assert found.source.before.state == found.source.after.state
