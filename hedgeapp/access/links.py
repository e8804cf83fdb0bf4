"""Links that log one person in once: made by whoever may run commands here, kept as hashes, gone after use."""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Final

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from hedgeapp.access.backends import is_live
from hedgeapp.access.models import OneTimeLogin
from hedgeapp.access.persons import Wanted, change_at_console
from hedgeapp.access.roles import ADMIN

TOKEN_BYTES: Final = 32
LINK_AGE_MAX: Final = timedelta(minutes=15)
FIRST_OPERATOR: Final = "operator"


class NoSuchPerson(LookupError):
    """A link was asked for a name that nobody has, or whose account is switched off."""

    def __init__(self, username: str) -> None:
        super().__init__(f"an active person expected, found nobody named {username!r}: create the person in the admin")


class LinkIsOver(PermissionError):
    """A link was used before, is too old, was replaced by a newer one, or never was one."""

    def __init__(self) -> None:
        super().__init__("This link has been used, has expired, or was replaced by a newer one. Ask for another.")


def new_link(username: str | None, *, at: datetime) -> str:
    """Return the token of a new link for a person (default: the first operator, made if there is nobody yet).

    Unused links of the same person are revoked. Raises NoSuchPerson.
    """
    token = secrets.token_urlsafe(TOKEN_BYTES)
    user = _operator(at) if username is None else _person(username)
    with transaction.atomic(durable=True):
        OneTimeLogin.objects.filter(user=user, used_at=None, revoked_at=None).update(revoked_at=at)
        OneTimeLogin.objects.filter(user=user, expires_at__lt=at - LINK_AGE_MAX).delete()
        OneTimeLogin.objects.create(token_hash=_hash(token), user=user, made_at=at, expires_at=at + LINK_AGE_MAX)
    return token


def is_open(token: str, *, at: datetime) -> bool:
    """Tell whether a link could be used now."""
    return _open(token, at).filter(user__is_active=True).exists()


def consume(token: str, *, at: datetime) -> User:
    """Use a link up and return whom it logs in; of several at once, one succeeds. Raises LinkIsOver."""
    # No other table in it: with a join, the update of one who waited for another's would look at the old row again.
    if _open(token, at).update(used_at=at) != 1:
        raise LinkIsOver
    user = OneTimeLogin.objects.select_related("user").get(token_hash=_hash(token)).user
    if not user.is_active or (is_live() and user.is_superuser):
        raise LinkIsOver
    return user


def _open(token: str, at: datetime) -> QuerySet[OneTimeLogin]:
    return OneTimeLogin.objects.filter(token_hash=_hash(token), used_at=None, revoked_at=None, expires_at__gt=at)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _person(username: str) -> User:
    user = get_user_model().objects.filter(username=username, is_active=True).first()
    if user is None:
        raise NoSuchPerson(username)
    return user


def _operator(at: datetime) -> User:
    """Return the first active operator; make one, without a password, if there is none.

    In live mode that is the first of role admin, for there is no superuser; else a superuser.
    """
    people = get_user_model().objects
    of_role = {"groups__name": ADMIN, "is_superuser": False} if is_live() else {"is_superuser": True}
    user = people.filter(**of_role, is_active=True).order_by("pk").first()
    if user is not None:
        return user
    if people.filter(username=FIRST_OPERATOR).exists():
        raise NoSuchPerson(FIRST_OPERATOR)
    if not is_live():
        return people.create_superuser(FIRST_OPERATOR, password=None)
    first = Wanted(
        change_id="console-operator",
        person=FIRST_OPERATOR,
        roles=(ADMIN,),
        is_active=True,
        reason="the first operator",
    )
    change_at_console(first, at=at)
    return people.get(username=FIRST_OPERATOR)
