"""Holdings: what a custodian's wallets have to hold, as facts explain it.  anchors x changes -> rows

The log repeats what the custodian says that a wallet holds: a balance that was changed behind our back would agree with
itself. His lists of deposits, withdrawals and settlements, our transfers and the growth that a staked asset may have
say what there has to be. A delegation changes nothing here: what is mirrored is still the wallet's.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Literal, assert_never

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.differences import Stated
from hedgeapp.core.events.anchors import HoldingAnchored, RebaseTaken
from hedgeapp.core.events.collateral import CustodyFlowSeen, SettlementSeen
from hedgeapp.core.events.moves import MovePayload
from hedgeapp.core.records import record
from reconciliation.core import rebases
from reconciliation.core.compare import Side, Values, text

BY: Final = "reconciliation"
ANEW_AFTER: Final = timedelta(days=30)  # so that no run has more than that to sum up
SAME: Final = Decimal("1e-8")  # units; two amounts that are closer are one

Line = Literal["deposits", "withdrawals", "fees", "settled", "transfers", "rebases"]
HeldEvent = CustodyFlowSeen | SettlementSeen | RebaseTaken


@record
class Change:
    """What a fact of the log changes of all that a wallet holds, mirrored holdings included."""

    wallet: str
    asset: str
    line: Line
    units: Decimal
    seq: int
    at: datetime

    @property
    def item(self) -> str:
        """Return what names a holding in a statement."""
        return item_of(self.wallet, self.asset)


@record
class Growth:
    """What a holding has more that is no more than a rebase can be; both in units."""

    amount: Decimal
    most: Decimal


@record
class Explained:
    """What wallets have to hold, by item: from which anchors, by which lines, and what is taken for a rebase."""

    rows: Mapping[str, Values]
    anchors: Mapping[str, HoldingAnchored]
    lines: Mapping[str, Stated]
    grown: Mapping[str, Growth]


def item_of(wallet: str, asset: str) -> str:
    """Return what names a holding in a statement."""
    return f"{wallet}:{asset}"


def changes(event: HeldEvent, seq: int) -> Iterator[Change]:
    """Return what an event changes."""
    match event:
        case CustodyFlowSeen():
            came = event.direction == "deposit"
            line: Line = "deposits" if came else "withdrawals"
            yield _change(event.wallet, event.asset, line, event.amount if came else -event.amount, seq, event.at)
            if event.fee and event.fee_asset != event.asset:
                yield _change(event.wallet, event.fee_asset, "fees", -event.fee, seq, event.at)
        case SettlementSeen():
            yield _change(event.wallet, event.asset, "settled", event.amount, seq, event.at)
        case RebaseTaken():
            yield _change(event.wallet, event.asset, "rebases", event.amount, seq, event.at)
        case _:
            assert_never(event)


def transferred(payload: MovePayload, seq: int, at: datetime) -> Iterator[Change]:
    """Return what a transfer between our wallets that its custodian reported as done changes."""
    for wallet, units in ((payload.source, -payload.amount), (payload.destination, payload.amount)):
        yield _change(wallet, payload.asset, "transfers", units, seq, at)


def explained(
    stated: Side,
    anchors: Mapping[str, HoldingAnchored],
    made: Iterable[Change],
    *,
    at: datetime,
    mirrored: Mapping[str, Decimal] | None = None,
    is_complete: bool = True,
) -> Explained:
    """Return what explains what a custodian states; `anchors` are his, by item.

    Without any anchor nothing is explained yet, and his word is taken; with one, what has none began at nothing.
    `mirrored` is what he mirrors of a wallet more than our moves explain: what is off by exactly that is told there.
    Growth is taken for a rebase only where his lists are `is_complete` in the log.
    """
    if not anchors:
        return Explained(rows=stated, anchors=anchors, lines={}, grown={})
    first = min(one.log_seq for one in anchors.values())
    after = [one for one in made if one.seq > (anchors[one.item].log_seq if one.item in anchors else first)]
    rows: dict[str, Values] = {}
    lines: dict[str, Stated] = {}
    grown: dict[str, Growth] = {}
    for item in dict.fromkeys([*stated, *anchors, *(one.item for one in after)]):
        anchor, own = anchors.get(item), [one for one in after if one.item == item]
        total = (anchor.total if anchor else ZERO) + sum((one.units for one in own), ZERO)
        theirs = stated[item][0] if item in stated else ZERO
        lines[item] = _lines(anchor, own)
        rows[item] = (total,)
        if is_complete and anchor and (growth := _growth(anchor, own, total, theirs, at)):
            grown[item] = growth
        missing, told = theirs - total, (mirrored or {}).get(item, ZERO)
        if item in grown or (missing and told and abs(missing - told) <= SAME):
            rows[item] = (theirs,)
    return Explained(rows=rows, anchors=anchors, lines=lines, grown=grown)


def unexplained(linked: Mapping[str, str], ours: Side, theirs: Side) -> dict[str, Decimal]:
    """Return, by holding, what is mirrored of it more than ours; `linked` has the wallet of each account."""
    found: dict[str, Decimal] = {}
    for item in {*ours, *theirs}:
        account, _, asset = item.rpartition(":")
        more = theirs.get(item, (ZERO,))[0] - ours.get(item, (ZERO,))[0]
        if more and account in linked:
            name = item_of(linked[account], asset)
            found[name] = found.get(name, ZERO) + more
    return found


def anchored(custodian: str, stated: Side, found: Explained, *, log_seq: int, at: datetime) -> list[HoldingAnchored]:
    """Return where holdings are to be explained from: those that are not yet, and, by ours, those of long ago."""
    return [
        HoldingAnchored(
            at=at,
            custodian=custodian,
            wallet=item.rpartition(":")[0],
            asset=item.rpartition(":")[2],
            total=found.rows[item][0],
            log_seq=log_seq,
            by=BY,
        )
        for item in sorted(stated)
        if (item in found.anchors and at - found.anchors[item].at >= ANEW_AFTER)
        or (item not in found.anchors and found.rows.get(item) == stated[item])
    ]


def rebased(custodian: str, found: Explained, still: Collection[str], *, at: datetime) -> list[RebaseTaken]:
    """Return what is taken for rebases, of the items that nothing else changes now."""
    return [
        RebaseTaken(
            at=at,
            custodian=custodian,
            wallet=item.rpartition(":")[0],
            asset=item.rpartition(":")[2],
            amount=growth.amount,
            most=growth.most,
        )
        for item, growth in sorted(found.grown.items())
        if item in still
    ]


def _change(wallet: str, asset: str, line: Line, units: Decimal, seq: int, at: datetime) -> Change:
    return Change(wallet=wallet, asset=asset, line=line, units=units, seq=seq, at=at)


def _growth(
    anchor: HoldingAnchored, own: Iterable[Change], total: Decimal, theirs: Decimal, at: datetime
) -> Growth | None:
    missing = theirs - total
    if missing <= SAME or anchor.asset not in rebases.PER_YEAR_MAX:
        return None
    taken = [(one.at, one.units) for one in own if one.line == "rebases"]
    most = rebases.most(anchor.asset, total, anchor.at, taken, at)
    return Growth(amount=missing, most=most) if missing <= most else None


def _lines(anchor: HoldingAnchored | None, own: Iterable[Change]) -> Stated:
    """Return how a total comes about, line by line."""
    sums: dict[str, Decimal] = {}
    for one in own:
        sums[one.line] = sums.get(one.line, ZERO) + one.units
    opening = ("opening", text(anchor.total if anchor else ZERO))
    return (opening, *((line, text(units)) for line, units in sums.items()))
