"""Board: the latest marks, books next to their touch and the feeds' health, in Redis, for whoever values the book.

Everything here may be lost: after a restart or a FLUSHALL the feeds write it again within seconds. Who posts never
waits long for Redis and never fails with it; who follows gets the whole board after every reconnect, then each change.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any, Final, TypeVar

import msgspec
import redis.asyncio
import structlog
from django.conf import settings
from redis.exceptions import RedisError

from hedgeapp.core.marks import Mark
from marketdata.core.asset_prices import PriceQuote
from marketdata.core.board import Depth, FeedHealth, LatencySummary, RecorderHealth
from marketdata.core.tape import Batch

MARKS: Final = "board:marks"  # hash of the latest mark by subject and kind; also the channel of changes
DEPTHS: Final = "board:depths"  # hash of a book next to its touch by instrument
FEEDS: Final = "board:feeds"  # hash of the health by feed
QUOTES: Final = "board:quotes"  # hash of what each source says of an asset's USD price
TAPE: Final = "board:tape"  # stream of batches for the recorder
TAPE_BATCHES_MAX: Final = 2_000  # that wait in the stream; the oldest give way
RECORDER: Final = "board:recorder"  # how the recorder does
LATENCY: Final = "board:latency"  # how fast exposure follows the market
TIMEOUT_S: Final = 1.0  # a board that answers no faster is away
PAUSE_S: Final = 0.2  # between two attempts to follow
QUIET_S_MAX: Final = 5.0  # a subscription that is silent for longer is asked whether it lives

T = TypeVar("T")
AWAY: Final = (RedisError, OSError, TimeoutError)

log = structlog.get_logger()
_encode = msgspec.json.Encoder().encode
_mark = msgspec.json.Decoder(Mark).decode
_marks = msgspec.json.Decoder(list[Mark]).decode
_depth = msgspec.json.Decoder(Depth).decode
_quote = msgspec.json.Decoder(PriceQuote).decode
_recorder = msgspec.json.Decoder(RecorderHealth).decode
_pack = msgspec.msgpack.Encoder().encode
_batch = msgspec.msgpack.Decoder(Batch).decode
_health = msgspec.json.Decoder(FeedHealth).decode


class Board:
    """The board as feeds and the engine see it; one per event loop."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._redis = self._client()
        self.posts_lost = 0

    @classmethod
    def from_settings(cls) -> "Board":
        """Return the board of this installation."""
        return cls(settings.REDIS_URL)

    async def post(self, marks: Sequence[Mark]) -> bool:
        """Write marks as the latest and announce them; return False, and count it, when the board is away."""
        if not marks:
            return True
        latest = {f"{mark.subject}|{mark.kind}": _encode(mark) for mark in marks}
        try:
            async with asyncio.timeout(TIMEOUT_S), self._redis.pipeline(transaction=False) as pipeline:
                pipeline.hset(MARKS, mapping=latest)
                pipeline.publish(MARKS, b"[" + b",".join(latest.values()) + b"]")
                await pipeline.execute()
        except AWAY as error:
            self._lost(error)
            return False
        return True

    async def read(self) -> list[Mark]:
        """Return every mark on the board."""
        async with asyncio.timeout(TIMEOUT_S):
            return await _values(self._redis, MARKS, _mark)

    async def follow(self) -> AsyncIterator[list[Mark]]:
        """Yield the whole board, then each change as it comes; the whole again after a lost connection."""
        while True:
            try:
                async with self._client() as client, client.pubsub(ignore_subscribe_messages=True) as changes:
                    await changes.subscribe(MARKS)
                    yield await _values(client, MARKS, _mark)
                    async for marks in _heard(changes):
                        yield marks
            except AWAY as error:
                log.warning("board.away", error=repr(error))
                await asyncio.sleep(PAUSE_S)

    async def post_quotes(self, quotes: Iterable[PriceQuote]) -> bool:
        """Write what a source says of assets as its latest; return False when the board is away."""
        latest = {f"{quote.asset}|{quote.source}": _encode(quote) for quote in quotes}
        if not latest:
            return True
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await self._redis.hset(QUOTES, mapping=latest)
        except AWAY as error:
            self._lost(error)
            return False
        return True

    async def read_quotes(self) -> tuple[list[PriceQuote], list[Mark]]:
        """Return what every source says of assets, and every mark; nothing while the board is away."""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await _values(self._redis, QUOTES, _quote), await _values(self._redis, MARKS, _mark)
        except AWAY as error:
            self._lost(error)
            return [], []

    async def post_depth(self, depths: Iterable[Depth], gone: Iterable[str] = ()) -> bool:
        """Write books as the latest and take those of `gone` instruments off; return False when the board is away."""
        latest, lost = {depth.instrument: _encode(depth) for depth in depths}, tuple(gone)
        if not latest and not lost:
            return True
        try:
            async with asyncio.timeout(TIMEOUT_S), self._redis.pipeline(transaction=False) as pipeline:
                if latest:
                    pipeline.hset(DEPTHS, mapping=latest)
                if lost:
                    pipeline.hdel(DEPTHS, *lost)
                await pipeline.execute()
        except AWAY as error:
            self._lost(error)
            return False
        return True

    async def read_depth(self, instrument: str) -> Depth | None:
        """Return the book of an instrument next to its touch, or None where there is none."""
        async with asyncio.timeout(TIMEOUT_S):
            kept = await self._redis.hget(DEPTHS, instrument)
        try:
            return _depth(kept) if kept else None
        except msgspec.MsgspecError:
            return None

    async def read_depths(self) -> dict[str, Depth]:
        """Return every book next to its touch, by instrument."""
        async with asyncio.timeout(TIMEOUT_S):
            return {depth.instrument: depth for depth in await _values(self._redis, DEPTHS, _depth)}

    async def post_health(self, health: FeedHealth) -> bool:
        """Write a feed's health; return False when the board is away."""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await self._redis.hset(FEEDS, health.feed, _encode(health))
        except AWAY as error:
            self._lost(error)
            return False
        return True

    async def post_latency(self, summary: LatencySummary) -> None:
        """Write how fast exposure follows the market."""
        with contextlib.suppress(*AWAY):
            async with asyncio.timeout(TIMEOUT_S):
                await self._redis.set(LATENCY, _encode(summary))

    async def read_health(self) -> tuple[FeedHealth, ...]:
        """Return the health of every feed, by name; nothing while the board is away."""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                found = await _values(self._redis, FEEDS, _health)
        except AWAY as error:
            log.warning("board.away", error=repr(error))
            return ()
        return tuple(sorted(found, key=lambda health: health.feed))

    async def post_tape(self, batch: Batch) -> bool:
        """Hand a batch to the recorder, by a stream with a bound; return False when the board is away."""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await self._redis.xadd(TAPE, {"batch": _pack(batch)}, maxlen=TAPE_BATCHES_MAX, approximate=True)
        except AWAY as error:
            self._lost(error)
            return False
        return True

    async def read_tape(self, after: str, count: int) -> list[tuple[str, Batch | None]]:
        """Return what was handed over after an entry, oldest first, with its entry; None for what cannot be read."""
        async with asyncio.timeout(TIMEOUT_S):
            found = await self._redis.xrange(TAPE, min=f"({after}", count=count)
        return [(entry.decode(), _unpacked(fields.get(b"batch", b""))) for entry, fields in found]

    async def trim_tape(self, upto: str) -> None:
        """Forget what the recorder has written."""
        with contextlib.suppress(*AWAY):
            async with asyncio.timeout(TIMEOUT_S):
                await self._redis.xtrim(TAPE, minid=upto, approximate=False)

    async def post_recorder(self, health: RecorderHealth) -> None:
        """Write how the recorder does."""
        with contextlib.suppress(*AWAY):
            async with asyncio.timeout(TIMEOUT_S):
                await self._redis.set(RECORDER, _encode(health))

    async def read_recorder(self) -> RecorderHealth | None:
        """Return how the recorder does; None before it said so and while the board is away."""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                kept = await self._redis.get(RECORDER)
            return _recorder(kept) if kept else None
        except (*AWAY, msgspec.MsgspecError):
            return None

    async def forget(self, feeds: Iterable[str]) -> None:
        """Take feeds that no longer exist off the board."""
        if names := tuple(feeds):
            with contextlib.suppress(*AWAY):
                await self._redis.hdel(FEEDS, *names)

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    def _client(self) -> Any:
        # By the third protocol the client would write each message that we follow into a log that nobody reads.
        timeouts = {"socket_timeout": TIMEOUT_S * 2, "socket_connect_timeout": TIMEOUT_S}
        return redis.asyncio.from_url(self._url, protocol=2, **timeouts)

    def _lost(self, error: BaseException) -> None:
        if not self.posts_lost:
            log.warning("board.away", error=repr(error))
        self.posts_lost += 1


def _unpacked(packed: bytes) -> Batch | None:
    try:
        return _batch(packed)
    except msgspec.MsgspecError:
        return None


async def _values(client: Any, key: str, decode: Callable[[bytes], T]) -> list[T]:
    """Read a hash, without what another version of us may have left there."""
    found = []
    for value in await client.hvals(key):
        with contextlib.suppress(msgspec.MsgspecError):
            found.append(decode(value))
    return found


async def _heard(changes: Any) -> AsyncIterator[list[Mark]]:
    is_asked = False
    while True:
        message = await changes.get_message(timeout=QUIET_S_MAX)
        if message is None and is_asked:
            raise TimeoutError(f"expected an answer of the board within {QUIET_S_MAX:g} s, found silence")
        if message is None:
            await changes.ping()
        elif message["type"] == "message" and (marks := _understood(message["data"])):
            yield marks
        is_asked = message is None


def _understood(batch: bytes) -> list[Mark]:
    try:
        return _marks(batch)
    except msgspec.MsgspecError:
        return []
