"""Marks: a venue's own word on its prices, by REST; never by the stream that our marks were taken from."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

from hedgeapp.core.instruments import Instrument
from hedgeapp.core.reference import Venue
from marketdata.feeds.ccxt.complaints import EXPECTED, sentence
from marketdata.feeds.ccxt.facts import Raw, number
from marketdata.feeds.ccxt.protocols import PROTOCOLS
from marketdata.venues import Client
from reconciliation.core.prices import Priced, theirs
from reconciliation.core.statements import Statement
from reconciliation.statements.reading import Reading


async def statement(subject: str, venue: Venue, instruments: Mapping[str, Instrument]) -> Statement:
    """Read a venue's marks and indexes; `instruments` are ours by the venue's symbol."""
    client, reading = Client(venue), Reading(subject, EXPECTED, sentence)

    async def read() -> list[Priced]:
        rows: list[Raw] = [*await PROTOCOLS[venue.protocol].prices(client)]
        known = ((instruments[row["symbol"]], row) for row in rows if row.get("symbol") in instruments)
        return [one for instrument, row in known if (one := _priced(instrument, row)) is not None]

    try:
        if (found := await reading.part(["mark"], read)) is not None:
            reading.tell("mark", theirs(found))
        return reading.statement(datetime.now(UTC))
    finally:
        await client.close()


def _priced(instrument: Instrument, row: Raw) -> Priced | None:
    """Return what a row tells; None of a contract without an index, as one is in the hour of its delivery."""
    mark, index = (number("mark", row, field) for field in ("markPrice", "indexPrice"))
    return Priced(instrument=instrument.id, mark=mark, index=index) if mark > Decimal(0) < index else None
