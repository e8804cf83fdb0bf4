"""Order on the screen: how far it has come, how long each hop took, and what may still come of it."""

from datetime import datetime, timedelta
from typing import Final, Literal

from hedgeapp.core.records import record
from hedgeapp.live import age
from portfolio.core.order_references import plain
from portfolio.core.orders import HedgeOrder, State
from portfolio.screen.leaves import Level

Stage = Literal["done", "now", "bad", "ahead"]

WORDS: Final[dict[State, str]] = {
    "intended": "waiting to be sent",
    "sent": "sent, waiting for the venue's word",
    "unknown": "outcome unknown",
    "acknowledged": "acknowledged",
    "working": "working",
    "partially_filled": "partially filled",
    "filled": "filled",
    "canceled": "canceled",
    "expired": "expired",
    "rejected": "rejected by the venue",
    "refused": "refused by our own checks",
    "never_arrived": "never arrived at the venue",
}
ENDED_THERE: Final[frozenset[State]] = frozenset({"filled", "canceled", "expired"})
LEVELS: Final[dict[State, Level]] = {
    "filled": "good",
    "unknown": "bad",
    "rejected": "bad",
    "refused": "bad",
    "never_arrived": "warn",
    "canceled": "idle",
    "expired": "idle",
}


@record
class Step:
    """A step of an order's life: its time and how long after the one before it came, in words."""

    label: str
    at: datetime | None
    hop: str
    stage: Stage


@record
class Progress:
    """An order as its page shows it."""

    order: HedgeOrder
    word: str
    level: Level
    said: str
    steps: tuple[Step, ...]
    filled_share: float
    is_settled: bool


def progress(order: HedgeOrder, at: datetime) -> Progress:
    """Return how far an order has come."""
    word = WORDS[order.state]
    return Progress(
        order=order,
        word=word,
        level=LEVELS.get(order.state, "warn" if order.cancel_asked_at else "good"),
        said=_said(order, at),
        steps=tuple(_steps(order)),
        filled_share=float(order.filled / order.intent.quantity),
        is_settled=order.is_final and not order.in_flight,
    )


def _steps(order: HedgeOrder) -> list[Step]:
    known = [
        ("intended", order.intended_at),
        ("sent", order.sent_at),
        ("acknowledged", order.acknowledged_at),
        ("first fill", order.filled_at),
    ]
    found: list[Step] = []
    before: datetime | None = None
    for label, at in known:
        is_done = at is not None or (label == "acknowledged" and bool(order.venue_order_id))
        if is_done or not order.is_final:
            found.append(Step(label=label, at=at, hop=_hop(before, at), stage="done" if is_done else "ahead"))
        before = at or before
    if order.state == "unknown":
        found.insert(2, Step(label="outcome unknown", at=None, hop="", stage="bad"))
    if order.is_final:
        is_venues = order.state in ENDED_THERE
        hop = "by the venue's clock" if is_venues else ""
        stage: Stage = "done" if is_venues else "bad"
        found.append(Step(label=order.state.replace("_", " "), at=order.ended_at, hop=hop, stage=stage))
    else:
        ahead = next((place for place, step in enumerate(found) if step.stage == "ahead"), None)
        if ahead is not None and order.state != "unknown":
            found[ahead] = Step(label=found[ahead].label, at=None, hop="", stage="now")
        found.append(Step(label="ended", at=None, hop="", stage="ahead"))
    return found


def _hop(before: datetime | None, at: datetime | None) -> str:
    if before is None or at is None:
        return ""
    return f"+{(at - before) / timedelta(milliseconds=1):,.0f} ms"


def _said(order: HedgeOrder, at: datetime) -> str:
    """Return in a sentence or two where the order is and what happens next."""
    if order.state == "unknown" and order.sent_at is not None:
        return (
            f"Nobody knows yet whether the venue has it: {order.because}. We have been asking the venue since "
            f"{order.sent_at:%H:%M:%S} UTC ({age(at - order.sent_at)}) and go on until it answers. It is not sent "
            f"again, and all {plain(order.in_flight)} contracts count as under way until then."
        )
    asked = ""
    if order.cancel_asked_at is not None:
        asked = f"{order.cancel_asked_by} asked to cancel it at {order.cancel_asked_at:%H:%M:%S} UTC"
    if order.is_final:
        late = f"{plain(order.in_flight)} contracts that filled are not in the log yet." if order.in_flight else ""
        why = order.because or (asked and f"{asked}.")
        return f"{why} {late}".strip()
    if asked:
        return f"{asked}; the venue has the last word."
    if order.state == "intended":
        return "It is in the log. A worker checks it once more and sends it."
    if order.state == "sent":
        return "The request is on its way. Without an answer its outcome is unknown, and the venue is asked."
    return ""
