"""Views of reviews: the moves that we never intended, until two people signed that they looked at them."""

from datetime import UTC, datetime
from typing import Final

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from hedgeapp.access.key_rows import asking
from hedgeapp.access.signing import PasskeyIsNotInForce, PayloadIsSigned
from hedgeapp.core.passkeys import AssertionIsRefused, text_of
from portfolio.core.move_payloads import spoken
from portfolio.operations import move_reviews as operations
from portfolio.queries.books import current_book
from portfolio.views.gate import user_of

MAY_REVIEW: Final = "portfolio.lift_halt"  # whoever ends halts ends this stop, too


@never_cache
@require_safe
def reviews(request: HttpRequest) -> HttpResponse:
    """Show the moves that we never intended."""
    return _page(request)


@require_POST
@permission_required(MAY_REVIEW, raise_exception=True)
def review(request: HttpRequest) -> HttpResponse:
    """Sign that one looked at a move."""
    given = request.POST
    try:
        done = operations.review_unintended(
            given.get("source", ""),
            given.get("reference", ""),
            by=user_of(request),
            assertion=given.get("assertion", ""),
            reason=given.get("reason", ""),
            at=datetime.now(UTC),
        )
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
    rows = [
        {
            "alarm": alarm,
            "amount": spoken(alarm.amount),
            "first": operations.first_of(alarm),
            "signs": text_of(operations.review_hash(alarm)),
        }
        for alarm in current_book().moves.alarms
    ]
    context = {
        "rows": rows,
        "may_review": user.has_perm(MAY_REVIEW),
        "asking": asking(user, at=datetime.now(UTC)),
        "reason_length_max": operations.REASON_LENGTH_MAX,
        "refusal": refusal,
    }
    return render(request, "portfolio/move_reviews.html", context, status=status)
