"""Accrued funding on *Backing*: what belongs to the time since the last payment, which no sum of assets has.

Frame -> rows. What Deribit accrues is kept out of the wallet that we reckon until it settles (docs/decisions/0112), and
is not read apart, so that its amount is not known here.
"""

from typing import Final

from portfolio.core.figures import Figure, none_of, total, unknown
from portfolio.core.frames import Frame
from portfolio.core.funding_calendar import funding_calendar
from portfolio.core.rows.funding import FundingLine
from portfolio.screen.leaves import figure, name
from portfolio.screen.page import Row, Section, row

CENTS: Final = 2
SHOWN: Final = frozenset({"paid", "accrues", "overdue", "untold"})
SETTLED_LATER: Final = "its amount is not read apart: it is left out of the wallet until the venue settles it"
COUNTS: Final = {
    "paid": "not counted until it is paid",
    "accrues": "accrues all the time, and is not counted until the venue settles it",
    "overdue": "the time of payment has passed: it is in the cash as soon as the venue books it",
    "untold": "not counted until it is paid; the venue has not told when",
}


def accrued_rows(frame: Frame) -> Section:
    """Return a row for each perpetual that is held."""
    return tuple(_row(one) for one in funding_calendar(frame).lines if one.way in SHOWN)


def accrued_sum(frame: Frame) -> Figure:
    """Return what has accrued in USD; unknown while that of one position is."""
    lines = [one for one in funding_calendar(frame).lines if one.way in SHOWN]
    return total(_shown(one)[1] for one in lines) if lines else none_of((), "no perpetual is held")


def _shown(one: FundingLine) -> tuple[Figure, Figure]:
    if one.way == "paid":
        return one.accrued, one.accrued_usd
    missing = unknown(SETTLED_LATER if one.way == "accrues" else one.accrued.because)
    return missing, missing


def _row(one: FundingLine) -> Row:
    here = name("sheet", "accrued", one.account, one.instrument)
    accrued, usd = _shown(one)
    leaves = {
        "accrued": figure(f"{here}-units", accrued, one.settlement, sign=True, suffix=f" {one.settlement}"),
        "usd": figure(f"{here}-usd", usd, "USD", decimals=CENTS, sign=True),
    }
    texts = {"account": one.account, "instrument": one.instrument, "counts": COUNTS[one.way]}
    return row(f"{one.account}:{one.instrument}", texts, leaves)
