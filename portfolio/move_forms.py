"""Forms of moves: what the pages of moves may send, bounded before anybody looks at it."""

from typing import Any, Final

from django import forms

from portfolio.core.move_tickets import Way
from portfolio.forms import DECIMALS_MAX, DIGITS_MAX, NAME_LENGTH_MAX, ListForm, SaidForm
from portfolio.operations.moves.proposals import NONCE_LENGTH_MAX, REASON_LENGTH_MAX, MoveTicket
from portfolio.queries.move_blotter import GROUPS, MoveFilter

KINDS: Final = ("delegate", "undelegate", "transfer")
GROUP_CHOICES: Final = [("", "all"), *((name, name) for name in GROUPS)]
KIND_CHOICES: Final = [("", "all"), *((name, name) for name in KINDS)]
WAY_LENGTH_MAX: Final = 1_000  # characters: five names with what stands between them


class MoveFilterForm(ListForm):
    """Which moves a page shows: the filters that are in its address."""

    state = forms.ChoiceField(choices=GROUP_CHOICES, required=False)
    kind = forms.ChoiceField(choices=KIND_CHOICES, required=False)
    asset = forms.CharField(max_length=NAME_LENGTH_MAX, required=False)
    place = forms.CharField(label="from or to", max_length=NAME_LENGTH_MAX, required=False)
    by = forms.CharField(max_length=NAME_LENGTH_MAX, required=False)
    since = forms.DateField(label="from", required=False)
    until = forms.DateField(label="to", required=False)
    text = forms.CharField(label="id", max_length=NAME_LENGTH_MAX, required=False)

    def wanted(self, seq: int | None) -> MoveFilter:
        """Return the filter of a form that is valid, as of an event or, with None, as it is now."""
        names = ("state", "kind", "asset", "place", "by", "since", "until", "text")
        return MoveFilter(seq=seq, **{name: self.cleaned_data[name] for name in names})


class MoveForm(SaidForm):
    """A move as somebody wants it; `way` is the name of one that the gate's destinations allow."""

    way = forms.CharField(max_length=WAY_LENGTH_MAX)
    asset = forms.CharField(max_length=NAME_LENGTH_MAX)
    amount = forms.DecimalField(min_value=0, max_digits=DIGITS_MAX, decimal_places=DECIMALS_MAX)
    reason = forms.CharField(max_length=REASON_LENGTH_MAX, required=False)
    nonce = forms.CharField(max_length=NONCE_LENGTH_MAX)

    def ticket(self, way: Way) -> MoveTicket:
        """Return the ticket of a form that is valid, on the way that it names."""
        given: dict[str, Any] = self.cleaned_data
        return MoveTicket(
            kind=way.kind,
            custodian=way.custodian,
            asset=given["asset"],
            amount=given["amount"],
            source=way.source,
            destination=way.destination,
            route=way.route,
            reason=given["reason"],
            nonce=given["nonce"],
        )


class BreakGlassForm(SaidForm):
    """A person's emergency reason for a move, at first without a signature, then with it."""

    payload_hash = forms.RegexField(r"^[0-9a-f]{64}$", label="payload")
    seen = forms.IntegerField(min_value=0, max_value=2**63 - 1)
    typed = forms.CharField(label="amount", max_length=NAME_LENGTH_MAX, required=False)
    reason = forms.CharField(max_length=REASON_LENGTH_MAX)
    assertion = forms.CharField(max_length=20_000, required=False, strip=False)


class DecisionForm(SaidForm):
    """A person's word on a move, bound to the payload that the screen showed."""

    payload_hash = forms.RegexField(r"^[0-9a-f]{64}$", label="payload")
    seen = forms.IntegerField(min_value=0, max_value=2**63 - 1)
    typed = forms.CharField(label="amount", max_length=NAME_LENGTH_MAX, required=False)
    reason = forms.CharField(max_length=REASON_LENGTH_MAX, required=False)
    assertion = forms.CharField(max_length=20_000, required=False, strip=False)
    code = forms.CharField(max_length=20, required=False)
