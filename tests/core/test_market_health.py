"""Each channel says by its budget how it does; the recorder says what it lost."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from marketdata.core.board import ChannelHealth, FeedHealth, RecorderHealth
from portfolio.screen.market_health import FeedLines, feed_lines, recorder_line

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
BUDGETS = {"quote": 4_000, "mark": 3_000}


def channel(age_s: float | None) -> ChannelHealth:
    last = None if age_s is None else AT - timedelta(seconds=age_s)
    return ChannelHealth(messages=10, messages_per_s=2.0, last_message_at=last)


def health(**channels: float | None) -> FeedHealth:
    return FeedHealth(
        feed="feed:binance-usdm",
        is_connected=True,
        since=AT,
        last_message_at=AT,
        messages_per_s=12.5,
        counters={"messages": 100, "gaps": 1, "refused": 2},
        error="",
        epoch=3,
        posted_at=AT,
        channels={name: channel(age_s) for name, age_s in channels.items()},
    )


def line(given: FeedHealth, at: datetime = AT) -> FeedLines:
    (found,) = feed_lines([given], BUDGETS, {"feed:binance-usdm": 2}, at)
    return found


def words(given: FeedHealth, at: datetime = AT) -> dict[str, str]:
    return {one.name: one.word for one in line(given, at).channels}


def test_a_channel_is_live_late_or_stale_by_its_budget() -> None:
    assert words(health(book=1.0, quote=3.0, mark=3.5)) == {"book": "live", "quote": "late", "mark": "stale"}


def test_silence_of_trades_and_liquidations_is_normal() -> None:
    assert words(health(trade=500.0, liquidation=None)) == {"trade": "heard", "liquidation": "quiet"}


def test_what_never_came_and_what_has_no_budget_is_said() -> None:
    assert words(health(book=None))["book"] == "unheard"
    (found,) = feed_lines([health(mark=0.1)], {}, {}, AT)
    assert found.channels[0].word == "unbounded"


def test_a_quarantined_feed_has_no_channel_that_is_live() -> None:
    given = replace(health(book=0.1, trade=0.1), quarantined="quarantined: found 21 of 30")
    assert words(given) == {"book": "quarantined", "trade": "quarantined"}


def test_a_feed_that_is_lost_or_tells_nothing_is_not_live() -> None:
    lost = replace(health(book=0.1), is_connected=False, error="the socket closed")
    assert [(one.word, one.because) for one in line(lost).channels] == [("disconnected", "the socket closed")]
    assert words(health(book=0.1), AT + timedelta(seconds=6)) == {"book": "away"}


def test_a_large_drift_and_many_requests_warn() -> None:
    found = line(replace(health(book=0.1), drift_ms=-1_300, requests_used=1_500, requests_max=2_400))
    assert (found.drift_level, found.requests, found.requests_level) == ("warn", "1500 of 2400", "warn")
    calm = line(replace(health(book=0.1), drift_ms=-3, requests_used=20, requests_max=2_400))
    assert (calm.drift_level, calm.requests_level, calm.kept) == ("idle", "idle", 2)
    assert line(health(book=0.1)).requests == "not told"


def test_the_recorder_says_what_hinders_it_and_what_it_lost() -> None:
    told = RecorderHealth(since=AT, posted_at=AT, written_at=AT, written={"trades": 5}, lost={}, waiting=0, error="")
    assert recorder_line(told, AT).level == "good"
    assert recorder_line(replace(told, lost={"feed:v": 7}), AT).because == "rows lost: 7 of feed:v"
    assert recorder_line(replace(told, error="the database is away"), AT).word == "waiting"
    assert recorder_line(told, AT + timedelta(seconds=6)).word == "away"
    assert recorder_line(None, AT).word == "away"
