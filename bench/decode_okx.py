"""Decode of OKX's books: messages of the venue's shape, made, for no recording of them is at hand."""

import random
import time
from collections.abc import Iterator
from typing import Any, Final

import ccxt.pro
import msgspec

from hedgeapp.core.instruments import Instrument
from hedgeapp.core.records import record
from marketdata.feeds.okx.market import Market
from tests.builders.okx import LINEAR, NOW_MS, book, snapshot

LEVELS: Final = 400  # a side, of `books`
URL: Final = "wss://ws.okx.com:8443/ws/v5/public"


@record
class Recording:
    """One book's snapshot and the changes that follow on it, as bytes of the venue."""

    instrument: Instrument
    messages: tuple[bytes, ...]
    levels_mean: float


def generated(levels: int, count: int) -> Recording:
    """Make a seeded book and changes of so many levels, at whose touch nearly all of the change is."""
    rows = list(_rows(random.Random(levels), levels, count))
    mean = sum(len(row["data"][0]["bids"]) + len(row["data"][0]["asks"]) for row in rows[1:]) / (len(rows) - 1)
    return Recording(instrument=LINEAR, messages=tuple(map(msgspec.json.encode, rows)), levels_mean=mean)


def _rows(chance: random.Random, levels: int, count: int) -> Iterator[dict[str, Any]]:
    touch, standing = 268_000, {}
    for side, inward in (("bids", -1), ("asks", 1)):
        standing[side] = {touch + inward * (1 + i): 5_000 for i in range(LEVELS)}
    levels_of: dict[str, Any] = {side: _texts(each) for side, each in standing.items()}
    yield snapshot(100, **levels_of)
    for number in range(1, count):
        touch += chance.choice((-1, 0, 0, 0, 1))
        changes: dict[str, dict[int, int]] = {}
        for side, inward in (("bids", -1), ("asks", 1)):
            gone = {tick: 0 for tick in standing[side] if (tick - touch) * inward <= 0}
            changes[side] = {**gone, touch + inward: chance.randrange(1, 9_000)}
            while len(changes[side]) < levels // 2:
                tick = touch + inward * (2 + int(chance.expovariate(0.1)))
                changes[side].setdefault(tick, chance.choice((0, 1_000, 2_000, 3_000)))
            merged = standing[side] | changes[side]
            standing[side] = {tick: quantity for tick, quantity in merged.items() if quantity}
        levels_of = {side: _texts(each) for side, each in changes.items()}
        yield book(100 + number, **levels_of)


def _texts(levels: dict[int, int]) -> list[list[str]]:
    return [[f"{tick / 100:.15g}", f"{quantity / 100:.15g}", "0", "3"] for tick, quantity in sorted(levels.items())]


def ours(recording: Recording) -> float:
    """Return CPU seconds a message of ours, the best bid and ask kept as marks included."""
    market = Market("okx", [recording.instrument])
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
    exchange: Any = ccxt.pro.okx()
    symbol = f"{instrument.base}/{instrument.quote}:{instrument.settlement}"
    market: dict[str, Any] = {"id": instrument.venue_symbol, "symbol": symbol, "base": instrument.base}
    market |= {"quote": instrument.quote, "settle": instrument.settlement, "type": "swap", "swap": True, "spot": False}
    market |= {"contract": True, "linear": True, "inverse": False, "contractSize": 0.1, "active": True}
    market |= {"precision": {"price": float(instrument.tick_size), "amount": float(instrument.step_size)}}
    try:
        exchange.set_markets([exchange.safe_market_structure(market)])
        client = exchange.client(URL)
        client.subscriptions[f"books:{symbol}"] = True
        first, *texts = (each.decode() for each in recording.messages)
        client.handle_text_or_binary_message(first)
        began = time.process_time()
        for text in texts:
            watcher = client.future(f"books:{symbol}")
            client.handle_text_or_binary_message(text)
            (await watcher).limit()
        return (time.process_time() - began) / len(texts)
    finally:
        await exchange.close()
