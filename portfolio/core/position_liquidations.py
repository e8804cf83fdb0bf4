"""Position liquidations: at which mark of its own a position's account is liquidated.  Position x MarginRow -> figures

The account is liquidated, not the position: its nearest price of the position's currency, as a multiple of that of now,
is one of this contract's mark, while the marks on the currency keep their ratios (`margin.py`).
"""

from collections.abc import Iterable

from hedgeapp.core.amounts import ONE
from portfolio.core.figures import Figure, derived, none_of, unknown
from portfolio.core.pnl import ValuedPosition
from portfolio.core.rows import MarginRow
from portfolio.core.valuation import USD, Valuation


def liquidation(one: ValuedPosition, margins: Iterable[MarginRow], valuation: Valuation) -> tuple[Figure, Figure]:
    """Return the mark that liquidates, in the quote, and how far off it is as a share of the mark of now.

    Both say why where there is none: a flat position, a tier that is missing, an account that no price liquidates.
    """
    if not one.position.size:
        flat = none_of((one.size,), "the position is flat")
        return flat, flat
    account, base = one.position.account, one.instrument.base
    names = (base, valuation.catalogue.currency(base))
    # The nearest comes first.
    for row in margins:
        if row.account == account and row.settlement in (USD, one.settlement):
            for found in row.liquidations:
                if found.currency in names:
                    return _at(one, found.multiple)
    missing = unknown(f"no margin of {account} in {one.settlement} is known")
    return missing, missing


def _at(one: ValuedPosition, multiple: Figure) -> tuple[Figure, Figure]:
    if multiple.value is None:
        return multiple, multiple
    return derived(lambda k, mark: k * mark, multiple, one.mark), derived(lambda k: k - ONE, multiple)
