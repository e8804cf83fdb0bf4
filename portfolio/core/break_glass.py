"""Break-glass: whether two people bring a move home past its policy and quorum.  Move -> Quorum, refusals

It goes from an exchange to its custodian only. What it overrides is `OVERRIDDEN`; caps, destinations, reference data,
what the source has, a settlement, a gate that is not proven, anybody's rejection and the move's time stand. So does
that whoever proposed it, or changed of late what it rests on, never signs.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

from hedgeapp.core.events.break_glass import BreakGlassSigned, GlassBroken
from hedgeapp.core.events.moves import Quota
from portfolio.core.approvals import Bench, Proof, Quorum, conflict, rejected_by
from portfolio.core.move_payloads import break_glass_hash, payload_hash
from portfolio.core.move_states import Move
from portfolio.core.order_references import Refusal

OVERRIDDEN: Final = frozenset({"policy", "quorum", "headroom", "break"})  # rules of a clearance
PLACE: Final = "break-glass"  # in a quorum, in the place of a group
SIGNERS: Final = 2
UNREVIEWED_MAX: Final = timedelta(hours=24)  # one that waits longer for its review blocks the next


def objection(signed: BreakGlassSigned, move: Move, bench: Bench, breakers: frozenset[str], proof: Proof) -> str:
    """Return why somebody's signature of a break-glass does not count; empty when it does."""
    person = signed.by
    if signed.move_id != move.move_id or signed.payload_hash != payload_hash(move.payload).hex():
        return f"a break-glass of exactly this move expected, found that {person} signed that of another"
    if bench.at >= move.payload.expires_at:
        return f"a move that has not expired expected, found the signature of {person} expired with it"
    if said := unfit(person, move, bench, breakers):
        return said
    if signed.assertion.kind != "passkey":
        return f"a passkey expected, found that {person} used a {signed.assertion.kind}"
    if said := proof(signed, break_glass_hash(move.payload, signed.reason)):
        return f"a break-glass that its passkey proves expected, found that of {person}: {said}"
    return ""


def unfit(person: str, move: Move, bench: Bench, breakers: frozenset[str]) -> str:
    """Return why somebody may not sign the break-glass of a move, whatever he signs; empty when he may."""
    if person not in breakers:
        return f"somebody active who may lift halts expected, found that {person} may not"
    return conflict(person, move, bench)


def glass_quorum(move: Move, bench: Bench, breakers: frozenset[str], proof: Proof) -> Quorum:
    """Return who counts of those who signed a break-glass: two people with keys of their own."""
    people: list[str] = []
    keys: set[str] = set()
    turned_away: list[tuple[str, str]] = []
    for signed in move.glass:
        said = objection(signed, move, bench, breakers, proof)
        if not said and (signed.by in people or signed.assertion.key_id in keys):
            said = f"another person with a key of his own expected, found {signed.by}"
        if said:
            turned_away.append((signed.by, said))
            continue
        keys.add(signed.assertion.key_id)
        people.append(signed.by)
    both = people[:SIGNERS]
    missing = (Quota(group=PLACE, needed=SIGNERS - len(both)),) if len(both) < SIGNERS else ()
    return Quorum(seats=tuple((one, PLACE) for one in both), missing=missing, turned_away=tuple(turned_away))


def overdue(unreviewed: Iterable[GlassBroken], move_id: str, at: datetime) -> Iterator[Refusal]:
    """Refuse while the break-glass of another move waits for its review for too long."""
    for one in unreviewed:
        if one.move_id != move_id and at - one.at >= UNREVIEWED_MAX:
            hours = UNREVIEWED_MAX // timedelta(hours=1)
            said = (
                f"each break-glass reviewed within {hours} h expected, found that of {one.move_id} unreviewed: let two "
                "people who did not sign it review it"
            )
            yield Refusal(rule="review", limit=f"{hours} h", value=one.move_id, unit="state", said=said)


def past_glass(
    refusals: Iterable[Refusal],
    move: Move,
    bench: Bench,
    breakers: frozenset[str],
    unreviewed: Iterable[GlassBroken],
    proof: Proof,
) -> tuple[tuple[Refusal, ...], Quorum]:
    """Return what still keeps a move from going whose glass was broken, and who broke it."""
    met = glass_quorum(move, bench, breakers, proof)
    stand = [one for one in refusals if one.rule not in OVERRIDDEN]
    if move.payload.kind != "undelegate" or move.judged is None:
        said = f"a judged move from an exchange to its custodian expected, found {move.move_id} to {move.payload.kind}"
        stand.append(_refusal("undelegate", move.payload.kind, said))
    if (who := rejected_by(move.decisions)) and all(one.rule != "rejection" for one in stand):
        stand.append(_refusal("none", who, f"a move that nobody rejected expected, found that {who} did"))
    if not met.is_met:
        why = "; ".join(said for _, said in met.turned_away)
        said = f"a break-glass by two people without a hand in it expected, found {', '.join(met.people) or 'none'}"
        stand.append(_refusal("two", str(len(met.people)), f"{said} ({why})" if why else said))
    stand.extend(overdue(unreviewed, move.move_id, bench.at))
    return tuple(stand), met


def _refusal(limit: str, value: str, said: str) -> Refusal:
    return Refusal(rule=PLACE, limit=limit, value=value, unit="state", said=said)
