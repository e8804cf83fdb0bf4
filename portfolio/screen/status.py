"""Status on the screen: how the feeds do, what happened last, and what could not be placed."""

from typing import Final

from portfolio.core.rows import EventRow, Fault, FeedCondition, FeedRow
from portfolio.screen.leaves import Level, figure, name, text, word
from portfolio.screen.page import Row, Section, row

_LEVELS: Final[dict[FeedCondition, Level]] = {
    "live": "good",
    "late": "warn",
    "stale": "bad",
    "quarantined": "bad",
    "disconnected": "bad",
    "unknown": "idle",
}
SHOWN_EVENTS: Final = 14


COUNTERS: Final = ("gaps", "resyncs", "refused")
ALL_COUNTERS: Final = (*COUNTERS, "reconnects", "messages")


def feeds(shown: tuple[FeedRow, ...], counters: tuple[str, ...] = COUNTERS) -> Section:
    """Return a row per feed; what is wrong with it stands under its name."""
    return tuple(_feed(one, counters) for one in shown)


def _feed(one: FeedRow, counters: tuple[str, ...]) -> Row:
    here = name("feed", one.feed)
    return row(
        one.feed,
        {"feed": one.feed},
        {
            "word": word(f"{here}-word", one.condition, _LEVELS[one.condition], one.because),
            "age": figure(f"{here}-age", one.age_s, "s", decimals=1, is_calm=True),
            "rate": text(f"{here}-rate", f"{one.messages_per_s:,.1f}"),
            "because": text(f"{here}-because", one.because if one.condition != "live" else ""),
            **{count: text(f"{here}-{count}", f"{getattr(one, count):,}") for count in counters},
        },
    )


def spoken(before: tuple[FeedRow, ...], now: tuple[FeedRow, ...]) -> str:
    """Return what a screen reader says about feeds that changed their state; empty when none did."""
    was = {one.feed: one.condition for one in before}
    changed = [one for one in now if was.get(one.feed, one.condition) != one.condition]
    return ". ".join(f"Feed {one.feed} is {one.condition}" for one in changed)


def events(shown: tuple[EventRow, ...]) -> Section:
    """Return the latest events, one line each."""
    return tuple(
        row(
            str(one.seq),
            {
                "seq": f"{one.seq:,}",
                "number": str(one.seq),
                "at": f"{one.at:%H:%M:%S}",
                "on": f"{one.at:%Y-%m-%d %H:%M:%S.%f}"[:-3] + " UTC",
                "kind": one.kind,
                "sentence": one.sentence,
            },
            {},
        )
        for one in shown[:SHOWN_EVENTS]
    )


def faults(shown: tuple[Fault, ...], total: int) -> Section:
    """Return the events that could not be placed; `total` counts those that are not shown, too."""
    return tuple(
        row(str(one.seq), {"number": str(one.seq), "kind": one.kind, "because": one.because, "total": str(total)}, {})
        for one in shown[:SHOWN_EVENTS]
    )
