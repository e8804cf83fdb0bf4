"""Views of the reserve fund's ledger, now or as of a moment."""

from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from hedgeapp.access.telling import tell_export
from portfolio.queries.reserve import reserve_ledger
from portfolio.screen import reserve_ledger as screen
from portfolio.views.moments import moment_of, with_past


@require_safe
@never_cache
@with_past
def ledger(request: HttpRequest) -> HttpResponse:
    """Show what came to the reserve fund's wallets and left them."""
    return render(request, "portfolio/reserve.html", screen.sections(reserve_ledger(moment_of(request))))


@require_safe
@never_cache
@with_past
def export(request: HttpRequest) -> HttpResponse:
    """Return the ledger as CSV with all digits."""
    then = moment_of(request)
    body = screen.export(reserve_ledger(then))
    tell_export(request)
    at = then.at if then else datetime.now(UTC)
    answer = HttpResponse(body, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="reserve-{at:%Y%m%dT%H%M%SZ}.csv"'
    return answer
