"""Pyth: Hermes' stream of updates, each verified.  Runs as `oracle:<name>` for oracles of the protocol pyth."""

import asyncio
import base64
import binascii
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Final

import aiohttp
import msgspec

from hedgeapp.core.records import record
from hedgeapp.database import conninfo
from hedgeapp.ending import end, together
from hedgeapp.eventlog.append import AsyncLog
from hedgeapp.services import Lease
from marketdata.board import Board
from marketdata.core.oracles import pyth
from marketdata.core.oracles.prices import VerifiedPrice, Window
from marketdata.core.oracles.signatures import OracleRefused
from marketdata.feeds.oracles.desk import Desk, Setup, is_current, setup_of
from marketdata.feeds.reasons import reason as reason_of
from marketdata.pulse import Pulse

LATEST: Final = "/v2/updates/price/latest"
STREAM: Final = "/v2/updates/price/stream"
WINDOW: Final = Window(age_max=timedelta(seconds=15), ahead_max=timedelta(seconds=5))
QUIET_MAX: Final = timedelta(seconds=5)  # Hermes speaks each second
FAULTS: Final = (aiohttp.ClientError, OSError, TimeoutError)
TOO_MANY: Final = 429


@record
class Patience:
    """Bounds of a connection, each with its unit."""

    dial_s_max: float = 5.0
    silence_s_max: float = 5.0  # without an update; keep-alives do not count
    backoff_s: tuple[float, float] = (0.5, 15.0)  # first and longest pause before dialing again
    busy_s: float = 10.0  # pause after HTTP 429 that does not say how long
    busy_s_max: float = 60.0
    event_bytes_max: int = 262_144
    check_s: float = 5.0  # between two looks whether reference data or keys changed


class HermesIsLost(ConnectionError):
    """Hermes closed the stream, fell silent on it, or does not answer; `pause_s` is how long it asks to be left."""

    def __init__(self, reason: str, pause_s: float = 0.0) -> None:
        super().__init__(reason)
        self.pause_s = pause_s


class _Binary(msgspec.Struct):
    encoding: str
    data: list[str]


class _Update(msgspec.Struct):
    """What Hermes sends, without `parsed`, which nobody has signed."""

    binary: _Binary


_read = msgspec.json.Decoder(_Update).decode


async def run(lease: Lease, patience: Patience | None = None) -> None:
    """Keep the board up to date with one oracle for as long as the lease lasts."""
    board = Board.from_settings()
    try:
        async with AsyncLog(conninfo(), fence=lease.fence) as events:
            pulse = Pulse(lease.name, lease.epoch, board, events, quiet_max=QUIET_MAX)
            await together(pulse.keep(), _follow(lease, pulse, board, patience or Patience()))
    finally:
        await board.close()


async def _follow(lease: Lease, pulse: Pulse, board: Board, patience: Patience) -> None:
    """Dial again after each loss, with growing pauses; begin anew when reference data or keys changed."""
    pause_s = patience.backoff_s[0]
    while True:
        setup: Setup = await lease.in_database(setup_of, lease.subject)
        desk = Desk(setup, pulse, board, WINDOW)
        keeping = asyncio.create_task(desk.keep())
        try:
            before = pulse.counters["messages"]
            lost = await _until_lost(lease, setup, desk, patience)
            if lost is None:
                continue
            pulse.failed(str(lost))
            if pulse.counters["messages"] > before:
                pause_s = patience.backoff_s[0]
            await asyncio.sleep(max(pause_s, lost.pause_s) * random.uniform(1.0, 1.2))
            pause_s = min(2 * pause_s, patience.backoff_s[1])
        finally:
            await end({keeping})


async def _until_lost(lease: Lease, setup: Setup, desk: Desk, patience: Patience) -> HermesIsLost | None:
    """Read the stream until it is lost; None when the setup is no longer the latest."""
    reading = asyncio.create_task(read(setup, desk, patience))
    try:
        while not reading.done():
            await asyncio.wait({reading}, timeout=patience.check_s)
            if not reading.done() and not await is_current(lease, setup):
                return None
        reading.result()
    except HermesIsLost as lost:
        return lost
    finally:
        await end({reading})
    return None


async def read(setup: Setup, desk: Desk, patience: Patience) -> None:
    """Take the latest update, then each of the stream; raise HermesIsLost when that ends."""
    url = setup.oracle.url.rstrip("/")
    headers = {"Authorization": f"Bearer {setup.api_key}"} if setup.api_key else {}
    asked = [*(("ids[]", feed.feed) for feed in setup.oracle.feeds), ("encoding", "hex"), ("parsed", "false")]
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=patience.dial_s_max)
    try:
        async with aiohttp.ClientSession(timeout=timeout, headers=headers) as session:
            async with (
                asyncio.timeout(patience.dial_s_max),
                session.get(url + LATEST, params=asked, allow_redirects=False) as answer,
            ):
                await _require_good(answer, patience)
                taken = await answer.content.read(patience.event_bytes_max)
            await _take(desk, taken)
            async with asyncio.timeout(patience.silence_s_max) as watch:
                async with session.get(url + STREAM, params=asked, allow_redirects=False) as answer:
                    await _require_good(answer, patience)
                    async for event in events_of(answer.content, patience.event_bytes_max):
                        # The watch is ours: on a socket that is half open nothing else ends the waiting.
                        watch.reschedule(asyncio.get_running_loop().time() + patience.silence_s_max)
                        await _take(desk, event)
    except FAULTS as error:
        if isinstance(error, HermesIsLost):
            raise
        reason = reason_of(error)
        raise HermesIsLost(
            f"{url}: an update each second expected, found none for {patience.silence_s_max:g} s ({reason})"
        ) from error
    raise HermesIsLost(f"{url}: updates expected, found the end of the stream")


async def _require_good(answer: aiohttp.ClientResponse, patience: Patience) -> None:
    if answer.status == 200:
        return
    said = (await answer.content.read(200)).decode(errors="replace")
    pause_s = 0.0
    if answer.status == TOO_MANY:
        told = answer.headers.get("Retry-After", "")
        pause_s = min(float(told) if told.isdecimal() else patience.busy_s, patience.busy_s_max)
    raise HermesIsLost(f"{answer.url.origin()}: an update expected, found HTTP {answer.status}: {said}", pause_s)


async def events_of(stream: aiohttp.StreamReader, bytes_max: int) -> AsyncIterator[bytes]:
    """Yield the data of each server-sent event; raise HermesIsLost for what is too long, or told as an error."""
    data, kind, left = b"", b"", b""
    async for part in stream.iter_any():
        *lines, left = (left + part).split(b"\n")
        if len(left) + len(data) > bytes_max:
            raise HermesIsLost(f"at most {bytes_max} bytes expected in an event, found more")
        for line in lines:
            field, _, value = line.rstrip(b"\r").partition(b":")
            if field == b"data":
                data += value.removeprefix(b" ")
            elif field == b"event":
                kind = value.strip()
            elif not line.strip():
                if kind == b"error":
                    raise HermesIsLost(f"updates expected, found: {data[:200].decode(errors='replace')}")
                if data:
                    yield data
                data, kind = b"", b""


async def _take(desk: Desk, event: bytes) -> None:
    """Verify one update and post it; what is refused is counted and said, and the stream goes on."""
    received_at = datetime.now(UTC)
    try:
        desk.take(verified(event, desk, received_at), received_at)
    except OracleRefused as refusal:
        desk.refuse(refusal, event)
        return
    await desk.post()


def verified(event: bytes, desk: Desk, at: datetime) -> dict[str, VerifiedPrice]:
    """Return the prices in what Hermes sent; refuse with OracleRefused."""
    try:
        update = _read(event).binary
        blobs = [bytes.fromhex(one) if update.encoding == "hex" else base64.b64decode(one) for one in update.data]
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, binascii.Error) as error:
        raise pyth.UpdateIsMalformed(f"an update of Hermes expected, found {error}") from error
    found: dict[str, VerifiedPrice] = {}
    for blob in blobs:
        found |= pyth.verified(blob, desk.trust, at)
    return found
