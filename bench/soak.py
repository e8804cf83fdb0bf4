"""Soak: the whole stack for ten minutes at five times the recorded rate, and a feed for one at twenty times.

Memory must not grow, nothing may be lost, and numbers must stay as young as they were in the first minute.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
import redis

from bench.decode import INVERSE, LINEAR
from bench.pipeline import CAPTURES, SPEED, latency
from bench.report import Row
from bench.stack import memory_gib
from hedgeapp.core.instruments import Instrument
from hedgeapp.core.reference import Venue
from hedgeapp.ending import end
from marketdata.board import FEEDS as HEALTH
from marketdata.core.board import FeedHealth
from marketdata.feeds.binance.protocol import COINM, USDM
from marketdata.feeds.public.connection import Connection, ConnectionIsLost
from marketdata.feeds.public.market import Market
from marketdata.feeds.public.protocol import PublicProtocol
from tests.sandbox.running import Sandbox
from tests.stack import Stack, running_stack

SOAK_S: Final = 600.0
SETTLED_S: Final = 90.0  # caches are full by then
LOOK_S: Final = 15.0
GROWTH_MAX: Final = 1.1  # memory at the end against memory once settled
BURST: Final = 20
BURST_S: Final = 60.0
BURST_MIB_MAX: Final = 64.0
BACKOFF_S: Final = 0.5
FEEDS: Final = ("feed:binance-usdm", "feed:binance-coinm")


def measure() -> list[Row]:
    """Run both, on the recorded captures, or on the model's world where they are absent."""
    return [*_soak(), *asyncio.run(_burst())]


def _soak() -> list[Row]:
    world = {"SANDBOX_REPLAY": str(CAPTURES), "SANDBOX_SPEED": str(SPEED)} if CAPTURES.is_dir() else {}
    market = f"recorded market at {SPEED} ×" if world else "model market (no recorded captures here)"
    memory, lag = [], []
    with tempfile.TemporaryDirectory() as folder, running_stack(Path(folder), **world) as stack:
        time.sleep(SETTLED_S)
        until, before = time.monotonic() + SOAK_S, _health(stack)
        while time.monotonic() < until:
            memory.append(memory_gib(stack))
            lag.append(latency(stack).p99_ms)
            print(f"{memory[-1]:.3f} GiB, message → exposure p99 {lag[-1]:.0f} ms", file=sys.stderr, flush=True)
            time.sleep(LOOK_S)
        after = _health(stack)
    # The mean of three: one look may fall into a snapshot of the book.
    first, last = sum(memory[:3]) / 3, sum(memory[-3:]) / 3
    faults = sum(
        after[name].counters[what] - before[name].counters[what] for name in FEEDS for what in ("gaps", "refused")
    )
    heard = sum(after[name].counters["messages"] - before[name].counters["messages"] for name in FEEDS)
    return [
        Row(name="soak, messages", value=heard / SOAK_S, unit="/s", compared_with=market),
        Row(
            name="soak, memory after 10 minutes",
            value=last,
            unit="GiB",
            compared_with=f"{first:.3f} GiB before",
            ratio=last / first,
            budget=f"≤ {GROWTH_MAX:g} ×",
            is_met=last <= GROWTH_MAX * first,
        ),
        Row(
            name="soak, message → exposure p99, last minutes",
            value=max(lag[-8:]),
            unit="ms",
            compared_with=f"{max(lag[:8]):.0f} ms in the first ones",
            ratio=max(lag[-8:]) / max(lag[:8]),
        ),
        Row(
            name="soak, gaps and refused messages",
            value=faults,
            unit="",
            compared_with="0",
            budget="0",
            is_met=not faults,
        ),
    ]


def _health(stack: Stack) -> dict[str, FeedHealth]:
    found = redis.Redis.from_url(stack.environment["REDIS_URL"]).hgetall(HEALTH)
    assert isinstance(found, dict)
    told = [msgspec.json.decode(one, type=FeedHealth) for one in found.values()]
    return {one.feed: one for one in told}


async def _burst() -> list[Row]:
    """Follow both venues of a sandbox that replays its captures in a hurry, in this process and without a board."""
    options = ("--replay", str(CAPTURES), "--speed", str(BURST)) if CAPTURES.is_dir() else ()
    with tempfile.TemporaryDirectory() as folder:
        sandbox = Sandbox(Path(folder), "--hand-every", "0", *options)
        try:
            return await _followed(sandbox)
        finally:
            sandbox.stop()


async def _followed(sandbox: Sandbox) -> list[Row]:
    markets, loops, lost = [], [], list[str]()
    for instrument, protocol in ((LINEAR, USDM), (INVERSE, COINM)):
        venue = _venue(sandbox, instrument)
        market = protocol.market(venue.name, [instrument])
        markets.append(market)
        loops.append(asyncio.create_task(_follow(venue, instrument, market, protocol, lost)))
    memory, late = [_resident_mib()], [0.0]
    began = time.monotonic()
    while time.monotonic() - began < BURST_S:
        woken = time.monotonic()
        await asyncio.sleep(0.01)
        late.append(time.monotonic() - woken - 0.01)
        for market in markets:
            market.changed()
            market.roll.taken("bench", "bench")
        if len(late) % 100 == 0:
            memory.append(_resident_mib())
    began_anew = len(markets) * (await asyncio.to_thread(sandbox.get, "/control/state"))["loops"]
    await end(loops)
    lost_otherwise = max(0, len(lost) - began_anew)
    return _rows(markets, lost_otherwise, grown_mib=max(memory) - memory[0], late_ms=max(late) * 1000)


def _rows(markets: Sequence[Market], lost: int, *, grown_mib: float, late_ms: float) -> list[Row]:
    heard = sum(market.message_count for market in markets)
    faults = sum(market.counters["gaps"] + market.counters["refused"] for market in markets) + lost
    return [
        Row(
            name=f"burst of {BURST} ×, messages",
            value=heard / BURST_S,
            unit="/s",
            compared_with="one process, two venues",
        ),
        Row(
            name=f"burst of {BURST} ×, memory grown",
            value=grown_mib,
            unit="MiB",
            compared_with="the bound",
            ratio=grown_mib / BURST_MIB_MAX,
            budget=f"≤ {BURST_MIB_MAX:g} MiB",
            is_met=grown_mib <= BURST_MIB_MAX,
        ),
        Row(
            name=f"burst of {BURST} ×, marks wait for the loop at most",
            value=late_ms,
            unit="ms",
            compared_with="",
        ),
        Row(
            name=f"burst of {BURST} ×, gaps, refused messages and lost connections",
            value=faults,
            unit="",
            compared_with="0",
            budget="0",
            is_met=not faults,
        ),
    ]


async def _follow(
    venue: Venue, instrument: Instrument, market: Market, protocol: PublicProtocol, lost: list[str]
) -> None:
    """Dial again as the feed does, and remember why it had to.

    A venue cuts off who does not keep up; a recording also cuts all, once each time when it begins anew.
    """
    while True:
        try:
            await Connection(venue, (instrument,), market, protocol).run()
        except ConnectionIsLost as why:
            lost.append(str(why))
            await asyncio.sleep(BACKOFF_S)


def _venue(sandbox: Sandbox, instrument: Instrument) -> Venue:
    root = {"binance-usdm": "usdm", "binance-coinm": "coinm"}[instrument.venue]
    return Venue(
        name=instrument.venue,
        protocol=instrument.venue,
        rest_url=sandbox.url,
        ws_url=f"{sandbox.url.replace('http', 'ws')}/{root}",
    )


def _resident_mib() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20
