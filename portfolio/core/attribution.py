"""Attribution: why the net asset value is another one.  Stand x Tally x Stand -> Attribution

Each line comes from facts of its own: marks, fills, fees, funding, transfers, rebases, mints. What is left of the
change after all lines is the *unexplained rest*, which is no line: it is expected to be zero, and `missing` says of
which asset it is and where. `docs/arithmetic.md` derives the formulas and why they sum to the change exactly.
"""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal, get_args

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.instruments import pnl
from hedgeapp.core.records import record
from portfolio.core.stands import Stand, Stood, Where, exactly, nav
from portfolio.core.tally import Cause, Key, Tally

Line = Literal[
    "price",
    "basis",
    "funding",
    "staking",
    "depeg",
    "fees",
    "gas",
    "custody",
    "borrow",
    "fx",
    "rate",
    "slippage",
    "mint_redeem",
    "forced",
    "transfers",
    "reserve",
    "opening",
]
LINES: Final[tuple[Line, ...]] = get_args(Line)
CAUSES: Final[tuple[Cause, ...]] = get_args(Cause)


@record
class Part:
    """A part of a change: `who` holds or trades it, `subject` is an instrument or an asset.

    `units` are of `asset` where the part is an amount of it, 0 where it is a change of what something is worth.
    """

    line: Line
    who: str
    subject: str
    asset: str
    units: Decimal
    usd: Decimal


@record
class Missing:
    """Units of an asset that no fact explains, and what they are worth; together they are the rest."""

    who: str
    asset: str
    units: Decimal
    usd: Decimal


@record
class Attribution:
    """A change of the net asset value between two moments, in USD: `after` = `before` + lines + `rest`, exactly."""

    from_seq: int
    to_seq: int
    from_at: datetime
    at: datetime
    before: Decimal
    after: Decimal
    parts: tuple[Part, ...]
    missing: tuple[Missing, ...]
    rest: Decimal

    @property
    def lines(self) -> dict[Line, Decimal]:
        """The sum of each line."""
        sums: dict[Line, Decimal] = dict.fromkeys(LINES, ZERO)
        with exactly():
            for part in self.parts:
                sums[part.line] += part.usd
        return sums


def attribution(before: Stand, tally: Tally, after: Stand) -> Attribution:
    """Explain the change from one stand to a later one; both must be whole. Raises PriceIsMissing."""
    with exactly():
        made = _Maker(before, tally, after)
        parts = tuple(made.parts())
        then, now = nav(before), nav(after)
        explained = sum((part.usd for part in parts), ZERO)
        return Attribution(
            from_seq=before.seq,
            to_seq=after.seq,
            from_at=before.at,
            at=after.at,
            before=then,
            after=now,
            parts=parts,
            missing=tuple(made.missing()),
            rest=now - then - explained,
        )


class _Maker:
    """The parts of one change, and the units that each of them explains."""

    def __init__(self, before: Stand, tally: Tally, after: Stand) -> None:
        self._before, self._tally, self._after = before, tally, after
        self._unexplained: dict[tuple[Where, str, str], Decimal] = {}
        self._new = after.read - before.read

    def parts(self) -> Iterator[Part]:
        """Yield every part that is not zero."""
        for part in (*self._of_prices(), *self._of_positions(), *self._of_facts(), *self._of_openings()):
            if part.usd:
                yield part

    def missing(self) -> Iterator[Missing]:
        """Yield what no part explains; to be asked for after the parts."""
        for (where, who, asset), units in sorted(self._unexplained.items()):
            if units:
                usd = units * self._after.price(where, asset).unit
                yield Missing(who=who or "custody and chains", asset=asset, units=units, usd=usd)

    def _explain(self, where: Where, who: str, asset: str, units: Decimal) -> None:
        # Collateral wanders between custodians and chains: what one has less, another has more.
        key = (where, "" if where == "custody" else who, asset)
        self._unexplained[key] = self._unexplained.get(key, ZERO) + units

    def _of_prices(self) -> Iterator[Part]:
        """What was held at the beginning is worth more or less now."""
        for (where, who, asset), units in sorted(self._before.units.items()):
            self._explain(where, who, asset, -units)
            if not units or where == "supply":
                continue
            then, now = self._before.price(where, asset), self._after.price(where, asset)
            moved = units * then.lower * (now.usd - then.usd)
            yield _worth("fx" if now.is_cash else "price", who, asset, asset, moved)
            grown = units * (now.protocol - then.protocol)
            yield _worth("rate", who, asset, now.currency, grown * now.usd, grown)
            apart = (now.lower - now.protocol) - (then.lower - then.protocol)
            yield _worth("depeg", who, asset, asset, units * apart * now.usd)
        for (where, who, asset), units in self._after.units.items():
            self._explain(where, who, asset, units)

    def _of_positions(self) -> Iterator[Part]:
        for key in sorted({*self._before.positions, *self._after.positions}):
            now = self._after.positions[key]
            then = self._before.positions.get(key)
            settled = now.settled - (then.settled if then else ZERO)
            self._explain("account", key[0], now.settlement, -settled)  # what was unrealized is in the balance
            if then is not None and then.size:
                yield from self._of_held(key, then, now)
            yield from self._of_trades(key, then, now)

    def _of_held(self, key: Key, then: Stood, now: Stood) -> Iterator[Part]:
        """What a position of before is worth at the prices of now: of its base, of its cash, and what is between."""
        account, instrument = key
        size, basis, settlement = then.size, then.basis, then.settlement
        was, is_now = then.worth(size), now.worth(size)
        cash, cash_now = self._before.usd(settlement), self._after.usd(settlement)
        if then.kind == "linear":
            base, base_now = self._before.usd(then.base), self._after.usd(then.base)
            apart = (is_now * cash_now - size * base_now) - (was * cash - size * base)
            yield _worth("price", account, instrument, settlement, size * (base_now - base))
            yield _worth("fx", account, instrument, settlement, -basis * (cash_now - cash))
        else:
            quote, quote_now = self._before.usd(then.quote), self._after.usd(then.quote)
            apart = (size * quote_now - is_now * cash_now) - (size * quote - was * cash)
            yield _worth("price", account, instrument, settlement, basis * (cash_now - cash))
            yield _worth("fx", account, instrument, settlement, -size * (quote_now - quote))
        yield _worth("basis", account, instrument, settlement, apart)

    def _of_trades(self, key: Key, then: Stood | None, now: Stood) -> Iterator[Part]:
        """What fills made: against the mark when they came, and from that to the mark of now."""
        account, instrument = key
        traded_by = {cause: self._tally.traded[key, cause] for cause in CAUSES if (key, cause) in self._tally.traded}
        had = then.size if then else ZERO
        if not traded_by and now.size == had:
            return
        cash, at_marks = self._after.usd(now.settlement), ZERO
        for cause, traded in traded_by.items():
            at_marks += traded.at_mark
            slipped = pnl(now.kind, traded.made, traded.at_mark)
            yield _worth(cause, account, instrument, now.settlement, slipped * cash, slipped)
        moved = now.worth(now.size) - now.worth(had)
        since = pnl(now.kind, at_marks, moved)
        yield _worth("price", account, instrument, now.settlement, since * cash)

    def _of_facts(self) -> Iterator[Part]:
        for key, units in sorted(self._after.booked.items()):
            account, instrument, asset, booking = key
            change = units - self._before.booked.get(key, ZERO)
            if change:
                yield self._flow(booking, "account", account, asset, change, subject=instrument)
        for fact in self._tally.facts:
            yield self._flow(fact.line, fact.where, fact.who, fact.asset, fact.units)

    def _of_openings(self) -> Iterator[Part]:
        """What somebody holds who was read for the first time, as far as no fact of now explains it."""
        for where, who in sorted(self._new):
            if where == "custody":
                came = {key[2]: units for key, units in self._after.units.items() if key[:2] == (where, who)}
                for fact in self._tally.facts:
                    if (fact.where, fact.who) == (where, who) and fact.asset in came:
                        came[fact.asset] -= fact.units
            else:
                own = [key for key in self._unexplained if key[:2] == (where, who)]
                came = {asset: self._unexplained[where, who, asset] for _, _, asset in own}
            for asset, units in sorted(came.items()):
                if units:
                    yield self._flow("opening", where, who, asset, units)

    def _flow(self, line: Line, where: Where, who: str, asset: str, units: Decimal, subject: str = "") -> Part:
        self._explain(where, who, asset, -units)
        usd = units * self._after.price(where, asset).unit
        return Part(line=line, who=who, subject=subject or asset, asset=asset, units=units, usd=usd)


def _worth(line: Line, who: str, subject: str, asset: str, usd: Decimal, units: Decimal = ZERO) -> Part:
    return Part(line=line, who=who, subject=subject, asset=asset, units=units, usd=usd)
