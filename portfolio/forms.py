"""Forms: what a page may send, bounded before anybody looks at it."""

from datetime import datetime
from typing import Any, Final

from django import forms

from hedgeapp.core.events.orders import OrderIntended, TimeInForce
from portfolio.core.deeds import DEED_KINDS
from portfolio.operations.orders import NONCE_LENGTH_MAX, TEXT_LENGTH_MAX, Ticket
from portfolio.queries.blotter import GROUPS, OrderFilter
from portfolio.queries.past import MomentIsRefused, time_of

TIMES_IN_FORCE: Final[tuple[tuple[TimeInForce, str], ...]] = (
    ("ioc", "immediate or cancel"),
    ("fok", "fill or kill"),
    ("gtc", "good till canceled"),
    ("post_only", "post only"),
)
NAME_LENGTH_MAX: Final = 100  # characters of an account or an instrument
DIGITS_MAX: Final = 30
DECIMALS_MAX: Final = 18
SEQ_MAX: Final = 2**63 - 1
GROUP_CHOICES: Final = [("", "all"), *((name, name) for name in GROUPS)]
SIDE_CHOICES: Final = [("", "all"), ("buy", "buy"), ("sell", "sell")]


def asked_time(given: str) -> datetime | None:
    """Return a time as somebody wrote it, None for none; raise ValidationError when it is no time."""
    try:
        return time_of(given) if given else None
    except MomentIsRefused as refusal:
        raise forms.ValidationError(str(refusal)) from refusal


class SaidForm(forms.Form):
    """A form that says in sentences what is wrong with it."""

    def sentences(self) -> list[str]:
        """Return what is wrong with the fields, one sentence each."""
        return [
            f"{self.fields[name].label or name.replace('_', ' ')}: {error}"
            for name, errors in self.errors.items()
            for error in errors
        ]


class ListForm(SaidForm):
    """Which part of a list a page shows: as of an event or a time, before or after the edge of another page."""

    at = forms.CharField(label="as of", max_length=NAME_LENGTH_MAX, required=False)
    before = forms.IntegerField(min_value=0, max_value=SEQ_MAX, required=False)
    after = forms.IntegerField(min_value=0, max_value=SEQ_MAX, required=False)

    def clean_at(self) -> int | datetime | None:
        """Return the event or the time that the page is asked for; a time without a zone is in UTC."""
        given: str = self.cleaned_data["at"]
        if given.isdecimal() and int(given) <= SEQ_MAX:
            return int(given)
        return asked_time(given)


class AuditFilterForm(SaidForm):
    """Which deeds a page shows: the filters that are in its address; times are in UTC."""

    person = forms.CharField(max_length=NAME_LENGTH_MAX, required=False)
    kind = forms.ChoiceField(choices=[("", "all"), *((name, name) for name in DEED_KINDS)], required=False)
    about = forms.CharField(label="id or name", max_length=NAME_LENGTH_MAX, required=False)
    text = forms.CharField(max_length=NAME_LENGTH_MAX, required=False)
    since = forms.CharField(label="from", max_length=NAME_LENGTH_MAX, required=False)
    until = forms.CharField(label="to", max_length=NAME_LENGTH_MAX, required=False)
    engine = forms.BooleanField(required=False)
    before = forms.IntegerField(min_value=0, max_value=SEQ_MAX, required=False)
    after = forms.IntegerField(min_value=0, max_value=SEQ_MAX, required=False)

    def clean_since(self) -> datetime | None:
        """Return the time from which on, None for the beginning."""
        return asked_time(self.cleaned_data["since"])

    def clean_until(self) -> datetime | None:
        """Return the time up to which, None for now."""
        return asked_time(self.cleaned_data["until"])


class TicketForm(SaidForm):
    """A ticket as somebody filled it in."""

    account = forms.CharField(max_length=NAME_LENGTH_MAX)
    instrument = forms.CharField(max_length=NAME_LENGTH_MAX)
    side = forms.ChoiceField(choices=[("buy", "buy"), ("sell", "sell")])
    quantity = forms.DecimalField(label="size", min_value=0, max_digits=DIGITS_MAX, decimal_places=DECIMALS_MAX)
    price = forms.DecimalField(min_value=0, max_digits=DIGITS_MAX, decimal_places=DECIMALS_MAX)
    time_in_force = forms.ChoiceField(choices=TIMES_IN_FORCE)
    reduce_only = forms.BooleanField(required=False)
    reason = forms.CharField(max_length=TEXT_LENGTH_MAX, required=False)
    proposal = forms.CharField(max_length=NAME_LENGTH_MAX, required=False)
    nonce = forms.CharField(max_length=NONCE_LENGTH_MAX)

    def ticket(self) -> Ticket:
        """Return the ticket of a form that is valid."""
        given: dict[str, Any] = self.cleaned_data
        return Ticket(
            account=given["account"],
            instrument=given["instrument"],
            side=given["side"],
            quantity=given["quantity"],
            price=given["price"],
            time_in_force=given["time_in_force"],
            reduce_only=given["reduce_only"],
            reason=given["reason"],
            proposal_id=given["proposal"],
            nonce=given["nonce"],
        )


class OrderFilterForm(ListForm):
    """Which orders a page shows: the filters that are in its address."""

    state = forms.ChoiceField(choices=GROUP_CHOICES, required=False)
    venue = forms.CharField(max_length=NAME_LENGTH_MAX, required=False)
    instrument = forms.CharField(max_length=NAME_LENGTH_MAX, required=False)
    side = forms.ChoiceField(choices=SIDE_CHOICES, required=False)
    by = forms.CharField(max_length=NAME_LENGTH_MAX, required=False)
    since = forms.DateField(label="from", required=False)
    until = forms.DateField(label="to", required=False)
    text = forms.CharField(label="order id", max_length=NAME_LENGTH_MAX, required=False)

    def wanted(self, seq: int | None) -> OrderFilter:
        """Return the filter of a form that is valid, as of an event or, with None, as it is now."""
        names = ("state", "venue", "instrument", "by", "side", "since", "until", "text")
        return OrderFilter(seq=seq, **{name: self.cleaned_data[name] for name in names})


def intent_of(ticket: Ticket, by: str, at: datetime) -> OrderIntended:
    """Return what a ticket would put into the log, to be rehearsed; it has no name yet."""
    return OrderIntended(
        at=at,
        client_order_id="",
        account=ticket.account,
        instrument=ticket.instrument,
        side=ticket.side,
        time_in_force=ticket.time_in_force,
        quantity=ticket.quantity,
        price=ticket.price,
        reduce_only=ticket.reduce_only,
        by=by,
        reason=ticket.reason,
        proposal_id=ticket.proposal_id,
    )
