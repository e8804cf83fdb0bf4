"""Engine: one mark until the exposure and the whole frame are new, in books of 10 to 100,000 positions.

Beside it in the same run: the same book measured from nothing, and the bare sum of size x mark over its positions.
"""

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Final

from bench.report import Row
from hedgeapp.core.amounts import ZERO
from hedgeapp.core.events import Event
from hedgeapp.core.events.positions import PositionOpened
from hedgeapp.core.events.reference import AccountChanged
from hedgeapp.core.marks import Mark, MarkKind
from hedgeapp.core.reference import Account
from portfolio.core.book import Book
from portfolio.core.exposure import exposure
from portfolio.core.frames import frame
from portfolio.core.workings import Workings
from tests.builders.books import AT, ETHUSDT, asset, balance, book_of, brackets, instrument, introduced

CURVE: Final = (10, 100, 1_000, 10_000, 100_000)
POSITIONS: Final = 1_000
EACH: Final = 50  # positions in an account, each in a contract of its own
SECONDS: Final = 1.0  # of each measurement
COINS: Final = tuple(f"C{number:02}" for number in range(EACH))
IDS: Final = tuple(f"binance-usdm:{coin}-USDT-PERP" for coin in COINS)

Marks = dict[tuple[str, str], Mark]


def measure() -> list[Row]:
    """Measure a book of 1,000 positions, and print what a mark costs from 10 to 100,000."""
    print("positions   bare sum ms   exposure, one mark     from nothing ms   frame, one mark     from nothing ms")
    rows = []
    for count in CURVE:
        book = made(count)
        bare = _best_ms(_bare(book))
        found = [_best_ms(work) for work in _works(book)]
        print(f"{count:>9,}   {bare:>11.3f}   " + "   ".join(f"{one:>17.3f}" for one in found))
        if count == POSITIONS:
            rows = list(_rows(count, bare, *found))
    return rows


def _rows(count: int, bare: float, mark: float, whole: float, framed: float, whole_frame: float) -> list[Row]:
    return [
        Row(
            name=f"engine, one mark to exposure, {count:,} positions",
            value=mark,
            unit="ms",
            compared_with="the same from nothing",
            ratio=mark / whole,
        ),
        Row(
            name=f"engine, one mark to a frame, {count:,} positions",
            value=framed,
            unit="ms",
            compared_with="the same from nothing",
            ratio=framed / whole_frame,
        ),
        Row(name="bare sum of size x mark", value=bare, unit="ms"),
    ]


def made(count: int) -> Book:
    """Return a book of so many linear positions with nine tiers each, in accounts of EACH."""
    tiers = brackets(ETHUSDT)
    events: list[Event] = [asset(coin) for coin in COINS]
    events += [introduced(instrument(id_, tiers=tiers)) for id_ in IDS]
    for number in range(-(-count // EACH)):
        name = f"binance-usdm:a{number}"
        account = Account(name=name, venue="binance-usdm", label=f"a{number}", instruments=())
        events += [AccountChanged(at=AT, account=account, version=1, by="bench"), balance(name, "USDT", "1000000")]
    for number in range(count):
        events.append(
            PositionOpened(
                at=AT,
                account=f"binance-usdm:a{number // EACH}",
                instrument=IDS[number % EACH],
                quantity=Decimal(-1 - number % 97),
                entry_price=Decimal(2_950 + number % 101),
                last_trade_id="",
            )
        )
    return book_of(*events)


def _works(book: Book) -> list[Callable[[int], object]]:
    """Return what is measured; each takes a number that makes the mark of one contract another one."""
    marks: Marks = {(USDT.subject, USDT.kind): USDT}
    for id_ in IDS:
        marks |= {(id_, kind): _mark(id_, kind, Decimal(3_000)) for kind in ("mark", "index")}
    workings, framing = Workings(), Workings()

    def moved(number: int) -> Marks:
        marks[IDS[0], "mark"] = _mark(IDS[0], "mark", Decimal(300_000 + number) / 100)
        return marks

    return [
        lambda number: exposure(book, moved(number), AT, (), workings),
        lambda number: exposure(book, moved(number), AT),
        lambda number: frame(book, moved(number), (), number=number, at=AT, workings=framing),
        lambda number: frame(book, moved(number), (), number=number, at=AT),
    ]


def _bare(book: Book) -> Callable[[int], object]:
    sizes = [one.size for one in book.positions.values()]
    return lambda number: sum((size * (3_000 + number) for size in sizes), ZERO)


def _mark(subject: str, kind: MarkKind, value: Decimal) -> Mark:
    return Mark(subject=subject, kind=kind, value=value, at=AT, received_at=AT, source="bench")


USDT: Final = _mark("USDT", "usd", Decimal(1))


def _best_ms(work: Callable[[int], object]) -> float:
    """Return the best of what was done within SECONDS, at least twice after a first that makes everything ready."""
    work(0)
    best, number, until = float("inf"), 0, time.perf_counter() + SECONDS
    while number < 2 or time.perf_counter() < until:
        number += 1
        began = time.perf_counter()
        work(number)
        best = min(best, time.perf_counter() - began)
    return best * 1_000
