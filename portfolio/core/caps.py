"""Caps: the most that may move within a rolling window, whatever the policy says.  caps x Flows x move -> Refusals

They stand outside the policy: splitting a move does not help, nor does anybody's approval. What is in flight counts,
however old it is; what was done counts from its end on, so that a move that hung for a day is not forgotten at once.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.events.approvals import Cap
from hedgeapp.core.events.moves import MoveKind, MovePayload
from hedgeapp.core.records import record
from portfolio.core.move_states import OUT, Move
from portfolio.core.move_values import Value
from portfolio.core.order_references import Refusal, plain

WINDOW_S_MAX: Final = 31 * 86_400  # moves that are done are kept for so long


@record
class Flow:
    """A move that counts: intended, under way, or done at `ended_at`."""

    move_id: str
    kind: MoveKind
    asset: str
    source: str
    destination: str
    venue: str
    amount: Decimal
    amount_usd: Decimal | None
    ended_at: datetime | None

    def counts_since(self, since: datetime) -> bool:
        """Tell whether it counts in a window that began then."""
        return self.ended_at is None or self.ended_at > since


@record
class Used:
    """What is used of a cap: by how many moves, in USD (None: one has no value), and of an asset in its units."""

    moves: int
    usd: Decimal | None
    amount: Decimal | None


def flows(moves: Iterable[Move]) -> tuple[Flow, ...]:
    """Return the moves that count: from the intent on, unless the custodian never moved anything."""
    return tuple(
        Flow(
            move_id=move.move_id,
            kind=move.payload.kind,
            asset=move.payload.asset,
            source=move.payload.source,
            destination=move.payload.destination,
            venue=move.payload.venue,
            amount=move.payload.amount,
            amount_usd=move.intended.amount_usd if move.intended else None,
            ended_at=move.ended_at,
        )
        for move in moves
        if move.state == "intended" or move.state in OUT or move.seen_at is not None
    )


def excesses(
    caps: Sequence[Cap], payload: MovePayload, worth: Value, counted: Iterable[Flow], at: datetime
) -> Iterator[Refusal]:
    """Return the caps that a move would pass; a cap of all moves in USD must be there."""
    counted = tuple(one for one in counted if one.move_id != payload.move_id)
    if not any(cap.scope == "all" and cap.usd_max is not None for cap in caps):
        said = "a cap of all moves in USD expected, found none: two people set it first"
        yield Refusal(rule="cap", limit="set", value="unset", unit="USD", said=said)
    for cap in caps:
        if _is_of(cap, payload.asset, payload.source, payload.destination):
            yield from _excess(cap, payload, worth, counted, at)


def used(cap: Cap, counted: Iterable[Flow], at: datetime) -> Used:
    """Return what is used of a cap now, in flight included."""
    since = at - timedelta(seconds=cap.window_s)
    inside = [one for one in counted if one.counts_since(since) and _is_of(cap, one.asset, one.source, one.destination)]
    worth = [one.amount_usd for one in inside]
    return Used(
        moves=len(inside),
        usd=None if None in worth else sum((one for one in worth if one is not None), ZERO),
        amount=sum((one.amount for one in inside), ZERO) if cap.scope == "asset" else None,
    )


def route(source: str, destination: str) -> str:
    """Return the name of a way, as caps have it."""
    return f"{source}>{destination}"


def _is_of(cap: Cap, asset: str, source: str, destination: str) -> bool:
    return cap.scope == "all" or cap.subject == (asset if cap.scope == "asset" else route(source, destination))


def _excess(cap: Cap, payload: MovePayload, worth: Value, counted: Sequence[Flow], at: datetime) -> Iterator[Refusal]:
    bounds = [bound for bound in (cap.usd_max, cap.amount_max) if bound is not None]
    if not 0 < cap.window_s <= WINDOW_S_MAX or not bounds or not all(one.is_finite() and one >= ZERO for one in bounds):
        said = f"a cap with a bound and a window of 1 to {WINDOW_S_MAX} s expected, found {cap.name}: correct it"
        yield Refusal(rule="cap", limit="sound", value="unsound", unit="cap", said=said)
        return
    since = at - timedelta(seconds=cap.window_s)
    inside = [one for one in counted if one.counts_since(since) and _is_of(cap, one.asset, one.source, one.destination)]
    if cap.amount_max is not None:
        if cap.scope != "asset":
            said = f"a cap in units on an asset expected, found {cap.name} on {cap.scope}: give it in USD"
            yield Refusal(rule="cap", limit="asset", value=cap.scope, unit="cap", said=said)
            return
        taken = sum((one.amount for one in inside), ZERO)
        yield from _above(cap, cap.amount_max, taken, payload.amount, payload.asset)
    if cap.usd_max is not None:
        unvalued = next((one.move_id for one in inside if one.amount_usd is None), None)
        if worth.usd is None or unvalued is not None:
            because = worth.because if worth.usd is None else f"{unvalued} in its window has no value in USD"
            said = f"a worth in USD expected under cap {cap.name}, found that {because}: wait for a price"
            yield Refusal(rule="cap", limit=plain(cap.usd_max), value="unknown", unit="USD", said=said)
            return
        taken = sum((one.amount_usd for one in inside if one.amount_usd is not None), ZERO)
        yield from _above(cap, cap.usd_max, taken, worth.usd, "USD")


def _above(cap: Cap, most: Decimal, taken: Decimal, more: Decimal, unit: str) -> Iterator[Refusal]:
    if taken + more <= most:
        return
    left = plain(max(ZERO, most - taken))
    said = (
        f"at most {plain(most)} {unit} in {cap.window_s} s expected by cap {cap.name}, found {plain(taken)} {unit} "
        f"and {plain(more)} {unit} more: {left} {unit} are left"
    )
    yield Refusal(rule="cap", limit=plain(most), value=plain(taken + more), unit=unit, said=said)
