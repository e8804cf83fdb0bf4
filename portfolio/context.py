"""Context: what every page, the admin's too, shows of halting."""

from typing import Any, Final

import structlog
from django.db import DatabaseError
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from portfolio.queries.halts import HaltInForce, in_force

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
