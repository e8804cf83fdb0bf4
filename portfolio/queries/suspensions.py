"""Suspensions, as a page shows them: each with what the venue offers and what we have, and who may release it."""

from collections.abc import Sequence
from dataclasses import fields

from hedgeapp.core.events.suspensions import InstrumentSuspended
from hedgeapp.core.instruments import Instrument
from hedgeapp.core.records import record
from portfolio.core.book import Book
from portfolio.core.suspensions import BY_ENGINE, WHO_RELEASES, WHY
from portfolio.queries.books import FOLLOWING, current_book
from portfolio.queries.past import Moment
from portfolio.queries.past_frames import past_book


@record
class Differing:
    """One field of a specification that the venue states otherwise."""

    name: str
    ours: str
    offered: str


@record
class SuspensionShown:
    """A suspension in force; `differing` where a specification is why, `is_for_people` where a person releases it."""

    told: InstrumentSuspended
    why: str
    who_releases: str
    is_for_people: bool
    differing: tuple[Differing, ...]

    @property
    def asked_at(self) -> str:
        """Return its time as a form carries it back."""
        return self.told.at.isoformat()


@record
class Standing:
    """What is suspended, and every instrument that could be."""

    suspended: tuple[SuspensionShown, ...]
    instruments: tuple[str, ...]


def standing(then: Moment | None) -> Standing:
    """Return what is suspended now or was at a moment, the latest first."""
    book = past_book(then) if then else current_book()
    found = sorted(book.suspensions, key=lambda one: one.at, reverse=True)
    by_hand = {one.instrument for one in found if one.cause == "person"}
    return Standing(
        suspended=tuple(_shown(one, book) for one in found),
        instruments=tuple(sorted(book.catalogue.instruments.keys() - by_hand)),
    )


def suspended_now() -> dict[str, list[InstrumentSuspended]]:
    """Return what each suspended instrument is suspended by now."""
    found: dict[str, list[InstrumentSuspended]] = {}
    with FOLLOWING.held() as book:
        for one in book.suspensions:
            found.setdefault(one.instrument, []).append(one)
    return found


def _shown(one: InstrumentSuspended, book: Book) -> SuspensionShown:
    ours = book.catalogue.instruments.get(one.instrument)
    differing = tuple(_differing(ours, one.offered)) if ours and one.offered else ()
    return SuspensionShown(
        told=one,
        why=WHY[one.cause],
        who_releases=WHO_RELEASES[one.cause],
        is_for_people=one.cause not in BY_ENGINE,
        differing=differing,
    )


def _differing(ours: Instrument, offered: Instrument) -> Sequence[Differing]:
    """Return every field that differs, those that may change by themselves too: all are taken over together."""
    return [
        Differing(name=field.name.replace("_", " "), ours=_words(ours, field.name), offered=_words(offered, field.name))
        for field in fields(Instrument)
        if getattr(ours, field.name) != getattr(offered, field.name)
    ]


def _words(instrument: Instrument, name: str) -> str:
    given = getattr(instrument, name)
    return f"{len(given)} tiers" if name == "tiers" else str(given)
