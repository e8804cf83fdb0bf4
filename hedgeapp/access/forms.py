"""Forms of access."""

from typing import Any

from django import forms
from django.contrib.auth.forms import PasswordChangeForm, SetPasswordForm
from django.contrib.auth.models import User
from django.http import HttpRequest

CAME_BY_LINK = "came_by_link"  # of a session that began with a one-time link


class EmailForm(forms.Form):
    """The address that word of what waits for a person goes to; none is none."""

    email = forms.EmailField(
        required=False, max_length=254, label="Address that word of moves that wait for you is mailed to; empty: none"
    )


def password_form(request: HttpRequest, data: Any = None) -> forms.Form:
    """Return the form to set a password: it asks for the old one, unless there is none or a link vouched instead."""
    assert isinstance(request.user, User)
    is_vouched = not request.user.has_usable_password() or request.session.get(CAME_BY_LINK, False)
    return (SetPasswordForm if is_vouched else PasswordChangeForm)(request.user, data)
