"""Nobody sees a page without being logged in, nothing is asked that no text can hold, and what people do is told."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.middleware import LoginRequiredMiddleware as DjangosOwn
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url
from django.utils.deprecation import MiddlewareMixin

from hedgeapp.access.telling import acted, seq_of_head, tell_acted, tell_denied
from hedgeapp.eventlog import witness

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
DENIED: Final = 403
ELSEWHERE: Final = 300
DONE_BELOW: Final = 400
ROWS_CHANGED: Final = ("/add/", "/change/")
OPEN_PATHS: Final = ("/healthz", "/readyz")  # asked by supervisors, who are nobody
KEYED_PATHS: Final = "/api/v1/"  # asked by programs, whose door is the key that they show


class TextsHoldNoNulMiddleware(MiddlewareMixin):
    """Refuse a request with a NUL in its path, its query or its form: PostgreSQL keeps no such text."""

    def process_request(self, request: HttpRequest) -> None:
        """Raise BadRequest, which Django answers with 400, if there is one."""
        asked = (text for given in (request.GET, request.POST) for _, texts in given.lists() for text in texts)
        if "\0" in request.path_info or any("\0" in text for text in asked):
            raise BadRequest("text without a NUL expected, found one")


class ActsAreToldMiddleware(MiddlewareMixin):
    """Tell of each form that somebody sent and that changed something, and of each denial.

    What a form puts into the log is told in the same transaction: neither is there without the other, and whoever waits
    for the log waits once. A fragment says up to which event it shows the log.

    It is the innermost, and runs in a thread: so Django runs all around it in that one thread, where each middleware
    that could go either way would be sent to a thread and back, twice for each request.
    """

    async_capable = False

    def process_request(self, request: HttpRequest) -> None:
        """Go along with what a form puts into the log."""
        if request.method in SAFE:
            if request.headers.get("HX-Request") == "true" and request.user.is_authenticated:
                request.log_seq = seq_of_head()  # type: ignore[attr-defined]
        elif request.user.is_authenticated:
            request.acts_by = request.user.get_username()  # type: ignore[attr-defined]
            witness.begin(partial(acted, request, request.acts_by))  # type: ignore[attr-defined]

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Tell what was done or denied."""
        if by := getattr(request, "acts_by", ""):
            witness.end()
            # Rows that are no events, like API keys, are changed in the admin: when that is done, it leads elsewhere.
            is_done = ELSEWHERE <= response.status_code < DONE_BELOW
            if is_done and request.path.endswith(ROWS_CHANGED) and not hasattr(request, "acted"):
                tell_acted(request, by)
        user = getattr(request, "user", None)
        if response.status_code == DENIED and user is not None and user.is_authenticated:
            tell_denied(request, user.get_username())
        if (seq := getattr(request, "log_seq", None)) is not None:
            response.headers["X-Log-Seq"] = str(seq)
        return response


class LoginRequiredMiddleware(DjangosOwn):
    """Django's middleware, open to supervisors, which sends a page's fragments to the login as a whole page."""

    def process_view(
        self, request: HttpRequest, view_func: Callable[..., Any], view_args: Any, view_kwargs: Any
    ) -> HttpResponseBase | None:
        """Let the request pass, or answer it with the way to the login."""
        if request.path in OPEN_PATHS or request.path.startswith((settings.STATIC_URL, KEYED_PATHS)):
            return None
        response = super().process_view(request, view_func, view_args, view_kwargs)
        if response is not None and request.headers.get("HX-Request") == "true":
            # A redirect would put the login into a corner of the page.
            return HttpResponse(status=401, headers={"HX-Redirect": resolve_url(settings.LOGIN_URL)})
        return response
