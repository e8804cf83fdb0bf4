"""Views of what cannot be shown."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Say that the role does not allow it."""
    return _refusal(
        request, 403, "This is not yours to see", "Your role does not allow it. Ask an administrator for it."
    )


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Say that there is nothing here."""
    said = exception.args[0] if exception and exception.args and isinstance(exception.args[0], str) else ""
    return _refusal(
        request, 404, "There is nothing here", said or "The address is misspelled, or what it named is gone."
    )


def busy(request: HttpRequest, said: str) -> HttpResponse:
    """Say that what was asked for has not happened, because somebody else was in the way."""
    return _refusal(request, 503, "Nothing has happened yet", f"{said[:1].upper()}{said[1:]}.")


def failed(request: HttpRequest) -> HttpResponse:
    """Say that something broke, on a page that needs neither database nor session."""
    return HttpResponse(render_to_string("500.html"), status=500)


def _refusal(request: HttpRequest, status: int, title: str, said: str) -> HttpResponse:
    return render(request, "error.html", {"status": status, "heading": title, "said": said}, status=status)
