"""Decode of Deribit's books: messages of the venue's shape, made, for no recording of them is at hand."""

import random
import time
from collections.abc import Iterator
from typing import Any, Final

import ccxt.pro
import msgspec

from hedgeapp.core.instruments import Instrument
from hedgeapp.core.records import record
from marketdata.feeds.deribit.market import Market
from tests.builders.deribit import ETH, NOW_MS, book, snapshot

LEVELS: Final = 50  # a side, at the begin
URL: Final = "wss://www.deribit.com/ws/api/v2"


@record
class Recording:
    """One book's snapshot and the changes that follow on it, as bytes of the venue."""

    instrument: Instrument
    messages: tuple[bytes, ...]
    levels_mean: float


def generated(levels: int, count: int) -> Recording:
    """Make a seeded book and changes of so many levels, at whose touch nearly all of the change is."""
    rows = list(_rows(random.Random(levels), levels, count))
    data = [row["params"]["data"] for row in rows[1:]]
    mean = sum(len(each["bids"]) + len(each["asks"]) for each in data) / len(data)
    return Recording(instrument=ETH, messages=tuple(map(msgspec.json.encode, rows)), levels_mean=mean)


def _rows(chance: random.Random, levels: int, count: int) -> Iterator[dict[str, Any]]:
    touch, standing = 53_600, {}
    for side, inward in (("bids", -1), ("asks", 1)):
        standing[side] = {touch + inward * (1 + i): 5_000 for i in range(LEVELS)}
    levels_of: dict[str, Any] = {side: _levels({}, each) for side, each in standing.items()}
    yield snapshot(100, **levels_of)
    for number in range(1, count):
        touch += chance.choice((-1, 0, 0, 0, 1))
        changes: dict[str, dict[int, int]] = {}
        for side, inward in (("bids", -1), ("asks", 1)):
            gone = {tick: 0 for tick in standing[side] if (tick - touch) * inward <= 0}
            changes[side] = {**gone, touch + inward: chance.randrange(1, 9_000)}
            while len(changes[side]) < levels // 2:
                tick = touch + inward * (2 + int(chance.expovariate(0.1)))
                amount = chance.choice((0, 1_000, 2_000, 3_000))
                changes[side].setdefault(tick, amount if tick in standing[side] else amount or 1_000)
        levels_of = {side: _levels(standing[side], each) for side, each in changes.items()}
        for side, each in changes.items():
            standing[side] = {tick: amount for tick, amount in (standing[side] | each).items() if amount}
        yield book(100 + number, **levels_of)


def _levels(before: dict[int, int], changes: dict[int, int]) -> list[list[Any]]:
    return [
        ["delete" if not amount else "change" if tick in before else "new", round(tick * 0.05, 2), float(amount)]
        for tick, amount in sorted(changes.items())
    ]


def ours(recording: Recording) -> float:
    """Return CPU seconds a message of ours, the best bid and ask kept as marks included."""
    market = Market("deribit", [recording.instrument])
    first, *changes = recording.messages
    market.receive(first, NOW_MS)
    began = time.process_time()
    for change in changes:
        market.receive(change, NOW_MS)
    seconds = time.process_time() - began
    if market.quarantine:
        raise RuntimeError(f"messages without faults expected, found {market.quarantine[0].fault}")
    return seconds / len(changes)


async def theirs(recording: Recording) -> float:
    """Return CPU seconds a message of unmodified ccxt.pro, with one watcher waiting."""
    instrument = recording.instrument
    exchange: Any = ccxt.pro.deribit()
    symbol = f"{instrument.base}/{instrument.quote}:{instrument.settlement}"
    market: dict[str, Any] = {"id": instrument.venue_symbol, "symbol": symbol, "base": instrument.base}
    market |= {"quote": instrument.quote, "settle": instrument.settlement, "type": "swap", "swap": True, "spot": False}
    market |= {"contract": True, "linear": False, "inverse": True, "contractSize": 1.0, "active": True}
    market |= {"precision": {"price": float(instrument.tick_size), "amount": float(instrument.step_size)}}
    try:
        exchange.set_markets([exchange.safe_market_structure(market)])
        client = exchange.client(URL)
        first, *texts = (each.decode() for each in recording.messages)
        client.handle_text_or_binary_message(first)
        began = time.process_time()
        for text in texts:
            watcher = client.future(f"book|{symbol}|100ms")
            client.handle_text_or_binary_message(text)
            (await watcher).limit()
        return (time.process_time() - began) / len(texts)
    finally:
        await exchange.close()
