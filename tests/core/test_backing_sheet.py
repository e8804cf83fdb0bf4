"""The balance sheet: each asset once, the same sum across every cut, and what exchanges owe until they settle."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hedgeapp.core.events import Event
from hedgeapp.core.events.collateral import SettlementSeen
from portfolio.core.backing_sheet import cut
from portfolio.core.book import Book
from portfolio.core.frames import Frame, frame
from portfolio.core.rows import Owed, SheetCell
from portfolio.core.snapshots import dump, load
from portfolio.core.valuation import Marks
from tests.builders.books import (
    AT,
    COINM,
    INVERSE,
    USDM,
    D,
    asset,
    balance,
    book_of,
    collateral,
    common,
    limit,
    opening,
    supply,
)
from tests.builders.moves import mirrored
from tests.strategies import round_prices

CUTS: dict[str, Callable[[SheetCell], str]] = {
    "place": lambda cell: cell.place,
    "holder": lambda cell: cell.holder,
    "asset": lambda cell: cell.asset,
    "kind": lambda cell: cell.kind,
    "nature": lambda cell: cell.nature,
}
MARKS = common("2000", staked="1.1")
units = st.decimals(min_value=-1_000, max_value=1_000, places=6)


def framed(book: Book, marks: Marks = MARKS) -> Frame:
    return frame(book, marks, (), number=1, at=AT)


def world(*more: Event, held: str = "1500", part: str = "0", own: str = "0") -> Book:
    """Return a book with staked ether at a custodian, a part of it mirrored, coins on a chain and two hedges."""
    stated = [mirrored(part)] if D(part) else []
    return book_of(
        collateral("stETH", held),
        collateral("USDT", "1000", holder="ethereum"),
        *stated,
        balance(USDM, "stETH", D(part) + D(own)),
        balance(USDM, "USDT", "-300"),
        balance(COINM, "ETH", "5"),
        opening("-800", "2100"),
        opening("-40000", "1900", INVERSE),
        supply("3000000"),
        *more,
    )


def cell(found: Frame, place: str, of: str) -> SheetCell:
    return next(one for one in found.sheet.cells if (one.place, one.asset) == (place, of))


def owed(found: Frame, account: str) -> Owed:
    return next(one for one in found.sheet.owed if one.account == account)


def borrowed(book: Book) -> Decimal:
    found = framed(book).sheet.borrowed_usd
    assert found is not None
    assert found.value is not None
    return found.value


def settled(after: timedelta = timedelta(0)) -> SettlementSeen:
    return SettlementSeen(
        at=AT + after,
        custodian="ceffu",
        order_id=str(after.total_seconds()),
        account=USDM,
        wallet="w1",
        asset="USDT",
        amount=D(5),
    )


@settings(max_examples=60)
@given(price=round_prices, held=units, part=units, own=units)
def test_every_cut_sums_to_the_assets_and_to_the_nav_of_the_frame(
    price: Decimal, held: Decimal, part: Decimal, own: Decimal
) -> None:
    found = framed(world(held=str(held), part=str(part), own=str(own)), common(price, staked="1.07"))
    for by in CUTS.values():
        assets = sum((row.usd.value or D(0) for row in cut(found.sheet.cells, by)), D(0))
        assert assets == found.backing.assets_usd.value
        assert assets - D(3_000_000) == found.backing.nav_usd.value
    of_kinds = {row.kind: row.usd.value for row in cut(found.sheet.cells, CUTS["kind"])}
    assert of_kinds == {row.kind: row.usd.value for row in found.backing.rows}


@given(part=st.decimals(min_value="0.000001", max_value=1_500, places=6))
def test_mirroring_collateral_changes_no_total_and_only_its_place(part: Decimal) -> None:
    before, after = framed(world()), framed(world(part=str(part)))
    for name in ("asset", "kind", "nature"):
        assert {one.kind: one.usd.value for one in cut(before.sheet.cells, CUTS[name])} == {
            one.kind: one.usd.value for one in cut(after.sheet.cells, CUTS[name])
        }
    assert cell(after, "delegated", "stETH").units.value == part
    assert cell(after, "delegated", "stETH").holder == USDM
    assert cell(after, "custodian", "stETH").units.value == D(1_500) - part
    assert cell(after, "exchange", "stETH").units.value == 0
    assert owed(after, USDM) == owed(before, USDM)


def test_what_nobody_prices_leaves_no_sum_and_no_zero() -> None:
    found = framed(world(asset("DOGE"), collateral("DOGE", "7")))
    assert cell(found, "custodian", "DOGE").usd.value is None
    by_place = {row.kind: row.usd for row in cut(found.sheet.cells, CUTS["place"])}
    assert by_place["custodian"].value is None
    assert "no USD price of DOGE is known" in by_place["custodian"].because
    assert by_place["chain"].value == 1_000


def test_each_cell_says_whose_word_it_is() -> None:
    found = framed(world(part="40"))
    said = {(one.place, one.asset): one.proof for one in found.sheet.cells}
    assert said["custodian", "stETH"] == "custodian's statement of 2026-03-01 12:00:00 UTC"
    assert said["delegated", "stETH"] == "ceffu's list of 2026-03-01 12:00:00 UTC"
    assert said["chain", "USDT"].startswith("chain at block ")
    assert said["exchange", "ETH"] == "account statement of 2026-03-01 12:00:00 UTC"
    assert said["unrealized", "ETH"] == "fills of the log at the venue's marks"


def test_what_is_mirrored_and_held_by_nobody_is_seen_and_counts_once() -> None:
    book = world()
    book.delegated[USDM, "USDT"] = D(50)
    found = framed(book)
    lost = next(one for one in found.sheet.cells if one.holder.startswith("a custodian that"))
    assert lost.units.value == -50
    assert cell(found, "delegated", "USDT").units.value == 50
    assert sum(one.usd.value or D(0) for one in found.sheet.cells) == found.backing.assets_usd.value


def test_an_exchange_owes_its_cash_and_profit_and_debts_are_not_netted() -> None:
    found = owed(framed(world()), USDM)
    # −300 USDT of cash and 800 x (2,100 − 2,000) of profit settle in one asset.
    assert found.cash_usd.value == -300
    assert found.unrealized_usd.value == 80_000
    assert found.net_usd.value == found.at_risk_usd.value == 79_700
    owing = owed(framed(world(own="-2")), USDM)
    assert owing.net_usd.value == 79_700 - 2 * D("1.1") * 2_000
    assert owing.at_risk_usd.value == 79_700
    assert borrowed(world(own="-2")) - borrowed(world()) == 2 * D("1.1") * 2_000


@pytest.mark.parametrize(
    ("events", "because"),
    [
        ((), "no custodian has told of a settlement of this account yet"),
        ((settled(),), f"no limit of kind settlement_cycle for {USDM}"),
    ],
)
def test_without_a_settlement_or_its_cycle_nothing_is_counted_down(events: tuple[Event, ...], because: str) -> None:
    found = owed(framed(world(*events)), USDM)
    assert (found.due_at, found.because) == (None, because)


def test_the_next_settlement_is_a_cycle_after_the_last_one_seen() -> None:
    late, early = settled(timedelta(hours=2)), settled(timedelta(hours=1))
    book = world(late, early, limit("settlement_cycle", "account", "28800"), limit("settlement_cycle", USDM, "7200"))
    found = owed(framed(book), USDM)
    assert (found.settled_at, found.due_at) == (late.at, late.at + timedelta(hours=2))
    assert framed(load(dump(book))).sheet == framed(book).sheet


def test_a_price_says_who_signed_it_and_a_staked_one_by_which_rates() -> None:
    signed = dict(MARKS)
    for key in (("ETH", "usd"), ("stETH", "market_rate")):
        signed[key] = replace(MARKS[key], proof="pyth 13 of 19")
    found = {one.asset: one for one in framed(world(), signed).sheet.prices}
    assert found["stETH"].is_signed
    assert found["stETH"].proof == "pyth 13 of 19; rate pyth 13 of 19"
    assert (found["USDT"].is_signed, found["USDT"].proof) == (False, "signed by nobody")
