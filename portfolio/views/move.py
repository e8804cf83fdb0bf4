"""Views of one move: what it does and changes, how far it has come, and the word of those who decide on it."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from hedgeapp.access.attempts import TooManyAttempts
from hedgeapp.access.codes import CodeIsWrong, NoCodes
from hedgeapp.access.key_rows import asking
from hedgeapp.access.signing import PasskeyIsNotInForce, PayloadIsSigned
from hedgeapp.core.events import Recorded
from hedgeapp.core.events.approvals import Verdict
from hedgeapp.core.passkeys import AssertionIsRefused, text_of
from portfolio.core.headlines import headline
from portfolio.core.move_effects import move_effect
from portfolio.core.move_payloads import payload_hash, rejection_hash, written
from portfolio.core.move_states import WAITING, Move
from portfolio.move_forms import DecisionForm
from portfolio.operations.moves.decisions import Decision, DecisionIsRefused, decide_move
from portfolio.operations.moves.people import BREAK_GLASS as MAY_BREAK
from portfolio.operations.moves.people import WITHDRAW_OTHERS, NameIsTaken, PermissionIsMissing
from portfolio.operations.moves.proposals import (
    REASON_LENGTH_MAX,
    BookIsBusy,
    LogIsBusy,
    MoveIsNotOpen,
    MoveIsUnknown,
    MoveTextIsMalformed,
    withdraw_move,
)
from portfolio.queries.break_glass import glass_turn, is_breakable
from portfolio.queries.move_blotter import one_move
from portfolio.queries.move_waiting import MAY_DECIDE
from portfolio.queries.moves import MoveDetail, move_detail, turn
from portfolio.queries.scenes import scene_at
from portfolio.screen import move as shown
from portfolio.screen.moves import line
from portfolio.views import errors
from portfolio.views.moments import moment_of, with_past
from portfolio.views.move_amounts import AmountIsTypedWrong, is_typed_in, require_typed
from portfolio.views.moves import MAY_PROPOSE, SEEN_LENGTH
from portfolio.views.past_moves import past_page

_CONFLICTS: Final = (DecisionIsRefused, MoveIsNotOpen, PasskeyIsNotInForce, PayloadIsSigned, NoCodes, CodeIsWrong)
_MALFORMED: Final = (AssertionIsRefused, MoveTextIsMalformed)


@require_safe
@never_cache
@with_past
def move(request: HttpRequest, move_id: str) -> HttpResponse:
    """Show a move: its sentence, what it changes, who decided, how far it has come, or had at a moment."""
    if then := moment_of(request):
        return past_page(request, move_id, then)
    return _shown(request, move_id)


@require_safe
@never_cache
def progress(request: HttpRequest, move_id: str) -> HttpResponse:
    """Return how a move stands, to be put into its page; nothing when the page has it so."""
    found = known(move_id)
    context = _live(request, *found)
    if request.GET.get("seen") == context["seen"]:
        return HttpResponse(status=204)
    return render(request, "portfolio/_move_live.html", context | {"asked": request.GET})


@require_safe
@never_cache
def effects(request: HttpRequest, move_id: str) -> HttpResponse:
    """Return what a move changes, now and after, by the marks of now."""
    found, _ = known(move_id)
    return render(request, "portfolio/_move_effects.html", _effects(found))


@require_POST
@permission_required(MAY_DECIDE, raise_exception=True)
def approve(request: HttpRequest, move_id: str) -> HttpResponse:
    """Agree to exactly the move that was shown, by a passkey, or by a code where the policy lets one."""
    return _decide(request, move_id, "approve")


@require_POST
@permission_required(MAY_DECIDE, raise_exception=True)
def reject(request: HttpRequest, move_id: str) -> HttpResponse:
    """Say no to a move, with a reason."""
    return _decide(request, move_id, "reject")


@require_POST
@permission_required(MAY_PROPOSE, raise_exception=True)
def withdraw(request: HttpRequest, move_id: str) -> HttpResponse:
    """Call a move off before it is sent."""

    def done(user: User) -> str:
        withdraw_move(move_id, by=user, reason=request.POST.get("reason", ""), at=datetime.now(UTC))
        return "Withdrawn: it is not sent."

    return done_for(request, move_id, done)


def _decide(request: HttpRequest, move_id: str, verdict: Verdict) -> HttpResponse:
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return _shown(request, move_id, " ".join(form.sentences()), 400)
    given = form.cleaned_data

    def done(user: User) -> str:
        if verdict == "approve":
            found, _ = known(move_id)
            require_typed(found, given["typed"], is_asked=is_typed_in(found))
        decision = Decision(
            move_id=move_id,
            verdict=verdict,
            payload_hash=given["payload_hash"],
            reason=given["reason"],
            assertion=given["assertion"],
            code=given["code"],
            seen_seq=given["seen"],
            from_address=request.META.get("REMOTE_ADDR", ""),
        )
        after = decide_move(decision, by=user, at=datetime.now(UTC))
        if verdict == "reject":
            return "Rejected: it is not sent."
        reached = after.state != "awaiting_approval"
        return "Approved, and its quorum is reached: it is on its way." if reached else "Approved. It waits for others."

    return done_for(request, move_id, done)


def done_for(request: HttpRequest, move_id: str, deed: Callable[[User], str], glass_reason: str = "") -> HttpResponse:
    """Do something about a move and say what came of it, or why nothing did."""
    assert isinstance(request.user, User)
    again = partial(_shown, request, move_id, glass_reason=glass_reason)
    try:
        said = deed(request.user)
    except MoveIsUnknown as unknown:
        raise Http404(str(unknown)) from unknown
    except (PermissionIsMissing, NameIsTaken) as refusal:
        return again(str(refusal), 403)
    except _CONFLICTS as refusal:
        return again(str(refusal), 409)
    except (*_MALFORMED, AmountIsTypedWrong) as refusal:
        return again(str(refusal), 400)
    except TooManyAttempts as refusal:
        return again(str(refusal), 429)
    except (LogIsBusy, BookIsBusy) as busy:
        return errors.busy(request, str(busy))
    messages.success(request, said)
    return redirect("portfolio:move", move_id)


def shown_again(request: HttpRequest, move_id: str, refusal: str = "", glass_reason: str = "") -> HttpResponse:
    """Show a move with a refusal, or with what is signed to break its glass for a reason."""
    return _shown(request, move_id, refusal, 400 if refusal else 200, glass_reason)


def known(move_id: str) -> tuple[Move, tuple[Recorded, ...]]:
    """Return a move and the events that made it so, or answer that there is none."""
    found = one_move(move_id)
    if found is None:
        raise Http404(str(MoveIsUnknown(move_id)))
    return found


def _shown(
    request: HttpRequest, move_id: str, refusal: str = "", status: int = 200, glass_reason: str = ""
) -> HttpResponse:
    found, told = known(move_id)
    user = request.user
    assert isinstance(user, User)
    context = {
        "refusal": refusal,
        "reason": request.POST.get("reason", "") if request.path.endswith("/reject") else "",
        "asking": asking(user, at=datetime.now(UTC)),
        **_live(request, found, told, glass_reason),
        **_effects(found),
    }
    return render(request, "portfolio/move.html", context, status=status)


def _live(request: HttpRequest, found: Move, told: tuple[Recorded, ...], glass_reason: str = "") -> dict[str, Any]:
    at = datetime.now(UTC)
    detail = move_detail(found.move_id, at) if found.state in WAITING else None
    found = detail.move if detail is not None else found
    turned_away = dict(detail.quorum.turned_away) if detail else {}
    context: dict[str, Any] = {
        "move": found,
        "payload": found.payload,
        "line": line(found, at, turned_away=turned_away),
        "said": shown.said(found, at),
        "steps": shown.steps(found, told),
        "detail": detail,
        "decisions": shown.decision_lines(found, turned_away),
        "told": [headline(one) for one in reversed(told)],
        # The rows follow the log: a page goes on asking until they have the end, too.
        "is_settled": found.is_final and bool(told) and told[-1].seq >= found.seq and not is_breakable(found, at),
        "hash": payload_hash(found.payload).hex(),
        "expiry": max(at, found.payload.expires_at) - at,
        "now": at,
        "reason_length_max": REASON_LENGTH_MAX,
        **_turn(request, found, detail, at),
    }
    context |= _glass(request, found, glass_reason, at)
    text = render_to_string("portfolio/_move_live.html", context)
    return context | {
        "seen": hashlib.sha256(text.encode()).hexdigest()[:SEEN_LENGTH],
        "seq": detail.seq if detail else found.seq,
    }


def _turn(request: HttpRequest, found: Move, detail: MoveDetail | None, at: datetime) -> dict[str, Any]:
    """Return what whoever looks may do about a move; `turn` names it, so that a page knows when that changes."""
    name, user = request.user.get_username(), request.user
    may_decide = user.has_perm(MAY_DECIDE)
    mine = next((one for one in found.decisions if one.by == name), None)
    may: dict[str, bool] = {"may_approve": False, "may_reject": False, "may_withdraw": False}
    objection = ""
    if detail is not None:
        others = user.has_perm(WITHDRAW_OTHERS)
        his = turn(detail, name=name, may_decide=may_decide, may_withdraw_others=others, at=at)
        is_own = name == found.proposed.by
        may = {
            "may_approve": his.may_approve,
            "may_reject": his.may_reject,
            "may_withdraw": his.may_withdraw and (user.has_perm(MAY_PROPOSE) if is_own else others),
        }
        objection = his.objection if may_decide and mine is None and found.state == "awaiting_approval" else ""
    return {
        **may,
        "mine": mine,
        "objection": objection,
        "may_decide": may_decide,
        "is_typed_in": is_typed_in(found),
        "amount_typed": written(found.payload.amount),
        "approval": text_of(payload_hash(found.payload)),
        "rejection": text_of(rejection_hash(found.payload)),
        "turn": "-".join(one for one, is_so in (*may.items(), ("decided", mine), (objection, objection)) if is_so)
        or "none",
    }


def _glass(request: HttpRequest, found: Move, reason: str, at: datetime) -> dict[str, Any]:
    """Return what whoever looks may do about the break-glass of a move; `glass_turn` names it, as `turn` does."""
    name, may = request.user.get_username(), request.user.has_perm(MAY_BREAK)
    glass = glass_turn(found, name=name, is_permitted=may, reason=reason, at=at)
    signs = text_of(glass.challenge) if glass.challenge else ""
    return {"glass": glass, "glass_signs": signs, "glass_turn": f"{len(found.glass)}-{glass.is_open}-{glass.may_sign}"}


def _effects(found: Move) -> dict[str, Any]:
    """Return what a move would change; once it is sent or over, only what it was worth to the policy."""
    if found.state not in WAITING and not is_breakable(found, datetime.now(UTC)):
        usd = found.judged.amount_usd if found.judged else None
        return {"move": found, "sentence": shown.sentence(found.payload, usd), "groups": (), "is_over": True}
    scene = scene_at(datetime.now(UTC))
    effect = move_effect(found.payload, scene.book, scene.marks, scene.at, scene.feeds)
    return {
        "move": found,
        "sentence": shown.sentence(found.payload, effect.usd.value),
        "groups": shown.effect_groups(effect, found.payload, "move"),
        "effects_seq": scene.book.seq,
        "now": scene.at,
        "is_over": False,
    }
