"""Capture: the raw frames of one instrument's public data in a file, as they came and with the time when they did.

A line is the time of receipt in ns, a space, and the frame; the file is gzip. Where the book begins by a REST door, its
answer is a line too, stamped with the time when it was asked for: every frame behind it in the file came later.
"""

import asyncio
import gzip
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

import aiohttp

from hedgeapp.core.instruments import Instrument
from hedgeapp.core.reference import Venue
from hedgeapp.ending import end
from marketdata.feeds.public.connection import FAULTS
from marketdata.feeds.public.protocol import Patience, Ping, PublicProtocol, Recording, Socket

BYTES_MAX: Final = 8 * 1024**3  # of frames, before compression
HELD_MAX: Final = 100_000  # frames that wait for the book which they follow
LEVEL: Final = 6  # of compression
LOOK_S: Final = 0.1

Told = Callable[[float, int, int], None]


class CaptureFailed(RuntimeError):
    """The venue was silent, went away, or gave no book; nothing is left in the file's place."""


class Tape:
    """The file while it is written; frames are held back while a book is asked for."""

    def __init__(self, file: IO[bytes]) -> None:
        self.frames = 0
        self.bytes = 0
        self._file = file
        self._held: list[bytes] | None = None

    def take(self, frame: bytes) -> None:
        """Write a frame with the time that it is now, or hold it back."""
        line = b"%d %s\n" % (time.time_ns(), frame.replace(b"\n", b" "))
        self.frames += 1
        self.bytes += len(line)
        if self.bytes > BYTES_MAX:
            raise CaptureFailed(f"expected at most {BYTES_MAX} bytes of frames, found more: capture for a shorter time")
        if self._held is None:
            self._file.write(line)
        elif len(self._held) < HELD_MAX:
            self._held.append(line)
        else:
            raise CaptureFailed(f"expected a book within {HELD_MAX} frames, found none")

    def hold(self) -> int:
        """Hold frames back from now on; return the time, in ns."""
        self._held = []
        return time.time_ns()

    def begin(self, books: list[bytes], at_ns: int) -> None:
        """Write the books that were asked for at a time, and what was held back since."""
        held, self._held = self._held or [], None
        for book in books:
            self._file.write(b"%d %s\n" % (at_ns, book.replace(b"\n", b" ")))
        self._file.writelines(held)


async def capture(
    venue: Venue,
    instrument: Instrument,
    protocol: PublicProtocol,
    path: Path,
    seconds: float,
    told: Told = lambda *_: None,
) -> Tape:
    """Record for so many seconds from the first frame on; the file is there only once it is whole.

    `told` hears the seconds, frames and bytes so far. Raises CaptureFailed.
    """
    recording = _recording(venue, instrument, protocol)
    if not recording.sockets:
        raise CaptureFailed(f"a feed that reads its own sockets expected, found {venue.name}: ccxt shows no frames")
    begun = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with gzip.open(begun, "wb", compresslevel=LEVEL) as file:
            tape = Tape(file)  # type: ignore[arg-type]  # gzip's file is one of bytes
            await _record(tape, recording, protocol.ping, seconds, told)
        with begun.open("rb") as written:
            os.fsync(written.fileno())
        os.replace(begun, path)
    finally:
        with suppress(FileNotFoundError):
            begun.unlink()
    return tape


def _recording(venue: Venue, instrument: Instrument, protocol: PublicProtocol) -> Recording:
    if protocol.recording is not None:
        return protocol.recording(venue, instrument)
    return Recording(sockets=tuple(protocol.sockets(venue, (instrument,))))


async def _record(tape: Tape, recording: Recording, ping: Ping | None, seconds: float, told: Told) -> None:
    patience = Patience()
    timeout = aiohttp.ClientTimeout(total=patience.snapshot_s_max, sock_connect=patience.dial_s_max)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        reading = [asyncio.create_task(_read(session, socket, ping, tape)) for socket in recording.sockets]
        try:
            await _until(lambda: tape.frames > 0, reading, patience.silence_s_max)
            if recording.snapshots:
                at_ns = tape.hold()
                books = [await _book(session, url, patience) for url in recording.snapshots]
                tape.begin(books, at_ns)
            clock = asyncio.get_running_loop().time
            until, heard, heard_at = clock() + seconds, tape.frames, clock()
            while (now := clock()) < until:
                await asyncio.sleep(min(LOOK_S, until - now))
                _stopped(reading)
                if tape.frames > heard:
                    heard, heard_at = tape.frames, clock()
                elif clock() - heard_at > patience.silence_s_max:
                    raise CaptureFailed(f"expected a frame within {patience.silence_s_max:g} s, found silence")
                told(seconds - max(0.0, until - clock()), tape.frames, tape.bytes)
        finally:
            await end(reading)


async def _until(holds: Callable[[], bool], reading: list[asyncio.Task[None]], within_s: float) -> None:
    try:
        async with asyncio.timeout(within_s):
            while not holds():
                await asyncio.sleep(LOOK_S)
                _stopped(reading)
    except TimeoutError:
        raise CaptureFailed(f"expected a frame within {within_s:g} s, found silence") from None


def _stopped(reading: list[asyncio.Task[None]]) -> None:
    for task in reading:
        if task.done():
            task.result()


async def _read(session: aiohttp.ClientSession, socket: Socket, ping: Ping | None, tape: Tape) -> None:
    patience = Patience()
    heartbeat = None if ping else patience.ping_s
    try:
        async with session.ws_connect(
            socket.url, heartbeat=heartbeat, max_msg_size=patience.message_bytes_max, compress=0
        ) as stream:
            if socket.subscribe:
                await stream.send_str(socket.subscribe)
            asking = asyncio.create_task(_ask(stream, ping)) if ping else None
            try:
                async for message in stream:
                    if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                        tape.take(message.data.encode() if isinstance(message.data, str) else message.data)
            finally:
                if asking:
                    await end([asking])
    except FAULTS as error:
        raise CaptureFailed(f"{socket.url}: expected frames, found {type(error).__name__}: {error}") from error
    raise CaptureFailed(f"{socket.url}: expected frames, found the socket closed ({stream.close_code})")


async def _ask(stream: aiohttp.ClientWebSocketResponse, ping: Ping) -> None:
    while True:
        await asyncio.sleep(ping.every_s)
        await stream.send_str(ping.text)


async def _book(session: aiohttp.ClientSession, url: str, patience: Patience) -> bytes:
    try:
        async with session.get(url) as answer:
            body = await answer.content.read(patience.snapshot_bytes_max)
            while more := await answer.content.read(patience.snapshot_bytes_max - len(body)):
                body += more
    except FAULTS as error:
        raise CaptureFailed(f"{url}: expected a book, found {type(error).__name__}: {error}") from error
    if answer.status != 200:
        raise CaptureFailed(f"{url}: expected a book, found HTTP {answer.status}: {body[:120]!r}")
    return body
