"""View of one move as it was: by the book, the marks and the decisions of a moment; nobody decides there."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from portfolio.core.headlines import headline
from portfolio.core.move_payloads import payload_hash, written
from portfolio.core.move_states import WAITING
from portfolio.operations.moves.proposals import MoveIsUnknown
from portfolio.queries.past import Moment
from portfolio.queries.past_moves import past_effect, past_move
from portfolio.screen import move as shown
from portfolio.screen.moves import line
from portfolio.views.moments import not_yet


def past_page(request: HttpRequest, move_id: str, then: Moment) -> HttpResponse:
    """Show a move as of a moment."""
    known = past_move(move_id, then)
    if known is None:
        raise Http404(not_yet(MoveIsUnknown(move_id), then))
    found, told = known
    effect = past_effect(found, then) if found.state in WAITING else None
    usd = found.judged.amount_usd if found.judged else None
    context = {
        "move": found,
        "payload": found.payload,
        "line": line(found, then.at),
        "said": shown.said(found, then.at),
        "steps": shown.steps(found, told),
        "decisions": shown.decision_lines(found, {}),
        "told": [headline(one) for one in reversed(told)],
        "hash": payload_hash(found.payload).hex(),
        "amount_typed": written(found.payload.amount),
        "sentence": shown.sentence(found.payload, effect.usd.value if effect else usd),
        "groups": shown.effect_groups(effect, found.payload, "move") if effect else (),
        "is_over": effect is None,
        "is_settled": True,
        "waited": found.state in WAITING,
        "now": then.at,
    }
    return render(request, "portfolio/move.html", context)
