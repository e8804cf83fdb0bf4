"""A venue's stream of one book, and what it costs us and unmodified ccxt.pro to decode it.

What changes in it was recorded at another venue and is retold in this one's messages, or it is made from a seed.
"""

import random
from collections.abc import Callable, Iterable, Iterator
from statistics import fmean
from typing import Any, Final

import ccxt.pro
import msgspec

from bench.laps import Lap, Watch
from hedgeapp.core.instruments import Instrument
from hedgeapp.core.records import record
from marketdata.feeds.public.market import Market

FIRST_ID: Final = 100
PART: Final = 250  # messages

Levels = dict[int, int]  # quantity by tick, both counted in the venue's smallest steps; 0 takes the level out


@record
class Side:
    """One side of a book as one message changes it."""

    before: Levels
    changes: Levels


@record
class Streamed:
    """What the books of one venue differ in."""

    name: str
    instrument: Instrument
    market: Callable[[str, list[Instrument]], Market]
    row: Callable[[int, Side, Side], dict[str, Any]]  # the message of an id: the snapshot at FIRST_ID, then changes
    touch: int  # the tick that the book begins around
    depth: int  # levels a side at the begin
    is_strict: bool = False  # whether only a level that stands may be taken out
    url: str
    watched: str  # what ccxt.pro's watcher waits on, of a {symbol}
    is_subscribed: bool = False  # whether ccxt.pro takes only what it has noted as subscribed to


@record
class Recording:
    """One book's snapshot and the changes that follow on it, as bytes of the venue."""

    venue: Streamed
    name: str
    messages: tuple[bytes, ...]
    levels_mean: float


def generated(venue: Streamed, levels: int, count: int) -> Recording:
    """Make a seeded book and changes of so many levels, at whose touch nearly all of the change is."""
    return _told(venue, "generated", _walk(venue, levels, count))


def retold(venue: Streamed, changes: Iterable[tuple[Levels, Levels]]) -> Recording:
    """Tell a book and its changes, bids and asks of each, as this venue would: none takes out what does not stand."""
    return _told(venue, "retold", _followed(changes))


def _followed(changes: Iterable[tuple[Levels, Levels]]) -> Iterator[tuple[Side, Side]]:
    standing: list[Levels] = [{}, {}]
    for both in changes:
        sides = []
        for before, changed in zip(standing, both, strict=True):
            known = {tick: quantity for tick, quantity in changed.items() if quantity or tick in before}
            sides.append(Side(before=before, changes=known))
        if any(side.changes for side in sides):
            yield sides[0], sides[1]
        for before, side in zip(standing, sides, strict=True):
            before |= side.changes
            for tick in [tick for tick, quantity in side.changes.items() if not quantity]:
                del before[tick]


def _told(venue: Streamed, name: str, sides: Iterable[tuple[Side, Side]]) -> Recording:
    messages, levels = [], []
    for number, (bids, asks) in enumerate(sides, FIRST_ID):
        messages.append(msgspec.json.encode(venue.row(number, bids, asks)))
        levels.append(len(bids.changes) + len(asks.changes))
    return Recording(venue=venue, name=name, messages=tuple(messages), levels_mean=fmean(levels[1:]))


def _walk(venue: Streamed, levels: int, count: int) -> Iterator[tuple[Side, Side]]:
    """Yield bids and asks of each message, the whole book first."""
    chance, touch = random.Random(levels), venue.touch
    standing = {inward: {touch + inward * (1 + i): 5_000 for i in range(venue.depth)} for inward in (-1, 1)}
    yield Side(before={}, changes=standing[-1]), Side(before={}, changes=standing[1])
    for _ in range(1, count):
        touch += chance.choice((-1, 0, 0, 0, 1))
        sides = []
        for inward in (-1, 1):
            before = standing[inward]
            changes = {tick: 0 for tick in before if (tick - touch) * inward <= 0}
            changes[touch + inward] = chance.randrange(1, 9_000)
            while len(changes) < levels // 2:
                tick = touch + inward * (2 + int(chance.expovariate(0.1)))
                quantity = chance.choice((0, 1_000, 2_000, 3_000))
                is_nothing = venue.is_strict and not quantity and tick not in before
                changes.setdefault(tick, 1_000 if is_nothing else quantity)
            standing[inward] = {tick: quantity for tick, quantity in (before | changes).items() if quantity}
            sides.append(Side(before=before, changes=changes))
        yield sides[0], sides[1]


def ours(recording: Recording) -> list[Lap]:
    """Return what the messages cost us, the best bid and ask kept as marks included."""
    instrument = recording.venue.instrument
    market = recording.venue.market(instrument.venue, [instrument])
    received_ms = 1_794_000_000_000  # when the made messages say that they were sent
    first, *changes = recording.messages
    market.receive(first, received_ms)
    return receiving(market, [(change, received_ms) for change in changes])


def receiving(market: Market, fed: list[tuple[bytes, int]]) -> list[Lap]:
    """Return what it costs a market to take messages, each with when it was received."""
    watch = Watch()
    for start in range(0, len(fed), PART):
        for message, received_ms in fed[start : start + PART]:
            market.receive(message, received_ms)
        watch.lap(len(fed[start : start + PART]))
    if market.quarantine:
        raise RuntimeError(f"messages without faults expected, found {market.quarantine[0].fault}")
    return watch.laps


async def theirs(recording: Recording) -> list[Lap]:
    """Return what the messages cost unmodified ccxt.pro, with one watcher waiting."""
    venue = recording.venue
    exchange = getattr(ccxt.pro, venue.instrument.venue)()
    try:
        watched = venue.watched.format(symbol=listed(exchange, venue.instrument))
        client = exchange.client(venue.url)
        if venue.is_subscribed:
            client.subscriptions[watched] = True
        first, *texts = (each.decode() for each in recording.messages)
        client.handle_text_or_binary_message(first)
        return await watching(client, watched, texts)
    finally:
        await exchange.close()


def listed(exchange: Any, instrument: Instrument) -> str:
    """Make one market known to ccxt.pro's client, as if it had loaded it; return its spelling of it."""
    is_linear, is_contract = instrument.kind == "linear", instrument.is_contract
    symbol = f"{instrument.base}/{instrument.quote}" + f":{instrument.settlement}" * is_contract
    market: dict[str, Any] = {"id": instrument.venue_symbol, "symbol": symbol, "base": instrument.base}
    market |= {"quote": instrument.quote, "active": True, "contract": is_contract}
    market |= {"type": "swap" if is_contract else "spot", "swap": is_contract, "spot": not is_contract}
    if is_contract:
        market |= {"settle": instrument.settlement, "linear": is_linear, "inverse": not is_linear}
        market |= {"contractSize": float(instrument.contract_size)}
    market |= {"precision": {"price": float(instrument.tick_size), "amount": float(instrument.step_size)}}
    exchange.set_markets([exchange.safe_market_structure(market)])
    return symbol


async def watching(client: Any, watched: str, texts: list[str]) -> list[Lap]:
    """Return what messages cost ccxt.pro's own receive path with one watcher waiting."""
    watch = Watch()
    for start in range(0, len(texts), PART):
        for text in texts[start : start + PART]:
            watcher = client.future(watched)
            client.handle_text_or_binary_message(text)
            (await watcher).limit()
        watch.lap(len(texts[start : start + PART]))
    return watch.laps
