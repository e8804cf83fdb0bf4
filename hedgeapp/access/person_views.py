"""Pages of people: who has which roles, what is to change, and the second person's word."""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hedgeapp.access import persons
from hedgeapp.access.key_rows import asking
from hedgeapp.access.person_rows import rows, waiting_rows
from hedgeapp.access.roles import ROLES
from hedgeapp.access.signing import PasskeyIsNotInForce, PayloadIsSigned
from hedgeapp.core.passkeys import AssertionIsRefused, text_of
from hedgeapp.eventlog.append import LogIsBusy

MAY_CHANGE: Final = "access.change_people"
MAY_AGREE: Final = "access.agree_people"
NAME_BYTES: Final = 6

_MALFORMED = (AssertionIsRefused, persons.PersonIsMalformed)
_CONFLICTS = (
    PasskeyIsNotInForce,
    PayloadIsSigned,
    persons.AnotherChangeWaits,
    persons.PersonChangeDoesNotWait,
    persons.PersonIsAsBefore,
)


@never_cache
@require_safe
def people(request: HttpRequest) -> HttpResponse:
    """Show who has which roles, and what waits."""
    return _page(request)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(MAY_CHANGE, raise_exception=True)
def change(request: HttpRequest) -> HttpResponse:
    """Show what somebody has as a form, then what the change is, to be signed."""
    if request.method != "POST":
        return _form(request, _kept_of(request.GET.get("person", "")))
    given = _given(request, secrets.token_hex(NAME_BYTES))
    try:
        wanted = persons.checked(given)
    except persons.PersonIsMalformed as refusal:
        return _form(request, given, str(refusal), 400)
    return _look(request, wanted)


@require_POST
@permission_required(MAY_CHANGE, raise_exception=True)
def propose(request: HttpRequest) -> HttpResponse:
    """Be the first of two people, or take away."""
    given = _given(request, request.POST.get("change_id", ""))

    def proposed() -> str:
        row = persons.propose_person(given, by=_user(request), assertion=_assertion(request), at=datetime.now(UTC))
        is_over = not row.proposal_id
        return f"{row.person} is changed." if is_over else f"Another person must agree to the change of {row.person}."

    return _done(request, proposed)


@require_POST
@permission_required(MAY_AGREE, raise_exception=True)
def agree(request: HttpRequest, change_id: str) -> HttpResponse:
    """Be the second of two people."""

    def agreed() -> str:
        row = persons.agree_person(change_id, by=_user(request), assertion=_assertion(request), at=datetime.now(UTC))
        return f"You agreed. The roles of {row.person} hold from {row.holds_from:%Y-%m-%d %H:%M} UTC on."

    return _done(request, agreed)


@require_POST
def drop(request: HttpRequest, change_id: str) -> HttpResponse:
    """Let a change that waits or cools off never come."""
    user = _user(request)
    if not (user.has_perm(MAY_CHANGE) or user.has_perm(MAY_AGREE)):
        raise PermissionDenied("a role that changes people or agrees to it expected (admin, risk)")

    def dropped() -> str:
        reason = request.POST.get("reason", "")
        row = persons.drop_person(change_id, by=user.get_username(), reason=reason, at=datetime.now(UTC))
        return f"The change of {row.person} is dropped."

    return _done(request, dropped)


def _done(request: HttpRequest, deed: Callable[[], str]) -> HttpResponse:
    try:
        said = deed()
    except _MALFORMED as refusal:
        return _page(request, str(refusal), 400)
    except persons.PersonIsOneOfTheTwo as refusal:
        return _page(request, str(refusal), 403)
    except _CONFLICTS as refusal:
        return _page(request, str(refusal), 409)
    except LogIsBusy as busy:
        return _page(request, str(busy), 503)
    messages.success(request, said)
    return redirect("access:people")


def _page(request: HttpRequest, refusal: str = "", status: int = 200) -> HttpResponse:
    user, at = _user(request), datetime.now(UTC)
    context: dict[str, Any] = {
        "people": rows(at),
        "waiting": waiting_rows(user, at),
        "may_change": user.has_perm(MAY_CHANGE),
        "may_agree": user.has_perm(MAY_AGREE),
        "asking": asking(user, at=at),
        "reason_length_max": persons.REASON_LENGTH_MAX,
        "refusal": refusal,
    }
    return render(request, "access/people.html", context, status=status)


def _form(request: HttpRequest, wanted: persons.Wanted, refusal: str = "", status: int = 200) -> HttpResponse:
    context = {
        "wanted": wanted,
        "roles": ROLES,
        "is_known": User.objects.filter(username=wanted.person).exists(),
        "reason_length_max": persons.REASON_LENGTH_MAX,
        "name_length_max": persons.NAME_LENGTH_MAX,
        "refusal": refusal,
    }
    return render(request, "access/person_form.html", context, status=status)


def _look(request: HttpRequest, wanted: persons.Wanted) -> HttpResponse:
    user = _user(request)
    before = _kept_of(wanted.person)
    context = {
        "wanted": wanted,
        "gets": [role for role in wanted.roles if role not in before.roles],
        "loses": [role for role in before.roles if role not in wanted.roles],
        "was_active": before.is_active,
        "is_known": User.objects.filter(username=wanted.person).exists(),
        "takes_away": persons.takes_away(wanted),
        "signs": text_of(persons.hash_of("propose", wanted, user.get_username())),
        "asking": asking(user, at=datetime.now(UTC)),
    }
    return render(request, "access/person_look.html", context)


def _given(request: HttpRequest, change_id: str) -> persons.Wanted:
    given = request.POST
    return persons.Wanted(
        change_id=change_id,
        person=given.get("person", "").strip(),
        roles=tuple(given.getlist("roles")),
        is_active=given.get("is_active", "") == "on",
        reason=given.get("reason", ""),
    )


def _kept_of(name: str) -> persons.Wanted:
    """Return what somebody has now; a new person has nothing and may come in."""
    user = User.objects.filter(username=name).first()
    roles = tuple(user.groups.order_by("name").values_list("name", flat=True)) if user else ()
    return persons.Wanted(
        change_id="", person=name[:150], roles=roles, is_active=user.is_active if user else True, reason=""
    )


def _assertion(request: HttpRequest) -> str:
    return request.POST.get("assertion", "")


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user
