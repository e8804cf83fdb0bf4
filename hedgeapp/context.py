"""Context: what the frame of every page shows."""

from datetime import UTC, datetime
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse

from hedgeapp.access.roles import may_enter

# The pages there are: name, route, key after "g". A page that does not exist yet has no entry.
PAGES: Final = (
    ("Overview", "portfolio:overview", "o"),
    ("Orders", "portfolio:orders", "r"),
    ("Moves", "portfolio:moves", "m"),
    ("Breaks", "reconciliation:breaks", "b"),
    ("Gate", "portfolio:gate", "t"),
    ("Prices", "portfolio:prices", "p"),
    ("Alerts", "portfolio:alerts", "l"),
    ("Events", "portfolio:events", "e"),
    ("Data", "portfolio:data", "d"),
)
ADMIN: Final = ("Admin", "admin:index", "a")

LIVE_URL: Final = "/live/"  # the WebSocket; asgi.py serves it


def frame(request: HttpRequest) -> dict[str, Any]:
    """Return the environment, the nonce of the policy, the server's time and the navigation."""
    environment = settings.ENVIRONMENT.hedgeapp_env
    user = getattr(request, "user", None)
    is_person = bool(user and user.is_authenticated)
    return {
        "environment": environment,
        "icon": static(f"icons/{environment.lower()}.svg"),
        "csp_nonce": getattr(request, "csp_nonce", ""),
        "server_now": datetime.now(UTC),
        "is_person": is_person,
        "navigation": _navigation(request, may_administer=bool(user and may_enter(user))) if is_person else [],
        "person_links": _links(
            ("Account", "access:account"), ("Your keys", "access:keys"), ("People", "access:people")
        ),
        "live_url": LIVE_URL,
        "logout_url": _url("access:logout"),
    }


def _navigation(request: HttpRequest, *, may_administer: bool) -> list[dict[str, Any]]:
    pages = [*PAGES, ADMIN] if may_administer else PAGES
    return [
        {"name": name, "url": url, "key": key, "is_current": _is_at(request.path, url)}
        for name, route, key in pages
        if (url := _url(route))
    ]


def _is_at(path: str, url: str) -> bool:
    return path == url or (url != "/" and path.startswith(url))


def _links(*links: tuple[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "url": url} for name, route in links if (url := _url(route))]


def _url(route: str) -> str:
    # An error page must come up even when the routes do not.
    try:
        return reverse(route)
    except NoReverseMatch:
        return ""
