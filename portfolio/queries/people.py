"""People: who may decide on moves now, in which groups, and who of them has a second factor."""

from datetime import datetime

from django.contrib.auth.models import User

from hedgeapp.access.models import Passkey

APP, DEED = "portfolio", "decide_move"


def deciders(using: str = "default") -> dict[str, frozenset[str]]:
    """Return everybody who is active and has a role that decides on moves, with all groups of his."""
    rows = User.objects.using(using).filter(
        is_active=True, groups__permissions__content_type__app_label=APP, groups__permissions__codename=DEED
    )
    found = rows.distinct().prefetch_related("groups").order_by("username")
    return {one.get_username(): frozenset(group.name for group in one.groups.all()) for one in found}


def keyholders(at: datetime, using: str = "default") -> frozenset[str]:
    """Return the names of those who have a passkey in force."""
    keys = Passkey.objects.using(using).filter(valid_from__lte=at, revoked_at=None)
    return frozenset(keys.values_list("user__username", flat=True).distinct())
