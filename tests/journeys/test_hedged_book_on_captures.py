"""On the recorded captures a hedged book's change in USD is its basis line, exactly, and zero at one common price."""

import gzip
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from portfolio.core.book import Book
from portfolio.core.frames import Frame, frame
from portfolio.core.valuation import Marks
from tests.builders.books import (
    AT,
    INVERSE,
    LINEAR,
    USDM,
    D,
    balance,
    book_of,
    collateral,
    common,
    mark,
    opening,
)

CAPTURES = Path(__file__).resolve().parents[3] / "shared" / "data" / "market"
FILES = {"spot": "spot_ethusdt_20240808.gz", LINEAR: "usdm_ethusdt_20240808.gz", INVERSE: "cm_ethusd_perp_20240808.gz"}
SIZE = 250  # ETH hedged by each kind
TOLERANCE = D("1e-12")  # USD: what 1e-18 ETH of rounding is worth

pytestmark = pytest.mark.skipif(not CAPTURES.is_dir(), reason="no recorded captures at ../shared/data/market")


def mids(name: str) -> dict[int, Decimal]:
    """Return the mid price at the end of each second of the recording."""
    found: dict[int, Decimal] = {}
    with gzip.open(CAPTURES / FILES[name], "rt") as lines:
        for line in lines:
            stamp, _, text = line.partition(" ")
            if "bookTicker" in text:
                data = json.loads(text)["data"]
                found[int(stamp) // 10**9] = (D(data["b"]) + D(data["a"])) / 2
    return found


def moments() -> Iterator[tuple[Decimal, Decimal, Decimal]]:
    """Yield spot, linear and inverse mids of each second that all three have."""
    spot, linear, inverse = mids("spot"), mids(LINEAR), mids(INVERSE)
    for second in sorted(spot.keys() & linear.keys() & inverse.keys()):
        yield spot[second], linear[second], inverse[second]


def contracts(inverse: Decimal) -> Decimal:
    """Return how many contracts of 10 USD hedge half of the book."""
    return (SIZE * inverse / 10).to_integral_value()


def hedged(linear: Decimal, inverse: Decimal) -> Book:
    """Return staked ETH, half of it shorted linear and half inverse at these prices."""
    coins = (contracts(inverse) * 10 / inverse).quantize(D("1e-18"))
    return book_of(
        collateral("stETH", SIZE + coins),
        balance(USDM, "USDT", D(0)),
        opening(-D(SIZE), linear),
        opening(-contracts(inverse), inverse, INVERSE),
    )


def seen(spot: Decimal, linear: Decimal, inverse: Decimal) -> Marks:
    return common(spot) | {
        (LINEAR, "mark"): mark(LINEAR, "mark", linear),
        (INVERSE, "mark"): mark(INVERSE, "mark", inverse),
    }


def shown(book: Book, marks: Marks) -> Frame:
    return frame(book, marks, (), number=1, at=AT)


def known(value: Decimal | None) -> Decimal:
    assert value is not None
    return value


def test_the_change_in_usd_is_the_basis_line_at_every_mark_and_zero_at_one_common_price() -> None:
    recorded = list(moments())
    assert len(recorded) > 300
    book = hedged(*recorded[0][1:])
    at_common = known(shown(book, common(recorded[0][0])).backing.assets_usd.value)
    for spot, linear, inverse in recorded:
        level = known(shown(book, common(spot)).backing.assets_usd.value)
        assert abs(level - at_common) < TOLERANCE
        found = shown(book, seen(spot, linear, inverse))
        assets, basis = known(found.backing.assets_usd.value), known(found.worth.basis_usd.value)
        assert assets == known(found.worth.vector_usd.value) + basis
        assert abs(assets - level - basis) < TOLERANCE
        # A linear short loses what it trades above spot; an inverse one of Q dollars gains Q / mark coins less.
        by_hand = -SIZE * (linear - spot) + 10 * contracts(recorded[0][2]) * (spot / inverse - 1)
        assert abs(basis - by_hand) < TOLERANCE
