"""Instruments: taken from the venue's own word, and changed only when it changed."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from hedgeapp.core.events.reference import InstrumentChanged
from hedgeapp.core.instruments import ContractKind
from marketdata.core.reference import instruments
from marketdata.operations.changes import change
from marketdata.queries.catalogue import reference


def load_instruments(
    venue: str,
    kind: ContractKind,
    exchange_info: Mapping[str, Any],
    brackets: Sequence[Mapping[str, Any]],
    *,
    by: str,
    at: datetime,
) -> list[InstrumentChanged]:
    """Record the instruments that a venue's accounts trade, as the venue specifies them; return what changed.

    Raises ReferenceContradicts for what the venue got wrong, and a RowRefused for what contradicts the catalogue.
    """
    known = reference()
    symbols = sorted(
        {symbol for account in known.accounts.values() if account.venue == venue for symbol in account.instruments}
    )
    changed = []
    for instrument in instruments(venue, kind, exchange_info, brackets, symbols=symbols, assets=known.assets):
        before = known.instruments.get(instrument.id)
        reason = "the venue's specification changed" if before else "the venue's specification"
        event = change(instrument, by=by, reason=reason, at=at)
        if isinstance(event, InstrumentChanged):
            changed.append(event)
    return changed
