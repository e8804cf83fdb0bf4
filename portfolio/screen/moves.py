"""Moves on the screen: a line for each, with its state in a word, its approvals and its age."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from hedgeapp.core.events.moves import MoveKind, Quota
from hedgeapp.core.records import record
from hedgeapp.live import age
from portfolio.core.approvals import seated
from portfolio.core.move_payloads import spoken
from portfolio.core.move_states import FINAL, Move, State
from portfolio.models import CollateralMove
from portfolio.screen.leaves import Level

WORDS: Final[dict[State, str]] = {
    "proposed": "being judged",
    "awaiting_approval": "awaiting approval",
    "approved": "approved, to be sent",
    "intended": "about to be sent",
    "submitted": "sent, no word yet",
    "outcome_unknown": "outcome unknown",
    "accepted": "taken by the custodian",
    "confirmed": "confirmed by the custodian",
    "seen_at_venue": "shown by both sides",
    "done": "done",
    "refused": "refused by our rules",
    "rejected": "rejected",
    "withdrawn": "withdrawn",
    "expired": "expired",
    "failed": "failed at the custodian",
    "never_arrived": "never arrived",
}
LEVELS: Final[dict[State, Level]] = {
    "awaiting_approval": "warn",
    "outcome_unknown": "bad",
    "refused": "bad",
    "rejected": "idle",
    "withdrawn": "idle",
    "expired": "idle",
    "failed": "bad",
    "never_arrived": "warn",
}
SIGNS: Final[dict[MoveKind, str]] = {"delegate": "→", "undelegate": "←", "transfer": "⇄"}
SOON: Final = timedelta(minutes=30)  # before its expiry, from which on a move that waits is urgent


@record
class MoveLine:
    """A move as the table shows it.

    `approvals` is how many have agreed of how many who are asked, `missing` whom it still waits for; both count what
    the log holds, without those of whom the line was told that they are turned away, and whoever sends it proves each
    again. `is_mine` tells that the person who looks is awaited.
    """

    move_id: str
    at: str
    iso: str
    kind: str
    sign: str
    amount: str
    asset: str
    source: str
    destination: str
    custodian: str
    usd: str
    state: State
    word: str
    level: Level
    approvals: str
    missing: str
    is_mine: bool
    age: str
    age_title: str
    left: str
    is_urgent: bool
    by: str
    why: str


def line(move: Move, at: datetime, *, is_mine: bool = False, turned_away: Collection[str] = ()) -> MoveLine:
    """Return the line of a move, as of a time; whoever is known to be turned away is not counted."""
    judged, payload = move.judged, move.payload
    yes = [one for one in move.decisions if one.verdict == "approve" and one.by not in turned_away]
    votes = {one.by: frozenset(one.groups) for one in yes}
    needed = {quota.group: quota.needed for quota in judged.quotas} if judged else {}
    return _line(
        {
            "move_id": move.move_id,
            "kind": payload.kind,
            "amount": payload.amount,
            "asset": payload.asset,
            "source": payload.source,
            "destination": payload.destination,
            "custodian": payload.custodian,
            "usd": judged.amount_usd if judged else None,
            "state": move.state,
            "by": move.proposed.by,
            "reason": move.proposed.reason,
            "because": move.because,
            "proposed_at": move.proposed_at,
            "ended_at": move.ended_at,
            "expires_at": payload.expires_at,
        },
        votes,
        needed,
        at,
        is_mine=is_mine,
    )


def row_line(row: CollateralMove, at: datetime) -> MoveLine:
    """Return the line of a move out of its row, as of a time."""
    votes = {one["by"]: frozenset(one["groups"]) for one in row.decisions if one["verdict"] == "approve"}
    needed = {one["group"]: int(one["needed"]) for one in row.quotas}
    names = ("move_id", "kind", "amount", "asset", "source", "destination", "custodian", "state", "by", "reason")
    known = {name: getattr(row, name) for name in (*names, "because", "proposed_at", "ended_at", "expires_at")}
    return _line({**known, "usd": row.amount_usd}, votes, needed, at)


def usd_words(usd: Decimal | None) -> str:
    """Return a worth in whole USD; nothing where nobody can say."""
    return "" if usd is None else f"{usd:,.0f}"


def missing_words(votes: Mapping[str, frozenset[str]], needed: Mapping[str, int]) -> tuple[str, str]:
    """Return how many of the places that are asked for are taken, and which are empty, in words."""
    if not needed:
        return "", ""
    _, left = seated(_quotas(needed), votes)
    empty, all_ = sum(one.needed for one in left), sum(needed.values())
    return f"{all_ - empty} of {all_}", " and ".join(f"{one.needed} × {one.group}" for one in left)


def _line(
    known: Mapping[str, Any],
    votes: Mapping[str, frozenset[str]],
    needed: Mapping[str, int],
    at: datetime,
    *,
    is_mine: bool = False,
) -> MoveLine:
    state: State = known["state"]
    is_over = state in FINAL
    until: datetime = (known["ended_at"] or at) if is_over else at
    approvals, missing = missing_words(votes, needed)
    waits = state in ("proposed", "awaiting_approval", "approved")
    left: timedelta = known["expires_at"] - at
    return MoveLine(
        move_id=known["move_id"],
        at=f"{known['proposed_at']:%m-%d %H:%M:%S}",
        iso=known["proposed_at"].isoformat(),
        kind=known["kind"],
        sign=SIGNS[known["kind"]],
        amount=spoken(known["amount"]),
        asset=known["asset"],
        source=known["source"],
        destination=known["destination"],
        custodian=known["custodian"],
        usd=usd_words(known["usd"]),
        state=state,
        word=WORDS[state],
        level=LEVELS.get(state, "good"),
        approvals=approvals,
        missing=missing if state == "awaiting_approval" else "",
        is_mine=is_mine,
        age=age(until - known["proposed_at"]),
        age_title="from its proposal to its end" if is_over else "since it was proposed",
        left=age(left) if waits and left > timedelta() else "",
        is_urgent=waits and left < SOON,
        by=known["by"],
        why="; ".join(said for said in (known["because"], known["reason"]) if said),
    )


def _quotas(needed: Mapping[str, int]) -> tuple[Quota, ...]:
    return tuple(Quota(group=group, needed=count) for group, count in needed.items())


def lines(moves: Iterable[Move], at: datetime, mine: frozenset[str] = frozenset()) -> list[MoveLine]:
    """Return the lines of moves; `mine` are the ids of those that wait for whoever looks."""
    found = [line(one, at, is_mine=one.move_id in mine) for one in moves]
    return sorted(found, key=lambda one: not one.is_mine)
