"""Margin by our core, of the facts that an account's feed wrote, is the margin that its venue reckons for itself.

The venue is the sandbox, which has arithmetic of its own, held to the venues' published formulas and tiers; it is asked
through unmodified ccxt. Marks are those of its answer, so that both reckon at the same prices.
"""

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path
from random import Random

import psycopg
import pytest

from hedgeapp.core.events import Recorded
from hedgeapp.core.events.anchors import LeverageAnchored
from hedgeapp.core.events.balances import BalanceStated, CollateralTermsStated
from hedgeapp.core.events.positions import PositionStated
from hedgeapp.core.marks import Mark, MarkKind
from hedgeapp.eventlog.read import read
from portfolio.core.book import Book
from portfolio.core.frames import Frame, frame
from portfolio.core.rows import MarginRow, PositionRow
from tests.builders.accounts import COIN, DERIBIT, MAIN, TRADING, UNIFIED, Feed, World, running, seeded
from tests.builders.venue_margins import READ, USD, Held, Told, trade, turn

SIZES = {
    MAIN: {"ETH/USDT:USDT": ("0.5", "20", "150"), "BTC/USDT:USDT": ("0.01", "1", "4")},
    COIN: {"ETH/USD:ETH": ("10", "300", "3000"), "BTC/USD:BTC": ("1", "30", "300")},
    TRADING: {
        "ETH/USDT:USDT": ("1", "40", "400"),
        "BTC/USDT:USDT": ("0.5", "20", "150"),
        "ETH/USD:ETH": ("10", "300", "3000"),
        "BTC/USD:BTC": ("1", "30", "200"),
    },
    UNIFIED: {
        "ETH/USDT:USDT": ("0.5", "20", "150"),
        "BTC/USDT:USDT": ("0.01", "1", "4"),
        "ETH/USD:ETH": ("10", "5000", "40000"),
        "BTC/USD:BTC": ("10", "3000", "20000"),
    },
    DERIBIT: {"ETH/USD:ETH": ("10", "5000", "40000"), "BTC/USD:BTC": ("10", "3000", "20000")},
}
TURNED = {
    MAIN: "BTC/USDT:USDT",
    COIN: "BTC/USD:BTC",
    TRADING: "ETH/USD:ETH",
    UNIFIED: "ETH/USD:ETH",
    DERIBIT: "ETH/USD:ETH",
}  # the short that is made a long
TOGETHER = {MAIN, TRADING}  # accounts that may let all their coins margin together
LEVERAGED = {TRADING, UNIFIED}  # accounts whose histories change leverages, too
HISTORIES = 4
ROUNDED = Decimal("1e-5")  # of a price: the venue prints marks of ether to the cent
DIGITS = Decimal("2e-6")
CENT = Decimal("0.0001")
CENTS = Decimal("0.05")  # to which liquidation prices are printed


@pytest.fixture(params=sorted(SIZES))
def world(request: pytest.FixtureRequest, tmp_path: Path, log_url: str) -> Iterator[tuple[str, World]]:
    """An account, and a sandbox with its venue, where prices stay."""
    account: str = request.param
    venue = account.partition(":")[0]
    found = World(tmp_path / "world", offered=[] if account in (MAIN, COIN) else [venue])
    seeded(found)
    found.start("--volatility", "0")
    yield account, found
    found.kill()


def booked(feed: Feed, told: Told) -> Frame:
    """Return the book of the log, valued at the marks that the venue told, with the leverages that it told."""
    book = Book()
    with psycopg.connect(feed.database, autocommit=True) as connection:
        for one in read(connection):
            book.apply(one)
    for id_, held in told.positions.items():
        if held.leverage is not None:
            anchored = LeverageAnchored(
                at=told.at, account=feed.account, instrument=id_, leverage=held.leverage, by="reconciliation"
            )
            book.apply(Recorded(seq=book.seq + 1, recorded_at=told.at, event=anchored))
    prices: list[tuple[str, MarkKind, Decimal]] = [
        *((id_, "mark", held.mark) for id_, held in told.positions.items()),
        *((asset, "usd", price) for asset, price in told.prices.items()),
    ]
    marks: dict[tuple[str, str], Mark] = {
        (subject, kind): Mark(subject=subject, kind=kind, value=value, at=told.at, received_at=told.at, source="venue")
        for subject, kind, value in prices
    }
    return frame(book, marks, (), number=1, at=told.at)


def said(feed: Feed, told: Told) -> bool:
    """Tell whether the feed wrote the positions and wallets of the venue's answer, and how it margins."""
    sizes = {one.instrument: one.quantity for one in feed.told(PositionStated)}
    if {id_: size for id_, size in sizes.items() if size} != {id_: one.quantity for id_, one in told.positions.items()}:
        return False
    wallets = {one.asset: one.total for one in feed.told(BalanceStated)}
    terms = feed.told(CollateralTermsStated)
    return all(abs(wallets.get(of, Decimal(0)) - wallet) < CENT for of, wallet in told.wallets.items()) and (
        bool(terms and terms[-1].assets) == (USD in told.pools)
    )


def compare(account: str, ours: Frame, told: Told) -> None:
    """Hold each number of ours against the venue's."""
    rows = {one.instrument: one for of in ours.positions for one in of.rows if one.account == account}
    assert {id_ for id_, row in rows.items() if row.quantity.value} == set(told.positions)
    margins = {one.settlement: one for one in ours.margin if one.account == account}
    assert set(margins) == set(told.pools)
    worth = dict.fromkeys(margins, Decimal(0))  # of all positions that settle in an asset
    for id_, held in told.positions.items():
        row = rows[id_]
        assert row.quantity.value == held.quantity
        assert row.notional.value is not None
        assert row.unrealized.value == near(held.unrealized, row.notional.value), id_
        worth[row.settlement if row.settlement in worth else USD] += row.notional.value * told.prices.get(
            row.settlement if USD in worth else "", Decimal(1)
        )
        if USD not in margins:  # all coins together have no price that one contract alone must reach
            liquidated(row, held, margins[row.settlement])
    for asset, pool in told.pools.items():
        margin, of = margins[asset], worth[asset] + (pool.balance if asset == USD else 0)
        assert margin.margin_balance.value == near(pool.balance, of), asset
        assert margin.unrealized.value == near(pool.unrealized, of), asset
        assert margin.initial_margin.value == near(pool.initial, of), asset
        assert margin.maintenance_margin.value == near(pool.maintenance, pool.maintenance), asset
        assert margin.headroom.value == near(pool.balance - pool.initial, of), asset
        assert margin.margin_ratio.value == (near(pool.ratio, pool.ratio) if pool.ratio is not None else 0), asset


def liquidated(row: PositionRow, held: Held, margin: MarginRow) -> None:
    """Hold where a position is liquidated against the venue's price; ours are all there are, the nearest first."""
    found = [
        one.multiple.value * held.mark
        for one in margin.liquidations
        if one.currency == row.base and one.multiple.value is not None
    ]
    assert row.liquidation_price.value == (found[0] if found else None), row.instrument
    theirs = held.liquidation
    if theirs is None:
        assert not found, row.instrument
    else:
        assert any(one == near(theirs, theirs, CENTS) for one in found), (row.instrument, found, theirs)


def near(value: Decimal, of: Decimal, digits: Decimal = DIGITS) -> object:
    """Return what counts as a number of the venue's: off by what rounded prices make of `of`, and by its own digits."""
    return pytest.approx(value, rel=Decimal(0), abs=of * ROUNDED + digits)


async def test_profit_margins_ratio_and_liquidation_are_the_venues_after_any_trades(
    world: tuple[str, World], log_url: str
) -> None:
    account, venue = world
    client = await asyncio.to_thread(venue.client, account)
    await asyncio.to_thread(client.load_markets)
    by_chance = [
        partial(trade, client, Random(seed), SIZES[account], leverages=account in LEVERAGED)
        for seed in range(HISTORIES)
    ]
    acts = [*by_chance[1:], partial(turn, client, TURNED[account]), by_chance[0]]
    if account in TOGETHER:
        acts += [partial(join, venue, account), *by_chance]
    sides, modes = set(), set()
    async with running(account, log_url) as feed:
        for act in acts:
            await asyncio.to_thread(act)
            told = await asyncio.to_thread(READ[account], client)
            await feed.until(partial(said, feed, told))
            compare(account, await asyncio.to_thread(booked, feed, told), told)
            sides |= {held.quantity > 0 for held in told.positions.values()}
            modes.add(USD in told.pools)
    assert sides == {True, False}
    assert modes == ({True} if account == UNIFIED else {False, account in TOGETHER})


def join(venue: World, account: str) -> None:
    """Let all coins of an account margin together; its feed, which asks hourly, connects again."""
    venue.act("multi-assets", account=account, on=True)
    venue.act("faults", kind="drop_connections", venue=account.partition(":")[0], connections="private", duration_s=1)
