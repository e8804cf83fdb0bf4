"""Pages of access: log in by password or by link, log out, the account."""

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, update_session_auth_hash, views
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from hedgeapp.access.attempts import TooManyAttempts, count_attempt, forget_attempts
from hedgeapp.access.forms import CAME_BY_LINK, EmailForm, password_form
from hedgeapp.access.links import LinkIsOver, consume, is_open
from hedgeapp.access.telling import tell_came, tell_kept_out, tell_left, tell_password

_BACKEND = "hedgeapp.access.backends.People"


class Login(views.LoginView):
    """Log in by name and password, a bounded number of times."""

    template_name = "access/login.html"
    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Count the attempt, then look at the password."""
        try:
            count_attempt(request.POST.get("username", ""), _address(request), at=datetime.now(UTC))
        except TooManyAttempts as refusal:
            tell_kept_out(request, request.POST.get("username", ""), "too many attempts")
            form = AuthenticationForm(request)
            return render(request, self.template_name, {"form": form, "refusal": str(refusal)}, status=429)
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Let the person in and forget what went wrong before."""
        forget_attempts(self.request.POST.get("username", ""), _address(self.request))
        answer = super().form_valid(form)
        tell_came(self.request, form.get_user().get_username(), "password")
        return answer

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        """Tell that somebody was not let in."""
        tell_kept_out(self.request, self.request.POST.get("username", ""), "wrong name or password")
        return super().form_invalid(form)


class Logout(views.LogoutView):
    """Log out."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """End the session, and tell whose it was."""
        name = request.user.get_username()
        answer = super().post(request, *args, **kwargs)
        if name:
            tell_left(request, name)
        return answer


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def once(request: HttpRequest, token: str) -> HttpResponse:
    """Show a button, and log in once when it is pressed: what merely looks at a link does not use it up."""
    at = datetime.now(UTC)
    try:
        if request.method == "POST":
            person = consume(token, at=at)
            login(request, person, backend=_BACKEND)
            request.session[CAME_BY_LINK] = True
            tell_came(request, person.get_username(), "link")
            return redirect(resolve_url(settings.LOGIN_REDIRECT_URL))
        if not is_open(token, at=at):
            raise LinkIsOver
    except LinkIsOver as refusal:
        if request.method == "POST":
            tell_kept_out(request, "", "link is over")
        return _untold(render(request, "access/once.html", {"refusal": str(refusal)}, status=410))
    return _untold(render(request, "access/once.html"))


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """Show who is logged in with which roles; set a password, or where mail goes to."""
    assert isinstance(request.user, User)
    if request.method == "POST" and "email" in request.POST:
        return _set_email(request, request.user)
    form = password_form(request, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        update_session_auth_hash(request, form.save())  # type: ignore[attr-defined]
        request.session.pop(CAME_BY_LINK, None)
        tell_password(request, request.user.get_username())
        messages.success(request, "The password is set. Other sessions of yours have ended.")
        return redirect("access:account")
    return _account(request, request.user, form, EmailForm({"email": request.user.email}))


def _set_email(request: HttpRequest, user: User) -> HttpResponse:
    form = EmailForm(request.POST)
    if not form.is_valid():
        return _account(request, user, password_form(request), form, 400)
    user.email = form.cleaned_data["email"]
    user.save(update_fields=["email"])
    messages.success(request, "The address is kept." if user.email else "There is no address: nothing is mailed.")
    return redirect("access:account")


def _account(request: HttpRequest, user: User, form: Form, email_form: EmailForm, status: int = 200) -> HttpResponse:
    roles = [group.name for group in user.groups.order_by("name")]
    context = {"form": form, "email_form": email_form, "roles": roles}
    return render(request, "access/account.html", context, status=status)


def _address(request: HttpRequest) -> str | None:
    return request.META.get("REMOTE_ADDR") or None


def _untold(response: HttpResponse) -> HttpResponse:
    """Keep the link out of what the browser tells other pages."""
    # The origin alone: under "no-referrer" a browser sends `Origin: null` with the form, and the form is refused.
    response["Referrer-Policy"] = "strict-origin"
    return response
