"""Views of the log."""

from typing import Any

import msgspec
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from hedgeapp.core.events import KINDS
from portfolio.queries import events as log
from portfolio.views.moments import moment_of, with_past


@require_safe
@with_past
def events(request: HttpRequest) -> HttpResponse:
    """Show the log, newest first, or as it was at a moment."""
    then = moment_of(request)
    kind = request.GET.get("kind", "")
    key = request.GET.get("key", "").strip()
    context: dict[str, Any] = {"kinds": sorted(KINDS), "kind": kind, "key": key, "page": None}
    try:
        context["page"] = log.page(
            kind=kind,
            key=key,
            before=_number(request, "before"),
            after=_number(request, "after"),
            until=then.seq if then else None,
        )
    except log.SearchIsTooWide as error:
        context["refusal"] = str(error)
    return render(request, "portfolio/events.html", context)


@require_safe
def event(request: HttpRequest, seq: int) -> HttpResponse:
    """Show one event: its body as the log holds it, and its hash."""
    line = log.one(seq)
    if line is None:
        raise Http404(f"The log has no event {seq}.")
    pretty = msgspec.json.format(line.body, indent=2).decode()
    return render(request, "portfolio/event.html", {"line": line, "pretty": pretty})


def _number(request: HttpRequest, name: str) -> int | None:
    given = request.GET.get(name, "")
    return int(given) if given.isdecimal() and len(given) < 19 else None
