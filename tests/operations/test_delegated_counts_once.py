"""What is delegated counts once, by the words of a served custodian and of the venue that it mirrors to."""

from collections.abc import AsyncIterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from hedgeapp.core.events import Event
from hedgeapp.core.events.balances import BalanceStated
from hedgeapp.core.events.moves import MoveDone, MoveReported, MoveSeenAtVenue
from hedgeapp.core.events.reference import AccountChanged
from hedgeapp.core.reference import Account
from portfolio.core.backing import backing
from portfolio.core.book import Book
from portfolio.core.exposure import exposure
from portfolio.core.holdings import balance_rows, collateral_rows
from portfolio.core.valuation import Valuation
from tests.builders.books import common, recorded, reference, supply
from tests.builders.custody import Served, served
from tests.builders.followed import Followed, client_of
from tests.sandbox.custody_world import CYCLE_MS, SETTLING_MS
from tests.sandbox.matching_world import ALICE, BOB

COINS = ("ETH", "USDT")


class Desk:
    """A book of what the custodian's feed and the venue say."""

    def __init__(self, world: Served, feed: Followed) -> None:
        self.world, self.feed = world, feed
        self.events: list[Event] = [*reference(), *(introduced(name, world.now) for name in (ALICE, BOB))]
        self.events.append(supply("2000000", world.now))

    def venue(self) -> None:
        """Let the venue say what its accounts have."""
        for account in (ALICE, BOB):
            for coin in COINS:
                total = self.world.custody.at_venue(coin, account)
                self.events.append(BalanceStated(at=self.world.now, account=account, asset=coin, total=total))

    async def custodian(self) -> None:
        """Let the custodian's feed look once."""
        before = len(self.feed.log)
        await self.feed.poll()
        self.events += self.feed.log[before:]

    def write(self, *events: Event) -> None:
        """Let the log have what somebody else wrote."""
        self.feed.write(*events)
        self.events += events

    def measured(self) -> tuple[Decimal, ...]:
        """Return the assets in USD, and the net of ETH and of USDT."""
        book = Book()
        for one in recorded(self.events):
            book.apply(one)
        now = self.world.now
        marks = common("2000", at=now)
        valuation = Valuation(book, marks, now)
        assets = backing((), balance_rows(valuation), collateral_rows(valuation), valuation).assets_usd
        nets = {row.currency: row.net.value for row in exposure(book, marks, now)}
        assert assets.value is not None
        return assets.value, nets["ETH"] or Decimal(0), nets["USDT"] or Decimal(0)


def introduced(name: str, at: datetime) -> AccountChanged:
    account = Account(name=name, venue="binance-usdm", label=name, instruments=())
    return AccountChanged(at=at, account=account, version=1, by="seed")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with served(tmp_path) as world, client_of(world) as client:
        found = Desk(world, Followed(world, client))
        await found.custodian()
        found.venue()
        yield found


@pytest.mark.parametrize(("coin", "amount"), [("USDT", "250000"), ("ETH", "123.456789")])
async def test_a_delegation_that_nobody_of_us_made_counts_once(desk: Desk, coin: str, amount: str) -> None:
    before = desk.measured()
    desk.world.custody.delegate(amount, coin)
    desk.world.custody.wait()
    desk.venue()
    await desk.custodian()
    assert desk.measured() == before
    desk.world.custody.undelegate(amount, coin)
    desk.world.custody.wait()
    desk.venue()
    await desk.custodian()
    assert desk.measured() == before


@pytest.mark.parametrize("venue_first", [True, False])
@pytest.mark.parametrize("kind", ["delegate", "undelegate"])
async def test_a_move_of_ours_counts_once_at_every_moment(desk: Desk, kind: str, venue_first: bool) -> None:
    world, measured = desk.world, [desk.measured()]
    world.custody.delegate("5000")
    world.custody.wait()
    desk.venue()
    await desk.custodian()

    payload = desk.feed.submit(kind=kind)
    desk.events += desk.feed.log[-3:]
    gateway = world.gateway()
    taken = await gateway.submit(payload, world.request_id(payload), world.now)
    await gateway.close()
    assert isinstance(taken, MoveReported)
    desk.write(taken)
    for step in ("custodian", "done there", *(("venue", "custodian") if venue_first else ("custodian", "venue"))):
        await _take(desk, step)
        measured.append(desk.measured())
    seen = MoveSeenAtVenue(at=world.now, move_id=taken.move_id, where=ALICE, reference="1")
    for event in (seen, MoveDone(at=world.now, move_id=taken.move_id)):
        desk.write(event)
        measured.append(desk.measured())
    world.custody.wait(60_000)
    await desk.custodian()
    assert {*measured, desk.measured()} == {measured[0]}
    assert desk.feed.stated()[-1] == (5_100 if kind == "delegate" else 4_900)


async def _take(desk: Desk, step: str) -> None:
    if step == "custodian":
        await desk.custodian()
    elif step == "venue":
        desk.venue()
    else:
        desk.world.custody.wait()


async def test_a_settlement_of_a_loss_shrinks_the_claim_and_counts_it_once(desk: Desk) -> None:
    world = desk.world
    world.custody.delegate("250000")
    world.custody.wait()
    world.custody.win(steps=1_000, ticks=100, winner=BOB)
    desk.venue()
    await desk.custodian()
    before = desk.measured()
    world.custody.wait(CYCLE_MS)
    world.custody.wait(SETTLING_MS)
    await desk.custodian()
    desk.venue()
    assert desk.feed.stated()[-1] < 250_000
    assert desk.measured() == before
