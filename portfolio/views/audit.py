"""Views of the audit: who did what, when, from where, seeing what; a page to search it, and a file of it."""

from collections.abc import AsyncIterator
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from hedgeapp.access.telling import tell_export
from portfolio.core.deeds import DEED_KINDS
from portfolio.forms import AuditFilterForm
from portfolio.queries import audit as found
from portfolio.queries.past import seq_at
from portfolio.screen import audit_export
from portfolio.views.moments import moment_of, with_past

MAY_READ: Final = "access.view_audit"
EXPORT_ROWS_MAX: Final = 50_000
EXPORT_ROWS: Final = 1_000  # read at once


@require_safe
@never_cache
@permission_required(MAY_READ, raise_exception=True)
@with_past
def audit(request: HttpRequest) -> HttpResponse:
    """Show what people did, or had done by a moment."""
    form = AuditFilterForm(request.GET)
    query = request.GET.copy()
    for edge in ("before", "after"):
        query.pop(edge, None)
    context: dict[str, Any] = {
        "kinds": DEED_KINDS,
        "asked": {name: text for name, text in query.items() if text and name in form.fields},
        "query": query.urlencode(),
        "refusals": form.sentences() if form.errors else [],
        "export_max": EXPORT_ROWS_MAX,
    }
    if form.is_valid():
        given = form.cleaned_data
        try:
            context["page"] = found.page(_wanted(request, form), before=given["before"], after=given["after"])
        except found.AuditIsTooWide as refusal:
            context["refusals"] = [f"{refusal}."]
    return render(request, "portfolio/audit.html", context, status=400 if form.errors else 200)


@require_safe
@never_cache
@permission_required(MAY_READ, raise_exception=True)
@with_past
def export(request: HttpRequest) -> HttpResponseBase:
    """Return the deeds that match as CSV, newest first, all or those by a moment."""
    form = AuditFilterForm(request.GET)
    if not form.is_valid():
        return HttpResponse("\n".join(form.sentences()), status=400, content_type="text/plain; charset=utf-8")
    wanted = _wanted(request, form)
    tell_export(request)
    return StreamingHttpResponse(
        _file(wanted),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="audit.csv"'},
    )


async def _file(wanted: found.AuditFilter) -> AsyncIterator[str]:
    yield audit_export.header()
    count, before = 0, None
    try:
        while lines := (await sync_to_async(found.page)(wanted, before=before, size=EXPORT_ROWS)).lines:
            kept = lines[: EXPORT_ROWS_MAX - count]
            yield audit_export.rows(kept)
            count, before = count + len(kept), lines[-1].seq
            if len(kept) < len(lines):
                yield audit_export.said(f"cut after {count} deeds: a shorter time holds the rest")
                return
    except found.AuditIsTooWide as refusal:
        yield audit_export.said(f"cut after {count} deeds: {refusal}")


def _wanted(request: HttpRequest, form: AuditFilterForm) -> found.AuditFilter:
    given, then = form.cleaned_data, moment_of(request)
    since, until = given["since"], given["until"]
    ends = [seq_at(until)] if until is not None else []
    ends += [then.seq] if then else []
    return found.AuditFilter(
        person=given["person"],
        kind=given["kind"],
        about=given["about"],
        text=given["text"],
        since_seq=None if since is None else seq_at(since),
        until_seq=min(ends, default=None),
        with_engine=given["engine"],
    )
