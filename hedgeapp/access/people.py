"""People: everybody who is active, with the groups that each has now."""

from django.contrib.auth.models import Group, User

from hedgeapp.access.backends import is_live


def people() -> dict[str, frozenset[str]]:
    """Return the groups of everybody who may come in, by name; in live mode a superuser may not."""
    active = User.objects.filter(is_active=True)
    if is_live():
        active = active.filter(is_superuser=False)
    pairs = active.values_list("username", "groups__name")
    found: dict[str, set[str]] = {}
    for name, group in pairs:
        found.setdefault(name, set()).update([group] if group else [])
    return {name: frozenset(groups) for name, groups in found.items()}


def groups() -> frozenset[str]:
    """Return the names of all groups."""
    return frozenset(Group.objects.values_list("name", flat=True))
