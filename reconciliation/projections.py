"""Projections: rows out of the events of reconciliation, written with them."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec
import structlog

from hedgeapp.core.events import Recorded
from hedgeapp.core.events.anchors import DelegationAnchored, HoldingAnchored, LeverageAnchored, RebaseTaken
from hedgeapp.core.events.breaks import (
    BalanceAnchored,
    BreakEvent,
    ReconciliationEvent,
    RunBegun,
    RunEnded,
    VenueBlocked,
    VenueFreed,
)
from reconciliation.core.breaks import Break, after
from reconciliation.models import Anchor, BreakRow, DelegationAnchor, HoldingAnchor, Run

log = structlog.get_logger()

KINDS: Final = tuple(kind.__name__ for kind in ReconciliationEvent.__args__)


def project(recorded: Iterable[Recorded]) -> None:
    """Write the rows of events in their order, in the caller's transaction."""
    for one in recorded:
        event = one.event
        if isinstance(event, RunBegun):
            _begin(event, one.seq)
        elif isinstance(event, RunEnded):
            _end(event, one.seq)
        elif isinstance(event, BalanceAnchored):
            _anchor(event, one.seq)
        elif isinstance(event, DelegationAnchored):
            _anchor_delegation(event, one.seq)
        elif isinstance(event, HoldingAnchored):
            _anchor_holding(event, one.seq)
        elif isinstance(event, VenueBlocked | VenueFreed | RebaseTaken | LeverageAnchored):
            continue  # the book has the first two, runs read the others in the log
        elif isinstance(event, ReconciliationEvent):
            _break(event, one.seq)


def break_of(row: BreakRow) -> Break:
    """Return the break that a row holds."""
    return msgspec.convert(row.body, Break)


def _begin(event: RunBegun, seq: int) -> None:
    Run.objects.create(
        run_id=event.run_id,
        subject=event.subject,
        trigger=event.trigger,
        begun_at=event.at,
        begun_seq=seq,
        outcome="",
        log_seq=0,
        compared=[],
        said="",
    )


def _end(event: RunEnded, seq: int) -> None:
    Run.objects.filter(run_id=event.run_id).update(
        ended_at=event.at,
        ended_seq=seq,
        outcome=event.outcome,
        log_seq=event.log_seq,
        compared=msgspec.to_builtins(event.compared),
        said=event.said,
    )


def _anchor(event: BalanceAnchored, seq: int) -> None:
    Anchor.objects.filter(account=event.account, asset=event.asset, to_seq=None).update(to_seq=seq)
    Anchor.objects.create(
        from_seq=seq,
        account=event.account,
        asset=event.asset,
        total=event.total,
        booked=event.booked,
        at=event.at,
        by=event.by,
        break_id=event.break_id,
    )


def _anchor_delegation(event: DelegationAnchored, seq: int) -> None:
    key = {"custodian": event.custodian, "account": event.account, "asset": event.asset}
    DelegationAnchor.objects.filter(**key, to_seq=None).update(to_seq=seq)
    DelegationAnchor.objects.create(
        **key,
        from_seq=seq,
        total=event.total,
        log_seq=event.log_seq,
        at=event.at,
        by=event.by,
        because=event.because,
        break_id=event.break_id,
    )


def _anchor_holding(event: HoldingAnchored, seq: int) -> None:
    key = {"custodian": event.custodian, "wallet": event.wallet, "asset": event.asset}
    HoldingAnchor.objects.filter(**key, to_seq=None).update(to_seq=seq)
    HoldingAnchor.objects.create(
        **key,
        from_seq=seq,
        total=event.total,
        log_seq=event.log_seq,
        at=event.at,
        by=event.by,
        break_id=event.break_id,
    )


def _break(event: BreakEvent, seq: int) -> None:
    row = BreakRow.objects.filter(break_id=event.break_id, to_seq=None).first()
    known = break_of(row) if row is not None else None
    found = after(known, event, seq)
    if isinstance(found, str):
        log.error("break.contradiction", said=found, seq=seq)
        return
    if row is not None:
        BreakRow.objects.filter(pk=row.pk).update(to_seq=seq)
    is_anew = known is None or known.seen_at != found.seen_at
    BreakRow.objects.create(
        from_seq=seq,
        seen_seq=seq if row is None or is_anew else row.seen_seq,
        **_columns(found),
    )


def _columns(found: Break) -> dict[str, Any]:
    difference = found.difference
    return {
        "break_id": found.break_id,
        "state": found.state,
        "is_open": found.is_open,
        "is_watched": found.is_watched,
        "was_found": found.found_at is not None,
        "severity": found.severity,
        "subject": difference.subject,
        "venue": difference.venue,
        "kind": difference.kind,
        "item": difference.item,
        "usd": difference.usd,
        "assignee": found.assignee,
        "seen_at": found.seen_at,
        "needs_two": found.needs_two,
        "asked_by": found.asked_by,
        "approved_by": found.approved_by,
        "body": msgspec.to_builtins(found),
    }
