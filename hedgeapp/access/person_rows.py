"""Rows of the page of people: who has which roles and keys, and what waits for a second person."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db.models import Count, Q

from hedgeapp.access.models import PersonChange
from hedgeapp.access.persons import hash_of, waiting, wanted_of
from hedgeapp.core.passkeys import text_of
from hedgeapp.core.records import record

PEOPLE_SHOWN: int = 500  # by name


@record
class PersonRow:
    """Somebody as the page shows him."""

    name: str
    roles: tuple[str, ...]
    is_active: bool
    is_superuser: bool
    keys: int
    last_login: datetime | None


@record
class WaitingRow:
    """A change that waits or cools off; `agree_hash` is what the second person would sign, empty for who may not."""

    change: PersonChange
    roles: tuple[str, ...]
    had: tuple[str, ...]
    state: str
    agree_hash: str


def rows(at: datetime) -> list[PersonRow]:
    """Return everybody, by name."""
    in_force = Q(passkeys__valid_from__lte=at, passkeys__revoked_at=None)
    users = User.objects.annotate(keys=Count("passkeys", filter=in_force, distinct=True)).prefetch_related("groups")
    return [
        PersonRow(
            name=user.username,
            roles=tuple(sorted(group.name for group in user.groups.all())),
            is_active=user.is_active,
            is_superuser=user.is_superuser,
            keys=user.keys,
            last_login=user.last_login,
        )
        for user in users.order_by("username")[:PEOPLE_SHOWN]
    ]


def waiting_rows(user: User, at: datetime) -> list[WaitingRow]:
    """Return the changes that wait, as somebody sees them."""
    return [_row(change, user.get_username(), at) for change in waiting()]


def _row(change: PersonChange, name: str, at: datetime) -> WaitingRow:
    wanted = wanted_of(change)
    waits = not change.agreed_by
    may = waits and name not in (change.proposed_by, change.person)
    known = User.objects.filter(username=change.person).first()
    if change.holds_from is None:
        state = "waits for a second person"
    elif change.holds_from > at:
        state = f"cools off until {change.holds_from:%Y-%m-%d %H:%M} UTC"
    else:
        state = "is carried out within seconds"
    return WaitingRow(
        change=change,
        roles=wanted.roles,
        had=tuple(sorted(known.groups.values_list("name", flat=True))) if known else (),
        state=state,
        agree_hash=text_of(hash_of("agree", wanted, change.proposed_by)) if may else "",
    )
