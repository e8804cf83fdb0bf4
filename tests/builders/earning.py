"""Earning: minutes in which a book trades, is paid funding and grows, in the log and attributed."""

from decimal import Decimal

from django.db import connection, transaction

from hedgeapp.eventlog.append import append
from portfolio.core.book import Book
from portfolio.core.minutes import Minute, Minutes
from portfolio.operations.minutes import keep_minutes
from tests.builders.books import INVERSE, USDM, D
from tests.builders.ledger import Ledger


def lived(late: Decimal = Decimal(0)) -> Ledger:
    """Let four minutes pass, with trades at two venues, funding and staking; in the last a wallet may be off."""
    ledger = Ledger()
    ledger.priced(D(2000))
    ledger.stated()
    live_on(ledger, late)
    return ledger


def live_on(ledger: Ledger, late: Decimal = Decimal(0)) -> None:
    """Let four minutes pass."""
    for later in range(1, 5):
        ledger.later(60)
        ledger.told(ledger.traded("sell", D(1), D(2001) + later))
        ledger.told(ledger.traded("sell", D(10), D(2001), INVERSE, "0.0001"))
        ledger.funded(D("1.25"))
        ledger.rebased(D("0.125"))
        ledger.stated()
        if late and later > 2:
            wallet = ledger.book.balances[USDM, "USDT"].total + late
            ledger.stated_as({(USDM, "USDT"): wallet})
        ledger.priced(D(2000) + later, rate=D("1.2") + D("0.001") * later)


def written(ledger: Ledger) -> list[Minute]:
    """Put a ledger's events into the log, and its minutes beside it."""
    with transaction.atomic():
        connection.ensure_connection()
        append(connection.connection, [one.event for one in ledger.log], at=ledger.at)
    minutes = Minutes(Book())
    found = [one for recorded in ledger.log if (one := minutes.take(recorded)) is not None]
    keep_minutes(found)
    return found
