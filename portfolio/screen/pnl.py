"""PnL on the screen: lines of the attribution, profits by a cut, what is unexplained.  Earned -> lines"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.records import record
from portfolio.core.attribution import LINES, Line, Part
from portfolio.core.profits import PROFIT_LINES, Cut, Profit, ProfitLine, rows
from portfolio.core.rests import standing
from portfolio.core.stands import Stand, exactly
from portfolio.queries.minutes import Day, KeptDay, KeptMinute
from portfolio.queries.profits import Earned
from portfolio.screen import numbers
from portfolio.screen.leaves import Level

CENTS: Final = 2
CENT: Final = Decimal("0.01")  # less than that is a venue's rounding: summed in the rest, and no row of its own
BARS_MAX: Final = 144  # of a day in a chart: one for ten minutes
MISSING_MAX: Final = 50  # rows of what is unexplained, the latest
NOTHING: Final = "—"

WORDS: Final[Mapping[Line, tuple[str, str]]] = {
    "price": ("price", "the coins that the book is exposed to"),
    "basis": ("basis", "marks of contracts against the USD prices of what they are made of"),
    "funding": ("funding", "as venues paid it"),
    "staking": ("staking", "rebases: more units"),
    "depeg": ("depeg", "staked units: the market's rate against the protocol's"),
    "fees": ("fees", "of fills"),
    "gas": ("gas", "of transactions that our wallets sent, failed ones too"),
    "custody": ("custody", "custodians' fees"),
    "borrow": ("borrow", "interest on what venues lend by themselves, as they charged it"),
    "fx": ("FX", "stablecoins against the dollar"),
    "rate": ("rate", "staked units: the protocol's rate"),
    "slippage": ("slippage", "fills against the mark when they came"),
    "mint_redeem": ("mint and redeem", "collateral against the synthetic dollar"),
    "forced": ("liquidation and ADL", "fills that a venue forced (the end of a contract too), against the mark"),
    "transfers": ("transfers", "from and to outside, or on their way between us"),
    "reserve": (
        "reserve fund",
        "between its wallets and ours that back, and wallets that became its own or were until now",
    ),
    "opening": ("opening", "what was there when it was first read"),
}
PROFIT_WORDS: Final[Mapping[ProfitLine, str]] = {
    "unrealized": "unrealized",
    "unsettled": "unsettled",
    "settled": "settled",
    "fees": "fees",
    "funding": "funding",
    "borrow": "borrow",
    "staking": "staking",
    "rebase": "rebase",
}


@record
class Cell:
    """A number as it is read, with all its digits; `word` is what is told instead of it."""

    text: str
    full: str = ""
    way: str = "flat"


@record
class AttributionLine:
    """A line of the attribution: the day, and all days, in USD."""

    name: str
    because: str
    today: Cell
    whole: Cell


@record
class ProfitLineRow:
    """Profits of a cut in one asset; `cells` are in the order of the lines."""

    name: str
    asset: str
    cells: tuple[tuple[str, Cell], ...]
    total: Cell
    usd: Cell


@record
class DayLine:
    """A day; `at` is the event that it ended with, None of the day that is shown."""

    day: date
    at: int | None
    nav: Cell
    change: Cell
    rest: Cell


@record
class MissingLine:
    """Units that no fact explained in a minute."""

    at: datetime
    who: str
    asset: str
    units: Cell
    usd: Cell


def usd(value: Decimal | None) -> Cell:
    """Return an amount of USD, to the cent."""
    return cell(value, "USD", CENTS)


def cell(value: Decimal | None, unit: str, places: int | None = None) -> Cell:
    """Return a signed number in a unit; a dash where there is none."""
    if value is None:
        return Cell(text=NOTHING, full="not known")
    decimals = numbers.decimals_of(unit) if places is None else places
    way = numbers.direction(Decimal(f"{value:.{decimals}f}"))
    return Cell(text=numbers.signed(value, decimals), full=f"{numbers.full(value)} {unit}", way=way)


def attribution_lines(shown: Earned) -> list[AttributionLine]:
    """Return the lines, the unexplained rest and the change, which is their sum."""
    today = sums_of(shown.day.parts) if shown.day else None
    whole = sums_of(shown.sums.parts)
    lines = [
        AttributionLine(
            name=WORDS[line][0],
            because=WORDS[line][1],
            today=usd(today[line] if today else None),
            whole=usd(whole[line]),
        )
        for line in LINES
    ]
    day = shown.day
    with exactly():
        change = day.after - day.before if day else None
        changed = sum(whole.values(), shown.sums.rest)
    rest = AttributionLine(
        name="unexplained rest",
        because="no fact explains it; zero is expected",
        today=usd(day.rest if day else None),
        whole=usd(shown.sums.rest),
    )
    sum_of = AttributionLine(
        name="change of the net asset value", because="the sum", today=usd(change), whole=usd(changed)
    )
    return [*lines, rest, sum_of]


def rest_word(shown: Earned) -> tuple[str, Level, str]:
    """Return how the rest is, as a word with its level, and why."""
    day = shown.day
    if day is None:
        return "not known", "idle", "no minute of this day is attributed yet"
    stands = standing(one.rest for one in day.minutes) if day.minutes else day.rest
    said = f"{numbers.signed(stands, CENTS)} USD stand unexplained, of at most {numbers.plain(shown.most, 0)}"
    if abs(stands) > shown.most:
        return "unexplained", "bad", said
    return "explained", "good", said


def profit_rows(of: Iterable[Profit], cut: Cut, stood: Stand) -> list[ProfitLineRow]:
    """Return profits by a cut."""
    return [
        ProfitLineRow(
            name=row.name,
            asset=row.asset,
            cells=tuple((PROFIT_WORDS[line], cell(row.amounts[line], row.asset)) for line in PROFIT_LINES),
            total=cell(row.total, row.asset),
            usd=usd(row.usd),
        )
        for row in rows(of, cut, stood)
    ]


def total_usd(of: Iterable[Profit], stood: Stand) -> Cell:
    """Return all profits in USD; a dash where the price of one of the assets is not known."""
    found = rows(of, "asset", stood)
    known = [row.usd for row in found if row.usd is not None]
    with exactly():
        return usd(sum(known, ZERO) if len(known) == len(found) else None)


def missing_lines(day: Day | None) -> list[MissingLine]:
    """Return what no fact explained, the latest minute first."""
    minutes = reversed(day.minutes) if day else ()
    found = [
        MissingLine(at=minute.at, who=one.who, asset=one.asset, units=cell(one.units, one.asset, 8), usd=usd(one.usd))
        for minute in minutes
        for one in minute.missing
        if abs(one.usd) >= CENT
    ]
    return found[:MISSING_MAX]


def day_lines(shown: Earned) -> list[DayLine]:
    """Return the day that is shown and those before it, the latest first."""
    found = [_day_line(one, one.to_seq) for one in shown.days]
    return [_day_line(shown.day, None), *found] if shown.day else found


def _day_line(of: Day | KeptDay, at: int | None) -> DayLine:
    with exactly():
        change = of.after - of.before
    nav = replace(usd(of.after), text=numbers.plain(of.after, CENTS))
    return DayLine(day=of.day, at=at, nav=nav, change=usd(change), rest=usd(of.rest))


def charts(shown: Earned) -> dict[str, Any]:
    """Return what the charts draw: the day's lines as a waterfall, and its minutes as stacked bars."""
    day = shown.day
    if day is None:
        return {"at": shown.at.isoformat(), "waterfall": [], "before": 0, "bars": [], "series": {}}
    sums = sums_of(day.parts)
    steps = [{"name": WORDS[line][0], "usd": float(sums[line])} for line in LINES if sums[line]]
    bars = _bars(day.minutes)
    names = [line for line in LINES if any(one.lines.get(line) for one in day.minutes)]
    series = {WORDS[line][0]: [float(_sum(bar, line)) for bar in bars] for line in names}
    return {
        "at": day.at.isoformat(),
        "before": float(day.before),
        "after": float(day.after),
        "waterfall": [*steps, {"name": "unexplained rest", "usd": float(day.rest)}],
        "bars": [bar[-1].at.isoformat() for bar in bars],
        "series": series | {"unexplained rest": [float(sum(one.rest for one in bar)) for bar in bars]},
    }


def _bars(minutes: tuple[KeptMinute, ...]) -> list[tuple[KeptMinute, ...]]:
    wide = max(1, -(-len(minutes) // BARS_MAX))
    return [minutes[place : place + wide] for place in range(0, len(minutes), wide)]


def _sum(bar: Iterable[KeptMinute], line: Line) -> Decimal:
    return sum((one.lines.get(line, ZERO) for one in bar), ZERO)


def sums_of(parts: Iterable[Part]) -> dict[Line, Decimal]:
    """Return the sum of each line, in USD."""
    sums: dict[Line, Decimal] = dict.fromkeys(LINES, ZERO)
    with exactly():
        for part in parts:
            sums[part.line] += part.usd
    return sums
