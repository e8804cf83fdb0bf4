"""The admin's door is ours: one login, one bound on attempts."""

from typing import Any

from django.contrib import admin
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import reverse


@login_not_required
def to_our_login(request: HttpRequest, extra_context: Any = None) -> HttpResponse:
    """Send whoever is not logged in to our login, and refuse whoever is but may not administer."""
    if request.user.is_authenticated:
        raise PermissionDenied("the staff flag expected, found none: an operator can set it")
    return redirect_to_login(request.GET.get(REDIRECT_FIELD_NAME, reverse("admin:index")))


admin.site.login = to_our_login  # type: ignore[method-assign]
