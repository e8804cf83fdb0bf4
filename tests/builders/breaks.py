"""Differences and one event of every kind of reconciliation."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hedgeapp.core.differences import Compared, Difference, Evidence
from hedgeapp.core.events import Event
from hedgeapp.core.events.anchors import DelegationAnchored, HoldingAnchored, LeverageAnchored, RebaseTaken
from hedgeapp.core.events.breaks import (
    BalanceAnchored,
    BreakAccepted,
    BreakAssigned,
    BreakExplained,
    BreakFound,
    BreakHealed,
    BreakInvestigated,
    BreakReopened,
    BreakResized,
    BreakVerified,
    ClosingAsked,
    ClosingWithdrawn,
    DifferenceSeen,
    DifferenceSettled,
    HealProposed,
    RunBegun,
    RunEnded,
    VenueBlocked,
    VenueFreed,
)

AT = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
D = Decimal
SUBJECT = "account:binance-usdm:main"


def difference(**changed: Any) -> Difference:
    """Return a balance that is 250 USDT more at the venue than our facts explain."""
    given: dict[str, Any] = {
        "subject": SUBJECT,
        "venue": "binance-usdm",
        "kind": "balance",
        "item": "USDT",
        "ours": (("total", "1000"),),
        "theirs": (("total", "1250"),),
        "amount": D("250"),
        "unit": "USDT",
        "usd": D("249.5"),
    }
    return Difference(**given | changed)


_OF: dict[str, Any] = {"at": AT, "break_id": "balance-0123456789ab"}
_BY_RUN: dict[str, Any] = {**_OF, "run_id": "r-1"}
_SIZED: dict[str, Any] = {**_BY_RUN, "difference": difference(because="at the index"), "severity": "major"}
_CLOSED: dict[str, Any] = {
    **_OF,
    "asked_by": "ann",
    "approved_by": "bob",
    "needs_two": "it raises backing",
    "reason": "a rebate",
}

BREAKS: list[Event] = [
    RunBegun(at=AT, run_id="r-1", subject=SUBJECT, trigger="schedule"),
    RunEnded(
        at=AT,
        run_id="r-1",
        subject=SUBJECT,
        outcome="differing",
        log_seq=41,
        compared=(Compared(kind="balance", ours=3, theirs=4, differing=1, digest="ab12"),),
        said="funding: no answer in time",
    ),
    BalanceAnchored(
        at=AT, account="binance-usdm:main", asset="USDT", total=D("1000.5"), booked=D("-0.25"), by="ann",
        break_id="balance-0123456789ab",
    ),
    DelegationAnchored(
        at=AT, custodian="ceffu", account="binance-usdm:main", asset="ETH", total=D("1000.5"), log_seq=40, by="ann",
        because="it was forgotten", break_id="delegation-0123456789ab",
    ),
    HoldingAnchored(
        at=AT, custodian="ceffu", wallet="w1", asset="USDT", total=D("1000.5"), log_seq=40, by="ann",
        break_id="holding-0123456789ab",
    ),
    LeverageAnchored(
        at=AT, account="binance-usdm:main", instrument="binance-usdm:ETH-USDT-PERP", leverage=D("20"), by="ann",
        break_id="mode-0123456789ab",
    ),
    RebaseTaken(at=AT, custodian="ceffu", wallet="w1", asset="stETH", amount=D("0.41"), most=D("1.09")),
    DifferenceSeen(
        **_BY_RUN, difference=difference(), due_at=AT + timedelta(seconds=45), explained_by="order h-1 is sent"
    ),
    DifferenceSettled(**_BY_RUN),
    BreakFound(**_SIZED),
    BreakResized(**_SIZED),
    BreakAssigned(**_OF, assignee="ann", by="bob"),
    BreakInvestigated(**_OF, by="ann", note="asked the venue"),
    BreakExplained(**_OF, by="ann", explanation="a rebate that no stream tells"),
    HealProposed(**_BY_RUN, facts=(Evidence(kind="FillRecorded", body="{}"),), because="the venue lists trade 77"),
    ClosingAsked(**_OF, closing="heal", by="ann", reason="a rebate", needs_two="it raises backing"),
    ClosingWithdrawn(**_OF, by="bob", reason="not yet"),
    BreakHealed(**_CLOSED, keys=("fill:binance-usdm:main:binance-usdm:ETH-USDT-PERP:77",)),
    BreakAccepted(**_CLOSED, difference=difference()),
    BreakVerified(**_BY_RUN),
    BreakReopened(**_SIZED),
    VenueBlocked(at=AT, venue="binance-usdm", break_ids=("balance-0123456789ab",), because="above its limit"),
    VenueFreed(at=AT, venue="binance-usdm"),
]  # fmt: skip
