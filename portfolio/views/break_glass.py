"""Views of break-glass: two people sign that a move goes home in an emergency, each in two steps."""

from datetime import UTC, datetime

from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from portfolio.move_forms import BreakGlassForm
from portfolio.operations.moves.break_glass import BreakGlass, break_glass
from portfolio.operations.moves.people import BREAK_GLASS as MAY_BREAK
from portfolio.views.move import done_for, known, shown_again
from portfolio.views.move_amounts import require_typed


@require_POST
@permission_required(MAY_BREAK, raise_exception=True)
def sign(request: HttpRequest, move_id: str) -> HttpResponse:
    """Show what is signed for a reason, or take the signature; the amount is typed in for both."""
    form = BreakGlassForm(request.POST)
    if not form.is_valid():
        return shown_again(request, move_id, " ".join(form.sentences()))
    given = form.cleaned_data
    reason = " ".join(given["reason"].split())
    if not given["assertion"]:
        return shown_again(request, move_id, glass_reason=reason)

    def done(user: User) -> str:
        found, _ = known(move_id)
        require_typed(found, given["typed"])
        signed = BreakGlass(
            move_id=move_id,
            payload_hash=given["payload_hash"],
            reason=reason,
            assertion=given["assertion"],
            seen_seq=given["seen"],
            from_address=request.META.get("REMOTE_ADDR", ""),
        )
        after = break_glass(signed, by=user, at=datetime.now(UTC))
        if after.broken is None:
            return "You signed the break-glass. Nothing moves until another person signs the same."
        return "The glass is broken: it is on its way home. Two people who did not sign it must review it."

    return done_for(request, move_id, done, reason)
