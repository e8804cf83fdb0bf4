"""Reserve days: for how long the reserve fund covers what funding takes.  Frame x rates a year -> ReserveDays

days = reserve / −flow, where the flow of a day is below zero; flow = Σ over positions ∓rate · payments a day · notional
+ staked · staking rate / 365. It is reckoned at the rates of now, at each contract's bound against us (the floor for a
short, the cap for a long) and at one typed rate a year. The notional stays what it is now. Source of the drawdown
model: llama-risk/ethena_simulations (exposure · funding a year / 365, and staking likewise).
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Final

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.records import record
from portfolio.core.figures import Figure, derived, exact, none_of, total, unknown
from portfolio.core.frames import Frame
from portfolio.core.funding_calendar import DAYS_A_YEAR, funding_calendar
from portfolio.core.pnl import payments_a_day
from portfolio.core.rows.funding import FundingLine
from portfolio.core.rows.stress import Basis, ReserveDays

PAYS: Final = frozenset({"paid", "accrues", "overdue", "untold"})  # positions that have funding at all
NOT_FALLING: Final = "does not fall: what a day brings is not below zero"
NOT_TYPED: Final = "no rate a year was typed in"


@record
class Stress:
    """Rates a year that somebody typed in, as shares: of funding (None: none), and of what staked assets earn."""

    funding: Decimal | None = None
    staking: Decimal = ZERO


def reserve_days(frame: Frame, stress: Stress) -> tuple[ReserveDays, ...]:
    """Return how long the reserve fund lasts at the present rates, at the bounds, and at the typed rate."""
    held = [one for one in funding_calendar(frame).lines if one.way in PAYS]
    fund = frame.sheet.reserve_usd or unknown("no frame has told what the reserve fund holds")
    staking = _staking(frame, stress.staking)
    typed = unknown(NOT_TYPED) if stress.funding is None else _typed(held, stress.funding)
    flows: tuple[tuple[Basis, Figure], ...] = (
        ("present", total(one.day_usd for one in held)),
        ("bound", total(_at_bound(one) for one in held)),
        ("typed", typed),
    )
    return tuple(_days(basis, funding, staking, fund) for basis, funding in flows)


def days_left(reserve: Figure, flow: Figure) -> Figure:
    """Return reserve / −flow, both in USD, the flow of a day; none where the flow takes nothing."""
    if flow.value is not None and flow.value >= ZERO:
        return none_of((flow,), NOT_FALLING)
    return derived(lambda has, brings: has / -brings, reserve, flow)


def _days(basis: Basis, funding: Figure, staking: Figure, fund: Figure) -> ReserveDays:
    flow = total((funding, staking))
    return ReserveDays(basis=basis, funding_usd=funding, staking_usd=staking, flow_usd=flow, days=days_left(fund, flow))


def _side(line: FundingLine) -> int:
    """Return 1 for a short, which is paid under a positive rate, and −1 for a long."""
    return -1 if (line.size.value or ZERO) > 0 else 1


def _at_bound(line: FundingLine) -> Figure:
    """Return what a day brings at the worst rate that the venue's terms allow."""
    side = _side(line)
    bound = line.floor if side > 0 else line.cap
    if bound is None:
        which = "floor" if side > 0 else "cap"
        return unknown(f"{line.venue} has told no {which} of the funding of {line.instrument}")
    times = side * bound * payments_a_day(line.minutes)
    return derived(lambda notional: times * abs(notional), line.notional_usd)


def _typed(held: Iterable[FundingLine], rate: Decimal) -> Figure:
    """Return what a day brings at one rate a year for all: shorts are paid under a positive one, longs pay."""

    def each() -> Iterator[Figure]:
        for line in held:
            share = _side(line) * rate / DAYS_A_YEAR
            yield derived(lambda notional, share=share: share * abs(notional), line.notional_usd)

    return total(each())


def _staking(frame: Frame, rate: Decimal) -> Figure:
    """Return what a day brings of staked assets, at a typed rate a year; zero without one, for nobody tells it."""
    if not rate:
        return exact(ZERO)
    staked = total(cell.usd for cell in frame.sheet.cells if cell.nature == "staked" and cell.place != "unrealized")
    return derived(lambda worth: worth * rate / DAYS_A_YEAR, staked)
