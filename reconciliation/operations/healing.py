"""Healing: what puts their word on a break into our log: their facts, or from where on it is explained anew."""

from datetime import datetime
from decimal import Decimal
from typing import Final

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.differences import Difference, DifferenceKind
from hedgeapp.core.events import Event
from hedgeapp.core.events.anchors import DelegationAnchored, HoldingAnchored, LeverageAnchored
from hedgeapp.core.events.breaks import BalanceAnchored
from hedgeapp.eventlog import codec
from reconciliation.core.breaks import Break
from reconciliation.core.ours import LEVERAGE
from reconciliation.queries.watched import anchors_of, delegation_anchors_of, holding_anchors_of

EXPLAINED: Final[frozenset[DifferenceKind]] = frozenset({"balance", "delegation", "holding"})


class NothingHealsIt(ValueError):
    """A break has no facts of theirs that could be put into the log."""

    def __init__(self, break_id: str) -> None:
        super().__init__(f"facts that heal {break_id} expected, found none: explain it, or accept it with a reason")


def is_healable(found: Break) -> bool:
    """Tell whether somebody could put their word into our log."""
    difference = found.difference
    return bool(found.heal) or difference.kind in EXPLAINED or _is_leverage(difference)


def healing(found: Break, by: str, at: datetime) -> list[Event]:
    """Return the facts that put their word into our log. Raises NothingHealsIt."""
    difference = found.difference
    if difference.kind == "balance" and difference.amount is not None:
        account = difference.subject.partition(":")[2]
        anchor = anchors_of(account)[difference.item]
        total = anchor.total + difference.amount
        return [
            BalanceAnchored(
                at=at,
                account=account,
                asset=difference.item,
                total=total,
                booked=anchor.booked,
                by=by,
                break_id=found.break_id,
            )
        ]
    if difference.kind == "delegation" and difference.amount is not None:
        return [_mirrored_anew(found, difference.amount, by, at)]
    if difference.kind == "holding" and difference.amount is not None:
        return [_held_anew(found, difference.amount, by, at)]
    if _is_leverage(difference):
        return [_leverage_anew(found, by, at)]
    if not found.heal:
        raise NothingHealsIt(found.break_id)
    return [codec.decode(one.kind, one.body.encode()) for one in found.heal]


def _mirrored_anew(found: Break, amount: Decimal, by: str, at: datetime) -> DelegationAnchored:
    """Return from where a delegation is explained when the custodian's word is taken: the moves since stay on top."""
    custodian, item = found.difference.subject.partition(":")[2], found.difference.item
    anchors = delegation_anchors_of(custodian)
    anchor = anchors.get(item)
    return DelegationAnchored(
        at=at,
        custodian=custodian,
        account=item.rpartition(":")[0],
        asset=found.difference.unit,
        total=(anchor.total if anchor else ZERO) + amount,
        log_seq=anchor.log_seq if anchor else min(one.log_seq for one in anchors.values()),
        by=by,
        break_id=found.break_id,
    )


def _held_anew(found: Break, amount: Decimal, by: str, at: datetime) -> HoldingAnchored:
    """Return from where a holding is explained when the custodian's word is taken: what came since stays on top."""
    custodian, item = found.difference.subject.partition(":")[2], found.difference.item
    anchors = holding_anchors_of(custodian)
    anchor = anchors.get(item)
    return HoldingAnchored(
        at=at,
        custodian=custodian,
        wallet=item.rpartition(":")[0],
        asset=found.difference.unit,
        total=(anchor.total if anchor else ZERO) + amount,
        log_seq=anchor.log_seq if anchor else min(one.log_seq for one in anchors.values()),
        by=by,
        break_id=found.break_id,
    )


def _leverage_anew(found: Break, by: str, at: datetime) -> LeverageAnchored:
    difference = found.difference
    return LeverageAnchored(
        at=at,
        account=difference.subject.partition(":")[2],
        instrument=difference.item.removesuffix(LEVERAGE),
        leverage=Decimal(dict(difference.theirs)["value"]),
        by=by,
        break_id=found.break_id,
    )


def _is_leverage(difference: Difference) -> bool:
    return difference.kind == "mode" and difference.item.endswith(LEVERAGE) and bool(difference.theirs)
