"""Price highs: the highest price of each thing in the last day, by the hour.  marks taken -> highest Marks

What bounds a move by its worth looks at the highest of 24 h, so that nobody waits for a dip to pass under a bound. The
hours are whole ones: a high counts for 24 to 25 h.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from hedgeapp.core.events.marks import MarksTaken
from hedgeapp.core.marks import Mark, MarkKind
from hedgeapp.core.records import record

HOURS: Final = 24
HOUR_S: Final = 3_600
PRICES: Final[frozenset[MarkKind]] = frozenset({"usd", "index", "protocol_rate", "market_rate"})


@record
class High:
    """The highest mark of an hour, counted from 1970."""

    hour: int
    mark: Mark


class PriceHighs:
    """The highest mark of each hour, by subject and kind; mutable, owned by a book."""

    __slots__ = ("_by_key",)

    def __init__(self, highs: Iterable[High] = ()) -> None:
        self._by_key: dict[tuple[str, str], dict[int, Mark]] = {}
        for high in highs:
            self._by_key.setdefault((high.mark.subject, high.mark.kind), {})[high.hour] = high.mark

    def __iter__(self) -> Iterator[High]:
        return (High(hour=hour, mark=mark) for by_hour in self._by_key.values() for hour, mark in by_hour.items())

    def note(self, event: MarksTaken) -> None:
        """Take the marks of a moment; hours that are over a day ago are let go."""
        hour = _hour(event.at)
        for mark in event.marks:
            if mark.kind not in PRICES or mark.suspect:
                continue
            by_hour = self._by_key.get((mark.subject, mark.kind))
            if by_hour is None:
                by_hour = self._by_key[mark.subject, mark.kind] = {}
            known = by_hour.get(hour)
            if known is None:
                for old in [one for one in by_hour if one < hour - HOURS]:
                    del by_hour[old]
            if known is None or mark.value > known.value:
                by_hour[hour] = mark

    def over(self, marks: Mapping[tuple[str, str], Mark], at: datetime) -> dict[tuple[str, str], Mark]:
        """Return marks with each price at its highest of the last day, as fresh as the mark that it stands for."""
        first = _hour(at) - HOURS
        found = dict(marks)
        for key, by_hour in self._by_key.items():
            now = marks.get(key)
            inside = [mark.value for hour, mark in by_hour.items() if hour >= first]
            if now is not None and inside:
                found[key] = replace(now, value=max(now.value, *inside))
        return found


def _hour(at: datetime) -> int:
    return int(at.timestamp()) // HOUR_S
