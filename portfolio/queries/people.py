"""People: who may decide on moves or break their glass now, in which groups, and who has a second factor."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db.models import QuerySet

from hedgeapp.access.models import Passkey

APP, DEED, BREAKS = "portfolio", "decide_move", "lift_halt"


def deciders(using: str = "default") -> dict[str, frozenset[str]]:
    """Return everybody who is active and has a role that decides on moves, with all groups of his."""
    found = _who_may(DEED, using).prefetch_related("groups").order_by("username")
    return {one.get_username(): frozenset(group.name for group in one.groups.all()) for one in found}


def breakers(using: str = "default") -> frozenset[str]:
    """Return the names of those who are active and have a role that may sign a break-glass: that lifts halts."""
    return frozenset(_who_may(BREAKS, using).values_list("username", flat=True))


def keyholders(at: datetime, using: str = "default") -> frozenset[str]:
    """Return the names of those who have a passkey in force."""
    keys = Passkey.objects.using(using).filter(valid_from__lte=at, revoked_at=None)
    return frozenset(keys.values_list("user__username", flat=True).distinct())


def _who_may(deed: str, using: str) -> "QuerySet[User]":
    rows = User.objects.using(using).filter(
        is_active=True, groups__permissions__content_type__app_label=APP, groups__permissions__codename=deed
    )
    return rows.distinct()
