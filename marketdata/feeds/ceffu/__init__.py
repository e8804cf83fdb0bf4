"""Ceffu: what the custodian's wallets hold, what it mirrors and moves, read by signed requests."""

from datetime import timedelta

from hedgeapp.core.records import record
from hedgeapp.core.reference import Asset, Custodian
from hedgeapp.database import conninfo
from hedgeapp.ending import together
from hedgeapp.eventlog.append import AsyncLog
from hedgeapp.services import Lease
from marketdata.board import Board
from marketdata.core.custody import Custody
from marketdata.feeds.ceffu.client import (
    AnswerIsMalformed,
    CeffuClient,
    CustodianRefused,
    CustodianUnreachable,
    SecretIsMalformed,
    Settings,
)
from marketdata.feeds.ceffu.feed import CustodianFeed, SpellingIsAmbiguous
from marketdata.feeds.ceffu.moves import MovesFeed, catch_up
from marketdata.feeds.ceffu.notices import NoticesFeed
from marketdata.feeds.polling import COMMON_FAULTS, Pace, poll, prepared
from marketdata.feeds.statements import Held, Place, heard, held_of
from marketdata.operations.credentials import FieldKeysDoNotDecrypt
from marketdata.operations.notices import settle
from marketdata.pulse import Pulse
from marketdata.queries.catalogue import reference
from marketdata.queries.credentials import Keys, keys_of
from marketdata.queries.notices import told

PACE = Pace(poll_s=3.0, quiet_max=timedelta(seconds=30))
FAULTS = (
    *COMMON_FAULTS,
    AnswerIsMalformed,
    CustodianRefused,
    CustodianUnreachable,
    FieldKeysDoNotDecrypt,
    SecretIsMalformed,
    SpellingIsAmbiguous,
)


Feeds = tuple[CustodianFeed, MovesFeed, NoticesFeed]


@record
class Setup:
    """What one connection to the custodian is made of."""

    custodian: Custodian
    keys: Keys
    assets: tuple[Asset, ...]
    accounts: tuple[str, ...]


def setup_of(name: str) -> Setup:
    """Return a custodian's row, its keys, all assets and the names of all accounts; blocking."""
    catalogue = reference()
    return Setup(
        custodian=catalogue.custodians[name],
        keys=keys_of(name),
        assets=tuple(catalogue.assets.values()),
        accounts=tuple(catalogue.accounts),
    )


async def run(lease: Lease, pace: Pace = PACE, settings: Settings | None = None) -> None:
    """Keep the log up to date with one custodian's wallets and moves for as long as the lease lasts."""
    board = Board.from_settings()
    try:
        async with AsyncLog(conninfo(), fence=lease.fence) as events:
            pulse = Pulse(lease.name, lease.epoch, board, events, quiet_max=pace.quiet_max)
            await together(pulse.keep(), _follow(lease, pulse, events, pace, settings or Settings()))
    finally:
        await board.close()


async def _follow(lease: Lease, pulse: Pulse, events: AsyncLog, pace: Pace, settings: Settings) -> None:
    """Poll with one setup after the other; what the log heard goes from one to the next."""
    known: dict[Place, Held] = {}
    custody = Custody(lease.subject)

    async def restored() -> dict[Place, Held]:
        statements = await lease.in_database(heard, lease.subject)
        return {place: held_of(statement) for place, statement in statements.items()}

    async def while_current() -> None:
        nonlocal known
        setup: Setup = await lease.in_database(setup_of, lease.subject)
        name, keys = setup.custodian.name, setup.keys
        async with CeffuClient(name, setup.custodian.url, keys.api_key, keys.secret, settings) as client:
            feed = CustodianFeed(name, client, setup.assets, known, events.append)
            moves = MovesFeed(
                client,
                setup.assets,
                setup.accounts,
                custody,
                lambda: lease.in_database(catch_up, custody),
                events.append,
            )
            notices = NoticesFeed(
                name,
                client,
                setup.assets,
                lambda: lease.in_database(told, name),
                lambda verdicts, at: lease.in_database(settle, name, verdicts, at),
                events.append,
            )
            try:
                await _polled(lease, setup, (feed, moves, notices), pulse, pace)
            finally:
                known = feed.known

    known = await prepared(restored, pulse=pulse, pace=pace, faults=FAULTS)
    while True:
        await prepared(while_current, pulse=pulse, pace=pace, faults=FAULTS)


async def _polled(lease: Lease, setup: Setup, feeds: Feeds, pulse: Pulse, pace: Pace) -> None:
    feed, moves, notices = feeds

    async def once() -> bool:
        await feed.poll()
        await moves.poll(feed.wallets, feed.known)
        await notices.poll(feed.wallets)
        pulse.missing(moves.complaint or notices.complaint)
        return True

    async def is_current() -> bool:
        return setup == await lease.in_database(setup_of, lease.subject)

    await poll(once, is_current, pulse=pulse, pace=pace, faults=FAULTS, refusals=(AnswerIsMalformed,))
