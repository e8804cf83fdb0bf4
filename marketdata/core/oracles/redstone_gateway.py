"""RedStone gateway: packages as they travel in JSON, written again as they were signed.  JSON -> packages

A point's value is a number: as float64, times ten to its decimals, rounded half up, it is the integer that was signed.
Unsigned, and never believed: the keys, `isSignatureValid`, `signerAddress`, `decimals`, service, names of packages and
all metadata; digits of a value that the rounding takes off; and white space. A price's scale is the reference data's.
"""

import base64
import binascii
import math
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Final

import msgspec

from marketdata.core.oracles.redstone import DECIMALS, Package, PackageIsMalformed, feed_bytes

ANSWER_BYTES_MAX: Final = 8_000_000
DECIMALS_MAX: Final = 18
DIGITS: Final = Context(prec=120)  # more than a float64 times 10^18 has
VALUE_MAX: Final = 2**256
MILLISECONDS_MAX: Final = 2**48


class Point(msgspec.Struct, rename="camel"):
    """A data point of the gateway; what is unsigned is not read, decimals but to write the integer again."""

    data_feed_id: str
    value: float
    decimals: int | None = None


class Written(msgspec.Struct, rename="camel"):
    """A package of the gateway."""

    timestamp_milliseconds: int
    signature: str
    data_points: list[Point]


_read = msgspec.json.Decoder(dict[str, list[Written]]).decode


def packages(answer: bytes, feeds: Mapping[str, int]) -> tuple[Package, ...]:
    """Return the packages of a gateway's answer; refuse with PackageIsMalformed.

    `feeds` has the decimals of the feeds that we use: an answer with others for one of them is refused, because the
    same integer would be another price.
    """
    if len(answer) > ANSWER_BYTES_MAX:
        raise PackageIsMalformed(f"at most {ANSWER_BYTES_MAX} bytes expected in an answer, found {len(answer)}")
    try:
        found = _read(answer)
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
        raise PackageIsMalformed(f"lists of data packages by name expected, found {error}") from error
    return tuple(_package(written, feeds) for several in found.values() for written in several)


def _package(written: Written, feeds: Mapping[str, int]) -> Package:
    if not written.data_points:
        raise PackageIsMalformed("a data point or more expected in each package, found none")
    if not 0 <= written.timestamp_milliseconds < MILLISECONDS_MAX:
        raise PackageIsMalformed(f"milliseconds since 1970 expected, found {written.timestamp_milliseconds}")
    try:
        signature = base64.b64decode(written.signature, validate=True)
    except (binascii.Error, ValueError) as error:
        raise PackageIsMalformed(f"a signature in base64 expected, found {written.signature[:100]!r}") from error
    points = sorted(_point(point, feeds) for point in written.data_points)
    return Package(points=tuple(points), milliseconds=written.timestamp_milliseconds, signature=signature)


def _point(point: Point, feeds: Mapping[str, int]) -> tuple[bytes, int]:
    decimals = DECIMALS if point.decimals is None else point.decimals
    expected = feeds.get(point.data_feed_id, decimals)
    if decimals != expected or not 0 <= decimals <= DECIMALS_MAX:
        raise PackageIsMalformed(f"{expected} decimals of {point.data_feed_id} expected, found {decimals}")
    if not 0 <= point.value < math.inf:
        raise PackageIsMalformed(f"a value of {point.data_feed_id} of 0 or more expected, found {point.value}")
    value = integer(point.value, decimals)
    if value >= VALUE_MAX or len(point.data_feed_id) > 1_000:
        raise PackageIsMalformed(f"a value of {point.data_feed_id[:50]} in 32 bytes expected, found a larger one")
    return feed_bytes(point.data_feed_id), value


def integer(value: float, decimals: int) -> int:
    """Return a number as it is signed: its exact decimal times ten to the decimals, rounded half up."""
    exact: Decimal = DIGITS.multiply(Decimal(value), Decimal(10) ** decimals)
    return int(exact.to_integral_value(ROUND_HALF_UP))
