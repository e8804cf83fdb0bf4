"""Moments: a page that can be seen as it was, by `?at=`; nothing is done there."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from portfolio.queries.past import Moment, MomentIsRefused, moment

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
AT: Final = "at"

View = Callable[..., HttpResponseBase]


def with_past(view: View) -> View:
    """Let a page be asked for as of a moment (`moment_of`), and refuse in a sentence one that never was."""

    @wraps(view)
    def shown(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        request.has_past = True  # type: ignore[attr-defined]
        given = request.GET.get(AT, "").strip()
        if not given:
            return view(request, *args, **kwargs)
        if request.method not in SAFE:
            return _refused(request, "nothing can be done in the past: go back to live, and do it there", 409)
        try:
            request.moment = moment(given, datetime.now(UTC))  # type: ignore[attr-defined]
        except MomentIsRefused as refusal:
            return _refused(request, str(refusal), 400)
        return view(request, *args, **kwargs)

    return shown


def moment_of(request: HttpRequest) -> Moment | None:
    """Return the moment that a page is asked for, None for now."""
    return getattr(request, "moment", None)


def not_yet(unknown: Exception, then: Moment | None) -> str:
    """Return why there is no page of a thing: nobody knows it, or nobody did at a moment."""
    return f"{unknown} (as of event {then.seq}, {then.at:%Y-%m-%d %H:%M:%S} UTC)" if then else str(unknown)


def _refused(request: HttpRequest, said: str, status: int) -> HttpResponse:
    return render(request, "portfolio/no_moment.html", {"said": said}, status=status)
