"""People: who somebody is now, by the database and not by his session, and what he may do with moves."""

from typing import Final

from django.contrib.auth.models import User

from hedgeapp.core.events.passkeys import CONSOLE
from portfolio.core.policies import ENGINE, PERSON

PROPOSE: Final = "portfolio.propose_move"
WITHDRAW_OTHERS: Final = "portfolio.withdraw_others_move"
DECIDE: Final = "portfolio.decide_move"
BREAK_GLASS: Final = "portfolio.lift_halt"  # whoever may end a halt
_DEEDS: Final = {
    PROPOSE: "propose moves",
    WITHDRAW_OTHERS: "withdraw moves of others",
    DECIDE: "decide on moves",
    BREAK_GLASS: "break the glass of moves and review it",
}
SEED: Final = "seed"
NO_PEOPLE: Final = frozenset({ENGINE, PERSON, CONSOLE, SEED})  # what rules and the log call others than people


class PermissionIsMissing(PermissionError):
    """Somebody is no longer active, or has no role that may do what he wants to."""

    def __init__(self, name: str, permission: str) -> None:
        super().__init__(f"somebody who may {_DEEDS[permission]} expected, found {name}: ask who gives the roles")


class NameIsTaken(PermissionError):
    """Somebody is called like what is no person, and would pass for it."""

    def __init__(self, name: str) -> None:
        super().__init__(f"a person's name expected, found {name}, which the log calls something else: rename the user")


def permitted(user: User, permission: str) -> User:
    """Return a person as the database has him now, if he may; refuse with PermissionIsMissing, NameIsTaken."""
    found = User.objects.filter(pk=user.pk, is_active=True).first()
    if found is None or not found.has_perm(permission):
        raise PermissionIsMissing(user.get_username(), permission)
    if found.get_username() in NO_PEOPLE:
        raise NameIsTaken(found.get_username())
    return found
