"""Roles: the groups of people, and what each may do; docs/roles.md has them as a table, page by page."""

from collections.abc import Mapping
from typing import Final

from django.contrib.auth.models import AnonymousUser, Group, Permission, User
from django.db.models import Q

VIEWER: Final = "viewer"
TRADER: Final = "trader"
RISK: Final = "risk"
APPROVER: Final = "approver"
ADMIN: Final = "admin"
AUDITOR: Final = "auditor"
ROLES: Final = (VIEWER, TRADER, RISK, APPROVER, ADMIN, AUDITOR)

_ROWS: Final = ("asset", "venue", "account", "instrument", "custodian", "chain", "oracle", "limit", "credential")
_MAY_CHANGE: Final[Mapping[str, tuple[str, ...]]] = {
    VIEWER: (),
    TRADER: (),
    RISK: ("limit",),
    APPROVER: (),
    ADMIN: ("asset", "venue", "account", "instrument", "custodian", "chain", "oracle", "credential"),
    AUDITOR: (),
}
# What is no change of a row: orders, halts, moves, their gate, breaks, scenarios, second factors, the admin's door.
_MAY_DO: Final[Mapping[str, tuple[str, ...]]] = {
    VIEWER: (),
    TRADER: ("send_order", "declare_halt", "propose_move", "work_break", "save_scenario", "enroll_passkey"),
    RISK: (
        "declare_halt",
        "lift_halt",
        "propose_move",
        "withdraw_others_move",
        "change_gate",
        "agree_gate",
        "agree_people",
        "agree_source",
        "work_break",
        "save_scenario",
        "mark_scenario",
        "enroll_passkey",
        "enter_admin",
        "view_audit",
    ),
    APPROVER: (
        "declare_halt",
        "lift_halt",
        "decide_move",
        "agree_gate",
        "work_break",
        "close_break",
        "save_scenario",
        "enroll_passkey",
    ),
    ADMIN: (
        "declare_halt",
        "change_gate",
        "change_people",
        "agree_people",
        "agree_source",
        "work_break",
        "close_break",
        "save_scenario",
        "drop_others_scenario",
        "enroll_passkey",
        "revoke_others_passkey",
        "view_apikey",
        "hand_out_apikey",
        "enter_admin",
        "view_audit",
    ),
    AUDITOR: ("enter_admin", "view_audit"),
}
_DEEDS: Final = Q(content_type__app_label__in=("portfolio", "reconciliation", "access", "marketdata"))
# Whoever audits sees every row there is, but for sessions: who holds a session's key is the person.
_AUDITED: Final = Q(codename__startswith="view_") & ~Q(content_type__app_label="sessions")
_PEOPLE: Final = Q(codename__in=("view_user", "view_group"), content_type__app_label="auth")


def grant_roles(using: str = "default") -> None:
    """Make the groups, and give each the permissions that exist by now: all see, some change, nobody deletes."""
    permissions = Permission.objects.using(using)
    for role in ROLES:
        group, _ = Group.objects.using(using).get_or_create(name=role)
        names = [f"view_{noun}" for noun in _ROWS]
        names += [f"{verb}_{noun}" for noun in _MAY_CHANGE[role] for verb in ("add", "change")]
        allowed = Q(codename__in=names, content_type__app_label="marketdata")
        allowed |= Q(codename__in=_MAY_DO[role]) & _DEEDS
        if role == AUDITOR:
            allowed |= _AUDITED
        elif role == ADMIN:
            allowed |= _PEOPLE
        group.permissions.set(permissions.filter(allowed))


def may_enter(user: User | AnonymousUser) -> bool:
    """Tell whether somebody may open the admin's pages: by role, or by the staff flag."""
    return user.is_active and (user.is_staff or user.has_perm("access.enter_admin"))
