"""Profits: what every position and holding earned, line by line, since the log began.  Book x Stand -> Profit

A position's lines are a fold of the log and its mark. Staking is not in a position: what staked units grew by is summed
up minute by minute (`attribution`), and joins here as lines of its own.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from decimal import Decimal
from typing import Final, Literal, get_args

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.records import record
from portfolio.core.attribution import Line, Part
from portfolio.core.book import Book
from portfolio.core.stands import Stand, exactly

ProfitLine = Literal["unrealized", "unsettled", "settled", "fees", "funding", "borrow", "staking", "rebase"]
PROFIT_LINES: Final[tuple[ProfitLine, ...]] = get_args(ProfitLine)
# What the attribution calls the growth of staked units: of their worth, and of their number.
OF_PARTS: Final[Mapping[Line, ProfitLine]] = {"rate": "staking", "staking": "rebase"}

Cut = Literal["position", "instrument", "venue", "asset"]
CUTS: Final[tuple[Cut, ...]] = get_args(Cut)


@record
class Profit:
    """What was earned in one asset by one position, or by a holder of one (`instrument` is that asset).

    A holder's are what staked assets grew by, and what interest cost.

    `amounts` are by line, in units of `asset`, 0 where a line is missing; together they are the profit.
    """

    venue: str
    who: str
    instrument: str
    asset: str
    amounts: dict[ProfitLine, Decimal] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, str]:
        return self.who, self.instrument, self.asset


@record
class ProfitRow:
    """Profits of one cut and asset, summed: `usd` is None when nobody knows what the asset is worth."""

    name: str
    asset: str
    amounts: dict[ProfitLine, Decimal]
    total: Decimal
    usd: Decimal | None


def profits(book: Book, stood: Stand, grown: Iterable[Part] = ()) -> tuple[Profit, ...]:
    """Return what each position and each staked holding earned; `grown` are the parts summed up until then.

    Unrealized profit is left out where the mark is not known, and the stand says so. Venues so far pay a profit into
    the balance when it is realized, so none is unsettled.
    """
    found: dict[tuple[str, str, str], dict[ProfitLine, Decimal]] = {}

    def add(who: str, instrument: str, asset: str, line: ProfitLine, units: Decimal) -> None:
        if units:
            amounts = found.setdefault((who, instrument, asset), {})
            amounts[line] = amounts.get(line, ZERO) + units

    for (account, instrument), one in stood.positions.items():
        if one.mark is not None or not one.size:
            add(account, instrument, one.settlement, "unrealized", one.unrealized)
        add(account, instrument, one.settlement, "settled", one.settled)
    for (account, instrument, asset, booking), units in stood.booked.items():
        if booking != "transfers":
            add(account, instrument, asset, booking, units)
    for part in grown:
        if part.line in OF_PARTS:
            add(part.who, part.subject, part.asset, OF_PARTS[part.line], part.units)
    venues = {name: account.venue for name, account in book.catalogue.accounts.items()}
    return tuple(
        Profit(venue=venues.get(key[0], key[0]), who=key[0], instrument=key[1], asset=key[2], amounts=found[key])
        for key in sorted(found)
    )


def since(opening: Iterable[Profit], now: Iterable[Profit]) -> tuple[Profit, ...]:
    """Return what was earned since an opening."""
    before = {one.key: one for one in opening}
    after = {one.key: one for one in now}
    found = []
    for key in sorted({*before, *after}):
        then, one = before.get(key), after.get(key)
        known = one or then
        assert known is not None
        was, has = then.amounts if then else {}, one.amounts if one else {}
        changed = {
            line: has.get(line, ZERO) - was.get(line, ZERO) for line in PROFIT_LINES if line in has or line in was
        }
        amounts = {line: units for line, units in changed.items() if units}
        found.append(
            Profit(venue=known.venue, who=known.who, instrument=known.instrument, asset=known.asset, amounts=amounts)
        )
    return tuple(one for one in found if one.amounts)


NAMES: Final[Mapping[Cut, Callable[[Profit], str]]] = {
    "position": lambda one: f"{one.who} {one.instrument.partition(':')[2] or one.instrument}",
    "instrument": lambda one: one.instrument,
    "venue": lambda one: one.venue,
    "asset": lambda one: one.asset,
}


def rows(of: Iterable[Profit], cut: Cut, stood: Stand) -> tuple[ProfitRow, ...]:
    """Return profits by a cut and asset, in the asset and at its price of now in USD; the sums are the same by each."""
    sums: dict[tuple[str, str], dict[ProfitLine, Decimal]] = {}
    for one in of:
        amounts = sums.setdefault((NAMES[cut](one), one.asset), dict.fromkeys(PROFIT_LINES, ZERO))
        for line, units in one.amounts.items():
            amounts[line] += units
    found = []
    with exactly():
        for (name, asset), amounts in sorted(sums.items()):
            total = sum(amounts.values(), ZERO)
            price = stood.prices.get(asset)
            usd = total * price.unit if price is not None else None
            found.append(ProfitRow(name=name, asset=asset, amounts=amounts, total=total, usd=usd))
    return tuple(found)


def merged(*given: Iterable[Part]) -> tuple[Part, ...]:
    """Return parts summed up by line, holder, subject and asset."""
    sums: dict[tuple[Line, str, str, str], tuple[Decimal, Decimal]] = {}
    with exactly():
        for part in (one for parts in given for one in parts):
            key = (part.line, part.who, part.subject, part.asset)
            units, usd = sums.get(key, (ZERO, ZERO))
            sums[key] = units + part.units, usd + part.usd
    return tuple(
        Part(line=line, who=who, subject=subject, asset=asset, units=units, usd=usd)
        for (line, who, subject, asset), (units, usd) in sorted(sums.items())
    )
