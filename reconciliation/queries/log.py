"""The log as runs compare it: fills from a trade id, income since a time, moves and flows since an event; by key."""

from datetime import datetime
from decimal import Decimal
from typing import Final

from django.db import connection

from hedgeapp.core.events.anchors import LeverageAnchored
from hedgeapp.core.events.balances import TransferSeen
from hedgeapp.core.events.collateral import CustodyFlowSeen, SettlementSeen
from hedgeapp.core.events.moves import MovePayload, MoveProposed, MoveReported
from hedgeapp.core.events.positions import FundingPaid
from hedgeapp.core.events.trading import FillRecorded
from hedgeapp.eventlog import codec
from marketdata.queries.known import trades_read_from
from reconciliation.core.delegations import Carried, carried
from reconciliation.core.holdings import Change, HeldEvent, changes, transferred

FILLS_COMPARED: Final = 1_000  # of an instrument, the latest
MOVES_COMPARED: Final = 10_000  # of a custodian, since what he mirrors was anchored
HELD_COMPARED: Final = 10_000  # deposits and withdrawals of a custodian, and settlements, since they were anchored
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
_SINCE: Final = "SELECT seq, body FROM eventlog_event WHERE kind = %s AND key ^@ %s AND seq > %s ORDER BY seq LIMIT %s"
_ANCHORED: Final = "SELECT body FROM eventlog_event WHERE kind = 'LeverageAnchored' AND key ^@ %s ORDER BY seq"
_TAKEN: Final = "SELECT recorded_at FROM eventlog_event WHERE {} ORDER BY seq DESC LIMIT 1"
_INTRODUCED: Final = """
SELECT recorded_at FROM eventlog_event WHERE kind = 'CustodianChanged' AND key ^@ %s ORDER BY seq LIMIT 1
"""
_HELD: Final = {"CustodyFlowSeen": "custody-flow", "SettlementSeen": "settlement", "RebaseTaken": "rebase-taken"}
_PROPOSED: Final = "SELECT body FROM eventlog_event WHERE key = ANY(%s)"
_INCOME: Final = "SELECT body FROM eventlog_event WHERE kind = %s AND key ^@ %s ORDER BY seq DESC LIMIT %s"


class TooMuchToExplain(RuntimeError):
    """More came to and left a custodian's wallets since they were anchored than a run can sum up."""

    def __init__(self, custodian: str, seq: int) -> None:
        super().__init__(
            f"at most {HELD_COMPARED} deposits, withdrawals or settlements of {custodian} after event {seq} expected, "
            "found more: a run without a difference anchors them anew, so look into those that differ"
        )


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


def leverages_of(account: str) -> dict[str, Decimal]:
    """Return the leverages that are expected in an account, by instrument: those that were anchored last."""
    with connection.cursor() as cursor:
        cursor.execute(_ANCHORED, [f"leverage-anchored:{account}:"])
        events = [codec.decode("LeverageAnchored", bytes(body)) for (body,) in cursor]
    return {one.instrument: one.leverage for one in events if isinstance(one, LeverageAnchored)}


def _income(kind: str, prefix: str) -> list[object]:
    with connection.cursor() as cursor:
        cursor.execute(_INCOME, [kind, prefix, INCOME_COMPARED])
        return [codec.decode(kind, bytes(body)) for (body,) in cursor]


def moves_since(custodian: str, seq: int) -> list[Carried]:
    """Return what a custodian reported as moved for us after an event, of those that change what he mirrors."""
    found = (carried(payload, reported, at) for payload, reported, at in _moved_since(custodian, seq))
    return sorted((one for one in found if one is not None), key=lambda one: one.seq)


def held_since(custodian: str, seq: int) -> list[Change]:
    """Return what changed what a custodian's wallets hold after an event. Raises TooMuchToExplain."""
    found: list[Change] = []
    with connection.cursor() as cursor:
        for kind, prefix in _HELD.items():
            cursor.execute(_SINCE, [kind, f"{prefix}:{custodian}:", seq, HELD_COMPARED + 1])
            rows = [(at, codec.decode(kind, bytes(body))) for at, body in cursor]
            if len(rows) > HELD_COMPARED:
                raise TooMuchToExplain(custodian, seq)
            for at, event in rows:
                if isinstance(event, HeldEvent):
                    found += changes(event, at)
    for payload, reported, at in _moved_since(custodian, seq):
        if payload.kind == "transfer":
            found += transferred(payload, at, reported.at)
    return found


def flows_since(custodian: str, since: datetime) -> list[CustodyFlowSeen | SettlementSeen]:
    """Return what came to a custodian's wallets, left them or was settled since a time of his."""
    events = [event for kind in ("CustodyFlowSeen", "SettlementSeen") for event in _latest(kind, custodian)]
    return [one for one in events if isinstance(one, CustodyFlowSeen | SettlementSeen) and one.at >= since]


def held_changed_at(custodian: str) -> datetime | None:
    """Return when the log last took something that changes what a custodian's wallets hold, or that he moved."""
    prefixes = [f"{prefix}:{custodian}:" for prefix in _HELD.values()] + ["move-reported:"]
    with connection.cursor() as cursor:
        cursor.execute(_TAKEN.format(" OR ".join(["key ^@ %s"] * len(prefixes))), prefixes)
        row = cursor.fetchone()
    return row[0] if row else None


def introduced_at(custodian: str) -> datetime | None:
    """Return when the log first took a custodian; what was before is no concern of ours."""
    with connection.cursor() as cursor:
        cursor.execute(_INTRODUCED, [f"custodian:{custodian}:"])
        row = cursor.fetchone()
    return row[0] if row else None


def _latest(kind: str, custodian: str) -> list[object]:
    return _income(kind, f"{_HELD[kind]}:{custodian}:")


def _moved_since(custodian: str, seq: int) -> list[tuple[MovePayload, MoveReported, int]]:
    """Return the moves of ours that a custodian reported as done after an event, each once, with that event."""
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
    moves = [one.payload for one in proposed if isinstance(one, MoveProposed)]
    return [(one, done[one.move_id][1], done[one.move_id][0]) for one in moves]
