"""The board gives each follower everything, and neither loses nor stops anybody when its Redis goes away."""

import asyncio
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import redis
import redis.asyncio
from redis.exceptions import RedisError

from hedgeapp.core.marks import Mark, MarkKind
from hedgeapp.ending import end
from hedgeapp.up.valkey import Valkey
from marketdata import board as boards
from marketdata.board import DEPTHS, FEEDS, MARKS, Board
from marketdata.core.board import Depth, FeedHealth
from tests.sandbox.running import free_port

WAIT_S = 60.0
AT = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Redis:
    """A Valkey of the test's own, which it may kill."""

    def __init__(self, folder: Path) -> None:
        self.server = Valkey(folder=folder, port=free_port(), password="test-only", durable=False)
        self.start()

    def start(self) -> None:
        """Start it, with nothing in it, and wait until it answers."""
        self.server.prepare()
        self.process = subprocess.Popen(self.server.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + WAIT_S
        with closing(redis.Redis.from_url(self.server.url)) as client:
            while True:
                try:
                    client.ping()
                    return
                except RedisError:
                    assert time.monotonic() < until, "Valkey did not start"
                    time.sleep(0.02)

    def kill(self) -> None:
        """Kill it as nothing else would."""
        self.process.kill()
        self.process.wait()


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[Redis]:
    """A Valkey that the test may kill."""
    own = Redis(tmp_path / "valkey")
    yield own
    own.kill()


@pytest.fixture
async def board(own_redis: Redis) -> AsyncIterator[Board]:
    """A board on it."""
    found = Board(own_redis.server.url)
    yield found
    await found.close()


def mark(value: str, kind: MarkKind = "mark", subject: str = "binance-usdm:ETH-USDT-PERP") -> Mark:
    """Return a mark."""
    received_at = AT + timedelta(milliseconds=7)
    return Mark(subject=subject, kind=kind, value=Decimal(value), at=AT, received_at=received_at, source="binance-usdm")


def health(feed: str) -> FeedHealth:
    """Return the health of a feed."""
    return FeedHealth(
        feed=feed,
        is_connected=True,
        since=AT,
        last_message_at=AT,
        messages_per_s=12.5,
        counters={"messages": 100, "gaps": 1},
        error="",
        epoch=3,
        posted_at=AT,
    )


async def posted(board: Board, *marks: Mark) -> None:
    """Post until the board takes it."""
    async with asyncio.timeout(WAIT_S):
        while not await board.post(marks):  # noqa: ASYNC110 - what is waited for happens in another process
            await asyncio.sleep(0.05)


class Follower:
    """Somebody who follows the board."""

    def __init__(self, board: Board) -> None:
        self.batches: list[list[Mark]] = []
        self.task = asyncio.create_task(self._follow(board))

    async def _follow(self, board: Board) -> None:
        async for batch in board.follow():
            self.batches.append(batch)

    async def until(self, holds: Callable[[list[list[Mark]]], bool]) -> None:
        """Wait until what was heard is as expected."""
        async with asyncio.timeout(WAIT_S):
            while not holds(self.batches):
                if self.task.done():
                    self.task.result()
                await asyncio.sleep(0.01)


@pytest.fixture
async def follower(board: Board) -> AsyncIterator[Follower]:
    """Somebody who has heard the whole board once."""
    found = Follower(board)
    await found.until(lambda batches: len(batches) == 1)
    yield found
    await end([found.task])


async def test_the_latest_of_each_mark_is_read_back_to_the_last_digit(board: Board) -> None:
    assert await board.post([mark("2681.60", "bid"), mark("2681.61234567")])
    assert await board.post([mark("2681.70", "bid")])
    found = {one.kind: one for one in await board.read()}
    assert found == {"bid": mark("2681.70", "bid"), "mark": mark("2681.61234567")}
    assert str(found["bid"].value) == "2681.70"


async def test_of_one_mark_twice_in_a_post_the_last_counts(board: Board) -> None:
    await board.post([mark("1"), mark("2")])
    assert await board.read() == [mark("2")]


async def test_a_follower_gets_the_whole_board_then_each_change(board: Board) -> None:
    await board.post([mark("1"), mark("2", "bid")])
    follower = Follower(board)
    await follower.until(lambda batches: len(batches) == 1)
    assert sorted(follower.batches[0], key=lambda one: one.value) == [mark("1"), mark("2", "bid")]
    await board.post([mark("3")])
    await follower.until(lambda batches: batches[1:] == [[mark("3")]])
    follower.task.cancel()


async def test_a_post_of_nothing_is_not_announced(board: Board, follower: Follower) -> None:
    assert await board.post([])
    await board.post([mark("1")])
    await follower.until(lambda batches: batches == [[], [mark("1")]])


async def test_a_killed_redis_costs_its_followers_nothing_that_is_posted_again(
    own_redis: Redis, board: Board, follower: Follower
) -> None:
    await board.post([mark("1")])
    await follower.until(lambda batches: len(batches) == 2)
    own_redis.kill()
    assert not await board.post([mark("2")])
    assert board.posts_lost >= 1
    own_redis.start()
    await posted(board, mark("3"))
    await follower.until(lambda batches: mark("3") in batches[-1])
    await board.post([mark("4")])
    await follower.until(lambda batches: batches[-1] == [mark("4")])


async def test_a_flushed_redis_is_filled_by_the_next_posts(own_redis: Redis, board: Board, follower: Follower) -> None:
    await board.post([mark("1")])
    with closing(redis.Redis.from_url(own_redis.server.url)) as client:
        client.flushall()
    assert await board.read() == []
    await board.post([mark("2")])
    assert await board.read() == [mark("2")]
    await follower.until(lambda batches: batches[-1] == [mark("2")])


async def test_a_redis_that_hangs_stops_nobody(
    own_redis: Redis, board: Board, follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boards, "TIMEOUT_S", 0.2)
    own_redis.process.send_signal(signal.SIGSTOP)
    try:
        assert not await board.post([mark("1")])
        assert not await board.post_health(health("feed:binance-usdm"))
        assert not await board.post_depth([], gone=["binance-usdm:ETH-USDT-PERP"])
        assert await board.read_health() == ()
    finally:
        own_redis.process.send_signal(signal.SIGCONT)
    await posted(board, mark("2"))
    await follower.until(lambda batches: mark("2") in batches[-1])


async def test_a_subscription_that_is_dead_is_found_and_made_again(
    own_redis: Redis, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boards, "QUIET_S_MAX", 0.2)
    follower = Follower(board)
    await follower.until(lambda batches: len(batches) == 1)
    own_redis.process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(1.0)
    own_redis.process.send_signal(signal.SIGCONT)
    await follower.until(lambda batches: len(batches) >= 2)
    await board.post([mark("1")])
    await follower.until(lambda batches: batches[-1] == [mark("1")])
    follower.task.cancel()


async def test_health_is_read_back_by_name_and_forgotten_when_asked(board: Board) -> None:
    for feed in ("feed:binance-usdm", "account:binance-usdm:main"):
        assert await board.post_health(health(feed))
    assert await board.read_health() == (health("account:binance-usdm:main"), health("feed:binance-usdm"))
    await board.forget(["feed:binance-usdm"])
    assert await board.read_health() == (health("account:binance-usdm:main"),)


async def test_a_depth_is_read_back_until_it_is_gone(board: Board) -> None:
    depth = Depth(
        instrument="binance-usdm:ETH-USDT-PERP",
        bids=((2681.6, 1.0), (2681.59, 4.0)),
        asks=((2681.61, 2.5),),
        at=AT,
        received_at=AT + timedelta(milliseconds=7),
    )
    assert await board.post_depth([depth])
    assert await board.read_depth(depth.instrument) == depth
    assert await board.read_depth("binance-coinm:ETH-USD-PERP") is None
    assert await board.post_depth([], gone=[depth.instrument])
    assert await board.read_depth(depth.instrument) is None


async def test_what_another_version_left_is_passed_over(own_redis: Redis, board: Board, follower: Follower) -> None:
    with closing(redis.Redis.from_url(own_redis.server.url)) as client:
        client.hset(MARKS, "old|mark", b'{"price": 1}')
        client.hset(FEEDS, "old", b"not JSON")
        client.hset(DEPTHS, "old", b'{"bids": 1}')
        client.publish(MARKS, b"[1, 2]")
    await board.post([mark("1")])
    assert await board.read() == [mark("1")]
    assert await board.read_health() == ()
    assert await board.read_depth("old") is None
    await follower.until(lambda batches: batches[-1] == [mark("1")])


async def test_a_board_that_is_away_from_the_start_is_followed_once_it_comes(own_redis: Redis, board: Board) -> None:
    own_redis.kill()
    follower = Follower(board)
    assert not await board.post([mark("1")])
    own_redis.start()
    await follower.until(lambda batches: len(batches) == 1)
    await board.post([mark("2")])
    await follower.until(lambda batches: batches[-1] == [mark("2")])
    follower.task.cancel()
