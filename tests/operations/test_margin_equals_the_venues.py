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
from hedgeapp.core.events.balances import BalanceStated
from hedgeapp.core.events.positions import PositionStated
from hedgeapp.core.marks import Mark
from hedgeapp.eventlog.read import read
from portfolio.core.book import Book
from portfolio.core.frames import Frame, frame
from tests.builders.accounts import DERIBIT, TRADING, Feed, World, running, seeded
from tests.builders.venue_margins import READ, Told, trade, turn

SIZES = {
    TRADING: {
        "ETH/USDT:USDT": ("1", "40", "400"),
        "BTC/USDT:USDT": ("0.5", "20", "150"),
        "ETH/USD:ETH": ("10", "300", "3000"),
        "BTC/USD:BTC": ("1", "30", "200"),
    },
    DERIBIT: {"ETH/USD:ETH": ("10", "5000", "40000"), "BTC/USD:BTC": ("10", "3000", "20000")},
}
TURNED = "ETH/USD:ETH"  # the short that is made a long
HISTORIES = 4
ROUNDED = Decimal("1e-5")  # of a price: the venue prints marks of ether to the cent
DIGITS = Decimal("2e-6")
CENTS = Decimal("0.05")  # to which liquidation prices are printed


@pytest.fixture(params=sorted(SIZES))
def world(request: pytest.FixtureRequest, tmp_path: Path, log_url: str) -> Iterator[tuple[str, World]]:
    """An account, and a sandbox with its venue, where prices stay."""
    account: str = request.param
    found = World(tmp_path / "world", offered=[account.partition(":")[0]])
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
    marks = {
        (id_, "mark"): Mark(subject=id_, kind="mark", value=held.mark, at=told.at, received_at=told.at, source="venue")
        for id_, held in told.positions.items()
    }
    return frame(book, marks, (), number=1, at=told.at)


def said(feed: Feed, told: Told) -> bool:
    """Tell whether the feed wrote the positions and wallets of the venue's answer."""
    sizes = {one.instrument: one.quantity for one in feed.told(PositionStated)}
    wallets = {one.asset: one.total for one in feed.told(BalanceStated)}
    return {id_: size for id_, size in sizes.items() if size} == {
        id_: held.quantity for id_, held in told.positions.items()
    } and all(
        abs(float(wallets.get(asset, Decimal(0)) - (pool.balance - pool.unrealized))) < 1e-4
        for asset, pool in told.pools.items()
    )


def compare(account: str, ours: Frame, told: Told) -> None:
    """Hold each number of ours against the venue's."""
    rows = {one.instrument: one for of in ours.positions for one in of.rows if one.account == account}
    assert {id_ for id_, row in rows.items() if row.quantity.value} == set(told.positions)
    margins = {one.settlement: one for one in ours.margin if one.account == account}
    worth: dict[str, Decimal] = {}  # of all positions that settle in an asset
    for id_, held in told.positions.items():
        row = rows[id_]
        assert row.quantity.value == held.quantity
        assert row.notional.value is not None
        worth[row.settlement] = worth.get(row.settlement, Decimal(0)) + row.notional.value
        assert row.unrealized.value == near(held.unrealized, row.notional.value), id_
        found = [
            one.multiple.value * held.mark
            for one in margins[row.settlement].liquidations
            if one.currency == row.base and one.multiple.value is not None
        ]
        assert row.liquidation_price.value == (found[0] if found else None), id_  # the nearest comes first
        theirs = held.liquidation
        assert any(one == near(theirs, theirs, CENTS) for one in found) if theirs else not found, (id_, found, theirs)
    for asset, pool in told.pools.items():
        margin, of = margins[asset], worth.get(asset, Decimal(0))
        assert margin.margin_balance.value == near(pool.balance, of), asset
        assert margin.unrealized.value == near(pool.unrealized, of), asset
        assert margin.initial_margin.value == near(pool.initial, of), asset
        assert margin.maintenance_margin.value == near(pool.maintenance, pool.maintenance), asset
        assert margin.headroom.value == near(pool.balance - pool.initial, of), asset
        assert margin.margin_ratio.value == (near(pool.ratio, pool.ratio) if pool.ratio is not None else 0), asset


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
        partial(trade, client, Random(seed), SIZES[account], leverages=account == TRADING) for seed in range(HISTORIES)
    ]
    sides = set()
    async with running(account, log_url) as feed:
        for act in (*by_chance[1:], partial(turn, client, TURNED), by_chance[0]):
            await asyncio.to_thread(act)
            told = await asyncio.to_thread(READ[account], client)
            await feed.until(partial(said, feed, told))
            compare(account, await asyncio.to_thread(booked, feed, told), told)
            sides |= {held.quantity > 0 for held in told.positions.values()}
    assert sides == {True, False}
