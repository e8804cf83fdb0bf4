"""Context: what every page, the admin's too, shows of halting, of alerts, of moves that wait, and of the past."""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

import structlog
from django.contrib.auth.models import AnonymousUser, User
from django.db import DatabaseError
from django.http import HttpRequest, QueryDict
from django.utils.functional import SimpleLazyObject

from portfolio.queries.alert_counts import AlertCounts, alert_counts
from portfolio.queries.books import BookIsBusy
from portfolio.queries.halts import HaltInForce, in_force
from portfolio.queries.move_waiting import MAY_DECIDE, waiting_count
from portfolio.queries.past import Moment

LOOK_MS: Final = 3_000  # between two looks of an open page at the halts in force

# From a moment to others, as the picker offers them.
STEPS: Final = (
    ("−1 d", timedelta(days=-1)),
    ("−1 h", timedelta(hours=-1)),
    ("−10 min", timedelta(minutes=-10)),
    ("−1 min", timedelta(minutes=-1)),
    ("+1 min", timedelta(minutes=1)),
    ("+10 min", timedelta(minutes=10)),
    ("+1 h", timedelta(hours=1)),
)

log = structlog.get_logger()


def halting(request: HttpRequest) -> dict[str, Any]:
    """Return the halts in force, read when a template asks for them, and whether this person may halt."""
    user = getattr(request, "user", None)
    return {
        "halts": SimpleLazyObject(_halts),
        "halts_look_ms": LOOK_MS,
        "may_halt": bool(user and user.has_perm("portfolio.declare_halt")),
    }


def calling(request: HttpRequest) -> dict[str, Any]:
    """Return how many alerts wait, read when a template asks for it; None when nobody can say."""
    return {"counts": SimpleLazyObject(_counts)}


def travelling(request: HttpRequest) -> dict[str, Any]:
    """Return the moment that a page shows, and how to get to another one; pages without a past have none."""
    if not getattr(request, "has_past", False):
        return {"has_past": False, "moment": None}
    shown: Moment | None = getattr(request, "moment", None)
    kept = request.GET.copy()
    for name in ("at", "before", "after"):
        kept.pop(name, None)
    base = shown.at if shown else datetime.now(UTC).replace(microsecond=0)
    now = datetime.now(UTC)
    return {
        "has_past": True,
        "moment": shown,
        "moment_kept": [(name, value) for name, values in kept.lists() for value in values],
        "moment_steps": [
            {"word": word, "url": _at(request, kept, base + span)} for word, span in STEPS if base + span < now
        ],
        "now_url": f"{request.path}?{kept.urlencode()}" if kept else request.path,
    }


def _at(request: HttpRequest, kept: QueryDict, at: datetime) -> str:
    query = kept.copy()
    query["at"] = at.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
    return f"{request.path}?{query.urlencode()}"


def _counts() -> AlertCounts | None:
    try:
        return alert_counts(datetime.now(UTC))
    except (DatabaseError, BookIsBusy) as error:
        log.error("alerts.unread", error=str(error))
        return None


def _halts() -> list[HaltInForce]:
    # A page that says what broke must come up without the database.
    try:
        return in_force()
    except DatabaseError as error:
        log.error("halts.unread", error=str(error))
        return []


def waiting(request: HttpRequest) -> dict[str, Any]:
    """Return how many moves wait for this person, counted when a template asks for it, and whether any may."""
    user = getattr(request, "user", None)
    return {
        "moves_waiting": cache(lambda: _waiting(user)),
        "decides_moves": bool(user and user.has_perm(MAY_DECIDE)),
    }


def _waiting(user: User | AnonymousUser | None) -> int:
    try:
        return waiting_count(user, datetime.now(UTC)) if user else 0
    except (DatabaseError, BookIsBusy) as error:
        log.error("moves.uncounted", error=str(error))
        return 0
