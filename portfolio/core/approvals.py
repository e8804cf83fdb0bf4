"""Approvals: whether those who may have agreed to exactly this move.  Move x people x changes x proof -> Quorum

The proposer never counts, nor does who changed of late what the move rests on. One person counts once, whatever his
groups, and so does one key: people are matched to the places of the quotas so that as many as possible are filled.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

from hedgeapp.core.events.approvals import MoveDecided
from hedgeapp.core.events.break_glass import BreakGlassSigned
from hedgeapp.core.events.moves import Quota
from hedgeapp.core.records import record
from portfolio.core.catalogue import Catalogue
from portfolio.core.move_payloads import payload_hash
from portfolio.core.move_references import rests_on
from portfolio.core.move_states import Move
from portfolio.core.move_values import Value
from portfolio.core.policies import Judgment
from portfolio.core.row_changes import RowChanges

TAINT: Final = timedelta(hours=24)  # how long before a proposal a change makes a proposer of who made it

People = Mapping[str, frozenset[str]]  # everybody who is active, with the groups that he has now


class Proof(Protocol):
    """What tells why a decision's second factor does not prove it for a challenge; nothing when it does."""

    def __call__(self, decision: MoveDecided | BreakGlassSigned, challenge: bytes) -> str: ...


@record
class Bench:
    """Who is there and what they changed: what a person's right to approve is judged by."""

    people: People
    changes: RowChanges
    catalogue: Catalogue
    at: datetime


@record
class Quorum:
    """Who counts, in which group's place, which places are empty, and why others do not count."""

    seats: tuple[tuple[str, str], ...]
    missing: tuple[Quota, ...]
    turned_away: tuple[tuple[str, str], ...]

    @property
    def is_met(self) -> bool:
        """Tell whether everybody who was asked for has agreed."""
        return not self.missing

    @property
    def people(self) -> tuple[str, ...]:
        """Return those who count."""
        return tuple(person for person, _ in self.seats)


@record
class Reach:
    """Whether the quorum can be reached by those who are there now, and who of them could still add to it."""

    is_reachable: bool
    missing: tuple[Quota, ...]
    could: tuple[str, ...]


def conflict(person: str, move: Move, bench: Bench) -> str:
    """Return why a person counts as a proposer of a move; empty when he does not."""
    if person == move.proposed.by:
        return f"somebody else than the proposer expected, found {person}"
    rows = rests_on(move.payload, move.proposed.rests_on, bench.catalogue)
    changed = bench.changes.by_whom(rows, move.proposed_at - TAINT).get(person)
    if changed is None:
        return ""
    hours = TAINT // timedelta(hours=1)
    return f"somebody who changed nothing of it within {hours} h expected, found that {person} changed {changed}"


def objection(decision: MoveDecided, move: Move, judged: Judgment, worth: Value, bench: Bench, proof: Proof) -> str:
    """Return why an approval does not count; empty when it does."""
    person = decision.by
    if decision.move_id != move.move_id or decision.payload_hash != payload_hash(move.payload).hex():
        return f"an approval of exactly this move expected, found that {person} approved another one"
    if bench.at >= move.payload.expires_at:
        return f"an approval of a move that has not expired expected, found that of {person} expired with it"
    if person not in bench.people:
        return f"an approval by somebody who is active expected, found that {person} is not"
    if not usable(decision, bench) & {quota.group for quota in judged.quotas}:
        return f"an approval by a member of a group that was asked expected, found that {person} is in none now"
    if said := conflict(person, move, bench):
        return said
    if decision.assertion.kind != "passkey" and not (
        worth.is_trusted and worth.usd is not None and worth.usd < judged.totp_usd_max
    ):
        return f"an approval by passkey expected, found that {person} used a {decision.assertion.kind}"
    if said := proof(decision, payload_hash(move.payload)):
        return f"an approval that its second factor proves expected, found that of {person}: {said}"
    return ""


def usable(decision: MoveDecided, bench: Bench) -> frozenset[str]:
    """Return the groups that a person had when deciding and has still."""
    return bench.people.get(decision.by, frozenset()) & frozenset(decision.groups)


def quorum(move: Move, judged: Judgment, worth: Value, bench: Bench, proof: Proof) -> Quorum:
    """Return who has approved a move, as the log and the people of now have it."""
    voters: dict[str, frozenset[str]] = {}
    turned_away: dict[str, str] = {}
    keys: set[str] = set()
    for decision in move.decisions:
        if decision.verdict != "approve" or decision.by in voters:
            continue
        said = objection(decision, move, judged, worth, bench, proof)
        if not said and decision.assertion.key_id in keys:
            said = f"a key of his own expected, found that {decision.by} used the key of another"
        if said:
            turned_away[decision.by] = said
            continue
        keys.add(decision.assertion.key_id)
        voters[decision.by] = usable(decision, bench)
        turned_away.pop(decision.by, None)
    seats, missing = seated(judged.quotas, voters)
    return Quorum(seats=seats, missing=missing, turned_away=tuple(turned_away.items()))


def reach(move: Move, judged: Judgment, met: Quorum, bench: Bench) -> Reach:
    """Return whether those who are there could complete a quorum now."""
    asked = {quota.group for quota in judged.quotas}
    voters = {decision.by: usable(decision, bench) for decision in move.decisions if decision.by in met.people}
    could = {
        person: groups
        for person, groups in bench.people.items()
        if person not in met.people and groups & asked and not conflict(person, move, bench)
    }
    _, missing = seated(judged.quotas, {**could, **voters})
    return Reach(
        is_reachable=not missing and bench.at < move.payload.expires_at, missing=missing, could=tuple(sorted(could))
    )


def seated(
    quotas: Sequence[Quota], voters: Mapping[str, frozenset[str]]
) -> tuple[tuple[tuple[str, str], ...], tuple[Quota, ...]]:
    """Match people to the places of quotas, each at most once, so that as many places as possible are filled.

    Returns who sits where, and the places that nobody can fill. Source: augmenting paths (Kuhn 1955).
    """
    places = [quota.group for quota in quotas for _ in range(min(quota.needed, len(voters) + 1))]
    place_of: dict[str, int] = {}

    def seat(place: int, tried: set[str]) -> bool:
        for person in sorted(voters):
            if places[place] not in voters[person] or person in tried:
                continue
            tried.add(person)
            if person not in place_of or seat(place_of[person], tried):
                place_of[person] = place
                return True
        return False

    for place in range(len(places)):
        seat(place, set())
    filled = [places[place] for place in place_of.values()]
    missing = [Quota(group=one.group, needed=one.needed - filled.count(one.group)) for one in quotas]
    seats = tuple((person, places[place]) for person, place in sorted(place_of.items()))
    return seats, tuple(one for one in missing if one.needed > 0)


def rejected_by(decisions: Iterable[MoveDecided]) -> str:
    """Return who rejected a move, empty when nobody did."""
    return next((one.by for one in decisions if one.verdict == "reject"), "")
