"""Minutes: the log, cut at the first marks of each minute, and what changed in between.  Recorded -> Minute

What comes out depends on the log alone: whoever reads it again, from any cut on, gets the same minutes.
"""

from datetime import datetime

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.events import Recorded
from hedgeapp.core.events.marks import MarksTaken
from hedgeapp.core.records import record
from portfolio.core.attribution import Attribution, attribution
from portfolio.core.book import Book
from portfolio.core.profits import Profit, profits
from portfolio.core.stands import Stand, nav, stand
from portfolio.core.tally import Tally


@record
class Minute:
    """A minute that ended: what changed in it, and what had been earned by positions when it began.

    It is longer than a minute where the net asset value was not known in between. The first one of all changes nothing:
    it says from where on changes are explained.
    """

    change: Attribution
    opening: tuple[Profit, ...]


class Minutes:
    """The cuts of a log; `before` is the last one, None until the book has a net asset value for the first time."""

    def __init__(self, book: Book, at: datetime | None = None) -> None:
        """Begin with an empty book, or with one as of a cut that was taken `at` a time."""
        self.book = book
        self.because = ""  # why no net asset value was known when it was asked for last
        self._tally = Tally()
        self._before: Stand | None = None
        self._opening: tuple[Profit, ...] = ()
        self._minute: datetime | None = None
        if at is not None:
            self._minute = _minute(at)
            self._begin(stand(book, book.marks, at))

    def take(self, recorded: Recorded) -> Minute | None:
        """Fold an event; return the minute that it ended, None when it ended none."""
        self._tally.take(recorded, self.book)
        event = recorded.event
        if type(event) is not MarksTaken or (self._minute is not None and _minute(event.at) <= self._minute):
            return None
        self._minute = _minute(event.at)
        now = stand(self.book, self.book.marks, event.at)
        self.because = now.because
        if now.because:
            return None
        before, opening = self._before, self._opening
        change = attribution(before, self._tally, now) if before else _beginning(now)
        self._begin(now)
        return Minute(change=change, opening=opening if before else self._opening)

    def _begin(self, now: Stand) -> None:
        self._before, self._tally = now, Tally()
        self._opening = profits(self.book, now)


def _beginning(now: Stand) -> Attribution:
    worth = nav(now)
    return Attribution(
        from_seq=now.seq,
        to_seq=now.seq,
        from_at=now.at,
        at=now.at,
        before=worth,
        after=worth,
        parts=(),
        missing=(),
        rest=ZERO,
    )


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)
