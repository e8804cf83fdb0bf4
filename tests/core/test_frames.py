"""Frames: everything the Overview shows, honest about its age."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import timedelta
from decimal import Decimal

import pytest

from hedgeapp.core.events.feeds import FeedStateChanged
from hedgeapp.core.events.positions import FundingPaid, PositionStated
from portfolio.core.book import Book
from portfolio.core.figures import Figure
from portfolio.core.frames import Frame, frame
from portfolio.core.snapshots import dump, load
from tests.builders.books import (
    AT,
    COINM,
    INVERSE,
    LINEAR,
    USDM,
    D,
    asset,
    balance,
    book_of,
    collateral,
    common,
    fill,
    health,
    instrument,
    introduced,
    mark,
    opening,
    recorded,
    reference,
    supply,
)

FEEDS = ("account:binance-coinm:main", "account:binance-usdm:main", "chain:ethereum", "custodian:ceffu")
MARKETS = ("feed:binance-coinm", "feed:binance-usdm")


def hedged() -> Book:
    return book_of(
        collateral("stETH", "700"),
        supply("1400000"),
        balance(USDM, "USDT", "200000"),
        balance(COINM, "ETH", "50"),
        opening("-500", "2000"),
        opening("-50000", "2000", INVERSE),
    )


def seen(book: Book, *, after_s: float = 0, marked_s: float = 0, heard_s: float | None = None) -> Frame:
    """Return the frame so long after the facts, with marks and feeds of so long ago."""
    at = AT + timedelta(seconds=after_s)
    heard = at - timedelta(seconds=heard_s if heard_s is not None else after_s)
    feeds = [health(feed, heard) for feed in (*FEEDS, *MARKETS)]
    return frame(book, common("2000", at=at - timedelta(seconds=marked_s)), feeds, number=1, at=at)


def all_figures(thing: object) -> Iterator[Figure]:
    if isinstance(thing, Figure):
        yield thing
    elif isinstance(thing, tuple):
        for one in thing:
            yield from all_figures(one)
    elif is_dataclass(thing):
        for field in fields(thing):
            yield from all_figures(getattr(thing, field.name))


def kpis(found: Frame) -> dict[str, tuple[Decimal | None, str, str]]:
    return {kpi.key: (kpi.figure.value, kpi.health, kpi.detail) for kpi in found.kpis}


def test_a_live_book_has_its_headlines() -> None:
    found = seen(hedged())
    assert found.state == "live"
    assert kpis(found) == {
        "net_delta_eth": (D(0), "good", "0 % of ±25 ETH"),
        "backing_ratio": (D(1_700_000) / D(1_400_000) * 100, "good", "NAV +300,000 USD"),
        "headroom": (D(50_000), "good", "binance-coinm:main ETH"),
        "funding_24h": (D(450), "good", "at the rate of the next payment"),
        "unsettled_pnl": (D(0), "good", "in no balance yet"),
        "feeds": (D(6), "good", "of 6 are live"),
        "faults": (D(0), "good", "every event is placed"),
    }


def test_every_figure_says_why_and_unknown_ones_have_no_value() -> None:
    for figures in (all_figures(seen(hedged())), all_figures(frame(hedged(), {}, (), number=1, at=AT))):
        for figure in figures:
            assert figure.because
            assert figure.state != "unknown" or figure.value is None


@pytest.mark.parametrize(("marked_s", "state"), [(29, "live"), (31, "late"), (61, "stale")])
def test_a_mark_past_its_budget_makes_what_rests_on_it_stale(marked_s: float, state: str) -> None:
    found = seen(hedged(), marked_s=marked_s)
    ether = next(one for one in found.exposure if one.currency == "ETH")
    row = found.positions[1].rows[0]
    # The size of a linear position needs no mark; what it is worth does.
    assert row.size.state == "live"
    assert {row.mark.state, row.unrealized.state, ether.net.state, found.state} == {state}
    assert ether.band_state == ("unknown" if state == "stale" else "inside")
    if state == "stale":
        assert row.unrealized.because == f"mark of {LINEAR} from test is older than its budget of 60 s"
        assert {kpi.health for kpi in found.kpis if kpi.key in ("net_delta_eth", "backing_ratio")} == {"unknown"}


def test_a_figure_says_until_when_it_is_good() -> None:
    assert seen(hedged()).positions[1].rows[0].mark.until == AT + timedelta(seconds=60)


def test_a_statement_stays_good_while_its_feed_is_heard() -> None:
    assert seen(hedged(), after_s=3600, heard_s=1).state == "live"
    silent = seen(hedged(), after_s=3600, heard_s=70)
    assert silent.balances[0].total.state == "stale"
    assert silent.balances[0].total.because == "balance of binance-coinm:main in ETH is older than its budget of 60 s"


def test_a_disconnected_feed_keeps_nothing_good() -> None:
    at = AT + timedelta(seconds=100)
    feeds = [health(feed, at, is_connected=False) for feed in FEEDS]
    found = frame(hedged(), common("2000", at=at), feeds, number=1, at=at)
    assert {row.total.state for row in found.balances} == {"stale"}
    assert found.feeds[0].condition == "disconnected"
    assert found.feeds[0].because == "connection refused"


def test_without_marks_values_are_unknown_and_never_zero() -> None:
    found = frame(hedged(), {}, (), number=1, at=AT)
    row = found.positions[0].rows[0]
    assert (row.unrealized.value, row.notional_usd.value, row.basis_bp.value) == (None, None, None)
    assert (row.quantity.value, row.entry_price.value) == (D(-50000), D(2000))
    assert found.backing.assets_usd.value is None
    assert {kpi.health for kpi in found.kpis[:5]} == {"unknown"}
    assert row.mark.because == f"no mark of {INVERSE} is known: its feed has not sent one"


def test_without_a_budget_nothing_is_good() -> None:
    events = [one for one in reference() if "data_age_ms_max mark" not in one.key]
    book = Book()
    for one in recorded([*events, opening("-5", "2000")]):
        book.apply(one)
    row = frame(book, common("2000"), (), number=1, at=AT).positions[0].rows[0]
    assert row.mark.state == "stale"
    assert "add a limit of kind data_age_ms_max for mark" in row.mark.because


def test_an_assumed_price_is_shown_as_assumed() -> None:
    book = book_of(asset("USDT", assumed_usd="1"), balance(USDM, "USDT", "5"))
    found = frame(book, {}, [health(FEEDS[1], AT)], number=1, at=AT)
    assert (found.balances[0].usd.value, found.balances[0].usd.state) == (D(5), "assumed")
    assert found.balances[0].usd.because == "USDT is assumed to be worth 1 USD"


def test_a_coin_is_priced_by_an_index_when_no_feed_prices_it() -> None:
    marks = {key: one for key, one in common("2000").items() if key not in (("ETH", "usd"), (INVERSE, "index"))}
    book = book_of(collateral("ETH", "1"))
    assert frame(book, marks, (), number=1, at=AT).collateral[0].usd.value == 2000


def test_a_live_price_is_taken_before_a_stale_one_of_higher_rank() -> None:
    marks = common("2000") | {("ETH", "usd"): mark("ETH", "usd", "1500", AT - timedelta(hours=1))}
    assert frame(book_of(collateral("ETH", "1")), marks, (), number=1, at=AT).collateral[0].usd.value == 2000


def test_subtotals_reconcile_with_their_rows() -> None:
    found = seen(hedged())
    for venue in found.positions:
        assert sum(one.notional_usd.value or 0 for one in venue.subtotals) == venue.notional_usd.value
        assert sum(row.notional_usd.value or 0 for row in venue.rows) == venue.notional_usd.value
    assert [one.settlement for venue in found.positions for one in venue.subtotals] == ["ETH", "USDT"]


def test_pnl_is_per_settlement_asset_and_its_parts_sum() -> None:
    book = book_of(
        fill("sell", "2", "2000", fee="1.5"),
        fill("buy", "1", "1900", trade_id="2", at=AT + timedelta(seconds=1), fee="0.01", fee_asset="BNB"),
        FundingPaid(at=AT, account=USDM, instrument=LINEAR, payment_id="1", amount=D("7"), asset="USDT"),
        fill("sell", "100", "2000", instrument=INVERSE),
    )
    found = {row.asset: row for row in frame(book, common("1600"), (), number=1, at=AT).pnl}
    assert sorted(found) == ["BNB", "ETH", "USDT"]
    usdt = found["USDT"]
    assert (usdt.unrealized.value, usdt.settled.value, usdt.fees.value, usdt.funding.value) == (
        D(400),
        D(100),
        D("-1.5"),
        D(7),
    )
    assert usdt.total.value == D("505.5")
    assert found["ETH"].unrealized.value == D("0.125")
    assert found["BNB"].fees.value == D("-0.01")
    assert found["BNB"].total_usd.value is None


def test_a_short_receives_funding_when_the_rate_is_positive() -> None:
    found = {row.asset: row.expected.value for row in seen(hedged()).funding}
    # Three payments of 0.01 % on 1,000,000 USDT and on 250 ETH.
    assert found == {"USDT": D(300), "ETH": D("0.075")}


def test_basis_is_in_basis_points_of_the_index() -> None:
    marks = common("2000") | {(LINEAR, "mark"): mark(LINEAR, "mark", "2000.60")}
    assert frame(hedged(), marks, (), number=1, at=AT).positions[1].rows[0].basis_bp.value == 3


@pytest.mark.parametrize(
    ("stated", "later_s", "agreement"), [("-500", 1, "agrees"), ("-499", 1, "differs"), ("-499", -1, "unknown")]
)
def test_the_venues_own_word_is_compared(stated: str, later_s: int, agreement: str) -> None:
    book = hedged()
    word = PositionStated(
        at=AT + timedelta(seconds=later_s), account=USDM, instrument=LINEAR, quantity=D(stated), entry_price=D(2000)
    )
    for one in recorded([word], after=book.seq):
        book.apply(one)
    row = seen(book).positions[1].rows[0]
    assert (row.stated_quantity.value, row.agreement) == (D(stated), agreement)


def test_a_position_that_only_the_venue_knows_of_is_shown_as_a_difference() -> None:
    word = PositionStated(at=AT, account=USDM, instrument=LINEAR, quantity=D(7), entry_price=D(2000))
    row = seen(book_of(word)).positions[0].rows[0]
    assert (row.quantity.value, row.stated_quantity.value, row.agreement) == (D(0), D(7), "differs")


def test_a_size_that_no_contract_size_explains_does_not_agree() -> None:
    book = hedged()
    word = PositionStated(at=AT, account=USDM, instrument=LINEAR, quantity=D(-500), entry_price=D(2000))
    for one in recorded([word, introduced(instrument(LINEAR, contract_size="10"), 2)], after=book.seq):
        book.apply(one)
    assert seen(book).positions[1].rows[0].agreement == "differs"


def test_a_position_that_is_flat_here_and_there_is_left_out() -> None:
    flat = [fill("sell", "1", "2000"), fill("buy", "1", "2000", trade_id="2", at=AT + timedelta(seconds=1))]
    assert seen(book_of(*flat)).positions == ()


def test_a_feed_that_nobody_hosts_is_shown_as_missing() -> None:
    found = frame(hedged(), {}, [health(MARKETS[0], AT)], number=1, at=AT)
    assert [(row.feed, row.condition) for row in found.feeds] == [
        *((feed, "unknown") for feed in FEEDS),
        ("feed:binance-coinm", "live"),
        ("feed:binance-usdm", "unknown"),
    ]
    assert kpis(found)["feeds"][0] == 1


@pytest.mark.parametrize(
    ("given", "condition"),
    [({"missing": "mark of ETH is 9 s old"}, "stale"), ({"quarantined": "found 21 refused"}, "quarantined")],
)
def test_a_feed_that_talks_is_not_live_while_something_is_missing_or_wrong(
    given: dict[str, str], condition: str
) -> None:
    heard = replace(health(MARKETS[0], AT), **given)  # type: ignore[arg-type]
    (row,) = [one for one in frame(hedged(), {}, [heard], number=1, at=AT).feeds if one.feed == MARKETS[0]]
    assert (row.condition, row.because) == (condition, *given.values())


def test_a_feed_said_to_be_disconnected_is_so_without_health() -> None:
    gone = FeedStateChanged(at=AT, feed="chain:ethereum", state="disconnected", reason="no route to host")
    found = frame(book_of(gone), {}, (), number=1, at=AT)
    assert [row.because for row in found.feeds if row.condition == "disconnected"] == ["no route to host"]


def test_a_frame_does_not_change_when_the_book_goes_on() -> None:
    book = hedged()
    before = seen(book)
    again = seen(book)
    for one in recorded([fill("sell", "5", "2100"), balance(USDM, "USDT", "1")], after=book.seq):
        book.apply(one)
    assert before == again
    assert seen(book) != before


def test_a_book_read_back_shows_the_same_frame() -> None:
    book = hedged()
    assert seen(load(dump(book))) == seen(book)


def test_an_empty_book_has_a_frame() -> None:
    found = frame(Book(), {}, (), number=1, at=AT)
    assert (found.exposure, found.positions, found.margin) == ((), (), ())
    assert found.backing.ratio.state == "unknown"
