"""Checksum: what OKX says that a book comes to.  levels -> int

Source: OKX's API documentation, v5: CRC-32, as a signed number, of price and size of the best 25 bids and asks in turn,
joined by colons, as they are printed, which is without trailing zeros. Since June 2026 the venue sends 0 instead.
"""

from collections.abc import Sequence
from itertools import zip_longest
from typing import Final
from zlib import crc32

from marketdata.core.books import Level

LEVELS: Final = 25  # a side
DIGITS: Final = 15  # that a float keeps of a printed number


def checksum(bids: Sequence[Level], asks: Sequence[Level]) -> int:
    """Return the checksum of a book, given from its touch outwards."""
    rows = zip_longest(bids[:LEVELS], asks[:LEVELS])
    told = crc32(":".join(_text(number) for pair in rows for level in pair if level for number in level).encode())
    return told - (1 << 32) if told >= 1 << 31 else told


def _text(number: float) -> str:
    text = f"{number:.{DIGITS}g}"
    return text if "e" not in text else f"{number:.{DIGITS}f}".rstrip("0").rstrip(".")
