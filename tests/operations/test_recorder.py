"""The recorder keeps what the board and the tape say, once, whatever happens to it or to its database."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from hedgeapp.core.marks import Mark, MarkKind
from hedgeapp.database import conninfo
from hedgeapp.ending import end
from marketdata.board import Board
from marketdata.core.recorded import RECORDED
from marketdata.core.tape import Batch, RefusedSeen, Roll, TradeSeen
from marketdata.recorder import service
from marketdata.recorder.service import Recorder
from marketdata.recorder.store import REFUSED_ROWS_MAX, AnotherRecorderWrote, Store, days_kept
from marketdata.tape import keep_tape
from tests.builders.recorded import emptied_records
from tests.operations.test_board import Redis

WAIT_S = 60.0
AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
ETH = "binance-usdm:ETH-USDT-PERP"
Connection = psycopg.Connection[Any]


def mark(kind: MarkKind, value: str) -> Mark:
    now = datetime.now(UTC)
    return Mark(subject=ETH, kind=kind, value=Decimal(value), at=now, received_at=now, source="binance-usdm")


def trade(number: int) -> TradeSeen:
    now = int(datetime.now(UTC).timestamp() * 1000)
    return TradeSeen(
        instrument=ETH, at_ms=now, received_ms=now, trade_id=str(number), side="buy", price=2681.6, quantity=0.5
    )


def batch(first: int, count: int, **given: Any) -> Batch:
    trades = tuple(trade(number) for number in range(first, first + count))
    return replace(Batch(feed="feed:binance-usdm", run="run", first=first, trades=trades), **given)


def refused(number: int) -> RefusedSeen:
    now = int(datetime.now(UTC).timestamp() * 1000)
    return RefusedSeen(kind="malformed", fault=f"fault {number}", received_ms=now, raw=b"\x00not JSON")


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[Redis]:
    own = Redis(tmp_path / "valkey")
    yield own
    own.kill()


@pytest.fixture
async def board(own_redis: Redis) -> AsyncIterator[Board]:
    found = Board(own_redis.server.url)
    yield found
    await found.close()


@pytest.fixture
def records(owner: Connection) -> Iterator[Connection]:
    """The database, without recorded market data before and after."""
    emptied_records(owner)
    yield owner
    emptied_records(owner)


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "WRITE_S", 0.05)
    monkeypatch.setattr(service, "PAUSE_S", 0.05)


def ids(connection: Connection) -> list[int]:
    return [int(row[0]) for row in connection.execute("SELECT trade_id FROM marketdata_trade ORDER BY trade_id::int")]


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not await asyncio.to_thread(holds):  # noqa: ASYNC110 - what is waited for happens in another process
            await asyncio.sleep(0.02)


class Running:
    """A recorder while it runs."""

    def __init__(self, board: Board, epoch: int = 1) -> None:
        self.recorder = Recorder(board, epoch)
        self.tasks = [asyncio.create_task(self.recorder.sample()), asyncio.create_task(self.recorder.write())]

    async def stop(self) -> None:
        await end(self.tasks)


async def test_samples_and_trades_reach_their_tables(board: Board, records: Connection) -> None:
    running = Running(board)
    await board.post([mark(kind, "2681.6") for kind in ("bid", "mark", "index")] + [mark("ask", "2681.7")])
    await board.post_tape(batch(0, 3))
    await until(lambda: ids(records) == [0, 1, 2])
    await until(lambda: bool(records.execute("SELECT 1 FROM marketdata_quote").fetchone()))
    await running.stop()
    row = records.execute("SELECT instrument, bid, ask, mark, index FROM marketdata_quote").fetchone()
    assert row == (ETH, 2681.6, 2681.7, 2681.6, 2681.6)
    assert running.recorder.written["trades"] == 3
    assert running.recorder.lost == {}


async def test_a_feed_of_any_venue_hands_its_roll_over(
    board: Board, records: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("marketdata.tape.POST_S", 0.02)
    roll, running = Roll(), Running(board)
    keeping = asyncio.create_task(keep_tape("feed:elsewhere", roll, board))
    for number in range(10):
        roll.trade(trade(number))
        await asyncio.sleep(0.01)
    await until(lambda: ids(records) == list(range(10)))
    await end([keeping])
    await running.stop()
    assert running.recorder.lost == {}


async def test_a_takeover_writes_nothing_twice_and_stops_the_one_before(board: Board, records: Connection) -> None:
    first = Running(board, epoch=1)
    await board.post_tape(batch(0, 2))
    await until(lambda: ids(records) == [0, 1])
    second = Running(board, epoch=2)
    await board.post_tape(batch(2, 2))
    await until(lambda: ids(records) == [0, 1, 2, 3])
    await board.post_tape(batch(4, 1))
    with pytest.raises(AnotherRecorderWrote):
        await first.tasks[1]
    await until(lambda: ids(records) == [0, 1, 2, 3, 4])
    await first.stop()
    await second.stop()
    assert second.recorder.lost == {}


async def test_what_the_tape_lost_is_counted_by_its_feed(board: Board, records: Connection) -> None:
    running = Running(board)
    await board.post_tape(batch(0, 2))
    await board.post_tape(batch(7, 1))
    await until(lambda: ids(records) == [0, 1, 7])
    await running.stop()
    assert running.recorder.lost == {"feed:binance-usdm": 5}
    assert running.recorder.health(datetime.now(UTC)).lost == {"feed:binance-usdm": 5}


async def test_a_database_that_is_away_is_said_and_what_waited_is_written_later(
    board: Board, records: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "conninfo", lambda: "host=127.0.0.1 port=1 dbname=nowhere")
    running = Running(board)
    await board.post([mark("bid", "2681.6"), mark("ask", "2681.7")])
    await board.post_tape(batch(0, 2))
    await until(lambda: "the database is away" in running.recorder.error and running.recorder.health(AT).waiting > 0)
    monkeypatch.setattr(service, "conninfo", conninfo)
    await until(lambda: ids(records) == [0, 1])
    await until(lambda: records.execute("SELECT count(*) FROM marketdata_quote").fetchone() == (1,))
    await running.stop()
    assert running.recorder.error == ""
    assert running.recorder.lost == {}


async def test_no_more_samples_wait_than_their_bound(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "WAITING_MAX", 2)
    recorder = Recorder(board, 1)
    sampling = asyncio.create_task(recorder.sample())
    async with asyncio.timeout(WAIT_S):
        while recorder.lost["samples"] < 3:
            await board.post([mark("bid", "2681.6"), mark("ask", "2681.7")])
            await asyncio.sleep(0.02)
    await end([sampling])
    assert recorder.health(datetime.now(UTC)).waiting == 2


async def test_what_the_database_cannot_hold_is_counted_and_does_not_stop_the_rest(
    board: Board, records: Connection
) -> None:
    running = Running(board)
    poison = TradeSeen(
        instrument="nul\0", at_ms=1, received_ms=trade(0).received_ms, trade_id="0", side="buy", price=1.0, quantity=1.0
    )
    await board.post_tape(batch(0, 0, trades=(poison,)))
    async with asyncio.timeout(WAIT_S):
        while running.recorder.lost["unwritable"] == 0:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    await board.post_tape(batch(1, 1))
    await until(lambda: ids(records) == [1])
    await running.stop()


async def test_a_refused_message_is_kept_with_its_bytes_and_only_so_many(board: Board, records: Connection) -> None:
    running = Running(board)
    for first in range(0, REFUSED_ROWS_MAX + 20, 20):
        seen = tuple(refused(number) for number in range(first, first + 20))
        await board.post_tape(batch(first, 0, refused=seen))
    last = f"fault {REFUSED_ROWS_MAX + 19}"
    await until(lambda: bool(records.execute("SELECT 1 FROM marketdata_refused WHERE fault = %s", [last]).fetchone()))
    await running.stop()
    found = records.execute("SELECT count(*), min(feed), bool_and(raw = %s) FROM marketdata_refused", [b"\x00not JSON"])
    assert found.fetchone() == (REFUSED_ROWS_MAX, "feed:binance-usdm", True)


def partitions(connection: Connection) -> set[str]:
    rows = connection.execute(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'marketdata_trade'::regclass"
    )
    return {name for (name,) in rows}


async def test_days_are_made_ahead_and_dropped_behind(records: Connection, app_url: str) -> None:
    today = date(2026, 3, 1)
    async with Store(app_url, 1) as store:
        await store.keep_days(*days_kept(today, 2))
        made = {f"marketdata_trade_{day}" for day in ("20260227", "20260228", "20260301", "20260302", "20260303")}
        assert partitions(records) == made
        await store.keep_days(*days_kept(today + timedelta(days=1), 2))
        gone, new = "marketdata_trade_20260227", "marketdata_trade_20260304"
        assert partitions(records) == made - {gone} | {new}


def test_every_kind_has_the_columns_that_it_says(records: Connection) -> None:
    for recorded in RECORDED.values():
        rows = records.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = %s ORDER BY ordinal_position",
            [recorded.table],
        )
        assert [name for (name,) in rows] == [column.name for column in recorded.columns]
