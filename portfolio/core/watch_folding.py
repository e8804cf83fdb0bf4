"""Watch folding: where an event of alerts, pauses, suspensions or scenarios belongs in a book.  event x Book -> Book"""

from typing import TYPE_CHECKING

from hedgeapp.core.events.suspensions import SuspensionEvent
from portfolio.core.alerts import AlertEvent
from portfolio.core.minting import MintingEvent
from portfolio.core.scenarios.saved import ScenarioEvent

if TYPE_CHECKING:
    from portfolio.core.book import Book

WatchEvent = MintingEvent | AlertEvent | SuspensionEvent | ScenarioEvent


def fold_watch(event: WatchEvent, book: "Book") -> str:
    """Fold an event into a book; return a sentence where it contradicts what is known, else nothing."""
    if isinstance(event, MintingEvent):
        return book.minting.apply(event, book.seq)
    if isinstance(event, AlertEvent):
        return book.alerts.apply(event, book.seq)
    if isinstance(event, SuspensionEvent):
        return book.suspensions.apply(event)
    return book.scenarios.apply(event)
