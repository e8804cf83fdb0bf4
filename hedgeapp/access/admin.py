"""The admin's door is ours: one login, one bound on attempts; and in live mode people are only looked at there."""

from typing import Any

from django.contrib import admin
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import Group, User
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from hedgeapp.access.backends import is_live
from hedgeapp.access.roles import may_enter


@login_not_required
def to_our_login(request: HttpRequest, extra_context: Any = None) -> HttpResponse:
    """Send whoever is not logged in to our login, and refuse whoever is but may not administer."""
    if request.user.is_authenticated:
        raise PermissionDenied("a role that opens the admin expected (risk, admin, auditor), found none")
    return redirect_to_login(request.GET.get(REDIRECT_FIELD_NAME, reverse("admin:index")))


class _OnlyLookedAtInLive:
    """Adds, changes and deletes nothing in live mode: roles are given at the console there."""

    def has_add_permission(self, request: HttpRequest, *rest: Any) -> bool:
        return not is_live() and super().has_add_permission(request, *rest)  # type: ignore[misc]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not is_live() and super().has_change_permission(request, obj)  # type: ignore[misc]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not is_live() and super().has_delete_permission(request, obj)  # type: ignore[misc]


class PersonAdmin(_OnlyLookedAtInLive, UserAdmin):  # type: ignore[type-arg]
    """People."""


class RoleAdmin(_OnlyLookedAtInLive, GroupAdmin):
    """Roles."""


admin.site.unregister((User, Group))
admin.site.register(User, PersonAdmin)
admin.site.register(Group, RoleAdmin)
admin.site.login = to_our_login  # type: ignore[method-assign]
admin.site.has_permission = lambda request: may_enter(request.user)  # type: ignore[method-assign]
