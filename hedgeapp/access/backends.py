"""Who may be anybody here: the people of the database, but in live mode no superuser."""

from typing import Any

from django.conf import settings
from django.contrib.auth.backends import ModelBackend


def is_live() -> bool:
    """Tell whether this is the real world, where nobody stands above the rules."""
    return bool(settings.ENVIRONMENT.hedgeapp_env == "LIVE")


class People(ModelBackend):
    """Django's own, which in live mode knows no superuser: not by password, not by link, not by an open session."""

    def user_can_authenticate(self, user: Any) -> bool:
        """Tell whether somebody may come in, and stay."""
        return super().user_can_authenticate(user) and not (is_live() and user.is_superuser)
