"""What the log hears of a feed: every disconnection, however short it was."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from hedgeapp.core.events.feeds import FeedStateChanged
from hedgeapp.ending import end
from hedgeapp.eventlog.append import AsyncLog
from hedgeapp.eventlog.read import read
from marketdata.board import Board
from marketdata.pulse import Pulse

FEED = "account:binance-usdm:main"
WAIT_S = 60.0


@asynccontextmanager
async def kept(log_url: str) -> AsyncIterator[Pulse]:
    """Keep a feed's pulse while the block lasts."""
    board = Board.from_settings()
    async with AsyncLog(log_url) as events:
        pulse = Pulse(FEED, 1, board, events, quiet_max=timedelta(minutes=1))
        task = asyncio.create_task(pulse.keep())
        try:
            yield pulse
        finally:
            await end([task])
            await board.close()


async def told(owner: psycopg.Connection[Any], count: int) -> list[tuple[str, str]]:
    """Wait until the log has so many states of the feed, and return them all, oldest first."""
    async with asyncio.timeout(WAIT_S):
        while True:
            found = [one.event for one in read(owner, kinds={FeedStateChanged.__name__})]
            if len(found) >= count:
                return [(one.state, one.reason) for one in found if isinstance(one, FeedStateChanged)]
            await asyncio.sleep(0.02)


async def test_a_connection_lost_and_found_between_two_looks_was_lost(
    log_url: str, owner: psycopg.Connection[Any]
) -> None:
    async with kept(log_url) as pulse:
        await told(owner, 1)
        pulse.connected()
        await told(owner, 2)
        pulse.failed("the venue hung up")
        pulse.connected()
        found = await told(owner, 4)
    assert found == [
        ("disconnected", "not connected yet"),
        ("live", "messages arrive"),
        ("disconnected", "the venue hung up"),
        ("live", "messages arrive"),
    ]


async def test_a_disconnection_that_was_seen_is_told_once(log_url: str, owner: psycopg.Connection[Any]) -> None:
    async with kept(log_url) as pulse:
        pulse.connected()
        await told(owner, 1)
        pulse.failed("the venue hung up")
        await told(owner, 2)
        pulse.connected()
        found = await told(owner, 3)
    assert [state for state, _ in found] == ["live", "disconnected", "live"]


async def test_silence_and_age_go_by_a_clock_that_nobody_sets(log_url: str) -> None:
    board, now_s = Board.from_settings(), 1_000.0
    async with AsyncLog(log_url) as events:
        pulse = Pulse(FEED, 1, board, events, quiet_max=timedelta(seconds=30), clock=lambda: now_s)
        pulse.connected()
        heard_at = datetime.now(UTC)
        pulse.heard(heard_at)
        pulse._marks.append(1)
        assert pulse._health(heard_at + timedelta(minutes=5)).last_message_at == heard_at + timedelta(minutes=5)
        assert pulse._health(heard_at - timedelta(minutes=5)).last_message_at == heard_at - timedelta(minutes=5)
        assert pulse._state()[0] == "live"
        now_s += 31
        assert pulse._state() == ("stale", "no message for 31 s, expected one within 30 s")
        pulse.heard(heard_at, messages=0)  # the same word once more
        assert pulse._state()[0] == "stale"
        pulse.heard(heard_at, messages=1)
        assert pulse._state()[0] == "live"
    await board.close()
