"""The admin of reference data: it looks like Django's, and writes nothing but through operations."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse

from hedgeapp.core.reference import Chain, Custodian, Oracle, Venue
from marketdata import models
from marketdata.core.catalogue import key_of
from marketdata.core.sensitive import is_sensitive
from marketdata.core.wellformed import RowRefused
from marketdata.operations.changes import change as change_row
from marketdata.operations.credentials import (
    KEY_BYTES_MAX,
    FieldKeyIsMalformed,
    FieldKeysMissing,
    HolderIsUnknown,
    KeyIsEmpty,
)
from marketdata.operations.sources import (
    AnotherSourceChangeWaits,
    SourceReasonIsMalformed,
    propose_credential,
    propose_source,
)
from marketdata.queries.catalogue import TextIsMalformed, record_of, reference
from marketdata.queries.history import history

if TYPE_CHECKING:
    _Admin = admin.ModelAdmin[Any]
    _Inline = admin.TabularInline[Any, Any]
    _Form = forms.ModelForm[Any]
else:
    _Admin, _Inline, _Form = admin.ModelAdmin, admin.TabularInline, forms.ModelForm

REFUSALS = (
    RowRefused,
    TextIsMalformed,
    HolderIsUnknown,
    KeyIsEmpty,
    FieldKeysMissing,
    FieldKeyIsMalformed,
    AnotherSourceChangeWaits,
    SourceReasonIsMalformed,
)
SOURCES = (Venue, Custodian, Chain, Oracle)
WAITS = "Nothing is changed yet: another person must agree to it, on the page Sources."
_WAITS = "_waits"  # attribute of a request whose change waits for a second person
_REFUSAL = "_refusal"  # attribute of a request whose change was refused: the sentence to show in its form


class RefusableForm(_Form):
    """A form that shows why the operation refused what it asked for."""

    refusal: ClassVar[str | None] = None

    def clean(self) -> dict[str, Any] | None:
        """Fail with the refusal, if there was one."""
        if self.refusal:
            raise forms.ValidationError(self.refusal)
        return super().clean()


class RowForm(RefusableForm):
    """Any row's form: why it is changed, and which version of it was looked at."""

    reason = forms.CharField(
        max_length=500, strip=True, help_text="Why this is so from now on. It is kept in the log with your name."
    )
    version_seen = forms.IntegerField(widget=forms.HiddenInput, min_value=0)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["version_seen"] = self.instance.version


class OperationAdmin(_Admin):
    """Saves by an operation, in the operation's own transaction, and deletes nothing."""

    actions = None

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing is deleted: rows are disabled, so that the past stays readable."""
        return False

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Return the form's class for this request, with the refusal that it has to show."""
        form = super().get_form(request, obj, change, **kwargs)
        return type(form.__name__, (form,), {"refusal": getattr(request, _REFUSAL, None)})

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show or save a form; not inside a transaction, because the operation has its own."""
        context = {"show_save_and_add_another": False, "show_save_and_continue": False, **(extra_context or {})}
        try:
            return self._unwrapped(request, object_id, form_url, context)
        except REFUSALS as refusal:
            setattr(request, _REFUSAL, str(refusal))
            return self._unwrapped(request, object_id, form_url, context)

    def _unwrapped(self, *args: Any) -> HttpResponse:
        response: HttpResponse = self._changeform_view(*args)  # type: ignore[attr-defined]
        return response

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Write nothing: `save_related` has all that belongs to the row."""

    def message_user(
        self,
        request: HttpRequest,
        message: Any,
        level: int | str = messages.INFO,
        extra_tags: str = "",
        fail_silently: bool = False,
    ) -> None:
        """Say nothing of a success while another person must agree."""
        if level != messages.SUCCESS or not getattr(request, _WAITS, False):
            super().message_user(request, message, level, extra_tags, fail_silently)

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        """Say nothing: the log tells what changed."""
        return ""

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Keep no second history beside the log."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Keep no second history beside the log."""


class RowAdmin(OperationAdmin):
    """A row of reference data."""

    form = RowForm
    fixed: ClassVar[Sequence[str]] = ()  # what makes the row's key, and never changes

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Show version and last change; the key only while a row is new."""
        return (*(self.fixed if obj else ()), "version", "changed_by", "changed_at")

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Carry out the change, with all rows that belong to it."""
        children = {formset.fk.remote_field.related_name: _wanted(formset) for formset in formsets}
        wanted = record_of(form.instance, **children)
        by, reason = request.user.get_username(), form.cleaned_data["reason"]
        version, at = form.cleaned_data["version_seen"], datetime.now(UTC)
        done: object
        if isinstance(wanted, SOURCES) and is_sensitive(wanted, reference().of_kind(wanted).get(key_of(wanted))):
            done = propose_source(wanted, by=by, reason=reason, at=at, expected_version=version)
            if done is not None:
                setattr(request, _WAITS, True)
                messages.warning(request, WAITS)
        else:
            done = change_row(wanted, by=by, reason=reason, at=at, expected_version=version)
        if done is None:
            messages.info(request, "It is so already: nothing was changed and nothing was logged.")

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the events of this row out of the log."""
        row = get_object_or_404(self.model, pk=unquote(object_id))
        if not self.has_view_or_change_permission(request, row):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": f"History of {row}",
            "opts": self.opts,
            "object": row,
            "changes": history(record_of(row), row.version),
            **(extra_context or {}),
        }
        return TemplateResponse(request, "marketdata/history.html", context)


def _wanted(formset: Any) -> list[Any]:
    """Return the children that a formset asks for, in the order of the page."""
    return [form.instance for form in formset.forms if form.has_changed() or form.instance.pk if not _is_gone(form)]


def _is_gone(form: Any) -> bool:
    return bool(form.cleaned_data.get("DELETE"))


class ChildInline(_Inline):
    """Rows that belong to another, changed together with it."""

    exclude = ("number",)
    extra = 0
    template = "admin/edit_inline/tabular.html"

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A child goes by a change of its parent."""
        return self.has_change_permission(request, obj)

    # A child has no permission of its own: who may change the parent may change it.
    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Ask for the parent's permission."""
        return self._may("add" if obj is None else "change", request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Ask for the parent's permission."""
        return self._may("add" if obj is None else "change", request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Ask for the parent's permission."""
        return self._may("view", request) or self._may("change", request)

    def _may(self, verb: str, request: HttpRequest) -> bool:
        return request.user.has_perm(f"marketdata.{verb}_{self.parent_model._meta.model_name}")


class TierInline(ChildInline):
    """Maintenance brackets of an instrument."""

    model = models.Tier


class WalletInline(ChildInline):
    """Our addresses on a chain."""

    model = models.Wallet


class TokenInline(ChildInline):
    """Contracts of assets on a chain."""

    model = models.Token


@admin.register(models.Asset)
class AssetAdmin(RowAdmin):
    """Assets."""

    fixed = ("symbol",)
    list_display = ("symbol", "name", "underlying", "decimals", "assumed_usd", "version", "changed_by", "changed_at")


@admin.register(models.Venue)
class VenueAdmin(RowAdmin):
    """Venues."""

    fixed = ("name",)
    list_display = ("name", "protocol", "rest_url", "is_enabled", "version", "changed_by", "changed_at")


@admin.register(models.Account)
class AccountAdmin(RowAdmin):
    """Accounts."""

    fixed = ("name", "venue")
    list_display = ("name", "venue", "instruments", "is_enabled", "version", "changed_by", "changed_at")


@admin.register(models.Instrument)
class InstrumentAdmin(RowAdmin):
    """Instruments; what is corrected here is compared with the venue's word at the next load, which replaces it."""

    fixed = ("id", "venue", "symbol")
    inlines = (TierInline,)
    list_display = ("id", "kind", "contract_size", "tick_size", "step_size", "settlement", "is_trading", "version")
    list_filter = ("venue", "kind", "expiry", "is_trading")


@admin.register(models.Custodian, models.Oracle)
class PartnerAdmin(RowAdmin):
    """Custodians and oracles."""

    fixed = ("name",)
    list_display = ("name", "protocol", "url", "is_enabled", "version", "changed_by", "changed_at")


@admin.register(models.Chain)
class ChainAdmin(RowAdmin):
    """Chains."""

    fixed = ("name",)
    inlines = (WalletInline, TokenInline)
    list_display = ("name", "chain_id", "url", "confirmations", "is_enabled", "version", "changed_by", "changed_at")


@admin.register(models.Limit)
class LimitAdmin(RowAdmin):
    """Limits."""

    fixed = ("name",)
    list_display = ("name", "kind", "subject", "value", "unit", "version", "changed_by", "changed_at")
    list_filter = ("kind",)


def _hidden(help_text: str, **given: Any) -> forms.CharField:
    widget = forms.PasswordInput(attrs={"autocomplete": "off"})
    return forms.CharField(max_length=KEY_BYTES_MAX, widget=widget, help_text=help_text, **given)


class CredentialForm(RefusableForm):
    """Keys go in and never come out."""

    api_key = _hidden("A key that may do what its purpose says and no more. Never shown again.", label="API key")
    secret = _hidden("The key's secret; for Ceffu the private key, PKCS#8 DER in base64. Never shown again.")
    passphrase = _hidden("Of OKX: what was chosen when the key was made. Others have none.", required=False)
    reason = forms.CharField(
        max_length=500, strip=True, help_text="Why these from now on. It is kept in the log with your name."
    )


@admin.register(models.Credential)
class CredentialAdmin(OperationAdmin):
    """Keys of accounts and custodians."""

    form = CredentialForm
    list_display = ("holder", "purpose", "fingerprint", "set_by", "set_at")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Show which key it is, not the key."""
        return ("holder", "purpose", "fingerprint", "set_by", "set_at") if obj else ()

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Keep the keys, encrypted."""
        proposed = propose_credential(
            form.instance.holder,
            purpose=form.instance.purpose,
            api_key=form.cleaned_data["api_key"],
            secret=form.cleaned_data["secret"],
            passphrase=form.cleaned_data["passphrase"],
            by=request.user.get_username(),
            reason=form.cleaned_data["reason"],
            at=datetime.now(UTC),
        )
        setattr(request, _WAITS, True)
        messages.warning(request, WAITS if proposed else "These keys are used already: nothing was changed.")
