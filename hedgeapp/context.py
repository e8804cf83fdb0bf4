"""Context: what the frame of every page shows."""

from datetime import UTC, datetime
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.db import DatabaseError
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils.functional import SimpleLazyObject

from hedgeapp.access.roles import may_enter
from hedgeapp.access.telling import seq_of_head

# The pages there are: name, route, key after "g". A page that does not exist yet has no entry.
PAGES: Final = (
    ("Overview", "portfolio:overview", "o"),
    ("Orders", "portfolio:orders", "r"),
    ("Moves", "portfolio:moves", "m"),
    ("Breaks", "reconciliation:breaks", "b"),
    ("Gate", "portfolio:gate", "t"),
    ("Backing", "portfolio:backing", "k"),
    ("Funding", "portfolio:funding", "f"),
    ("PnL", "portfolio:pnl", "n"),
    ("Prices", "portfolio:prices", "p"),
    ("Scenarios", "portfolio:scenarios", "s"),
    ("Alerts", "portfolio:alerts", "l"),
    ("Events", "portfolio:events", "e"),
    ("Data", "portfolio:data", "d"),
    ("Instruments", "portfolio:instruments", "i"),
)
AUDIT: Final = ("Audit", "portfolio:audit", "u")
ADMIN: Final = ("Admin", "admin:index", "a")
OF_NOW: Final = frozenset({"admin:index", "portfolio:instruments"})  # pages that show no past moment

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
        "navigation": _navigation(request, user) if user is not None and is_person else [],
        "person_links": _links(
            ("Account", "access:account"),
            ("Your keys", "access:keys"),
            ("People", "access:people"),
            ("Sources", "sources:sources"),
        ),
        "log_seq": SimpleLazyObject(_log_seq),
        "live_url": LIVE_URL,
        "logout_url": _url("access:logout"),
    }


def _log_seq() -> int:
    # A page that says what broke must come up without the database.
    try:
        return seq_of_head()
    except DatabaseError:
        return 0


def _navigation(request: HttpRequest, user: User | AnonymousUser) -> list[dict[str, Any]]:
    pages = [*PAGES, *([AUDIT] if user.has_perm("access.view_audit") else ()), *([ADMIN] if may_enter(user) else ())]
    moment = getattr(request, "moment", None)  # whoever looks at the past goes on in it
    return [
        {
            "name": name,
            "url": f"{url}?{moment.query}" if moment and route not in OF_NOW else url,
            "key": key,
            "is_current": _is_at(request.path, url),
        }
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
