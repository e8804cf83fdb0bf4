"""What the log knows of an account already, so that a feed reads on from there."""

from datetime import datetime
from decimal import Decimal
from typing import Final

from django.db import connection

from hedgeapp.core.events.balances import BalanceStated, CollateralTermsStated
from hedgeapp.core.events.debts import BorrowRateStated
from hedgeapp.core.events.positions import PositionOpened, PositionStated
from hedgeapp.core.events.trading import OrderSeen
from hedgeapp.eventlog import codec

# ^@ is "starts with", under any collation; it uses the index of the keys where that is in byte order.
_FILLS: Final = """
SELECT substr(key, %s)::numeric AS id FROM eventlog_event
 WHERE kind = 'FillRecorded' AND key ^@ %s ORDER BY id DESC LIMIT %s
"""
_BY_KEY: Final = "SELECT kind, body FROM eventlog_event WHERE key = %s"
_LATEST: Final = "SELECT kind, body FROM eventlog_event WHERE kind = %s AND key ^@ %s ORDER BY seq DESC LIMIT 1"
# The account's name has a colon, as an instrument's id has: what tells the subjects apart is the part after the last.
_LAST_STATED: Final = """
SELECT DISTINCT ON (subject) split_part(substr(key, %s), ':', %s) AS subject, kind, body FROM eventlog_event
 WHERE kind = %s AND key ^@ %s ORDER BY subject, seq DESC
"""

# An order's key tells its instrument (in two parts), its id and its status.
_STILL_OPEN: Final = """
SELECT log.kind, log.body FROM eventlog_event AS log JOIN (
       SELECT max(seq) AS seq FROM (
              SELECT seq, string_to_array(substr(key, %s), ':') AS part FROM eventlog_event
               WHERE kind = 'OrderSeen' AND key ^@ %s) AS seen
        GROUP BY part[1], part[2], part[3]
       HAVING NOT bool_or(part[4] IN ('filled', 'canceled', 'rejected', 'expired'))) AS last USING (seq)
 ORDER BY seq
"""


def trades_read_from(account: str, instrument: str, *, overlap: int) -> int | None:
    """Return the id from which an account's trades of an instrument are to be read on; None on first contact.

    The last `overlap` trades of the log are read again, so that none is missing between them.
    """
    prefix = f"fill:{account}:{instrument}:"
    with connection.cursor() as cursor:
        cursor.execute(_FILLS, [len(prefix) + 1, prefix, overlap])
        ids = [int(id_) for (id_,) in cursor]
        cursor.execute(_BY_KEY, [f"opening:{account}:{instrument}"])
        row = cursor.fetchone()
    opening = codec.decode(row[0], row[1]) if row else None
    after = int(opening.last_trade_id) + 1 if isinstance(opening, PositionOpened) else None
    if after is None:
        return ids[-1] if ids else None
    return max([after, *ids[-1:]])


def income_known_at(account: str) -> datetime | None:
    """Return the time of the latest funding, transfer or interest of an account in the log, None when there is none."""
    times = []
    with connection.cursor() as cursor:
        for kind, name in (("FundingPaid", "funding"), ("TransferSeen", "transfer"), ("InterestCharged", "interest")):
            prefix = f"{name}:{account}:"
            cursor.execute(_LATEST, [kind, prefix])
            if row := cursor.fetchone():
                times.append(codec.decode(row[0], row[1]).at)
    return max(times, default=None)


def last_statements(account: str) -> list[PositionStated | BalanceStated]:
    """Return the log's last statement on each position and each balance of an account."""
    found: list[PositionStated | BalanceStated] = []
    subjects = (("PositionStated", f"position:{account}:", 2), ("BalanceStated", f"balance:{account}:", 1))
    with connection.cursor() as cursor:
        for kind, prefix, part in subjects:
            cursor.execute(_LAST_STATED, [len(prefix) + 1, part, kind, prefix])
            events = [codec.decode(kind, body) for _, kind, body in cursor]
            found += [event for event in events if isinstance(event, PositionStated | BalanceStated)]
    return found


def last_collateral_terms(account: str) -> CollateralTermsStated | None:
    """Return the log's last word on what assets count for as margin in an account; None when there is none."""
    with connection.cursor() as cursor:
        cursor.execute(_LATEST, ["CollateralTermsStated", f"collateral-terms:{account}:"])
        row = cursor.fetchone()
    found = codec.decode(row[0], row[1]) if row else None
    return found if isinstance(found, CollateralTermsStated) else None


def last_borrow_rates(account: str) -> dict[str, Decimal]:
    """Return the log's last word on what an account pays for what it borrows, by asset: a share in an hour."""
    prefix = f"borrow-rate:{account}:"
    with connection.cursor() as cursor:
        cursor.execute(_LAST_STATED, [len(prefix) + 1, 1, "BorrowRateStated", prefix])
        events = [codec.decode(kind, body) for _, kind, body in cursor]
    return {event.asset: event.hourly_rate for event in events if isinstance(event, BorrowRateStated)}


def orders_still_open(account: str) -> list[OrderSeen]:
    """Return the last word on each order of an account whose end is not in the log, the longest known first."""
    prefix = f"order:{account}:"
    with connection.cursor() as cursor:
        cursor.execute(_STILL_OPEN, [len(prefix) + 1, prefix])
        events = [codec.decode(kind, body) for kind, body in cursor]
    return [event for event in events if isinstance(event, OrderSeen)]
