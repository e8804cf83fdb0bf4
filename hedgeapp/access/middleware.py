"""Nobody sees a page without being logged in, and nothing is asked that no text can hold."""

from collections.abc import Callable
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.middleware import LoginRequiredMiddleware as DjangosOwn
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url
from django.utils.deprecation import MiddlewareMixin

OPEN_PATHS: Final = ("/healthz", "/readyz")  # asked by supervisors, who are nobody


class TextsHoldNoNulMiddleware(MiddlewareMixin):
    """Refuse a request with a NUL in its path, its query or its form: PostgreSQL keeps no such text."""

    def process_request(self, request: HttpRequest) -> None:
        """Raise BadRequest, which Django answers with 400, if there is one."""
        asked = (text for given in (request.GET, request.POST) for _, texts in given.lists() for text in texts)
        if "\0" in request.path_info or any("\0" in text for text in asked):
            raise BadRequest("text without a NUL expected, found one")


class LoginRequiredMiddleware(DjangosOwn):
    """Django's middleware, open to supervisors, which sends a page's fragments to the login as a whole page."""

    def process_view(
        self, request: HttpRequest, view_func: Callable[..., Any], view_args: Any, view_kwargs: Any
    ) -> HttpResponseBase | None:
        """Let the request pass, or answer it with the way to the login."""
        if request.path in OPEN_PATHS or request.path.startswith(settings.STATIC_URL):
            return None
        response = super().process_view(request, view_func, view_args, view_kwargs)
        if response is not None and request.headers.get("HX-Request") == "true":
            # A redirect would put the login into a corner of the page.
            return HttpResponse(status=401, headers={"HX-Redirect": resolve_url(settings.LOGIN_URL)})
        return response
