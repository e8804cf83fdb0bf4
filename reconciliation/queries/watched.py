"""Watched: what runs look after, and where balances are explained from."""

from hedgeapp.core.events.breaks import BalanceAnchored
from reconciliation.models import Anchor, BreakRow


def watched_ids(subject: str) -> frozenset[str]:
    """Return the ids of the breaks of a subject that are not over."""
    rows = BreakRow.objects.filter(to_seq=None, is_watched=True, subject=subject)
    return frozenset(rows.values_list("break_id", flat=True))


def watched_fills(subject: str) -> dict[str, int]:
    """Return, by instrument, the lowest trade id of the fills of a subject that are not over."""
    rows = BreakRow.objects.filter(to_seq=None, is_watched=True, subject=subject, kind="fill")
    found: dict[str, int] = {}
    for item in rows.values_list("item", flat=True):
        instrument, _, trade_id = item.rpartition(":")
        if trade_id.isdecimal():
            found[instrument] = min(int(trade_id), found.get(instrument, int(trade_id)))
    return found


def anchors_of(account: str) -> dict[str, BalanceAnchored]:
    """Return the anchors of an account's balances, by asset."""
    return {
        row.asset: BalanceAnchored(
            at=row.at,
            account=row.account,
            asset=row.asset,
            total=row.total,
            booked=row.booked,
            by=row.by,
            break_id=row.break_id,
        )
        for row in Anchor.objects.filter(account=account, to_seq=None)
    }
