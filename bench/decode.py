"""Decode: what a book message costs us with all checks, against unmodified ccxt.pro in the same run.

Both decode the bytes and keep the book: the recorded captures where they are, else messages of the same shape. Of other
venues there is no recording: Binance's is retold in their messages. ccxt.pro gets each message by its own receive path
with one watcher waiting, as it does in use.
"""

import asyncio
import gzip
import random
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

import ccxt.pro
import msgspec

from bench import streamed
from bench.decode_bybit import BYBIT
from bench.decode_deribit import DERIBIT
from bench.decode_okx import OKX
from bench.laps import Lap, undisturbed
from bench.report import Row
from hedgeapp.core.instruments import Instrument
from hedgeapp.core.records import record
from marketdata.feeds.binance import messages
from marketdata.feeds.binance.market import Market
from marketdata.feeds.binance.spot import SpotMarket

CAPTURES: Final = Path(__file__).resolve().parents[2] / "shared" / "data" / "market"
URLS: Final = {
    "linear": "wss://fstream.binance.com/public/ws/0",
    "inverse": "wss://dstream.binance.com/ws/0",
    "spot": "wss://stream.binance.com:9443/ws/0",
}
MESSAGES_MAX: Final = 4_000
ROUNDS: Final = 9

LINEAR: Final = Instrument(
    id="binance-usdm:ETH-USDT-PERP",
    venue="binance-usdm",
    symbol="ETH-USDT-PERP",
    venue_symbol="ETHUSDT",
    kind="linear",
    expiry="perpetual",
    base="ETH",
    quote="USDT",
    settlement="USDT",
    contract_size=Decimal(1),
    tick_size=Decimal("0.01"),
    step_size=Decimal("0.001"),
)
INVERSE: Final = replace(
    LINEAR,
    id="binance-coinm:ETH-USD-PERP",
    venue="binance-coinm",
    symbol="ETH-USD-PERP",
    venue_symbol="ETHUSD_PERP",
    kind="inverse",
    quote="USD",
    settlement="ETH",
    contract_size=Decimal(10),
    step_size=Decimal(1),
)
PAIR: Final = replace(
    LINEAR,
    id="binance-spot:ETH-USDT-SPOT",
    venue="binance-spot",
    symbol="ETH-USDT-SPOT",
    expiry="spot",
    step_size=Decimal("0.0001"),
)


@record
class Recording:
    """One book's snapshot and the deltas that follow on it, as bytes of the venue; `market` is what reads them."""

    name: str
    instrument: Instrument
    market: type[Market]
    snapshot: bytes
    deltas: tuple[bytes, ...]

    @property
    def levels_mean(self) -> float:
        """How many levels a message has on average."""
        decoded = [self.market.decode(delta) for delta in self.deltas]
        return sum(len(each.bids) + len(each.asks) for each in decoded) / len(decoded)


def measure() -> list[Row]:
    """Measure many and few levels a message."""
    rows = []
    contracts = captured(CAPTURES / "usdm_ethusdt_20240808.gz", LINEAR, Market)
    coins = captured(CAPTURES / "cm_ethusd_perp_20240808.gz", INVERSE, Market)
    for recording, ratio_min in (
        (contracts or generated(66), 5.0),
        (coins or generated(10), 8.0),
        (captured(CAPTURES / "spot_ethusdt_20240808.gz", PAIR, SpotMarket), 5.0),
    ):
        if recording is None:  # the shape of the pair's messages is that of contracts
            continue
        ours, theirs = asyncio.run(_both(partial(_ours, recording), partial(_theirs, recording)))
        name = f"{recording.instrument.venue}, {recording.name}"
        rows.append(_row(name, recording.levels_mean, ours, theirs, ratio_min))
    for venue, changes, levels, ratio_min in (
        (BYBIT, contracts, 66, 5),
        (BYBIT, coins, 10, 8),
        # ccxt.pro takes half as long for OKX's messages as for Bybit's.
        (OKX, contracts, 66, 3),
        (OKX, coins, 10, 3),
        # Deribit sends numbers, which ccxt.pro takes as they are: it has less to do for them than at any other venue.
        (DERIBIT, contracts, 66, 2.5),
        (DERIBIT, coins, 10, 2.5),
    ):
        made = streamed.retold(venue, _changes(changes)) if changes else streamed.generated(venue, levels, MESSAGES_MAX)
        ours, theirs = asyncio.run(_both(partial(streamed.ours, made), partial(streamed.theirs, made)))
        rows.append(_row(f"{venue.name}, {made.name}", made.levels_mean, ours, theirs, ratio_min))
    return rows


def _changes(recording: Recording) -> Iterator[tuple[streamed.Levels, streamed.Levels]]:
    """Yield the book of a recording and its changes, in steps of the instrument: bids and asks of each."""
    snapshot = messages.snapshot(recording.snapshot)
    for each in (snapshot, *map(recording.market.decode, recording.deltas)):
        yield _in_steps(recording.instrument, each.bids), _in_steps(recording.instrument, each.asks)


def _in_steps(instrument: Instrument, levels: Iterable[tuple[float, float]]) -> streamed.Levels:
    tick, step = float(instrument.tick_size), float(instrument.step_size)
    return {round(price / tick): round(quantity / step) for price, quantity in levels}


def _row(name: str, levels: float, ours: float, theirs: float, ratio_min: float) -> Row:
    return Row(
        name=f"book decode with all checks, {name}, {levels:.0f} levels a message",
        value=ours * 1e6,
        unit="µs a message",
        compared_with=f"ccxt.pro {theirs * 1e6:.3g} µs",
        ratio=theirs / ours,
        budget=f"≥ {ratio_min:g} × faster",
        is_met=theirs >= ratio_min * ours,
    )


def captured(path: Path, instrument: Instrument, market: type[Market]) -> Recording | None:
    """Read a capture's snapshot and its deltas from the one that bridges to it; None when there is no capture."""
    if not path.exists():
        return None
    snapshot, deltas = b"", []
    for line in gzip.decompress(path.read_bytes()).splitlines():
        text = line.partition(b" ")[2]
        if text.startswith(b'{"lastUpdateId"'):
            snapshot = text
        elif b'"depthUpdate"' in text:
            deltas.append(bytes(msgspec.json.decode(text, type=dict[str, msgspec.Raw])["data"]))
    last_id = messages.snapshot(snapshot).last_id
    first = next(i for i, delta in enumerate(deltas) if market.decode(delta).last_id >= last_id)
    chosen = tuple(deltas[first : first + MESSAGES_MAX])
    return Recording(name="recorded", instrument=instrument, market=market, snapshot=snapshot, deltas=chosen)


def generated(levels: int) -> Recording:
    """Make a seeded book and deltas of so many levels (an even number from 8), most of them near the touch."""
    chance = random.Random(levels)
    at_ms, update_id, touch = 1_723_161_256_000, 1_000, 268_000
    sides = [_rows((touch + inward * (1 + i), 5_000) for i in range(1_000)) for inward in (-1, 1)]
    snapshot = {"lastUpdateId": update_id, "bids": sides[0], "asks": sides[1]}
    deltas = []
    for number in range(MESSAGES_MAX):
        touch += chance.choice((-1, 0, 0, 0, 1))
        sides = [_rows(_moved(chance, touch, inward, levels // 2)) for inward in (-1, 1)]
        text = {"e": "depthUpdate", "E": at_ms + number, "T": at_ms + number, "s": "ETHUSDT", "U": update_id + 1}
        text |= {"u": update_id + 9, "pu": update_id, "b": sides[0], "a": sides[1]}
        update_id += 9
        deltas.append(msgspec.json.encode(text))
    begin = msgspec.json.encode(snapshot)
    return Recording(name="generated", instrument=LINEAR, market=Market, snapshot=begin, deltas=tuple(deltas))


def _moved(chance: random.Random, touch: int, inward: int, count: int) -> list[tuple[int, int]]:
    """Return the changes of one side after the touch moved: two levels gone, a best one, others at random."""
    changes = {touch: 0, touch - inward: 0, touch + inward: chance.randrange(1, 9_000)}
    while len(changes) < count:
        tick = touch + inward * (2 + int(chance.expovariate(0.01)))
        changes.setdefault(tick, chance.choice((0, 1_000, 2_000, 3_000)))
    return sorted(changes.items())


def _rows(levels: Iterable[tuple[int, int]]) -> list[tuple[str, str]]:
    return [(f"{tick / 100:.2f}", f"{quantity / 1000:.3f}") for tick, quantity in levels]


async def _both(ours: Callable[[], list[Lap]], theirs: Callable[[], Awaitable[list[Lap]]]) -> tuple[float, float]:
    """Return CPU seconds a message of ours and of ccxt.pro, in rounds by turns."""
    found = [(ours(), await theirs()) for _ in range(ROUNDS)]
    mine, other = (undisturbed(rounds, attrgetter("core_s")) for rounds in zip(*found, strict=True))
    return 1 / mine, 1 / other


def _ours(recording: Recording) -> list[Lap]:
    instrument = recording.instrument
    market = recording.market(instrument.venue, [instrument])
    fed = [(delta, market.decode(delta).at_ms) for delta in recording.deltas]
    market.receive(*fed[0])
    market.load(instrument.venue_symbol, recording.snapshot, fed[0][1])
    return streamed.receiving(market, fed[1:])


async def _theirs(recording: Recording) -> list[Lap]:
    instrument = recording.instrument
    exchange, symbol, url = _ccxt_of(instrument)
    try:
        client = exchange.client(url)
        book = exchange.orderbooks[symbol] = exchange.order_book({}, 1_000)
        snapshot = msgspec.json.decode(recording.snapshot)
        book.reset(exchange.parse_order_book(snapshot, symbol) | {"nonce": snapshot["lastUpdateId"]})
        texts = [delta.decode() for delta in recording.deltas]
        client.handle_text_or_binary_message(texts[0])
        return await streamed.watching(client, f"orderbook::{symbol}", texts[1:])
    finally:
        await exchange.close()


def _ccxt_of(instrument: Instrument) -> tuple[Any, str, str]:
    """Return ccxt.pro's client that knows one market, its spelling of it, and the URL of its stream."""
    kind = instrument.kind if instrument.is_contract else "spot"
    exchange = getattr(ccxt.pro, {"linear": "binanceusdm", "inverse": "binancecoinm", "spot": "binance"}[kind])()
    return exchange, streamed.listed(exchange, instrument), URLS[kind]
