"""A desk that may hedge: accounts with instruments, limits, and a net exposure in ETH."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from hedgeapp.core.events import Event, Recorded
from hedgeapp.core.events.balances import BalanceStated
from hedgeapp.core.events.feeds import FeedState, FeedStateChanged
from hedgeapp.core.events.reference import AccountChanged
from hedgeapp.core.reference import Account
from portfolio.core.book import Book
from tests.builders.books import AT, COINM, USDM, D, balance, book_of, collateral, fill, limit, opening

LIMITS = (
    limit("order_size_max", "ETH", "40"),
    limit("price_collar", "ETH", "30"),
    limit("hedge_clip_min", "ETH", "0.5"),
    limit("hedge_release", "ETH", "0.4"),
    limit("hedge_cooldown", "ETH", "5"),
)


def account(name: str, *symbols: str, is_enabled: bool = True) -> AccountChanged:
    """Return an account that trades these contracts."""
    row = Account(name=name, venue=name.partition(":")[0], label="main", instruments=symbols, is_enabled=is_enabled)
    return AccountChanged(at=AT, account=row, version=2, by="ann")


def heard(feed: str, state: FeedState = "live", at: datetime = AT) -> FeedStateChanged:
    """Return a feed's own word on how it does."""
    return FeedStateChanged(at=at, feed=feed, state=state, reason="connection refused")


ACCOUNTS = (account(USDM, "ETH-USDT-PERP"), account(COINM, "ETH-USD-PERP"))
HEARD = tuple(heard(feed) for feed in (f"account:{USDM}", f"account:{COINM}", "custodian:ceffu"))


def tell(book: Book, *events: Event) -> Book:
    """Fold events as the log would give them, each a millisecond after the one before."""
    for event in events:
        at = AT + timedelta(milliseconds=book.seq)
        book.apply(Recorded(seq=book.seq + 1, recorded_at=at, event=event))
    return book


def desk(*events: Event, net: str | Decimal = "30", coins: str = "100", cash: str = "1000000") -> Book:
    """Return a book that is long so many ETH of collateral, or short by a linear position if it is negative.

    `coins` are the wallet of the inverse account and `cash` that of the linear one; the coins are sold already.
    """
    held = D(net) - D(coins)
    start: list[Event] = [
        *ACCOUNTS,
        *HEARD,
        *LIMITS,
        balance(COINM, "ETH", coins),
        balance(USDM, "USDT", cash),
        collateral("ETH", max(held, D(0))),
    ]
    if held < 0:
        start.append(opening(held, "3000"))
    return tell(book_of(*start), *events)


def really_filled(
    book: Book,
    account: str,
    instrument: str,
    side: str,
    quantity: Decimal,
    price: Decimal,
    venue_order_id: str = "1",
) -> Book:
    """Fold the fill that a venue reports, and the wallet that it states after it."""
    position = book.positions.get((account, instrument))
    settled = position.settled if position else D(0)
    done = fill(
        "buy" if side == "buy" else "sell",
        quantity,
        price,
        trade_id=str(10**12 + book.seq),
        instrument=instrument,
        account=account,
    )
    tell(book, replace(done, at=AT + timedelta(milliseconds=book.seq), venue_order_id=venue_order_id))
    gained = book.positions[account, instrument].settled - settled
    asset = book.catalogue.instruments[instrument].settlement
    stated = book.balances[account, asset]
    after: BalanceStated = replace(stated, total=stated.total + gained)
    return tell(book, after)
