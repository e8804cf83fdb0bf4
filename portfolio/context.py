"""Context: what every page, the admin's too, shows of halting, and of moves that wait for whoever looks."""

from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

import structlog
from django.contrib.auth.models import AnonymousUser, User
from django.db import DatabaseError
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from portfolio.queries.books import BookIsBusy
from portfolio.queries.halts import HaltInForce, in_force
from portfolio.queries.move_waiting import MAY_DECIDE, waiting_count

LOOK_MS: Final = 3_000  # between two looks of an open page at the halts in force

log = structlog.get_logger()


def halting(request: HttpRequest) -> dict[str, Any]:
    """Return the halts in force, read when a template asks for them, and whether this person may halt."""
    user = getattr(request, "user", None)
    return {
        "halts": SimpleLazyObject(_halts),
        "halts_look_ms": LOOK_MS,
        "may_halt": bool(user and user.has_perm("portfolio.declare_halt")),
    }


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
