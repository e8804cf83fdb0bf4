"""Views of reviews: moves that we never intended and break-glasses, until two people signed that they looked."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from hedgeapp.access.key_rows import asking
from hedgeapp.access.signing import PasskeyIsNotInForce, PayloadIsSigned
from hedgeapp.core.passkeys import AssertionIsRefused, text_of
from portfolio.core.move_payloads import spoken
from portfolio.operations import move_reviews as operations
from portfolio.operations.moves.people import NameIsTaken, PermissionIsMissing
from portfolio.queries.books import current_book
from portfolio.queries.people import breakers
from portfolio.screen.moves import line
from portfolio.views.gate import user_of

MAY_REVIEW: Final = "portfolio.lift_halt"  # whoever ends halts ends this stop, too


@never_cache
@require_safe
def reviews(request: HttpRequest) -> HttpResponse:
    """Show the moves that we never intended, and the break-glasses that nobody reviewed."""
    return _page(request)


@require_POST
@permission_required(MAY_REVIEW, raise_exception=True)
def review(request: HttpRequest) -> HttpResponse:
    """Sign that one looked at a move."""
    given = request.POST

    def deed(user: User) -> object | None:
        return operations.review_unintended(
            given.get("source", ""),
            given.get("reference", ""),
            by=user,
            assertion=given.get("assertion", ""),
            reason=given.get("reason", ""),
            at=datetime.now(UTC),
        )

    return _done(request, deed)


@require_POST
@permission_required(MAY_REVIEW, raise_exception=True)
def review_glass(request: HttpRequest) -> HttpResponse:
    """Sign that one looked at a break-glass of others."""
    given = request.POST

    def deed(user: User) -> object | None:
        return operations.review_break_glass(
            given.get("move", ""),
            by=user,
            assertion=given.get("assertion", ""),
            reason=given.get("reason", ""),
            at=datetime.now(UTC),
        )

    return _done(request, deed)


def _done(request: HttpRequest, deed: Callable[[User], object | None]) -> HttpResponse:
    try:
        done = deed(user_of(request))
    except (PermissionIsMissing, NameIsTaken, operations.SignerReviews) as refusal:
        return _page(request, str(refusal), 403)
    except (AssertionIsRefused, operations.ReviewReasonIsMalformed) as refusal:
        return _page(request, str(refusal), 400)
    except (operations.AlarmIsOver, PasskeyIsNotInForce, PayloadIsSigned) as refusal:
        return _page(request, str(refusal), 409)
    except (operations.LogIsBusy, operations.BookIsBusy) as busy:
        return _page(request, str(busy), 503)
    messages.success(request, "It is reviewed by two." if done else "You signed. Another person must look at it, too.")
    return redirect("portfolio:move_reviews")


def _page(request: HttpRequest, refusal: str = "", status: int = 200) -> HttpResponse:
    user = user_of(request)
    moves, may, at = current_book().moves, breakers(), datetime.now(UTC)
    rows = [
        {
            "alarm": alarm,
            "amount": spoken(alarm.amount),
            "first": operations.first_of(operations.review_hash(alarm)),
            "signs": text_of(operations.review_hash(alarm)),
        }
        for alarm in moves.alarms
    ]
    name = user.get_username()
    glasses = [
        {
            "broken": one,
            "move": moves.get(one.move_id),
            "line": line(its, at) if (its := moves.get(one.move_id)) else None,
            "amount": spoken(its.payload.amount) if its else "",
            "first": operations.first_of(operations.glass_review_hash(one), may - moves.signers(one)),
            "signs": text_of(operations.glass_review_hash(one)),
            "is_signer": name in moves.signers(one),
        }
        for one in moves.unreviewed
    ]
    context = {
        "rows": rows,
        "glasses": glasses,
        "may_review": user.has_perm(MAY_REVIEW),
        "asking": asking(user, at=at),
        "reason_length_max": operations.REASON_LENGTH_MAX,
        "refusal": refusal,
    }
    return render(request, "portfolio/move_reviews.html", context, status=status)
