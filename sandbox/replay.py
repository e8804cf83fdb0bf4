"""Recorded captures: raw venue lines of one instrument, found in a folder, checked and read in order."""

import gzip
import logging
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from sandbox import tapes
from sandbox.instruments import COINM, USDM, Spec

log = logging.getLogger(__name__)

HEAD_LINES_MAX = 5_000  # the snapshot must come within so many lines
LINE_BYTES_MAX = 4_000_000
SPOT = "spot"


class NotACapture(Exception):
    """A file is not a recorded capture, or a folder holds none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """One recorded instrument. Times are the recorder's, in ns; skew_ms is the venue's clock minus the recorder's."""

    path: Path
    venue: str  # a venue's name, or SPOT
    symbol: str
    begin_ns: int
    end_ns: int
    skew_ms: int
    snapshot: dict[str, Any]


def captures(folder: Path, specs: Sequence[Spec]) -> list[Capture]:
    """Read every capture of a folder; other files are refused in the log. Raise NotACapture when none remains."""
    if not folder.is_dir():
        raise NotACapture(f"expected a folder of captures, found no folder {folder}")
    found: list[Capture] = []
    known = {(spec.venue, spec.symbol) for spec in specs}
    pairs = {f"{spec.coin}{spec.quote}" for spec in specs}
    for path in sorted(folder.glob("*.gz")):
        try:
            capture = read(path)
            if (capture.venue, capture.symbol) not in known and not (capture.venue == SPOT and capture.symbol in pairs):
                raise NotACapture(
                    f"expected an instrument of the sandbox in {path.name}, found {capture.symbol} of {capture.venue}: "
                    "is the venue switched on?"
                )
        except NotACapture as refusal:
            log.error("capture refused: %s", refusal)
        else:
            found.append(capture)
    if not any(each.venue != SPOT for each in found):
        raise NotACapture(
            f"expected at least one capture of a futures contract (*.gz of '<ns> <JSON>' lines) in {folder}, found none"
        )
    return found


def read(path: Path) -> Capture:
    """Check a file and find what it records. Raise NotACapture."""
    for _, text in lines(path):
        if venue := tapes.venue_of(decoded(path, text)):
            return _of_tape(path, venue)
        break
    return _of_binance(path)


def _of_tape(path: Path, venue: str) -> Capture:
    """Find what a file of another venue's frames records, which begins at its first whole book."""
    first: tuple[int, dict[str, Any]] | None = None
    last_ns = 0
    for number, (at_ns, kind, data) in enumerate(_told(path, venue)):
        last_ns = at_ns
        if first is None and number >= HEAD_LINES_MAX:
            break
        if first is None and kind == "book" and data["whole"]:
            first = at_ns, data
    if first is None:
        raise NotACapture(f"expected a whole book of {venue} in the first {HEAD_LINES_MAX} messages of {path.name}")
    at_ns, book = first
    return Capture(
        path=path,
        venue=venue,
        symbol=book["s"],
        begin_ns=at_ns,
        end_ns=last_ns,
        skew_ms=book["T"] - at_ns // 1_000_000,
        snapshot={"bids": book["b"], "asks": book["a"]},
    )


def _told(path: Path, venue: str) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Read what each frame of another venue says. Raise NotACapture."""
    for at_ns, text in lines(path):
        try:
            for kind, data in tapes.READERS[venue](decoded(path, text)):
                yield at_ns, kind, data
        except (KeyError, IndexError, TypeError, ValueError) as problem:
            raise NotACapture(f"expected a message of {venue} in {path.name}, found {text[:60]!r}: {problem}") from None


def _of_binance(path: Path) -> Capture:
    first: tuple[int, dict[str, Any]] | None = None  # with the venue's time: a touch of the spot market has none
    snapshot: tuple[int, dict[str, Any]] | None = None
    last_ns = number = 0
    for number, (at_ns, text) in enumerate(lines(path), start=1):
        last_ns = at_ns
        if (first and snapshot) or number > HEAD_LINES_MAX:
            continue
        message = decoded(path, text)
        if "lastUpdateId" in message:
            snapshot = snapshot or (at_ns, message)
        elif first is None and isinstance(message.get("data"), dict) and "E" in message["data"]:
            first = at_ns, message
    if snapshot is None or first is None:
        raise NotACapture(
            f"expected timed stream messages and a depth snapshot in the first {HEAD_LINES_MAX} lines of {path.name}, "
            f"found {'none' if first is None else 'messages'} and {'none' if snapshot is None else 'a snapshot'} "
            f"in {min(number, HEAD_LINES_MAX)}"
        )
    at_ns, opening = first
    data = opening["data"]
    return Capture(
        path=path,
        venue=_venue(str(opening.get("stream")), data),
        symbol=str(data.get("s")),
        begin_ns=snapshot[0],
        end_ns=last_ns,
        skew_ms=int(data["E"]) - at_ns // 1_000_000,
        snapshot=snapshot[1],
    )


def _venue(stream: str, data: dict[str, Any]) -> str:
    """Tell the venue by the message's shape: COIN-M names a pair, spot marks trades, and its books have no time."""
    if "ps" in data or "_" in stream:
        return COINM
    return USDM if "T" in data and "M" not in data else SPOT


def lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Read the (time in ns, JSON) lines of a file. Raise NotACapture at the first that is none."""
    number = 0
    try:
        with gzip.open(path, "rb") as file:
            while line := file.readline(LINE_BYTES_MAX):
                number += 1
                time_text, _, text = line.partition(b" ")
                if time_text.isdigit() and text.strip() == tapes.PONG:
                    continue
                if not time_text.isdigit() or not text.startswith(b"{"):
                    raise NotACapture(
                        f"expected '<time in ns> <JSON>' in line {number} of {path.name}, found {line[:60]!r}"
                    )
                yield int(time_text), text
    except (OSError, EOFError, zlib.error) as problem:
        raise NotACapture(f"expected gzip text in {path.name}, found {problem} after line {number}") from problem


def decoded(path: Path, text: bytes) -> dict[str, Any]:
    """Decode the JSON of a line. Raise NotACapture."""
    try:
        message: dict[str, Any] = msgspec.json.decode(text, type=dict)
    except msgspec.DecodeError as problem:
        raise NotACapture(f"expected a JSON object in {path.name}, found {text[:60]!r}") from problem
    return message


def events(capture: Capture) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Read the (time in ns, kind, data) messages of a capture that follow its snapshot."""
    if capture.venue in tapes.READERS:
        told = _told(capture.path, capture.venue)
        next((data for _, kind, data in told if kind == "book" and data["whole"]), None)
        yield from told
        return
    begun = False
    for at_ns, text in lines(capture.path):
        if not begun:
            begun = at_ns >= capture.begin_ns and b'"lastUpdateId"' in text[:40]
            continue
        message = decoded(capture.path, text)
        if "stream" in message:
            yield at_ns, str(message["stream"]).partition("@")[2], message["data"]
