"""Fees: what a venue takes of what a taker fills, and how that is known.  fills x Limit -> Figure"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.instruments import Instrument
from hedgeapp.core.records import record
from portfolio.core.catalogue import Catalogue
from portfolio.core.figures import Figure, unknown

BP: Final = Decimal(10_000)


@record
class PaidRate:
    """The share of a fill's value that its fee was, and when."""

    rate: Decimal
    at: datetime


def taker_fee(instrument: Instrument, paid: Mapping[str, PaidRate], catalogue: Catalogue) -> Figure:
    """Return the share of its value that an order which takes from a book pays; never below zero.

    What our latest taker fill of the instrument paid; before there is one, the limit of kind `taker_fee` on its
    currency, which is assumed.
    """
    known = paid.get(instrument.id)
    if known is not None:
        because = f"our taker fill of {instrument.id} at {known.at:%Y-%m-%d %H:%M:%S} UTC paid {known.rate * BP:.2f} bp"
        # What a fill paid is final: it does not make the price old.
        return Figure(value=max(known.rate, ZERO), at=None, state="live", because=because)
    currency = catalogue.currency(instrument.base)
    limit = catalogue.limits_by_subject.get(("taker_fee", currency))
    if limit is None:
        because = (
            f"no taker fill of {instrument.id} has paid a fee lately, and no limit of kind taker_fee for {currency}"
        )
        return unknown(f"{because} is set")
    because = f"{limit.value.normalize():f} bp are assumed by limit {limit.name}: no taker fill of {instrument.id} yet"
    return Figure(value=limit.value / BP, at=None, state="assumed", because=because)
