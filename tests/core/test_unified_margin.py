"""Unified accounts in the book: one margin of all assets by the venue's word on them, and what losses are paid with."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from hedgeapp.core.events import Event
from hedgeapp.core.events.balances import CollateralRatios, CollateralTermsStated
from hedgeapp.core.events.debts import BorrowRateStated, InterestCharged
from hedgeapp.core.events.reference import AccountChanged, VenueChanged
from hedgeapp.core.instruments import CollateralTier, Instrument
from hedgeapp.core.marks import Mark
from hedgeapp.core.reference import Account, Venue
from portfolio.core.book import Book
from portfolio.core.effects import account_margin
from portfolio.core.frames import Frame, frame
from portfolio.core.move_headrooms import headrooms
from portfolio.core.rows import BufferRow, MarginRow
from portfolio.core.snapshots import dump, load
from portfolio.core.valuation import Valuation
from tests.builders.books import AT, D, balance, book_of, common, instrument, limit, mark, one_tier, opening

UNIFIED = "bybit:main"
LINEAR, INVERSE = "bybit:ETH-USDT-PERP", "bybit:ETH-USD-PERP"


def contracts() -> tuple[Instrument, ...]:
    linear = replace(instrument(LINEAR), tiers=one_tier("0.01"))
    inverse = replace(instrument(INVERSE), kind="inverse", settlement="ETH", contract_size=D(1), tiers=one_tier("0.01"))
    return linear, inverse


def terms(**ratios: str) -> CollateralTermsStated:
    return CollateralTermsStated(
        at=AT,
        account=UNIFIED,
        assets=tuple(
            CollateralRatios(asset=asset, tiers=(CollateralTier(floor=D(0), cap=None, ratio=D(ratio)),))
            for asset, ratio in ratios.items()
        ),
    )


def world(*events: Event) -> Book:
    venue = Venue(name="bybit", protocol="bybit", rest_url="", ws_url="")
    account = Account(name=UNIFIED, venue="bybit", label="main", instruments=())
    return book_of(
        VenueChanged(at=AT, venue=venue, version=1, by="seed"),
        AccountChanged(at=AT, account=account, version=1, by="seed"),
        *events,
        instruments=contracts(),
    )


def hedged(*events: Event) -> Book:
    """Return 100 staked ether with a linear short of 60 and an inverse one of 40, opened at 2,000."""
    return world(
        balance(UNIFIED, "stETH", "100"),
        balance(UNIFIED, "ETH", "1"),
        opening("-60", "2000", LINEAR),
        opening("-80000", "2000", INVERSE),
        *events,
    )


def prices(price: str) -> dict[tuple[str, str], Mark]:
    own = [mark(name, kind, price) for name in (LINEAR, INVERSE) for kind in ("mark", "index")]
    return common(price) | {(one.subject, one.kind): one for one in own}


def shown(book: Book, price: str = "2000") -> Frame:
    return frame(book, prices(price), (), number=1, at=AT)


def only(book: Book, price: str = "2000") -> MarginRow:
    (row,) = shown(book, price).margin
    return row


def buffer(book: Book, asset: str, price: str = "2000") -> BufferRow:
    (row,) = (one for one in shown(book, price).buffers if one.asset == asset)
    return row


def test_all_assets_of_a_unified_account_are_one_margin_in_usd() -> None:
    row = only(hedged(terms(stETH="0.9", ETH="0.95", USDT="1")))
    assert (row.settlement, row.margin_balance.value) == ("USD", D("0.9") * 200_000 + D("0.95") * 2_000)
    assert row.wallet.value == 202_000
    assert row.maintenance_margin.value == D("0.01") * 200_000
    assert row.initial_margin.value == D(200_000) / 10
    assert row.headroom.value == row.headroom_usd.value == D(181_900) - 20_000
    assert row.margin_ratio.value == D(2_000) / D(181_900)


def test_its_liquidation_is_solved_over_both_kinds_and_the_depeg_beside_it() -> None:
    row = only(hedged(terms(stETH="0.9", ETH="0.95", USDT="1"), limit("price_move_hour", "ETH", "500")))
    rise, depeg = row.liquidations
    assert (rise.currency, rise.direction, depeg.currency, depeg.direction) == ("ETH", "rise", "stETH", "fall")
    k = rise.multiple.value
    assert k is not None
    # At that multiple of every price nothing is left: a debt in USDT, staked ether and coins at their ratios.
    coin = 1 + D(80_000) * (1 / (2_000 * k) - D(1) / 2_000)
    left = D("0.9") * 200_000 * k + D("1") * 60 * 2_000 * (1 - k)
    left += coin * 2_000 * k * (D("0.95") if coin > 0 else 1) - D("0.01") * (120_000 * k + 80_000)
    assert abs(left) < D("1e-20")
    assert rise.price.value == k * 2_000
    assert rise.hours is not None
    assert rise.hours.value == (k - 1) * 20
    # 182,000 less 2,000 is all that may be lost of 180,000 which the staked ether counts for.
    assert depeg.multiple.value is not None
    assert abs(depeg.multiple.value - D(100) / 180_000) < D("1e-20")


def test_what_the_venue_has_not_said_is_not_known() -> None:
    row = only(hedged())
    assert (row.settlement, row.margin_ratio.state, row.headroom_usd.value) == ("USD", "unknown", None)
    assert row.margin_ratio.because == ("what assets count for in bybit:main is not known: its feed has not stated it")
    (near,) = row.liquidations
    assert (near.currency, near.price.state) == ("ETH", "unknown")


def choosing(*events: Event) -> Frame:
    """Show an account of a venue that knows both ways, with a position in dollars."""
    name = "okx:main"
    venue = Venue(name="okx", protocol="okx", rest_url="", ws_url="")
    account = Account(name=name, venue="okx", label="main", instruments=())
    swap = replace(instrument("okx:ETH-USDT-PERP"), tiers=one_tier("0.01"))
    book = book_of(
        VenueChanged(at=AT, venue=venue, version=1, by="seed"),
        AccountChanged(at=AT, account=account, version=1, by="seed"),
        balance(name, "USDT", "50000"),
        balance(name, "ETH", "10"),
        opening("-10", "2000", swap.id),
        *(replace(one, account=name) if isinstance(one, CollateralTermsStated) else one for one in events),
        instruments=(swap,),
    )
    return shown(load(dump(book)))


def test_how_an_account_margins_that_may_choose_is_not_known_until_its_venue_says() -> None:
    (row,) = choosing().margin
    assert (row.settlement, row.margin_ratio.state, row.headroom_usd.value) == ("USD", "unknown", None)
    assert row.margin_ratio.because == "what assets count for in okx:main is not known: its feed has not stated it"


def test_an_account_whose_venue_says_that_each_asset_margins_alone_has_a_row_for_each() -> None:
    (row,) = choosing(terms()).margin
    assert (row.settlement, row.headroom.state) == ("USDT", "unknown")  # no mark is known here
    assert row.wallet.value == 50_000


def test_the_margin_is_not_known_where_the_venue_does_not_tell_what_its_assets_count_for() -> None:
    silent = replace(terms(), assets=(CollateralRatios(asset="USDT", tiers=()),))
    found = choosing(silent)
    (row,) = found.margin
    assert (row.settlement, row.margin_ratio.state) == ("USD", "unknown")
    said = "the assets of okx:main margin together, and its venue does not tell what each counts for"
    assert row.margin_ratio.because == said


def test_an_account_that_goes_over_to_the_other_way_is_margined_by_the_later_word() -> None:
    alone, joint = terms(), terms(ETH="0.9", USDT="1")
    later = timedelta(seconds=1)
    assert [one.settlement for one in choosing(alone, replace(joint, at=AT + later)).margin] == ["USD"]
    assert [one.settlement for one in choosing(joint, replace(alone, at=AT + later)).margin] == ["USDT"]
    assert [one.settlement for one in choosing(replace(joint, at=AT + later), alone).margin] == ["USD"]


def test_an_asset_that_the_venue_does_not_take_counts_for_nothing() -> None:
    assert only(hedged(terms(ETH="0.95", USDT="1"))).margin_balance.value == D("0.95") * 2_000


def test_an_account_past_liquidation_says_so() -> None:
    row = only(hedged(terms(ETH="0.95", USDT="1")), "3000")
    assert (row.is_past_liquidation, row.margin_ratio.value) == (True, None)
    assert [one.price.because for one in row.liquidations] == ["the account is past liquidation now"]


def test_maintenance_margin_is_taken_of_a_debt_too() -> None:
    told = terms(stETH="0.9", ETH="0.95", USDT="1")
    plain, kept = (only(hedged(told, *more), "3000") for more in ((), (limit("borrow_maintenance", "USDT", "400"),)))
    assert plain.maintenance_margin.value is not None
    assert kept.maintenance_margin.value == plain.maintenance_margin.value + D("0.04") * 60_000


def test_the_later_word_of_the_venue_counts_and_a_snapshot_keeps_it() -> None:
    book = hedged(terms(stETH="0.9", ETH="0.95", USDT="1"), terms(stETH="0.8", ETH="0.95", USDT="1"))
    assert only(book).margin_balance.value == D("0.8") * 200_000 + D("0.95") * 2_000
    assert only(load(dump(book))) == only(book)


@pytest.mark.parametrize("settlement", ["USDT", "ETH"])
def test_what_settles_in_any_asset_is_carried_by_the_whole_account(settlement: str) -> None:
    book = hedged(terms(stETH="0.9", ETH="0.95", USDT="1"))
    assert account_margin(UNIFIED, settlement, Valuation(book, prices("2000"), AT)) == only(book)


def test_a_move_of_collateral_counts_at_the_ratio_of_its_asset() -> None:
    book = hedged(terms(stETH="0.9", ETH="0.95", USDT="1"))
    (room,) = headrooms(shown(book).margin, book)
    assert room.ratios == {"stETH": D("0.9"), "ETH": D("0.95"), "USDT": D(1)}


def test_a_buffer_says_what_is_missing_and_what_a_rise_would_borrow() -> None:
    book = hedged(terms(stETH="0.9", ETH="0.95", USDT="1"), limit("settlement_buffer", f"{UNIFIED} USDT", "50000"))
    now, risen = buffer(book, "USDT"), buffer(book, "USDT", "2100")
    assert (now.equity.value, now.target.value, now.missing.value) == (D(0), D(50_000), D(50_000))
    needs: list[Decimal | None] = [one.amount.value for one in now.needs]
    assert needs == [D(0), D(6_000), D(12_000), D(24_000)]
    assert (risen.equity.value, risen.missing.value, risen.needs[0].amount.value) == (D(-6_000), D(56_000), D(6_000))
    coin = buffer(book, "ETH")
    assert (coin.target.value, coin.target.because) == (
        None,
        "no limit of kind settlement_buffer for bybit:main ETH",
    )
    # 1 ETH pays for a rise of 2.5 %; of 5 % the inverse short loses 40 − 80,000 / 2,100.
    found = coin.needs[1].amount.value
    assert found is not None
    assert abs(found - (40 - D(80_000) / 2_100 - 1)) < D("1e-15")


def test_a_debt_has_its_rate_and_what_it_cost_today() -> None:
    rate = BorrowRateStated(at=AT, account=UNIFIED, asset="USDT", hourly_rate=D("0.0000065"))
    costs = [
        InterestCharged(at=AT - timedelta(days=days), account=UNIFIED, charge_id=str(n), amount=D(-n), asset="USDT")
        for n, days in ((1, 1), (2, 0), (3, 0))
    ]
    book = hedged(terms(stETH="0.9", ETH="0.95", USDT="1"), balance(UNIFIED, "USDT", "-500"), rate, *costs)
    for each in (book, load(dump(book))):
        row = buffer(each, "USDT")
        assert (row.needs[0].amount.value, row.hourly_rate.value) == (D(500), D("0.0000065"))
        assert row.interest_today.value == -5
    tomorrow = frame(book, prices("2000"), (), number=1, at=AT + timedelta(days=1)).buffers
    assert [one.interest_today.value for one in tomorrow if one.asset == "USDT"] == [0]
    assert buffer(book, "ETH").interest_today.value is None
    assert buffer(book, "ETH").hourly_rate.because == (
        "no borrow rate of ETH in bybit:main is known: its feed has not stated one"
    )


def test_a_debt_without_a_position_is_shown() -> None:
    book = world(balance(UNIFIED, "USDC", "-7"), terms(USDT="1"))
    assert buffer(book, "USDC").needs[0].amount.value == 7


def test_a_buffer_without_a_balance_is_not_known() -> None:
    book = world(opening("-60", "2000", LINEAR), terms(USDT="1"))
    assert (buffer(book, "USDT").equity.value, buffer(book, "USDT").needs[0].amount.state) == (None, "unknown")
