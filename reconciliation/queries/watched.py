"""Watched: what runs look after, and where balances are explained from."""

from hedgeapp.core.events.anchors import DelegationAnchored, HoldingAnchored
from hedgeapp.core.events.breaks import BalanceAnchored
from reconciliation.core import holdings
from reconciliation.core.delegations import item_of
from reconciliation.models import Anchor, BreakRow, DelegationAnchor, HoldingAnchor


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


def delegation_anchors_of(custodian: str) -> dict[str, DelegationAnchored]:
    """Return the anchors of what a custodian mirrors, by item: account and asset."""
    return {
        item_of(row.account, row.asset): DelegationAnchored(
            at=row.at,
            custodian=row.custodian,
            account=row.account,
            asset=row.asset,
            total=row.total,
            log_seq=row.log_seq,
            by=row.by,
            because=row.because,
            break_id=row.break_id,
        )
        for row in DelegationAnchor.objects.filter(custodian=custodian, to_seq=None)
    }


def holding_anchors_of(custodian: str) -> dict[str, HoldingAnchored]:
    """Return the anchors of what a custodian's wallets hold, by item: wallet and asset."""
    return {
        holdings.item_of(row.wallet, row.asset): HoldingAnchored(
            at=row.at,
            custodian=row.custodian,
            wallet=row.wallet,
            asset=row.asset,
            total=row.total,
            log_seq=row.log_seq,
            by=row.by,
            break_id=row.break_id,
        )
        for row in HoldingAnchor.objects.filter(custodian=custodian, to_seq=None)
    }
