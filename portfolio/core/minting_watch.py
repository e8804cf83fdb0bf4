"""Minting watch: when the engine pauses mint and redeem by itself, and opens them again.  faults x at -> events

A fault must stand for a while before it pauses, and must be gone for longer before what it paused goes on (hysteresis
in time); a net exposure and a margin must come back further than where they paused (hysteresis in value). What may heal
by itself ends by itself; a margin and a net exposure wait for one person, a halt for two. A number that is not current
is no fault of its own: the feed that it comes from is.
"""

from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from hedgeapp.core.events.minting import MintingPaused, MintingResumed, PauseCause, ResumedBy
from hedgeapp.core.records import record
from portfolio.core.book import Book
from portfolio.core.catalogue import Catalogue
from portfolio.core.minting import ENGINE, Minting, Standing
from portfolio.core.price_sheets import PriceSheet
from portfolio.core.rows import ExposureRow, FeedRow, MarginRow
from portfolio.core.sources import unread

FAR: Final = Decimal(2)  # bands: a net exposure so far out pauses; it is well again within one band
MARGIN_RATIO: Final = Decimal("0.5")  # of a margin balance, where no limit of kind margin_ratio_max is set
MARGIN_WELL: Final = Decimal("0.9")  # of that limit: a margin ratio is well again below it
PAUSE_AFTER: Final[Mapping[PauseCause, timedelta]] = {
    "halt": timedelta(0),
    "price": timedelta(seconds=3),
    "feed": timedelta(seconds=3),
    "margin": timedelta(seconds=1),
    "net_delta": timedelta(seconds=3),
}
RESUME_AFTER: Final = timedelta(seconds=30)  # gone for so long, a fault that heals by itself is over
RESUMED_BY: Final[Mapping[PauseCause, ResumedBy]] = {
    "halt": "two",
    "price": "engine",
    "feed": "engine",
    "margin": "one",
    "net_delta": "one",
}
BEGINNING: Final[frozenset[PauseCause]] = frozenset({"price", "feed"})  # what is missing while a source is starting
BROKEN: Final = frozenset({"stale", "quarantined", "disconnected", "unknown"})
SAID_MAX: Final = 3  # faults of one cause that a reason names

Faults = Mapping[PauseCause, str]


@record
class Watch:
    """Since when each cause is there, and since when it is gone; what the engine remembers from step to step."""

    ill: Mapping[PauseCause, datetime] = field(default_factory=dict)
    well: Mapping[PauseCause, datetime] = field(default_factory=dict)


def faults(
    sheet: PriceSheet,
    exposure: Iterable[ExposureRow],
    margins: Iterable[MarginRow],
    feeds: Iterable[FeedRow],
    book: Book,
    stands: Standing,
) -> Faults:
    """Return by cause why mint and redeem must not be open, in a sentence; nothing while no asset is offered."""
    if not sheet.rows:
        return {}
    paused = {one.paused.cause for one in stands.pauses}
    if missing := unread(book):  # the sums are not whole: nobody judges them yet
        exposure, margins = (), ()
    found: dict[PauseCause, Iterable[str]] = {
        "halt": stands.halts,
        "price": _unpriced(sheet),
        "feed": [
            *([missing] if missing else []),
            *(f"{one.feed} is {one.condition}: {one.because}" for one in feeds if one.condition in BROKEN),
        ],
        "margin": _thin(margins, book.catalogue, is_paused="margin" in paused),
        "net_delta": _far(exposure, is_paused="net_delta" in paused),
    }
    said = {cause: tuple(sentences) for cause, sentences in found.items()}
    if stands.starting:  # closed already, and calmly: what is not there yet is a fault when it does not come
        said = {cause: sentences for cause, sentences in said.items() if cause not in BEGINNING or cause in paused}
    return {cause: _together(sentences) for cause, sentences in said.items() if sentences}


def decided(
    minting: Minting, found: Faults, before: Watch, at: datetime
) -> tuple[tuple[MintingPaused | MintingResumed, ...], Watch]:
    """Return the events that ought to be in the log now, and what to remember until the next step."""
    ill = {cause: min(before.ill.get(cause, at), at) for cause in found}  # our clock may have been set back
    well = {cause: min(before.well.get(cause, at), at) for cause in RESUMED_BY if cause not in found}
    events: list[MintingPaused | MintingResumed] = []
    for cause, resumed_by in RESUMED_BY.items():
        pause = minting.of(cause)
        if pause is None and cause in ill and at - ill[cause] >= PAUSE_AFTER[cause]:
            name = f"{cause}-{at:%Y%m%dT%H%M%S.%f}"
            events.append(
                MintingPaused(at=at, pause_id=name, cause=cause, by=ENGINE, reason=found[cause], resumed_by=resumed_by)
            )
        elif (
            pause is not None
            and pause.paused.resumed_by == "engine"
            and cause in well
            and at - well[cause] >= RESUME_AFTER
        ):
            reason = f"its cause has been gone for {RESUME_AFTER.total_seconds():g} s"
            events.append(MintingResumed(at=at, pause_id=pause.pause_id, by=ENGINE, reason=reason))
    return tuple(events), Watch(ill=ill, well=well)


def _unpriced(sheet: PriceSheet) -> Iterable[str]:
    """Say which assets have no current price even for the smallest size shown."""
    for row in sheet.rows:
        for one in (*row.mints[:1], *row.redeems[:1]):
            if not one.usd.is_current:
                yield f"no current price to {one.direction} {one.asset}: {one.usd.because}"


def _thin(margins: Iterable[MarginRow], catalogue: Catalogue, *, is_paused: bool) -> Iterable[str]:
    limit = catalogue.limits_by_subject.get(("margin_ratio_max", "account"))
    most = (limit.value if limit else MARGIN_RATIO) * (MARGIN_WELL if is_paused else 1)
    for row in margins:
        ratio = row.margin_ratio.value
        if row.is_past_liquidation:
            yield f"{row.account} {row.settlement} is past liquidation"
        elif ratio is not None and row.margin_ratio.is_current and ratio > most:
            yield f"margin ratio of {row.account} in {row.settlement} is {ratio:.1%}, at most {most:.1%} expected"


def _far(exposure: Iterable[ExposureRow], *, is_paused: bool) -> Iterable[str]:
    bands = 1 if is_paused else FAR
    for row in exposure:
        share = row.band_share.value
        if share is not None and row.band_share.is_current and share > bands:
            yield f"net {row.currency} is {share:.1f} bands from flat, at most {bands} expected"


def _together(sentences: tuple[str, ...]) -> str:
    shown = "; ".join(dict.fromkeys(sentences[:SAID_MAX]))
    more = len(sentences) - SAID_MAX
    return f"{shown}; and {more} more" if more > 0 else shown
