"""Persons: who has which roles; more takes two others who sign, less takes one; each step an event and its row at once.

The database carries a change out by itself (migration 0005): in live mode the app's role cannot write roles.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import structlog
from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import connections, transaction
from django.db.models import QuerySet

from hedgeapp.access.backends import is_live
from hedgeapp.access.models import Assertion, PersonChange
from hedgeapp.access.roles import ROLES
from hedgeapp.access.signing import sign, written
from hedgeapp.core.events.passkeys import CONSOLE
from hedgeapp.core.events.people import (
    PersonChangeAgreed,
    PersonChanged,
    PersonChangeDropped,
    PersonChangeProposed,
    PersonEvent,
)
from hedgeapp.core.person_payloads import Step, person_hash
from hedgeapp.core.records import record
from hedgeapp.eventlog.append import append, lock

NAME_LENGTH_MAX: Final = 150  # characters of a person's name
REASON_LENGTH_MAX: Final = 500  # characters
ROOT_PEOPLE: Final = 2  # who may agree; while fewer others can, the console gives roles in live mode, too
DUE_MAX: Final = 100  # changes carried out at one time

log = structlog.get_logger()


class PersonIsMalformed(ValueError):
    """A name, a role or a reason is none."""


class PersonIsAsBefore(ValueError):
    """A change changes nothing."""

    def __init__(self, person: str) -> None:
        super().__init__(f"a change of {person} expected, found the same roles and state: change something")


class PersonIsOneOfTheTwo(PermissionError):
    """Somebody tried to be two of the three: who changes, who proposes, who agrees."""

    def __init__(self, person: str, by: str) -> None:
        super().__init__(f"two people, neither of them {person}, expected, found {by} twice: ask a colleague")


class PersonChangeDoesNotWait(LookupError):
    """A change is to be agreed to or dropped that was carried out, dropped or never proposed."""

    def __init__(self) -> None:
        super().__init__(
            "a change of a person that waits expected, found one that was carried out, dropped or never made"
        )


class AnotherChangeWaits(RuntimeError):
    """A person has a change that waits."""

    def __init__(self, person: str) -> None:
        super().__init__(f"no change of {person} that waits expected, found one: agree to it or drop it first")


class ConsoleGivesNoRoles(PermissionError):
    """The console may give roles no more in live mode: there are people who can."""

    def __init__(self) -> None:
        super().__init__(
            f"fewer than {ROOT_PEOPLE} other people with a key who may agree to roles expected, found them: let two of "
            "them give the roles on the page of people"
        )


@record
class Wanted:
    """What somebody is to have: all roles, and whether to come in; `change_id` is its name."""

    change_id: str
    person: str
    roles: tuple[str, ...]
    is_active: bool
    reason: str


def hash_of(step: Step, wanted: Wanted, by: str) -> bytes:
    """Return what is to be signed about a change that somebody proposes."""
    return person_hash(
        step,
        change_id=wanted.change_id,
        person=wanted.person,
        roles=wanted.roles,
        is_active=wanted.is_active,
        by=by,
        reason=wanted.reason,
    )


def wanted_of(row: PersonChange) -> Wanted:
    """Return what a kept change wants."""
    return Wanted(
        change_id=row.change_id,
        person=row.person,
        roles=tuple(filter(None, row.roles.split(","))),
        is_active=row.is_active,
        reason=row.reason,
    )


def checked(wanted: Wanted) -> Wanted:
    """Return what is wanted in its one form; refuse with PersonIsMalformed."""
    reason = " ".join(wanted.reason.split())
    if not 0 < len(reason) <= REASON_LENGTH_MAX or not reason.isprintable():
        said = f"a reason of 1 to {REASON_LENGTH_MAX} printable characters expected, found {len(reason)}: say why"
        raise PersonIsMalformed(said)
    try:
        User.username_validator(wanted.person)
    except ValidationError:
        wanted_name = wanted.person[:50]
        raise PersonIsMalformed(f"a name of letters, digits and @.+-_ expected, found {wanted_name!r}") from None
    if len(wanted.person) > NAME_LENGTH_MAX or not wanted.person.isascii() or wanted.person == CONSOLE:
        raise PersonIsMalformed(f"a name of at most {NAME_LENGTH_MAX} plain letters, not {CONSOLE}, expected")
    if unknown := sorted(set(wanted.roles) - set(ROLES)):
        raise PersonIsMalformed(f"roles of {', '.join(ROLES)} expected, found {', '.join(unknown)[:100]}")
    name = wanted.change_id
    if not 0 < len(name) <= 60 or not name.replace("-", "").isalnum() or not name.isascii():
        raise PersonIsMalformed(f"a change's name of letters, digits and dashes expected, found {name[:60]!r}")
    roles = tuple(sorted(set(wanted.roles)))
    return Wanted(change_id=name, person=wanted.person, roles=roles, is_active=wanted.is_active, reason=reason)


def takes_away(wanted: Wanted, using: str = "default") -> bool:
    """Tell whether a change gives nothing that somebody has not: then one person is enough."""
    user = User.objects.using(using).filter(username=wanted.person).first()
    if user is None or wanted.is_active > user.is_active:
        return False
    return set(wanted.roles) <= set(user.groups.values_list("name", flat=True))


def propose_person(wanted: Wanted, *, by: User, assertion: str, at: datetime) -> PersonChange:
    """Be the first of two people to change somebody's roles; what only takes away holds at once, without a signature.

    `assertion` is over `hash_of("propose")`. Refuses with PersonIsMalformed, PersonIsAsBefore, PersonIsOneOfTheTwo,
    AnotherChangeWaits, AssertionIsRefused, PasskeyIsNotInForce, PayloadIsSigned, LogIsBusy.
    """
    wanted, name = checked(wanted), by.get_username()
    with transaction.atomic(durable=True):
        _lock()
        _require_news(wanted)
        if takes_away(wanted):
            row = _kept(wanted, name, at)
            _carry_out(row, at)
            return row
        if wanted.person == name:
            raise PersonIsOneOfTheTwo(wanted.person, name)
        if _waiting().filter(person=wanted.person).exists():
            raise AnotherChangeWaits(wanted.person)
        proof = sign(by, hash_of("propose", wanted, name), assertion, at=at)
        row = _kept(wanted, name, at, proposal=proof)
        event = PersonChangeProposed(
            at=at,
            change_id=wanted.change_id,
            person=wanted.person,
            roles=wanted.roles,
            is_active=wanted.is_active,
            by=name,
            reason=wanted.reason,
            assertion=written(proof),
        )
        _append(event, at)
    log.warning("person.proposed", person=wanted.person, roles=wanted.roles, by=name)
    return row


def agree_person(change_id: str, *, by: User, assertion: str, at: datetime) -> PersonChange:
    """Be the second of two people; it is carried out when its cool-off is over.

    Refuses with PersonChangeDoesNotWait, PersonIsOneOfTheTwo, AssertionIsRefused, PasskeyIsNotInForce, PayloadIsSigned,
    LogIsBusy.
    """
    name = by.get_username()
    with transaction.atomic(durable=True):
        _lock()
        row = _waiting().select_for_update().filter(change_id=change_id, agreed_by="").first()
        if row is None:
            raise PersonChangeDoesNotWait
        if name in (row.proposed_by, row.person):
            raise PersonIsOneOfTheTwo(row.person, name)
        row.agreement = sign(by, hash_of("agree", wanted_of(row), row.proposed_by), assertion, at=at)
        row.agreed_by, row.agreed_at, row.holds_from = name, at, at + settings.ROLE_COOL_OFF
        row.save(update_fields=["agreement", "agreed_by", "agreed_at", "holds_from"])
        event = PersonChangeAgreed(
            at=at,
            change_id=change_id,
            person=row.person,
            by=name,
            holds_from=row.holds_from,
            assertion=written(row.agreement),
        )
        _append(event, at)
        if row.holds_from <= at:
            _carry_out(row, at)
    log.warning("person.agreed", person=row.person, by=name)
    return row


def drop_person(change_id: str, *, by: str, reason: str, at: datetime) -> PersonChange:
    """Let a change that was not carried out never come; it takes one person.

    Refuses with PersonIsMalformed, PersonChangeDoesNotWait, LogIsBusy.
    """
    reason = " ".join(reason.split())
    if not 0 < len(reason) <= REASON_LENGTH_MAX or not reason.isprintable():
        raise PersonIsMalformed(f"a reason of 1 to {REASON_LENGTH_MAX} printable characters expected: say why")
    with transaction.atomic(durable=True):
        _lock()
        row = _waiting().select_for_update().filter(change_id=change_id).first()
        if row is None:
            raise PersonChangeDoesNotWait
        row.dropped_at, row.dropped_by, row.dropped_because = at, by, reason
        row.save(update_fields=["dropped_at", "dropped_by", "dropped_because"])
        _append(PersonChangeDropped(at=at, change_id=change_id, person=row.person, by=by, reason=reason), at)
    log.warning("person.dropped", person=row.person, by=by)
    return row


def carry_out_due(at: datetime) -> int:
    """Carry out the changes whose cool-off is over; return how many. Refuses with LogIsBusy."""
    due = _waiting().filter(holds_from__lte=at).order_by("holds_from").values_list("change_id", flat=True)
    names = list(due[:DUE_MAX])
    done = 0
    for name in names:
        with transaction.atomic(durable=True):
            _lock()
            row = _waiting().select_for_update().filter(change_id=name, holds_from__lte=at).first()
            if row is not None:
                _carry_out(row, at)
                done += 1
    return done


def change_at_console(wanted: Wanted, *, at: datetime, using: str = "owner") -> PersonChange:
    """Change somebody at the console, as the database's owner; in live mode roles only while too few can agree.

    Refuses with PersonIsMalformed, ConsoleGivesNoRoles, LogIsBusy.
    """
    wanted = checked(wanted)
    with transaction.atomic(using=using, durable=True):
        _lock(using)
        gives = bool(wanted.roles) and not takes_away(wanted, using)
        if gives and is_live() and _who_could_agree(wanted.person, using) >= ROOT_PEOPLE:
            raise ConsoleGivesNoRoles
        row = _kept(wanted, CONSOLE, at, using=using, is_console=True)
        _carry_out(row, at, using)
    return row


def waiting() -> Sequence[PersonChange]:
    """Return the changes that wait for a second person or cool off, the oldest first."""
    return list(_waiting().order_by("proposed_at"))


def _who_could_agree(person: str, using: str) -> int:
    able = User.objects.using(using).filter(is_active=True, groups__permissions__codename="agree_people")
    keyed = able.filter(passkeys__confirmed_at__isnull=False, passkeys__revoked_at=None)
    return keyed.exclude(username=person).distinct().count()


def _require_news(wanted: Wanted) -> None:
    user = User.objects.filter(username=wanted.person).first()
    if user is None:
        return
    roles = tuple(sorted(user.groups.values_list("name", flat=True)))
    if (roles, user.is_active) == (wanted.roles, wanted.is_active):
        raise PersonIsAsBefore(wanted.person)


def _kept(
    wanted: Wanted,
    by: str,
    at: datetime,
    *,
    using: str = "default",
    is_console: bool = False,
    proposal: Assertion | None = None,
) -> PersonChange:
    return PersonChange.objects.using(using).create(
        change_id=wanted.change_id,
        person=wanted.person,
        roles=",".join(wanted.roles),
        is_active=wanted.is_active,
        is_console=is_console,
        proposed_by=by,
        proposed_at=at,
        proposal=proposal,
        reason=wanted.reason,
    )


def _carry_out(row: PersonChange, at: datetime, using: str = "default") -> None:
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT access_carry_out_person_change(%s)", [row.change_id])
    event = PersonChanged(
        at=at,
        change_id=row.change_id,
        person=row.person,
        roles=tuple(filter(None, row.roles.split(","))),
        is_active=row.is_active,
        by=row.proposed_by,
        agreed_by=row.agreed_by,
        reason=row.reason,
    )
    _append(event, at, using)
    log.warning("person.changed", person=row.person, roles=row.roles, by=row.proposed_by, agreed_by=row.agreed_by)


def _waiting() -> QuerySet[PersonChange]:
    return PersonChange.objects.filter(applied_at=None, dropped_at=None)


def _lock(using: str = "default") -> None:
    connections[using].ensure_connection()
    lock(connections[using].connection)


def _append(event: PersonEvent, at: datetime, using: str = "default") -> None:
    append(connections[using].connection, [event], at=at)
