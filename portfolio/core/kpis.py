"""KPIs: the headline numbers, each with its health.  rows -> Kpi"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Final

from hedgeapp.core.amounts import ZERO
from portfolio.core.figures import Figure, derived, folded, total, worst
from portfolio.core.pnl import in_usd
from portfolio.core.rows import (
    Backing,
    ExposureRow,
    FeedRow,
    FundingRow,
    Health,
    Kpi,
    MarginRow,
    PnlRow,
)
from portfolio.core.valuation import Valuation

Judgment = Callable[[Decimal], bool]

HUNDRED: Final = Decimal(100)
NEAR_BAND: Final = Decimal("0.8")  # share of a band from which on the desk is warned
BACKING_WARNED: Final = Decimal("1.01")  # the synthetic dollar's own alert level
MARGIN_RATIO_WARNED: Final = Decimal("0.5")


def delta_kpis(rows: Iterable[ExposureRow], valuation: Valuation) -> tuple[Kpi, ...]:
    """Return the net exposure of each coin that contracts are traded on."""
    bases = {valuation.catalogue.currency(one.base) for one in valuation.catalogue.contracts}
    return tuple(_delta(row) for row in rows if row.currency in bases)


def _delta(row: ExposureRow) -> Kpi:
    health: Health = "unknown"
    if row.band_state == "outside":
        health = "bad"
    elif row.band_state == "inside":
        health = "warning" if (row.band_share.value or ZERO) >= NEAR_BAND else "good"
    detail = "no band is set"
    if row.band is not None:
        share = "unknown" if row.band_share.value is None else f"{row.band_share.value * HUNDRED:.0f} %"
        detail = f"{share} of ±{row.band.normalize():,f} {row.currency}"
    return Kpi(
        key=f"net_delta_{row.currency.lower()}",
        label=f"Net delta {row.currency}",
        figure=row.net,
        unit=row.currency,
        detail=detail,
        health=health,
    )


def money_kpis(
    backing: Backing,
    margins: Iterable[MarginRow],
    funding: Iterable[FundingRow],
    profit: Iterable[PnlRow],
    valuation: Valuation,
) -> tuple[Kpi, ...]:
    """Return what the book is backed by, may lose, will be paid and has not been paid yet."""
    return (
        backing_kpi(backing),
        headroom_kpi(margins),
        funding_kpi(funding),
        unsettled_kpi(profit, valuation),
    )


def backing_kpi(backing: Backing) -> Kpi:
    """Return the backing ratio."""
    ratio, nav = backing.ratio, backing.nav_usd.value
    return Kpi(
        key="backing_ratio",
        label="Backing ratio",
        figure=derived(lambda one: one * HUNDRED, ratio) if ratio.value is not None else ratio,
        unit="%",
        detail="NAV is unknown" if nav is None else f"NAV {nav:+,.0f} USD",
        health=_judged(ratio, good=lambda one: one >= BACKING_WARNED, bad=lambda one: one < 1),
    )


def headroom_kpi(rows: Iterable[MarginRow]) -> Kpi:
    """Return the smallest headroom of an account."""
    used = [row for row in rows if row.maintenance_margin.value != ZERO]
    label, unit = "Margin headroom, worst", "USD"
    if not used:
        return Kpi(key="headroom", label=label, figure=folded(ZERO), unit=unit, detail="no position", health="good")
    hidden = next((row for row in used if row.headroom_usd.value is None), None)
    row = hidden or min(used, key=lambda one: one.headroom_usd.value or ZERO)
    health = _judged(
        row.margin_ratio,
        good=lambda one: one < MARGIN_RATIO_WARNED and (row.headroom_usd.value or ZERO) > 0,
        bad=lambda one: one >= 1,
    )
    return Kpi(
        key="headroom",
        label=label,
        figure=row.headroom_usd,
        unit=unit,
        detail=f"{row.account} {row.settlement}",
        health="bad" if row.is_past_liquidation else health,
    )


def funding_kpi(rows: Iterable[FundingRow]) -> Kpi:
    """Return the funding expected in the next 24 hours."""
    expected = total(row.expected_usd for row in rows)
    return Kpi(
        key="funding_24h",
        label="Funding 24 h",
        figure=expected,
        unit="USD",
        detail="at the rate of the next payment",
        health=_judged(expected, good=lambda one: one >= 0, bad=lambda _: False),
    )


def unsettled_kpi(rows: Iterable[PnlRow], valuation: Valuation) -> Kpi:
    """Return the profit that no balance holds yet."""
    unsettled = total(
        in_usd(figure, row.asset, valuation) for row in rows for figure in (row.unrealized, row.realized_unsettled)
    )
    return Kpi(
        key="unsettled_pnl",
        label="Unsettled PnL",
        figure=unsettled,
        unit="USD",
        detail="in no balance yet",
        health=_judged(unsettled, good=lambda _: True, bad=lambda _: False),
    )


def feeds_kpi(rows: Iterable[FeedRow]) -> Kpi:
    """Return how many feeds are heard within their budgets."""
    feeds = tuple(rows)
    heard = [row for row in feeds if row.condition in ("live", "late")]
    wrong = [row.feed for row in feeds if row not in heard]
    return Kpi(
        key="feeds",
        label="Feeds",
        figure=folded(Decimal(len(heard))),
        unit="feeds",
        detail=f"of {len(feeds)} are live" if not wrong else f"of {len(feeds)}; not {', '.join(wrong)}",
        health="bad" if wrong else "good",
    )


def faults_kpi(faults: int) -> Kpi:
    """Return how many faults are open."""
    return Kpi(
        key="faults",
        label="Faults",
        figure=folded(Decimal(faults)),
        unit="",
        detail="events could not be placed" if faults else "every event is placed",
        health="bad" if faults else "good",
    )


def headline_state(kpis: Iterable[Kpi]) -> Figure:
    """Return the headline figure in the worst state."""
    return worst(kpi.figure for kpi in kpis)


def _judged(figure: Figure, *, good: Judgment, bad: Judgment) -> Health:
    if figure.value is None or not figure.is_current:
        return "unknown"
    if bad(figure.value):
        return "bad"
    return "good" if good(figure.value) else "warning"
