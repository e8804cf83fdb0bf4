"""Move on the screen: what it does in a sentence, what it changes, how far it has come and who decided what."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Literal

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.events import Recorded
from hedgeapp.core.events.approvals import MoveDecided
from hedgeapp.core.events.break_glass import GlassBroken
from hedgeapp.core.events.moves import (
    MoveApproved,
    MoveDone,
    MoveIntended,
    MoveKind,
    MovePayload,
    MoveProposed,
    MoveReported,
    MoveSeenAtVenue,
    MoveSubmitted,
)
from hedgeapp.core.records import record
from hedgeapp.live import Leaf, age
from portfolio.core.effects import Change
from portfolio.core.move_effects import MoveEffect, Place
from portfolio.core.move_payloads import spoken
from portfolio.core.move_states import Move
from portfolio.screen import numbers
from portfolio.screen.exposure import HUNDRED
from portfolio.screen.leaves import figure, name
from portfolio.screen.moves import WORDS, usd_words
from portfolio.screen.order import Step

VERBS: Final[dict[MoveKind, str]] = {"delegate": "Delegate", "undelegate": "Take back", "transfer": "Transfer"}


@record
class EffectRow:
    """A number now and after the move; `change` is the difference in words, empty where nothing changes."""

    label: str
    unit: str
    before: Leaf
    after: Leaf
    change: str
    direction: Literal["up", "down", "flat"]


@record
class EffectGroup:
    """Numbers that answer one question."""

    title: str
    rows: tuple[EffectRow, ...]


@record
class DecisionLine:
    """What a person decided; `because` is why it does not count, empty when it does."""

    decision: MoveDecided
    word: str
    level: str
    factor: str
    because: str


def sentence(payload: MovePayload, usd: Decimal | None) -> str:
    """Return what a move does, as an approver reads it."""
    worth = f" (about {usd_words(usd)} USD)" if usd is not None else " (its worth is not known)"
    what = f"{VERBS[payload.kind]} {spoken(payload.amount)} {payload.asset}{worth}"
    if payload.kind == "delegate":
        way = f"from wallet {payload.source} at {payload.custodian} to {payload.destination}"
    elif payload.kind == "undelegate":
        way = f"from {payload.source} to wallet {payload.destination} at {payload.custodian}"
    else:
        way = f"from wallet {payload.source} to wallet {payload.destination} at {payload.custodian}"
    return f"{what} {way}, by {payload.route}."


def effect_groups(effect: MoveEffect, payload: MovePayload, here: str) -> tuple[EffectGroup, ...]:
    """Return what a move changes, now and after; `here` begins the ids."""
    unit = effect.currency
    groups = [
        EffectGroup(
            title="Exposure and backing",
            rows=(
                _row(here, "net", f"net {unit}", unit, effect.net, sign=True),
                _row(here, "ratio", "backing ratio", "%", effect.backing_ratio, decimals=2, scale=HUNDRED),
            ),
        )
    ]
    if effect.headroom_usd is not None and effect.margin_ratio is not None:
        rows = (
            _row(here, "headroom", "headroom", "USD", effect.headroom_usd, sign=True),
            _row(here, "margin", "margin ratio", "%", effect.margin_ratio, decimals=1, scale=HUNDRED),
        )
        groups.append(EffectGroup(title=f"Margin of {effect.account}", rows=rows))
    asset = payload.asset
    groups += [
        EffectGroup(
            title="What each side can give",
            rows=(
                _row(here, "source", payload.source, asset, effect.source),
                _row(here, "destination", payload.destination, asset, effect.destination),
            ),
        ),
        EffectGroup(
            title="Share of all assets",
            rows=(*_shares(here, "custodian", effect.custodians), *_shares(here, "venue", effect.venues)),
        ),
        EffectGroup(
            title="Owed by venues until their next settlement",
            rows=tuple(
                _row(here, f"owed-{one.name}", one.name, "USD", one.usd, sign=True) for one in _told(effect.unsettled)
            ),
        ),
    ]
    return tuple(one for one in groups if one.rows)


def steps(move: Move, told: Iterable[Recorded]) -> tuple[Step, ...]:
    """Return the steps of a move's life, with the times at which the log took them as soon as its rows have them."""
    times = _times(told)
    known = {"proposed": move.proposed_at, "intended": move.intended_at, "sent": move.submitted_at}
    known |= {"confirmed": move.confirmed_at, "seen": move.seen_at}
    known["done"] = move.ended_at if move.state == "done" else None
    times = {key: at for key, at in known.items() if at is not None} | times
    labels = ["proposed", "approved", "intended", "sent", "taken", "confirmed", "seen", "done"]
    if not move.account:
        labels[6] = "arrived"
    found: list[Step] = []
    before: datetime | None = None
    for key, label in zip(_KEYS, labels, strict=True):
        at = times.get(key)
        if at is None and move.is_final:
            continue
        found.append(Step(label=label, at=at, hop=_hop(before, at), stage="done" if at else "ahead"))
        before = at or before
    if move.state == "outcome_unknown":
        place = next((number for number, one in enumerate(found) if one.stage == "ahead"), len(found))
        found.insert(place, Step(label="outcome unknown", at=None, hop="", stage="bad"))
    elif move.is_final and move.state != "done":
        found.append(Step(label=WORDS[move.state], at=move.ended_at, hop="", stage="bad"))
    else:
        place = next((number for number, one in enumerate(found) if one.stage == "ahead"), -1)
        if place >= 0:
            found[place] = Step(label=found[place].label, at=None, hop="", stage="now")
    return tuple(found)


def said(move: Move, at: datetime) -> str:
    """Return in a sentence or two where a move is and what happens next."""
    payload = move.payload
    custodian = payload.custodian
    if move.state == "outcome_unknown" and move.submitted_at is not None:
        return (
            f"Nobody knows yet whether {custodian} has it: {move.because}. It was sent at "
            f"{move.submitted_at:%H:%M:%S} UTC ({age(at - move.submitted_at)} ago); {custodian} is asked under the "
            "same request id until it answers, so that it can move only once. It counts as under way until then."
        )
    where = {
        "proposed": "The policy judges it in a moment.",
        "awaiting_approval": f"It waits for approval and expires at {payload.expires_at:%H:%M} UTC.",
        "approved": f"{_agreed(move)}. A worker checks everything again and sends it.",
        "intended": "A worker has it and is about to send it.",
        "submitted": f"The request is on its way. Without an answer its outcome is unknown, and {custodian} is asked.",
        "accepted": f"{custodian} has taken it as order {move.custodian_order_id} and works on it.",
        "confirmed": f"{custodian} says that it is done; {_other(move)} does not show it yet.",
        "seen_at_venue": "Both sides show it.",
        "done": "Both sides show it; nothing of it is open.",
    }.get(move.state)
    return where or move.because or WORDS[move.state].capitalize()


def _agreed(move: Move) -> str:
    return "Two people broke its glass" if move.broken is not None else "Its quorum is reached"


def decision_lines(move: Move, turned_away: dict[str, str]) -> tuple[DecisionLine, ...]:
    """Return who decided what, the first one first."""
    return tuple(
        DecisionLine(
            decision=one,
            word="approves" if one.verdict == "approve" else "rejects",
            level=("warn" if one.by in turned_away else "good") if one.verdict == "approve" else "bad",
            factor="passkey" if one.assertion.kind == "passkey" else "six digits",
            because=turned_away.get(one.by, "") if one.verdict == "approve" else "",
        )
        for one in move.decisions
    )


_KEYS: Final = ("proposed", "approved", "intended", "sent", "taken", "confirmed", "seen", "done")


def _times(told: Iterable[Recorded]) -> dict[str, datetime]:
    """Return when the log took each step, the first time."""
    found: dict[str, datetime] = {}
    for one in told:
        match one.event:
            case MoveProposed():
                key = "proposed"
            case MoveApproved() | GlassBroken():
                key = "approved"
            case MoveIntended():
                key = "intended"
            case MoveSubmitted():
                key = "sent"
            case MoveReported(state="success"):
                found.setdefault("taken", one.recorded_at)
                key = "confirmed"
            case MoveReported(state="pending" | "in_progress"):
                key = "taken"
            case MoveSeenAtVenue():
                key = "seen"
            case MoveDone():
                key = "done"
            case _:
                continue
        found.setdefault(key, one.recorded_at)
    return found


def _hop(before: datetime | None, at: datetime | None) -> str:
    if before is None or at is None:
        return ""
    took = at - before
    return f"+{took / timedelta(milliseconds=1):,.0f} ms" if took < timedelta(seconds=10) else f"+{age(took)}"


def _other(move: Move) -> str:
    return move.account or move.payload.destination


def _told(places: Sequence[Place]) -> list[Place]:
    return [one for one in places if one.usd.before.value != ZERO or one.usd.after.value != ZERO]


def _shares(here: str, what: str, places: Sequence[Place]) -> list[EffectRow]:
    return [
        _row(here, f"{what}-{one.name}", f"{one.name}, {what}", "%", one.share, decimals=1, scale=HUNDRED)
        for one in _told(places)
    ]


def _row(
    here: str,
    key: str,
    label: str,
    unit: str,
    change: Change,
    *,
    sign: bool = False,
    decimals: int | None = None,
    scale: Decimal = Decimal(1),
) -> EffectRow:
    places = numbers.decimals_of(unit) if decimals is None else decimals
    before, after = (
        figure(name(here, key, when), shown, unit, sign=sign, decimals=places, scale=scale, is_calm=True)
        for when, shown in (("now", change.before), ("after", change.after))
    )
    by, way = "", "flat"
    if change.before.value is not None and change.after.value is not None:
        difference = (change.after.value - change.before.value) * scale
        by, way = numbers.signed(difference, places), numbers.direction(Decimal(f"{difference:.{places}f}"))
    return EffectRow(
        label=label,
        unit=unit,
        before=before,
        after=after,
        change="" if way == "flat" else by,
        direction=way,  # type: ignore[arg-type]
    )
