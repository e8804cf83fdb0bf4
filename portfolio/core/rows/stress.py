"""Rows of the reserve under stress: for how many days it covers what funding takes.  (records)"""

from typing import Literal

from hedgeapp.core.records import record
from portfolio.core.figures import Figure

Basis = Literal["present", "bound", "typed"]


@record
class ReserveDays:
    """How long the reserve fund lasts at one set of rates.

    `basis` says which: the `present` ones, each contract's `bound` against us, or one rate `typed` in, a year.
    `flow_usd` is what a day brings (below 0: takes), staking included; there are no `days` where it takes nothing.
    """

    basis: Basis
    funding_usd: Figure
    staking_usd: Figure
    flow_usd: Figure
    days: Figure
