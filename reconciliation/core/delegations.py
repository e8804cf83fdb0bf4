"""Delegations: what a custodian has to mirror to our accounts, as our moves explain it.  anchors x moves -> rows

The log repeats what the custodian says of it: a delegation that he forgot would agree with itself. Only our own moves,
which he once confirmed, can say what there has to be. What he wrote off for a loss in a settlement is his to tell, too.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.events.anchors import DelegationAnchored
from hedgeapp.core.events.moves import MovePayload, MoveReported
from hedgeapp.core.records import record
from reconciliation.core.compare import Side, Values

BY: Final = "reconciliation"
SETTLEMENTS_NAMED: Final = 3  # that a new anchor names, the last ones


@record
class Carried:
    """A move that a custodian reported as done, or a loss that he settled: what it changes of what he mirrors.

    `seq` is the event of the log that told of it, 0 for a settlement, which only he tells of; `at` is his time.
    """

    custodian: str
    account: str
    asset: str
    change: Decimal
    seq: int
    at: datetime
    reference: str

    @property
    def item(self) -> str:
        """Return what names a delegation in a statement."""
        return item_of(self.account, self.asset)


def carried(payload: MovePayload, reported: MoveReported, seq: int) -> Carried | None:
    """Return what a move changed of what is mirrored, as its custodian reported it; None of a transfer."""
    if payload.kind == "transfer":
        return None
    is_there = payload.kind == "delegate"
    return Carried(
        custodian=payload.custodian,
        account=payload.destination if is_there else payload.source,
        asset=payload.asset,
        change=payload.amount if is_there else -payload.amount,
        seq=seq,
        at=reported.at,
        reference=reported.custodian_order_id,
    )


def item_of(account: str, asset: str) -> str:
    """Return what names a delegation in a statement: a custodian mirrors an asset to an account."""
    return f"{account}:{asset}"


@record
class Explained:
    """What has to be mirrored, by item, from which anchors; `settled` says of which items a loss explains the rest."""

    rows: Mapping[str, Values]
    anchors: Mapping[str, DelegationAnchored]
    settled: Mapping[str, str]


def explained(
    stated: Side,
    anchors: Mapping[str, DelegationAnchored],
    moves: Iterable[Carried],
    losses: Sequence[Carried] = (),
) -> Explained:
    """Return what explains what a custodian states; `anchors` are his, by item.

    Without any anchor nothing is explained yet, and his word is taken; with one, what has none began at nothing.
    """
    if not anchors:
        return Explained(rows=stated, anchors=anchors, settled={})
    first = min(one.log_seq for one in anchors.values())
    sums = dict.fromkeys(stated, ZERO) | {item: one.total for item, one in anchors.items()}
    for move in moves:
        known = anchors.get(move.item)
        if move.seq > (known.log_seq if known else first):
            sums[move.item] = sums.get(move.item, ZERO) + move.change
    settled = {item: said for item in sorted(anchors) if (said := _settled(item, sums, stated, anchors[item], losses))}
    rows = {item: stated[item] if item in settled else (total,) for item, total in sums.items()}
    return Explained(rows=rows, anchors=anchors, settled=settled)


def _settled(
    item: str, sums: Mapping[str, Decimal], stated: Side, anchor: DelegationAnchored, losses: Sequence[Carried]
) -> str:
    """Return by which settlements less is mirrored: a loss is written off what is mirrored first, and then paid."""
    since = [one for one in losses if one.item == item and one.at > anchor.at]
    missing = (stated[item][0] if item in stated else ZERO) - sums[item]
    if not sum((one.change for one in since), ZERO) <= missing < 0:
        return ""
    return f"settled by {', '.join(one.reference for one in since[-SETTLEMENTS_NAMED:])}"


def anchored(custodian: str, stated: Side, found: Explained, *, log_seq: int, at: datetime) -> list[DelegationAnchored]:
    """Return where delegations are to be explained from: those not anchored yet, and those that were settled."""
    return [
        DelegationAnchored(
            at=at,
            custodian=custodian,
            account=item.rpartition(":")[0],
            asset=item.rpartition(":")[2],
            total=total,
            log_seq=log_seq,
            by=BY,
            because=found.settled.get(item, ""),
        )
        for item, (total,) in sorted(stated.items())
        if item in found.settled or (item not in found.anchors and found.rows.get(item) == (total,))
    ]
