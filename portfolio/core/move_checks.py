"""Move checks: everything that is asked again just before a move is sent.  Move x Book x circumstances -> Clearance

Nothing that was written before is believed without being derived anew: the policy is the stricter of the one in force
at the proposal, of what was judged then and of the one in force now; the quorum comes from the decisions and from who
holds which role now. A move from an exchange back to its custodian reduces risk: a halt and an alarm let it pass.
What a break-glass overrides of all that is a list in `break_glass`.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from functools import reduce

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.records import record
from portfolio.core.approvals import Bench, People, Proof, Quorum, quorum, rejected_by
from portfolio.core.book import Book
from portfolio.core.break_glass import past_glass
from portfolio.core.caps import excesses, flows
from portfolio.core.figures import Figure, unknown
from portfolio.core.move_references import contradictions, undirected
from portfolio.core.move_states import Move
from portfolio.core.move_values import MovePrice, Value, value
from portfolio.core.order_references import Refusal, plain
from portfolio.core.policies import ENGINE, Asked, Judgment, judgment, stricter
from portfolio.core.valuation import Valuation


@record
class Circumstances:
    """What a move is judged by besides the book: who is there, what it is worth, what it would leave.

    `headroom_after_usd` is the margin headroom that an undelegation leaves at its account; `settlement` says why the
    custodian's settlement locks moves now, empty when it does not; `doubts` say of each part of the gate in force why
    it is not proven that two people agreed on it; `breakers` are who may sign a break-glass now.
    """

    valuation: Valuation
    people: People
    price: MovePrice
    headroom_after_usd: Figure
    headroom_floor_usd: Decimal | None
    settlement: str = ""
    doubts: tuple[str, ...] = ()
    breakers: frozenset[str] = frozenset()


@record
class Clearance:
    """Whether a move may go, and on what that rests; it may when there is no refusal."""

    refusals: tuple[Refusal, ...]
    judged: Judgment
    worth: Value
    quorum: Quorum
    policy_version: int


def judged_now(move: Move, book: Book, worth: Value, now: Circumstances) -> Judgment:
    """Return the strictest of the policy then, of what was judged then, and of the policy now."""
    at = now.valuation.at
    asked = Asked(payload=move.payload, value=worth, by=move.proposed.by, at=at)
    others = [one for one in flows(book.moves) if one.move_id != move.move_id]
    found = [judgment(book.gate.rules(when), asked, others) for when in (move.proposed_at, at)]
    if move.judged is not None:
        found.append(
            Judgment(
                rule=move.judged.rule,
                outcome=move.judged.outcome,
                quotas=move.judged.quotas,
                totp_usd_max=move.judged.totp_usd_max,
                said=move.judged.said,
            )
        )
    return reduce(stricter, found)


def clearance(move: Move, book: Book, now: Circumstances, proof: Proof) -> Clearance:
    """Return whether a move that was approved may be intended, or one that was intended be submitted."""
    at = now.valuation.at
    worth = value(move.payload.amount, now.price)
    judged = judged_now(move, book, worth, now)
    bench = Bench(people=now.people, changes=book.row_changes, catalogue=book.catalogue, at=at)
    met = quorum(move, judged, worth, bench, proof)
    refusals = (
        *_state(move),
        *_gate(move, judged, met),
        *contradictions(move.payload, book.catalogue, at),
        *undirected(move.payload, book.gate.destinations(at)),
        *excesses(book.gate.caps(at), move.payload, worth, flows(book.moves), at),
        *_circumstances(move, book, now),
    )
    if move.broken is not None:
        refusals, met = past_glass(refusals, move, bench, now.breakers, book.moves.unreviewed, proof)
    return Clearance(
        refusals=refusals, judged=judged, worth=worth, quorum=met, policy_version=book.gate.policy_version(at)
    )


def _state(move: Move) -> Iterator[Refusal]:
    if move.state not in ("approved", "intended"):
        said = f"a move that is approved or intended expected, found {move.move_id} {move.state}"
        yield _refusal("state", "approved", move.state, said)


def _gate(move: Move, judged: Judgment, met: Quorum) -> Iterator[Refusal]:
    if move.judged is None:
        said = f"a move that the policy judged expected, found {move.move_id} unjudged: propose it again"
        yield _refusal("policy", "judged", "unjudged", said)
    if judged.outcome == "refuse":
        yield _refusal("policy", "allow or ask", "refuse", judged.said)
        return
    if (who := rejected_by(move.decisions)) != "":
        said = f"a move that nobody rejected expected, found that {who} did: propose another one"
        yield _refusal("rejection", "none", who, said)
    if judged.outcome == "ask" and not met.is_met:
        left = " and ".join(f"{one.needed} of {one.group}" for one in met.missing)
        why = "; ".join(said for _, said in met.turned_away)
        said = f"the approval of {left} more expected, found that of {', '.join(met.people) or 'nobody'}"
        yield _refusal("quorum", "met", f"{left} missing", f"{said} ({why})" if why else said)


def _circumstances(move: Move, book: Book, now: Circumstances) -> Iterator[Refusal]:
    payload = move.payload
    for doubt in now.doubts:
        said = f"a gate that two people signed expected, found {doubt}: let two people agree on it again"
        yield _refusal("gate", "signed", "not proven", said)
    is_homeward = payload.kind == "undelegate"
    if not is_homeward:
        yield from _stopped(move, book)
    for place in dict.fromkeys((payload.venue, payload.custodian)):
        blocked = book.blocking.of(place)
        if blocked is not None and (not is_homeward or move.proposed.by == ENGINE):
            said = f"no open break above its limit at {place} expected, found that {blocked.because}: heal it first"
            yield _refusal("break", "none", ", ".join(blocked.break_ids), said)
    if now.settlement and payload.kind != "transfer":
        yield _refusal("settlement", "open", "locked", f"moves that no settlement locks expected: {now.settlement}")
    yield from _available(move, book, now.valuation)
    if is_homeward:
        yield from _headroom(payload.source, now)


def _stopped(move: Move, book: Book) -> Iterator[Refusal]:
    payload = move.payload
    halts = [halt for halt in book.halts if halt.covers(payload.venue) or halt.covers(payload.custodian)]
    for halt in halts:
        said = (
            f"no halt expected, found {halt.halt_id} by {halt.declared.by} ({halt.declared.reason}): only moves from "
            "an exchange to its custodian go, or let two people resume"
        )
        yield _refusal("halt", "none", halt.halt_id, said)
    for alarm in book.moves.alarms:
        said = (
            f"no move that we never intended expected, found {alarm.reference} of {alarm.source} ({alarm.said}): "
            "let two people review it"
        )
        yield _refusal("alarm", "none", alarm.reference, said)


def _headroom(account: str, now: Circumstances) -> Iterator[Refusal]:
    floor, left = now.headroom_floor_usd, now.headroom_after_usd
    if floor is None:
        said = f"a floor of the margin headroom of {account} expected, found none: set it first"
        yield Refusal(rule="headroom", limit="set", value="unset", unit="USD", said=said)
    elif left.value is None or not left.is_current:
        said = f"a current margin headroom of {account} after the move expected, found that {left.because}: wait for it"
        yield Refusal(rule="headroom", limit=plain(floor), value=left.state, unit="USD", said=said)
    elif left.value < floor:
        said = (
            f"a margin headroom of at least {plain(floor)} USD after the move expected at {account}, found "
            f"{plain(left.value)} USD: take less back"
        )
        yield Refusal(rule="headroom", limit=plain(floor), value=plain(left.value), unit="USD", said=said)


def _available(move: Move, book: Book, valuation: Valuation) -> Iterator[Refusal]:
    """Refuse more than the source has, less what other moves under way take from it."""
    payload = move.payload
    there = available(move, book, valuation)
    if there.value is None or not there.is_current:
        said = f"a current word on what {payload.source} has of {payload.asset} expected, found that {there.because}"
        yield Refusal(rule="available", limit="current", value=there.state, unit=payload.asset, said=f"{said}: wait")
    elif payload.amount > there.value:
        unit = payload.asset
        said = (
            f"at most {plain(there.value)} {unit} from {payload.source} expected, found {plain(payload.amount)} {unit}"
        )
        yield Refusal(rule="available", limit=plain(there.value), value=plain(payload.amount), unit=unit, said=said)


def available(move: Move, book: Book, valuation: Valuation) -> Figure:
    """Return what a move's source has to give: a wallet's free balance, an account's mirrored one, less other moves."""
    payload = move.payload
    taken = sum((one.payload.amount for one in _rivals(move, book.moves)), ZERO)
    if payload.kind == "undelegate":
        words = [one for one in book.mirrored.values() if (one.account, one.asset) == (payload.source, payload.asset)]
        if not words:
            return unknown(f"{payload.custodian} has not stated what it mirrors to {payload.source}")
        units = book.delegated.get((payload.source, payload.asset), ZERO) - taken
        oldest = min(one.at for one in words)
        what = f"delegation of {payload.asset} to {payload.source}"
        return valuation.stated(units, oldest, f"custodian:{payload.custodian}", "collateral", what)
    stated = book.collateral.get((payload.custodian, payload.source, payload.asset))
    if stated is None:
        return unknown(f"{payload.custodian} has not stated what {payload.source} has of {payload.asset}")
    units = stated.total - stated.locked - taken
    what = f"{payload.asset} of {payload.custodian} in {payload.source}"
    return valuation.stated(units, stated.at, f"custodian:{payload.custodian}", "collateral", what)


def _rivals(move: Move, moves: Iterable[Move]) -> Iterator[Move]:
    """Return the other moves that may still take from the same source what its statement does not show as taken."""
    for one in moves:
        is_open = one.state == "intended" or one.is_in_flight
        is_same = (one.payload.source, one.payload.asset) == (move.payload.source, move.payload.asset)
        if is_open and is_same and one.move_id != move.move_id and not (one.account and one.is_counted):
            yield one


def _refusal(rule: str, limit: str, value: str, said: str) -> Refusal:
    return Refusal(rule=rule, limit=limit, value=value, unit="state", said=said)
