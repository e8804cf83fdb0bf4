"""Instruments: taken from the venue's own word, changed only when it changed, quarantined where it is another's."""

from datetime import datetime

import structlog

from hedgeapp.core.events.reference import InstrumentChanged
from marketdata.core.reference import Specified
from marketdata.core.specifications import completed, contradiction
from marketdata.operations.changes import change
from marketdata.operations.suspensions import quarantine
from marketdata.queries.catalogue import reference

log = structlog.get_logger()


def symbols_of(venue: str) -> list[str]:
    """Return our symbols of the instruments that a venue's accounts trade, also of accounts that are not enabled."""
    accounts = [account for account in reference().accounts.values() if account.venue == venue]
    return sorted({symbol for account in accounts for symbol in account.instruments})


def take_instruments(venue: str, specified: Specified, *, by: str, at: datetime) -> list[InstrumentChanged]:
    """Record the instruments that a venue's accounts trade, as the venue specifies them; return what changed.

    One that is suddenly another contract is left as it is and suspended, until a person takes the venue's word over.
    Raises ReferenceContradicts for what the venue got wrong, and a RowRefused for what contradicts the catalogue.
    """
    known = reference()
    changed = []
    for instrument in specified(symbols=symbols_of(venue), assets=known.assets):
        before = known.instruments.get(instrument.id)
        instrument = completed(instrument, before)
        if before is not None and (said := contradiction(before, instrument)):
            if quarantine(instrument, said, by=by, at=at):
                log.error("instrument.quarantined", instrument=instrument.id, because=said)
            continue
        reason = "the venue's specification changed" if before else "the venue's specification"
        event = change(instrument, by=by, reason=reason, at=at)
        if isinstance(event, InstrumentChanged):
            changed.append(event)
    return changed
