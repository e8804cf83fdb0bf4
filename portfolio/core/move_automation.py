"""Move automation: what the engine says of moves now.  Book x MarginRows x Marks x at -> events

It ends what was not sent in its time, withdraws what is needed no longer, and proposes what is, judged in the same
breath. Of an account that margins in two assets, the worse one is proposed first: one move at a time.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.events.moves import MoveExpired, MoveProposed, MoveWithdrawn
from marketdata.core.board import FeedHealth
from portfolio.core.book import Book
from portfolio.core.move_headrooms import headrooms, terms_of
from portfolio.core.move_judgments import Opening, expired, opening_or_end
from portfolio.core.move_prices import price_of
from portfolio.core.move_proposals import Headroom, MoveStance, MoveTerms, move_stances
from portfolio.core.move_values import value
from portfolio.core.rows import MarginRow
from portfolio.core.valuation import Valuation

Automatic = Opening | MoveWithdrawn | MoveExpired


def stances(rows: Iterable[MarginRow], valuation: Valuation) -> tuple[MoveStance, ...]:
    """Return how moves stand at each account that has limits, in each asset that it margins in."""
    book = valuation.book
    found: list[MoveStance] = []
    rooms = [(one, terms_of(one.account, book.catalogue)) for one in headrooms(rows, book)]
    with_terms = [(room, terms) for room, terms in rooms if terms is not None]
    speaking: set[str] = set()
    for room, terms in sorted(with_terms, key=_urgency):
        (stance,) = move_stances((room,), terms, valuation)
        if stance.events and room.account in speaking:
            because = "another asset of the account is moved first"
            stance = MoveStance(account=room.account, stand="under_way", because=because)
        elif stance.events:
            speaking.add(room.account)
        found.append(stance)
    return tuple(found)


def automatic(
    book: Book, rows: Sequence[MarginRow], valuation: Valuation, feeds: Iterable[FeedHealth] = ()
) -> tuple[Automatic, ...]:
    """Return the events that are due; none while nothing has to be said."""
    feeds, at = tuple(feeds), valuation.at
    events: list[Automatic] = list(expired(book.moves, at))
    gone = {event.move_id for event in events if isinstance(event, MoveExpired)}
    for stance in stances(rows, valuation):
        for event in stance.events:
            if isinstance(event, MoveProposed):
                price = price_of(event.payload.asset, book, valuation.marks, at, feeds)
                events += opening_or_end(event, book, value(event.payload.amount, price), at)
            elif event.move_id not in gone:
                events.append(event)
    return tuple(events)


def _urgency(pair: tuple[Headroom, MoveTerms]) -> Decimal:
    """Order headrooms by how far each is below its floor, those above their ceilings after them."""
    room, terms = pair
    usd = room.headroom_usd.value
    return ZERO if usd is None else usd - terms.floor_usd
