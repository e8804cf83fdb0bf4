"""Health of market data on the screen: a line for each channel of each feed.  FeedHealth x budgets x at -> lines"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final, Literal

from hedgeapp.core.records import record
from marketdata.core.board import ChannelHealth, FeedHealth, RecorderHealth, freshness

UNHEARD: Final = timedelta(seconds=5)  # a feed that has not told its health for longer is not there
BUDGETS: Final = {"book": "quote", "quote": "quote", "mark": "mark"}  # of the others silence is normal
REQUESTS_WARN: Final = 0.5  # share of a venue's limit on requests from which it is a warning
DRIFT_WARN_MS: Final = 1_000

Level = Literal["good", "warn", "bad", "idle"]


@record
class ChannelLine:
    """A channel: how it does in a word, why, how old its last message is, how much comes."""

    name: str
    word: str
    level: Level
    because: str
    age_s: float | None
    messages_per_s: float
    messages: int


@record
class FeedLines:
    """A feed with its channels, what went wrong in it, its clock and its limit on requests."""

    feed: str
    channels: tuple[ChannelLine, ...]
    gaps: int
    resyncs: int
    refused: int
    kept: int
    drift_ms: int | None
    drift_level: Level
    requests: str
    requests_level: Level
    last_fault: str
    unproven: str


@record
class RecorderLine:
    """How the recorder does, in a word and why."""

    word: str
    level: Level
    because: str
    health: RecorderHealth | None
    written: int
    lost: int


def feed_lines(
    feeds: Iterable[FeedHealth], budgets_ms: Mapping[str, int], kept: Mapping[str, int], at: datetime
) -> list[FeedLines]:
    """Return the feeds that have channels, by name; `kept` are the refused messages that can be looked at."""
    return [_feed(one, budgets_ms, kept.get(one.feed, 0), at) for one in feeds if one.channels]


def _feed(health: FeedHealth, budgets_ms: Mapping[str, int], kept: int, at: datetime) -> FeedLines:
    counters, used, most = health.counters, health.requests_used, health.requests_max
    share = used / most if used is not None and most else 0.0
    return FeedLines(
        feed=health.feed,
        channels=tuple(_channel(name, one, health, budgets_ms, at) for name, one in health.channels.items()),
        gaps=counters.get("gaps", 0),
        resyncs=counters.get("resyncs", 0),
        refused=counters.get("refused", 0),
        kept=kept,
        drift_ms=health.drift_ms,
        drift_level="warn" if abs(health.drift_ms or 0) > DRIFT_WARN_MS else "idle",
        requests=f"{used} of {most}" if used is not None else "not told",
        requests_level="warn" if share > REQUESTS_WARN else "idle",
        last_fault=health.last_fault,
        unproven=health.unproven,
    )


def _channel(
    name: str, channel: ChannelHealth, health: FeedHealth, budgets_ms: Mapping[str, int], at: datetime
) -> ChannelLine:
    age = at - channel.last_message_at if channel.last_message_at else None
    word, level, because = _state(name, age, health, budgets_ms, at)
    return ChannelLine(
        name=name,
        word=word,
        level=level,
        because=because,
        age_s=max(0.0, age.total_seconds()) if age is not None else None,
        messages_per_s=channel.messages_per_s,
        messages=channel.messages,
    )


def _state(
    name: str, age: timedelta | None, health: FeedHealth, budgets_ms: Mapping[str, int], at: datetime
) -> tuple[str, Level, str]:
    if at - health.posted_at > UNHEARD:
        return (
            "away",
            "bad",
            f"{health.feed} has not told its health for {(at - health.posted_at).total_seconds():.0f} s",
        )
    if not health.is_connected:
        return "disconnected", "bad", health.error
    if health.quarantined:
        return "quarantined", "bad", health.quarantined
    if name not in BUDGETS:
        return ("quiet" if age is None else "heard"), "idle", "silence is normal here"
    if age is None:
        return "unheard", "bad", "nothing came since the last connection"
    budget = budgets_ms.get(BUDGETS[name])
    if budget is None:
        return "unbounded", "warn", f"no limit of kind data_age_ms_max for {BUDGETS[name]} says how old it may be"
    state = freshness(age, timedelta(milliseconds=budget))
    levels: dict[str, Level] = {"live": "good", "late": "warn", "stale": "bad"}
    return state, levels[state], f"budget {budget / 1000:g} s"


def recorder_line(health: RecorderHealth | None, at: datetime) -> RecorderLine:
    """Return how the recorder does."""
    if health is None or at - health.posted_at > UNHEARD:
        silent = f" for {(at - health.posted_at).total_seconds():.0f} s" if health else ""
        word, level, because = "away", "bad", f"the recorder has not told its health{silent}: no worker holds it"
    elif health.error:
        word, level, because = "waiting", "bad", health.error
    elif sum(health.lost.values()):
        lost = ", ".join(f"{count} of {feed}" for feed, count in sorted(health.lost.items()))
        word, level, because = "records", "warn", f"rows lost: {lost}"
    else:
        word, level, because = "records", "good", ""
    return RecorderLine(
        word=word,
        level=level,  # type: ignore[arg-type]
        because=because,
        health=health,
        written=sum(health.written.values()) if health else 0,
        lost=sum(health.lost.values()) if health else 0,
    )
