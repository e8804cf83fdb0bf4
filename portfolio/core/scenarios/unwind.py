"""Unwind: a part of the supply is redeemed over hours, and its hedge closed as it goes.  UnwindBook x asked -> Unwind

Each hour what came is added to the minting contract's balance, what is due and can be paid is redeemed out of all that
it then holds, and the hedge of what was paid is bought back, as far as the books sell it. What cannot be paid or bought
waits for the next hour, what an account's margin does not let go for its next settlement. Prices stay where they are
(`docs/decisions/0135`, `docs/decisions/0146`).
"""

from collections.abc import Iterable, Mapping
from typing import Final

from portfolio.core.scenarios.unwind_asked import UnwindAsked
from portfolio.core.scenarios.unwind_book import Short, UnwindBook, Wait
from portfolio.core.scenarios.unwind_closing import Closed, bought, together
from portfolio.core.scenarios.unwind_margins import UnwindMargins
from portfolio.core.scenarios.unwind_outcome import Hour, Line, Profit, Unwind
from portfolio.core.scenarios.unwind_returns import UnwindReturns
from portfolio.core.scenarios.unwind_sources import fetched, hour_after, of_source, settled_after

HOURS_AFTER: Final = 168  # a run is followed this long after the hours in which redemptions come
TINY: Final = 1e-9  # relative: what is less than this of the whole is nothing


def unwind(book: UnwindBook, asked: UnwindAsked) -> Unwind:
    """Return the run of redeeming a share of the supply."""
    run = _Run(book, asked)
    while run.goes_on():
        run.step()
    return run.told()


class _Run:
    """A run as it goes; amounts are what is there at the end of the last hour."""

    def __init__(self, book: UnwindBook, asked: UnwindAsked) -> None:
        self.book, self.asked = book, asked
        self.target = asked.unwind / 100 * book.supply
        self.cap = float("inf") if book.block_usd is None else book.block_usd * 3_600 / asked.block
        self.fetched = fetched(book, asked)
        hot = of_source(book, "hot")
        self.assets = (*hot, *(one.held for one in self.fetched))
        self.here = [one.units for one in hot] + [0.0] * len(self.fetched)
        self.coming: dict[int, list[tuple[int, float]]] = {}
        self.places: dict[tuple[str, str], list[int]] = {}  # of what accounts give back
        self.to_go = [0.0] * len(self.here)
        for place, one in enumerate(self.fetched, len(hot)):
            if one.held.source == "delegated":
                self.places.setdefault((one.held.holder, one.held.asset), []).append(place)
                self.to_go[place] = one.units
            elif one.wait is not None and one.units:
                self.coming.setdefault(hour_after(one.wait), []).append((place, one.units))
        self.margins = UnwindMargins(book)
        self.returns = UnwindReturns(self.fetched, book.waits, self.margins)
        self.rooms = self.margins.rooms({})
        self.profit_here = 0.0
        self.profit_need = max(0.0, self.target - sum(one.usd for one in hot) - sum(one.usd for one in self.fetched))
        self.settling: dict[float, dict[str, float]] = {}
        self.first = _summed((one.instrument, one.coin) for one in book.shorts)
        self.left = dict(self.first)
        self.currency = {one.instrument: one.currency for one in book.shorts}
        self.open = _summed((one.currency, one.coin) for one in book.shorts)
        self.owed = dict.fromkeys(self.open, 0.0)  # coin paid out whose hedge may be closed
        self.paid: dict[str, float] = {}
        self.redeemed = 0.0
        self.hours: list[Hour] = []
        self.dry_at: int | None = None
        self.paid_at: int | None = None
        self.flat_at: int | None = None
        self.realized = dict.fromkeys((one.account for one in book.shorts), 0.0)
        self.settled_by: dict[str, float | None] = {}

    def goes_on(self) -> bool:
        """Tell whether anything is still to be redeemed or closed, and time to do it."""
        number = len(self.hours)
        if not self.target or self.flat_at is not None or number >= self.asked.hours + HOURS_AFTER:
            return False
        if number < self.asked.hours or any(hour > number for hour in self.coming) or self.returns.may_go_on():
            return True
        last = self.hours[-1]
        is_moving = last.redeemed_usd > 0 or bool(last.closed)
        is_due = any(hour_after(at + self.asked.transfer) > number for at in self.settling)
        return is_moving or (self.profit_need > 0 and is_due)

    def step(self) -> None:
        """Go on by one hour."""
        number = len(self.hours) + 1
        self._let_go(number)
        arrived = self._take_in(number)
        redeemed = self._redeem(number)
        closed = self._close(number)
        settled = sum(sum(by_account.values()) for at, by_account in self.settling.items() if number - 1 < at <= number)
        self._note(number, redeemed, arrived, settled, closed)

    def told(self) -> Unwind:
        """Return the run as it ended."""
        venues = {one.instrument: one.venue for one in self.book.shorts}
        interest = {one.instrument: one.open_interest for one in self.book.shorts}
        lines = tuple(
            Line(
                instrument=name,
                venue=venues[name],
                currency=self.currency[name],
                coin=self.first[name],
                closed=together(hour.closed[name] for hour in self.hours if name in hour.closed),
                open_interest=interest[name],
            )
            for name in sorted(self.first)
        )
        unrealized = _summed((one.account, one.unrealized_usd) for one in self.book.shorts)
        profits = tuple(
            Profit(
                account=name,
                unrealized_usd=unrealized[name],
                realized_usd=gain,
                settled_by=self.settled_by.get(name),
                wait=self.book.waits.get(name, Wait(hours=None, cycle=None, because="nobody has told when it settles")),
            )
            for name, gain in sorted(self.realized.items())
        )
        return Unwind(
            target_usd=self.target,
            hot_usd=sum(one.usd for one in of_source(self.book, "hot")),
            hours=tuple(self.hours),
            lines=lines,
            fetched=self.fetched,
            profits=profits,
            paid=self.paid,
            rooms=self.rooms,
            returns=tuple(one for _, one in sorted(self.returns.told.items())),
            dry_at=self.dry_at,
            paid_at=self.paid_at,
            flat_at=self.flat_at,
        )

    def _hot(self) -> float:
        held = sum(units * one.unit_usd for units, one in zip(self.here, self.assets, strict=True))
        return held + self.profit_here

    def _shares(self) -> dict[str, float]:
        return {name: self.left[name] / coin if coin else 1.0 for name, coin in self.first.items()}

    def _let_go(self, number: int) -> None:
        """Let accounts give back what their margin allows before this hour's closing."""
        self.returns.settle(number)
        for key, (share, at) in self.returns.let_go(number, self._shares()).items():
            for place in self.places[key]:
                units = self.to_go[place] * share
                self.to_go[place] -= units
                if units:
                    self.coming.setdefault(hour_after(at + self.asked.transfer), []).append((place, units))

    def _take_in(self, number: int) -> float:
        arrived = 0.0
        for place, units in self.coming.get(number, ()):
            self.here[place] += units
            arrived += units * self.assets[place].unit_usd
        for at, by_account in self.settling.items():
            if hour_after(at + self.asked.transfer) == number:
                part = min(self.profit_need, sum(max(0.0, gain) for gain in by_account.values()))
                self.profit_need -= part
                self.profit_here += part
                arrived += part
        return arrived

    def _redeem(self, number: int) -> float:
        due = self.target * min(1.0, number / self.asked.hours) - self.redeemed
        hot = self._hot()
        payable = min(due, self.cap)
        pay = max(0.0, min(payable, hot))
        if payable > hot + TINY * self.target and self.dry_at is None:
            self.dry_at = number
        share = pay / hot if hot > 0 else 0.0
        for place, one in enumerate(self.assets):
            units = self.here[place] * share
            self.here[place] -= units
            if units:
                self.paid[one.asset] = self.paid.get(one.asset, 0.0) + units
            if one.currency in self.owed:
                self.owed[one.currency] += units * one.coin
        if self.profit_here * share:
            self.paid["profit"] = self.paid.get("profit", 0.0) + self.profit_here * share
            self.profit_here -= self.profit_here * share
        self.redeemed += pay
        return pay

    def _due(self, currency: str) -> float:
        """Return the coin of a currency whose hedge is still to be closed: never more than was short."""
        left = sum(coin for name, coin in self.left.items() if self.currency[name] == currency)
        return max(0.0, min(self.owed[currency], self.open[currency]) - (self.open[currency] - left))

    def _close(self, number: int) -> dict[str, Closed]:
        closed: dict[str, Closed] = {}
        for currency in sorted(self.open):
            left = {name: coin for name, coin in self.left.items() if self.currency[name] == currency}
            due = self._due(currency)
            if due > TINY * self.open[currency]:
                closed |= bought(due, left, self.book.offers, self.asked.depth_an_hour)
        for name, one in closed.items():
            self.left[name] = max(0.0, self.left[name] - one.coin)
        for short in self.book.shorts:
            if short.instrument in closed:
                self._realize(number, short, _gain(short, closed[short.instrument], self.first))
        return closed

    def _realize(self, number: int, short: Short, gain: float) -> None:
        account = short.account
        self.realized[account] += gain
        at = settled_after(self.book.waits.get(account, Wait(hours=None, cycle=None)), number)
        self.settled_by[account] = at
        self.returns.realized(number, account, short.instrument, gain, at)
        if at is not None:
            of_account = self.settling.setdefault(at, {})
            of_account[account] = of_account.get(account, 0.0) + gain

    def _note(self, number: int, redeemed: float, arrived: float, settled: float, closed: dict[str, Closed]) -> None:
        self.returns.settle(number)
        marks = {one.instrument: one.mark_usd for one in self.book.shorts}
        delta = {currency: -self._due(currency) for currency in sorted(self.open)}
        waiting = max(0.0, self.target * min(1.0, number / self.asked.hours) - self.redeemed)
        self.hours.append(
            Hour(
                number=number,
                redeemed_usd=redeemed,
                waiting_usd=waiting,
                arrived_usd=arrived,
                settled_usd=settled,
                hot_usd=self._hot(),
                closed=closed,
                left_usd=sum(coin * marks[name] for name, coin in self.left.items()),
                delta=delta,
                rooms=self.margins.rooms(self._shares()),
                kept_usd=self.returns.kept_usd,
            )
        )
        if self.paid_at is None and self.redeemed >= self.target * (1 - TINY):
            self.paid_at = number
        if self.paid_at is not None and all(-one <= TINY * self.open[name] for name, one in delta.items()):
            self.flat_at = number


def _summed(pairs: Iterable[tuple[str, float]]) -> dict[str, float]:
    sums: dict[str, float] = {}
    for name, value in pairs:
        sums[name] = sums.get(name, 0.0) + value
    return sums


def _gain(short: Short, closed: Closed, first: Mapping[str, float]) -> float:
    """Return what an account realizes by its part of what was bought: profit at the mark, less what was paid above."""
    part = short.coin / first[short.instrument]
    paid_above = closed.mid_usd + closed.slippage_usd + closed.fees_usd - closed.coin * short.mark_usd
    return short.unrealized_usd * closed.coin / first[short.instrument] - part * paid_above
