"""Position liquidations: at which mark of its own a position's account is liquidated.  Position x MarginRow -> figures

The account is liquidated, not the position: its nearest price of the position's currency, as a multiple of that of now,
is one of this contract's mark, while the marks on the currency keep their ratios (`margin.py`).
"""

from collections.abc import Iterable

from hedgeapp.core.amounts import ONE
from hedgeapp.core.records import record
from portfolio.core.figures import Figure, derived, none_of, unknown
from portfolio.core.pnl import ValuedPosition
from portfolio.core.rows import LiquidationRow, MarginRow
from portfolio.core.valuation import USD, Valuation


@record
class Liquidates:
    """The mark at which a position's account is liquidated, in the quote, and how far off it is.

    `away` is a share of the mark of now; `hours` is how long until then by the move an hour of a limit. Each says why
    where there is none: a flat position, a tier that is missing, an account that no price liquidates, no limit.
    """

    price: Figure
    away: Figure
    hours: Figure


def liquidation(one: ValuedPosition, margins: Iterable[MarginRow], valuation: Valuation) -> Liquidates:
    """Return where a position is liquidated with its account."""
    if not one.position.size:
        return _nowhere(none_of((one.size,), "the position is flat"))
    account, base = one.position.account, one.instrument.base
    names = (base, valuation.catalogue.currency(base))
    # The nearest comes first.
    for row in margins:
        if row.account == account and row.settlement in (USD, one.settlement):
            for found in row.liquidations:
                if found.currency in names:
                    return _at(one, found)
    return _nowhere(unknown(f"no margin of {account} in {one.settlement} is known"))


def _nowhere(because: Figure) -> Liquidates:
    return Liquidates(price=because, away=because, hours=because)


def _at(one: ValuedPosition, found: LiquidationRow) -> Liquidates:
    multiple = found.multiple
    if multiple.value is None:
        return _nowhere(multiple)
    return Liquidates(
        price=derived(lambda k, mark: k * mark, multiple, one.mark),
        away=derived(lambda k: k - ONE, multiple),
        hours=unknown("how fast the price moves is not known") if found.hours is None else found.hours,
    )
