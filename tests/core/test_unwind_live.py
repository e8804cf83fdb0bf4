"""An unwind of the live book starts from what lies where, what the books sell and when accounts settle."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from hedgeapp.core.events import Event
from hedgeapp.core.events.collateral import CollateralStated, SettlementSeen
from marketdata.core.board import Depth
from portfolio.core.scenarios.unwind import unwind
from portfolio.core.scenarios.unwind_asked import UnwindAsked
from portfolio.core.scenarios.unwind_book import UnwindBook, Wait
from portfolio.core.scenarios.unwind_live import live_unwind
from tests.builders.books import AT, COINM, INVERSE, LINEAR, USDM, balance, collateral, fill, limit, supply
from tests.builders.moves import mirrored
from tests.builders.prices import both, market, offering

SETTLED = SettlementSeen(
    at=AT - timedelta(hours=3), custodian="ceffu", order_id="1", account=USDM, wallet="w", asset="USDT",
    amount=Decimal(1),
)  # fmt: skip


def on_chain(asset: str, units: str) -> CollateralStated:
    return CollateralStated(
        at=AT, holder="ethereum", wallet="0xhot", asset=asset, total=Decimal(units), locked=Decimal(0), reference="1"
    )


def desk(*events: Event) -> UnwindBook:
    return made(both(), *events)


def made(depths: dict[str, Depth], *events: Event) -> UnwindBook:
    book = offering(
        on_chain("stETH", "50"),
        collateral("stETH", "600"),
        balance(USDM, "stETH", "200"),
        balance(COINM, "ETH", "0"),
        mirrored("200", AT, "stETH", USDM),
        fill("sell", "400", "3100"),
        fill("sell", "60000", "3000", instrument=INVERSE, trade_id="2", fee_asset="ETH"),
        limit("redeem_per_block_max", "chain", "100000"),
        limit("settlement_cycle", "account", "28800"),
        supply("1500000"),
        *events,
    )
    return live_unwind(market(depths, book=book))


def test_each_unit_lies_in_one_place_and_each_short_is_in_coin() -> None:
    book = desk()
    assert {(one.source, one.holder): one.units for one in book.held} == {
        ("hot", "ethereum"): 50.0,
        ("custodian", "ceffu"): 400.0,
        ("delegated", USDM): 200.0,
    }
    assert {one.instrument: (one.coin, one.mark_usd) for one in book.shorts} == {
        LINEAR: (400.0, 3_000.0),
        INVERSE: (200.0, 3_000.0),
    }
    gains = {one.instrument: one.unrealized_usd for one in book.shorts}
    assert gains[LINEAR] == 40_000.0
    assert (book.supply, book.block_usd, book.missing) == (1_500_000.0, 100_000.0, ())


def test_the_books_are_those_that_a_redemption_is_priced_with() -> None:
    book = desk()
    assert book.offers.keys() == {LINEAR, INVERSE}
    first = book.offers[LINEAR].levels[0]
    assert (book.offers[LINEAR].mid_usd, first.usd, first.coin) == (3_000.0, 3_000.1, 10.0)
    assert first.fee == 1.50005


def test_the_wait_is_until_the_settlement_after_the_last_one_seen() -> None:
    assert desk(SETTLED).waits[USDM] == Wait(hours=5.0, cycle=8.0)


def test_where_no_settlement_was_seen_a_whole_cycle_is_taken_and_said() -> None:
    wait = desk().waits[USDM]
    assert (wait.hours, wait.cycle) == (8.0, 8.0)
    assert "a whole cycle is taken: no custodian has told of a settlement" in wait.because


def test_a_cycle_of_the_account_stands_above_that_of_all() -> None:
    assert desk(limit("settlement_cycle", COINM, "7200")).waits[COINM].cycle == 2.0


def test_open_interest_is_in_coin_as_the_books_have_it_and_none_where_no_feed_hears_of_it() -> None:
    depths = both()
    depths[INVERSE] = replace(depths[INVERSE], open_interest=6_000_000.0)  # USD, at a mark of 3,000
    known = {one.instrument: one.open_interest for one in made(depths).shorts}
    assert known == {LINEAR: None, INVERSE: 2_000.0}
    depths[LINEAR] = replace(depths[LINEAR], open_interest=5_000.0)
    found = {one.instrument: one for one in unwind(made(depths), UnwindAsked(unwind=10)).lines}
    assert found[LINEAR].open_interest == 5_000.0


def test_a_short_without_a_book_is_named_and_stays_open() -> None:
    depths = both()
    del depths[LINEAR]
    book = made(depths, SETTLED)
    assert book.offers.keys() == {INVERSE}
    assert any(f"The short in {LINEAR} is not closed" in said for said in book.missing)
    found = unwind(book, UnwindAsked(unwind=100))
    assert {one.instrument: one.closed.coin > 0 for one in found.lines} == {LINEAR: False, INVERSE: True}
    assert found.flat_at is None


def test_a_live_book_is_unwound_to_flat() -> None:
    found = unwind(desk(SETTLED), UnwindAsked(unwind=25, hours=24))
    assert found.flat_at == found.paid_at == 24
    assert abs(found.redeemed_usd - 375_000.0) < 1e-6
    assert abs(found.closed.coin - 125.0) < 1e-6
