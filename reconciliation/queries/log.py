"""The log as runs compare it: fills from a trade id on, income since a time, moves since an event; by their keys."""

from datetime import datetime
from typing import Final

from django.db import connection

from hedgeapp.core.events.balances import TransferSeen
from hedgeapp.core.events.moves import MoveProposed, MoveReported
from hedgeapp.core.events.positions import FundingPaid
from hedgeapp.core.events.trading import FillRecorded
from hedgeapp.eventlog import codec
from marketdata.queries.known import trades_read_from
from reconciliation.core.delegations import Carried, carried

FILLS_COMPARED: Final = 1_000  # of an instrument, the latest
MOVES_COMPARED: Final = 10_000  # of a custodian, since what he mirrors was anchored
INCOME_COMPARED: Final = 10_000  # of an account and kind, the latest that the log took

# ^@ is "starts with"; it uses the index of the keys.
_FILLS: Final = """
SELECT body FROM eventlog_event
 WHERE kind = 'FillRecorded' AND key ^@ %s AND substr(key, %s)::numeric >= %s ORDER BY seq DESC LIMIT %s
"""
_REPORTED: Final = """
SELECT seq, body FROM eventlog_event
 WHERE kind = 'MoveReported' AND key ^@ 'move-reported:' AND seq > %s ORDER BY seq LIMIT %s
"""
_PROPOSED: Final = "SELECT body FROM eventlog_event WHERE key = ANY(%s)"
_INCOME: Final = "SELECT body FROM eventlog_event WHERE kind = %s AND key ^@ %s ORDER BY seq DESC LIMIT %s"


def compared_from(account: str, instrument: str) -> int | None:
    """Return the trade id from which fills are compared; None before the first contact with an instrument."""
    return trades_read_from(account, instrument, overlap=FILLS_COMPARED)


def fills_from(account: str, instrument: str, from_id: int) -> list[FillRecorded]:
    """Return an account's fills of an instrument from a trade id on, as the log has them."""
    prefix = f"fill:{account}:{instrument}:"
    with connection.cursor() as cursor:
        # Fills that are missing let the window begin earlier: twice as many are enough.
        cursor.execute(_FILLS, [prefix, len(prefix) + 1, from_id, 2 * FILLS_COMPARED])
        events = [codec.decode("FillRecorded", bytes(body)) for (body,) in cursor]
    return [event for event in events if isinstance(event, FillRecorded)]


def fundings_since(account: str, since: datetime) -> list[FundingPaid]:
    """Return an account's fundings since a time at the venue."""
    events = _income("FundingPaid", f"funding:{account}:")
    return [event for event in events if isinstance(event, FundingPaid) and event.at >= since]


def transfers_since(account: str, since: datetime) -> list[TransferSeen]:
    """Return an account's transfers since a time at the venue."""
    events = _income("TransferSeen", f"transfer:{account}:")
    return [event for event in events if isinstance(event, TransferSeen) and event.at >= since]


def _income(kind: str, prefix: str) -> list[object]:
    with connection.cursor() as cursor:
        cursor.execute(_INCOME, [kind, prefix, INCOME_COMPARED])
        return [codec.decode(kind, bytes(body)) for (body,) in cursor]


def moves_since(custodian: str, seq: int) -> list[Carried]:
    """Return what a custodian reported as moved for us after an event, of those that change what he mirrors."""
    with connection.cursor() as cursor:
        cursor.execute(_REPORTED, [seq, MOVES_COMPARED])
        reported = [(at, codec.decode("MoveReported", bytes(body))) for at, body in cursor]
        done = {
            event.move_id: (at, event)
            for at, event in reversed(reported)
            if isinstance(event, MoveReported) and event.state == "success" and event.custodian == custodian
        }
        cursor.execute(_PROPOSED, [[f"move-proposed:{name}" for name in done]])
        proposed = [codec.decode("MoveProposed", bytes(body)) for (body,) in cursor]
    moves = [one for one in proposed if isinstance(one, MoveProposed)]
    found = (carried(one.payload, done[one.payload.move_id][1], done[one.payload.move_id][0]) for one in moves)
    return sorted((one for one in found if one is not None), key=lambda one: one.seq)
