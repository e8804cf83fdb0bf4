"""RedStone payload: packages as they travel in bytes, read from the end.  bytes -> packages

Nothing may stand before the first package: whoever could cut some off would choose the median. The metadata alone is
unsigned, and it is never read.
"""

from typing import Final

from marketdata.core.oracles.redstone import (
    COUNT_BYTES,
    FEED_BYTES,
    PACKAGES_MAX,
    TIME_BYTES,
    VALUE_BYTES,
    VALUE_SIZE_BYTES,
    Package,
    PackageIsMalformed,
)
from marketdata.core.oracles.signatures import SIGNATURE_BYTES

MARKER: Final = bytes.fromhex("000002ed57011e0000")
METADATA_SIZE_BYTES: Final = 3
PACKAGES_BYTES: Final = 2
PAYLOAD_BYTES_MAX: Final = 1_000_000
POINTS_MAX: Final = 1_000  # in one package


class _Tail:
    """Takes fields off the end of some bytes; refuses to read past their beginning."""

    def __init__(self, data: bytes) -> None:
        self._data, self._end = data, len(data)

    def take(self, count: int) -> bytes:
        begin = self._end - count
        if begin < 0:
            raise PackageIsMalformed(f"{-begin} more bytes expected before the payload's beginning, found none")
        taken, self._end = self._data[begin : self._end], begin
        return taken

    def number(self, count: int) -> int:
        return int.from_bytes(self.take(count), "big")

    def begin(self) -> None:
        if self._end:
            raise PackageIsMalformed(f"the payload's beginning expected, found {self._end} more bytes before it")


def packages(payload: bytes) -> tuple[Package, ...]:
    """Return the packages of a payload, the first first; refuse with PackageIsMalformed."""
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise PackageIsMalformed(f"at most {PAYLOAD_BYTES_MAX} bytes expected in a payload, found {len(payload)}")
    tail = _Tail(payload)
    if (marker := tail.take(len(MARKER))) != MARKER:
        raise PackageIsMalformed(f"the marker {MARKER.hex()} expected at the end, found {marker.hex()}")
    tail.take(tail.number(METADATA_SIZE_BYTES))
    count = tail.number(PACKAGES_BYTES)
    if not 0 < count <= PACKAGES_MAX:
        raise PackageIsMalformed(f"1 to {PACKAGES_MAX} packages expected, found {count}")
    found = [_package(tail) for _ in range(count)]
    tail.begin()
    return tuple(reversed(found))


def _package(tail: _Tail) -> Package:
    signature = tail.take(SIGNATURE_BYTES)
    count, size = tail.number(COUNT_BYTES), tail.number(VALUE_SIZE_BYTES)
    if size != VALUE_BYTES or not 0 < count <= POINTS_MAX:
        raise PackageIsMalformed(
            f"1 to {POINTS_MAX} points with values of {VALUE_BYTES} bytes expected, found {count} of {size} bytes"
        )
    milliseconds = tail.number(TIME_BYTES)
    points = [tail.take(FEED_BYTES + VALUE_BYTES) for _ in range(count)]
    return Package(
        points=tuple((point[:FEED_BYTES], int.from_bytes(point[FEED_BYTES:], "big")) for point in reversed(points)),
        milliseconds=milliseconds,
        signature=signature,
    )
