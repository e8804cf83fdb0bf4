"""Break-glass: what one person may do about bringing a move home in an emergency, and what would keep it even then."""

from dataclasses import replace
from datetime import datetime

from hedgeapp.core.events.approvals import MoveDecided
from hedgeapp.core.events.break_glass import BreakGlassSigned, GlassBroken
from hedgeapp.core.records import record
from portfolio.core.approvals import Bench
from portfolio.core.book import Book
from portfolio.core.break_glass import PLACE, unfit
from portfolio.core.move_checks import clearance
from portfolio.core.move_payloads import break_glass_hash, payload_hash
from portfolio.core.move_states import Move
from portfolio.core.order_references import Refusal
from portfolio.queries.books import FOLLOWING
from portfolio.queries.move_circumstances import circumstances
from portfolio.queries.people import keyholders


@record
class GlassTurn:
    """What one person may do about the break-glass of a move now.

    `objection` says why he may not sign it though others may; `hindrances` is what it does not override and what would
    keep the move from going now. `challenge` is the 32 bytes that a passkey signs, empty until there is a `reason`:
    that of the first who signed.
    """

    is_open: bool
    may_sign: bool = False
    objection: str = ""
    hindrances: tuple[Refusal, ...] = ()
    reason: str = ""
    challenge: bytes = b""


def glass_turn(move: Move, *, name: str, is_permitted: bool, reason: str, at: datetime) -> GlassTurn:
    """Return what a person may do about the break-glass of a move; the operation asks again."""
    if not is_permitted or not is_breakable(move, at):
        return GlassTurn(is_open=False)
    reason = move.glass[0].reason if move.glass else reason
    with FOLLOWING.held() as book:
        objection, hindrances = _hindered(move, book, name, at)
    has_signed = any(one.by == name for one in move.glass)
    return GlassTurn(
        is_open=True,
        may_sign=not (objection or has_signed),
        objection="" if has_signed else objection,
        hindrances=hindrances,
        reason=reason,
        challenge=break_glass_hash(move.payload, reason) if reason else b"",
    )


def is_breakable(move: Move, at: datetime) -> bool:
    """Tell whether two people could still bring a move home by break-glass."""
    return not move.unbreakable and at < move.payload.expires_at


def _hindered(move: Move, book: Book, name: str, at: datetime) -> tuple[str, tuple[Refusal, ...]]:
    """Return why a person may not sign, and what would keep the move as if two others had."""
    now = circumstances(move, book, at)
    bench = Bench(people=now.people, changes=book.row_changes, catalogue=book.catalogue, at=at)
    said = unfit(name, move, bench, now.breakers)
    if not said and name not in keyholders(at):
        said = "a passkey in force expected, found none of yours: see the page of keys"
    digest = payload_hash(move.payload).hex()
    broken = GlassBroken(at=at, move_id=move.move_id, payload_hash=digest, by="", agreed_by="", reason="")
    cleared = clearance(replace(move, state="approved", broken=broken), book, now, _believed)
    return said, tuple(one for one in cleared.refusals if one.rule != PLACE)


def _believed(decision: MoveDecided | BreakGlassSigned, challenge: bytes) -> str:
    return ""
