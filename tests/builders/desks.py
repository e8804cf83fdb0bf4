"""A log in which an order makes sense: reference data, limits, marks, and a book that is long 30 ETH."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from hedgeapp.core.events import Event
from hedgeapp.core.events.marks import MarksTaken
from hedgeapp.core.events.reference import AccountChanged
from hedgeapp.core.reference import Account
from hedgeapp.eventlog.append import append
from portfolio.operations.orders import Ticket
from tests.builders.books import AT, COINM, LINEAR, USDM, balance, collateral, common, limit, reference
from tests.builders.desk import HEARD

PRICE = Decimal(3000)
MARKS = common(PRICE)
D = Decimal


def account(name: str, *symbols: str) -> AccountChanged:
    """Return an account that trades these symbols."""
    row = Account(name=name, venue=name.partition(":")[0], label="main", instruments=symbols)
    return AccountChanged(at=AT, account=row, version=2, by="ann")


def history(net: str = "30") -> list[Event]:
    """Return all that a book needs to be long so many ETH and to be hedged."""
    return [
        *reference(),
        *HEARD,
        account(USDM, "ETH-USDT-PERP"),
        account(COINM, "ETH-USD-PERP"),
        limit("order_size_max", "ETH", "40"),
        limit("price_collar", "ETH", "30"),
        collateral("ETH", net),
        balance(COINM, "ETH", "0"),
        balance(USDM, "USDT", "0"),
        MarksTaken(at=AT, marks=tuple(MARKS.values())),
    ]


def written(*events: Event, at: datetime = AT) -> None:
    """Append events to the log."""
    with transaction.atomic():
        connection.ensure_connection()
        append(connection.connection, events, at=at)


def ticket(nonce: str = "n-1", **given: Any) -> Ticket:
    """Return a ticket that sells 5 ETH near the mark."""
    fields: dict[str, Any] = {
        "account": USDM,
        "instrument": LINEAR,
        "side": "sell",
        "quantity": D(5),
        "price": D("2995"),
        "time_in_force": "ioc",
        "reduce_only": False,
        "reason": "net ETH is out of its band",
        "proposal_id": "",
        "nonce": nonce,
    }
    return Ticket(**{**fields, **given})
