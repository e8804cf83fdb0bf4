"""Reconciliation against a sandbox of a test's own: runs at times that the test chooses."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
from django.db import connection, transaction

from hedgeapp.core.events import Event
from hedgeapp.core.events.balances import TransferSeen
from hedgeapp.core.events.marks import MarksTaken
from hedgeapp.core.marks import Mark, MarkKind
from hedgeapp.eventlog.append import append
from hedgeapp.eventlog.read import read
from reconciliation.core.breaks import Break
from reconciliation.models import BreakRow
from reconciliation.projections import break_of
from reconciliation.running import Outcome, reconcile
from tests.builders.accounts import INSTRUMENTS, MAIN, World, running


class Desk:
    """A sandbox, the log of one account's first contact, and runs of a subject at times that the test chooses."""

    def __init__(self, world: World, database: str, subject: str = f"account:{MAIN}") -> None:
        self.world, self.database, self.subject = world, database, subject
        self.at = datetime.now(UTC)

    def contact(self, transfers: int = 1, account: str = MAIN) -> None:
        """Let an account's feed read all that there is, so many transfers among it, and stop it."""

        async def once() -> None:
            async with running(account, self.database) as feed:
                await feed.until(lambda: len(feed.told(TransferSeen)) >= transfers)

        asyncio.run(once())

    def mark(self, price: str) -> None:
        """Let the log know marks of the account's contracts."""
        self.priced({(name, kind): price for name in INSTRUMENTS[MAIN].values() for kind in ("mark", "index")})

    def priced(self, prices: dict[tuple[str, Any], str]) -> None:
        """Let the log know prices of instruments, by kind, a second later: it keeps one for each second."""
        self.at += timedelta(seconds=1)
        given: dict[str, Any] = {"at": self.at, "received_at": self.at, "source": "test"}
        named: list[tuple[str, MarkKind, str]] = [(name, kind, price) for (name, kind), price in prices.items()]
        marks = tuple(Mark(subject=name, kind=kind, value=Decimal(price), **given) for name, kind, price in named)
        self.append(MarksTaken(at=self.at, marks=marks))

    def append(self, *events: Event) -> None:
        """Append events."""
        with transaction.atomic(durable=True):
            connection.ensure_connection()
            append(connection.connection, events, at=self.at)

    def run(self, later_s: float = 60) -> Outcome:
        """Compare once, so much later than the last time."""
        self.at += timedelta(seconds=later_s)
        return reconcile(self.subject, "schedule", lambda: self.at, looks_after_s=0)

    def told(self, *kinds: type[Any]) -> list[Any]:
        """Return the events of some kinds in the log."""
        with psycopg.connect(self.database, autocommit=True) as raw:
            return [one.event for one in read(raw, kinds=[kind.__name__ for kind in kinds])]


def current(kind: str) -> list[Break]:
    """Return the breaks of a kind as they are now, by item."""
    rows = BreakRow.objects.filter(to_seq=None, kind=kind).order_by("item")
    return [break_of(row) for row in rows]
