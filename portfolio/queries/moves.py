"""Moves: as the desk sees them: a list, one move with everything about it, and what waits for whom.

Lists come out of the read models (`seq` for a past moment); what depends on people and on the rules of now comes out of
the book as it is.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, get_args

from django.db.models import QuerySet

from hedgeapp.core.events.approvals import Destination
from hedgeapp.core.events.moves import MoveKind
from hedgeapp.core.records import record
from portfolio.core.approvals import Bench, Quorum, Reach, conflict, quorum, reach
from portfolio.core.book import Book
from portfolio.core.figures import Figure, unknown
from portfolio.core.margin import margin_rows
from portfolio.core.move_automation import stances
from portfolio.core.move_checks import judged_now
from portfolio.core.move_headlines import asked_of, move_sentence
from portfolio.core.move_judgments import hindrances
from portfolio.core.move_payloads import payload_hash, rejection_hash
from portfolio.core.move_proposals import MoveStance
from portfolio.core.move_states import FINAL, WAITING, Move, State
from portfolio.core.move_values import Value, value
from portfolio.core.order_references import Refusal
from portfolio.core.pnl import valued_positions
from portfolio.core.policies import Judgment
from portfolio.core.valuation import Valuation
from portfolio.models import CollateralMove
from portfolio.operations.moves.proofs import StoredProof
from portfolio.queries.books import FOLLOWING
from portfolio.queries.feeds import heard
from portfolio.queries.move_circumstances import circumstances
from portfolio.queries.people import keyholders
from portfolio.queries.rows import as_of

STATES: Final[tuple[State, ...]] = get_args(State)
KINDS: Final[tuple[MoveKind, ...]] = get_args(MoveKind)
SHOWN_MAX: Final = 200  # moves in a list


@record
class MoveFilter:
    """Which moves to list; empty is all. `account` is on either side, `is_open` leaves out those that ended."""

    state: str = ""
    kind: str = ""
    account: str = ""
    asset: str = ""
    by: str = ""
    is_open: bool = False


@record
class MoveDetail:
    """One move as of the log's head, for whoever decides on it.

    `judged` is the strictest of the policy then and now, in words in `asked`; `worth` is in USD at the higher of now
    and the highest of 24 h. `quorum` has who counts, which places are empty, and who was turned away and why. `reach`
    tells whether those who are there now, with a passkey in force, can fill the empty places, and who could.
    `hindrances` would keep it from being sent now, whoever agrees. `headroom_usd` and `headroom_after_usd` are of its
    account's margin, now and with the move. `approval_challenge` and `rejection_challenge` are the 32 bytes that a
    passkey signs, `payload_hash` is what the screen sends back with a decision.
    """

    move: Move
    sentence: str
    judged: Judgment
    asked: str
    worth: Value
    quorum: Quorum
    reach: Reach
    hindrances: tuple[Refusal, ...]
    headroom_usd: Figure
    headroom_after_usd: Figure
    payload_hash: str
    approval_challenge: bytes
    rejection_challenge: bytes
    seq: int


@record
class Turn:
    """What one person may do with one move now; `objection` says why he may not approve, empty when he may."""

    may_approve: bool
    may_reject: bool
    may_withdraw: bool
    objection: str


@record
class WaitingMove:
    """A move that waits for people: what is missing of its quorum, and who could add to it."""

    move: Move
    sentence: str
    missing: str
    reach: Reach


def moves(given: MoveFilter, seq: int | None = None) -> "QuerySet[CollateralMove]":
    """Return the moves that match, the latest proposal first, as of an event or now; at most SHOWN_MAX."""
    rows = as_of(CollateralMove, seq)
    wanted = {"state": given.state, "kind": given.kind, "asset": given.asset, "by": given.by}
    rows = rows.filter(**{name: text for name, text in wanted.items() if text})
    if given.account:
        rows = rows.filter(source=given.account) | rows.filter(destination=given.account)
    if given.is_open:
        rows = rows.exclude(state__in=FINAL)
    return rows.order_by("-proposed_seq")[:SHOWN_MAX]


def move_row(move_id: str, seq: int | None = None) -> CollateralMove | None:
    """Return the row of a move, as of an event or now."""
    return as_of(CollateralMove, seq).filter(move_id=move_id).first()


def move_history(move_id: str) -> "QuerySet[CollateralMove]":
    """Return all versions of a move's row, the first first: its timeline."""
    return CollateralMove.objects.filter(move_id=move_id).order_by("from_seq")


def move_detail(move_id: str, at: datetime) -> MoveDetail | None:
    """Return a move as of the log's head; None when it is not known or ended long ago (its row may be there)."""
    proof = StoredProof()
    with FOLLOWING.held() as book:
        move = book.moves.get(move_id)
        return _detail(move, book, proof, at) if move is not None else None


def turn(detail: MoveDetail, *, name: str, may_decide: bool, may_withdraw_others: bool, at: datetime) -> Turn:
    """Return what a person may do with a move, by his name and his permissions; the operations ask again."""
    move = detail.move
    is_waiting = move.state in WAITING and at < move.payload.expires_at
    said = _why_not(detail, name, at) if may_decide else "somebody who may decide on moves expected"
    return Turn(
        may_approve=not said and is_waiting,
        may_reject=may_decide and is_waiting,
        may_withdraw=is_waiting and (name == move.proposed.by or may_withdraw_others),
        objection=said,
    )


def waiting_moves(at: datetime) -> tuple[WaitingMove, ...]:
    """Return the moves that wait for approval, the one that expires first at the top."""
    proof = StoredProof()
    found: list[WaitingMove] = []
    with FOLLOWING.held() as book:
        waiting = [move for move in book.moves if move.state == "awaiting_approval" and move.payload.expires_at > at]
        for move in sorted(waiting, key=lambda one: one.payload.expires_at):
            detail = _detail(move, book, proof, at)
            missing = asked_of(detail.quorum.missing)
            found.append(WaitingMove(move=move, sentence=detail.sentence, missing=missing, reach=detail.reach))
    return tuple(found)


def waits_for(name: str, at: datetime) -> tuple[WaitingMove, ...]:
    """Return the moves to which this person could add an approval now: what a badge counts."""
    return tuple(one for one in waiting_moves(at) if name in one.reach.could)


def ways(at: datetime) -> tuple[Destination, ...]:
    """Return where moves may go, by which route and as which kind: what a ticket offers."""
    with FOLLOWING.held() as book:
        return book.gate.destinations(at)


def move_stands(at: datetime) -> tuple[MoveStance, ...]:
    """Return how moves stand at each account that has limits, and why the engine proposes none there or one."""
    with FOLLOWING.held() as book:
        valuation = Valuation(book, book.marks, at, heard(book))
        return stances(margin_rows(valued_positions(valuation), valuation), valuation)


def _detail(move: Move, book: Book, proof: StoredProof, at: datetime) -> MoveDetail:
    payload, now, keys = move.payload, circumstances(move, book, at), keyholders(at)
    rows = margin_rows(valued_positions(now.valuation), now.valuation)
    people, worth = now.people, value(payload.amount, now.price)
    judged = judged_now(move, book, worth, now)
    bench = Bench(people=people, changes=book.row_changes, catalogue=book.catalogue, at=at)
    met = quorum(move, judged, worth, bench, proof)
    able = {name: groups for name, groups in people.items() if name in keys or name in met.people}
    with_keys = Bench(people=able, changes=book.row_changes, catalogue=book.catalogue, at=at)
    its = [one for one in rows if (one.account, one.settlement) == (move.account, payload.asset)]
    return MoveDetail(
        move=move,
        sentence=move_sentence(payload),
        judged=judged,
        asked=asked_of(judged.quotas),
        worth=worth,
        quorum=met,
        reach=reach(move, judged, met, with_keys),
        hindrances=tuple(hindrances(payload, book, worth, at)),
        headroom_usd=its[0].headroom_usd if its else unknown(f"{payload.asset} is no margin of {move.account}"),
        headroom_after_usd=now.headroom_after_usd,
        payload_hash=payload_hash(payload).hex(),
        approval_challenge=payload_hash(payload),
        rejection_challenge=rejection_hash(payload),
        seq=book.seq,
    )


def _why_not(detail: MoveDetail, name: str, at: datetime) -> str:
    move = detail.move
    if move.state != "awaiting_approval":
        return f"a move that awaits approval expected, found it {move.state.replace('_', ' ')}"
    if detail.judged.outcome == "refuse":
        return detail.judged.said
    if any(one.by == name and one.verdict == "approve" for one in move.decisions):
        return "one approval of each person expected: yours is there"
    if name in detail.reach.could:
        return ""
    with FOLLOWING.held() as book:
        bench = Bench(people={}, changes=book.row_changes, catalogue=book.catalogue, at=at)
        said = conflict(name, move, bench)
    return said or f"a member of {_groups(detail.judged)} with a passkey in force expected: see the page of keys"


def _groups(judged: Judgment) -> str:
    names: Sequence[str] = [quota.group for quota in judged.quotas]
    return " or ".join(names) or "nobody"
