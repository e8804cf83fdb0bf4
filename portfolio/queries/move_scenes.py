"""Scenes of moves: what the rules would say of a move that nobody has proposed yet."""

from hedgeapp.core.events.moves import MoveJudged, MovePayload, MoveProposed
from portfolio.core.hedge_choices import Scene
from portfolio.core.move_checks import available
from portfolio.core.move_judgments import hindrances, judged
from portfolio.core.move_prices import price_of
from portfolio.core.move_states import Move
from portfolio.core.move_values import value
from portfolio.core.order_references import Refusal, plain


def would_be_judged(payload: MovePayload, by: str, scene: Scene) -> tuple[MoveJudged, tuple[Refusal, ...]]:
    """Return what the policy would say of a move that is not proposed yet, and why it could not be sent as it is."""
    book, at = scene.book, scene.at
    proposed = MoveProposed(at=at, payload=payload, by=by, reason="", rests_on=())
    worth = value(payload.amount, price_of(payload.asset, book, scene.marks, at, scene.feeds))
    refusals = [*hindrances(payload, book, worth, at)]
    would_be = Move(proposed=proposed, state="proposed", seq=0, proposed_seq=0, proposed_at=at)
    there = available(would_be, book, scene.valuation)
    if there.value is not None and payload.amount > there.value:
        left, unit = plain(there.value), payload.asset
        said = f"at most {left} {unit} from {payload.source} expected, found {plain(payload.amount)} {unit}"
        refusals.append(Refusal(rule="available", limit=left, value=plain(payload.amount), unit=unit, said=said))
    return judged(proposed, book, worth, at), tuple(refusals)
