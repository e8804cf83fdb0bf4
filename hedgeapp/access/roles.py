"""Roles: the groups of people, and what each may do."""

from collections.abc import Mapping
from typing import Final

from django.contrib.auth.models import Group, Permission
from django.db.models import Q

RISK_DESK: Final = "risk desk"
OPERATIONS: Final = "operations"
APPROVERS: Final = "approvers"

_ROWS: Final = ("asset", "venue", "account", "instrument", "custodian", "chain", "limit")
_MAY_CHANGE: Final[Mapping[str, tuple[str, ...]]] = {
    RISK_DESK: ("limit",),
    OPERATIONS: ("asset", "venue", "account", "instrument", "custodian", "chain", "credential"),
    APPROVERS: (),
}
# What is no change of a row: sending orders, halting, lifting a halt, looking after breaks, closing them.
_MAY_DO: Final[Mapping[str, tuple[str, ...]]] = {
    RISK_DESK: ("send_order", "declare_halt", "lift_halt", "work_break"),
    OPERATIONS: ("declare_halt", "work_break", "close_break"),
    APPROVERS: ("declare_halt", "lift_halt", "work_break", "close_break"),
}


def grant_roles(using: str = "default") -> None:
    """Make the groups, and give each the permissions that exist by now: all see, some change, nobody deletes."""
    for role, nouns in _MAY_CHANGE.items():
        group, _ = Group.objects.using(using).get_or_create(name=role)
        names = [f"view_{noun}" for noun in (*_ROWS, "credential")]
        names += [f"{verb}_{noun}" for noun in nouns for verb in ("add", "change")]
        allowed = Q(codename__in=names, content_type__app_label="marketdata")
        allowed |= Q(codename__in=_MAY_DO[role], content_type__app_label__in=("portfolio", "reconciliation"))
        group.permissions.set(Permission.objects.using(using).filter(allowed))
