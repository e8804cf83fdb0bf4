"""The admin's door is ours: one login, one bound on attempts; and in live mode people are only looked at there."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.contrib import admin
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import Group, User
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse

from hedgeapp.access import api_keys
from hedgeapp.access.backends import is_live
from hedgeapp.access.models import ApiKey
from hedgeapp.access.roles import may_enter
from hedgeapp.eventlog.append import LogIsBusy

if TYPE_CHECKING:
    _ApiKeyAdmin = admin.ModelAdmin[ApiKey]
else:
    _ApiKeyAdmin = admin.ModelAdmin

MAY_HAND_OUT: Final = "access.hand_out_apikey"


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


class ApiKeyForm(forms.Form):
    """What a key is to be."""

    name = forms.CharField(max_length=api_keys.NAME_LENGTH_MAX, help_text="Who uses it.")
    scopes = forms.MultipleChoiceField(
        choices=[(scope, scope) for scope in api_keys.SCOPES], widget=forms.CheckboxSelectMultiple
    )
    per_minute = forms.IntegerField(
        min_value=1, max_value=api_keys.PER_MINUTE_MAX, initial=api_keys.PER_MINUTE, help_text="Requests in a minute."
    )
    days = forms.IntegerField(
        min_value=1, max_value=api_keys.LIFE_MAX.days, initial=api_keys.LIFE.days, help_text="Until it expires."
    )
    reason = forms.CharField(max_length=api_keys.REASON_LENGTH_MAX, help_text="Kept in the log with your name.")


class RevokeForm(forms.Form):
    """Why a key is to be good for nothing from now on."""

    reason = forms.CharField(max_length=api_keys.REASON_LENGTH_MAX, help_text="Kept in the log with your name.")


class ApiKeyAdmin(_ApiKeyAdmin):
    """Programs' keys: handed out and revoked by operations, and shown once."""

    list_display = ("name", "key_id", "scopes", "per_minute", "made_by", "made_at", "expires_at", "revoked_at")
    list_display_links = ("name",)
    search_fields = ("name", "key_id")
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Let those add who may hand keys out."""
        return request.user.has_perm(MAY_HAND_OUT)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A key changes by nothing but its revocation."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A key is revoked, not deleted: who had it stays readable."""
        return False

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Hand a key out and show it, in this answer and never again."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = ApiKeyForm(request.POST or None)
        context: dict[str, Any] = {"title": "Hand out an API key", "form": form, "deed": "Hand out"}
        if request.method == "POST" and form.is_valid():
            at = datetime.now(UTC)
            given = form.cleaned_data
            asked = api_keys.Asked(
                name=given["name"],
                scopes=tuple(given["scopes"]),
                per_minute=given["per_minute"],
                expires_at=at + timedelta(days=given["days"]),
                reason=given["reason"],
            )
            try:
                row, token = api_keys.hand_out(asked, by=request.user.get_username(), at=at)
            except (api_keys.ApiKeyIsMalformed, LogIsBusy) as refusal:
                form.add_error(None, str(refusal))
            else:
                context = {"title": f"API key of {row.name}", "row": row, "token": token}
        return self._page(request, context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show a key's row, without its secret, and let it be revoked."""
        may_revoke = self.has_add_permission(request)
        if not self.has_view_permission(request) or (request.method == "POST" and not may_revoke):
            raise PermissionDenied
        row = get_object_or_404(ApiKey, pk=object_id)
        form = RevokeForm(request.POST or None) if may_revoke and row.revoked_at is None else None
        if form is not None and request.method == "POST" and form.is_valid():
            by, reason = request.user.get_username(), form.cleaned_data["reason"]
            try:
                row = api_keys.revoke(row.pk, by=by, reason=reason, at=datetime.now(UTC))
            except (api_keys.ApiKeyIsMalformed, LogIsBusy) as refusal:
                form.add_error(None, str(refusal))
            else:
                form = None
        return self._page(request, {"title": str(row), "row": row, "form": form, "deed": "Revoke"})

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Show the row: it says who handed it out and who revoked it, and the log has both."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return redirect("admin:access_apikey_change", object_id)

    def _page(self, request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
        whole = {**self.admin_site.each_context(request), "opts": self.opts, **context}
        answer = TemplateResponse(request, "access/api_key.html", whole)
        answer.headers["Cache-Control"] = "no-store"
        return answer


admin.site.register(ApiKey, ApiKeyAdmin)
admin.site.unregister((User, Group))
admin.site.register(User, PersonAdmin)
admin.site.register(Group, RoleAdmin)
admin.site.login = to_our_login  # type: ignore[method-assign]
admin.site.has_permission = lambda request: may_enter(request.user)  # type: ignore[method-assign]
