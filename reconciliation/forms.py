"""Forms: what the page of breaks may be asked, bounded before anybody looks at it."""

from typing import Final

from django import forms

from portfolio.forms import NAME_LENGTH_MAX, ListForm
from reconciliation.queries.breaks import GROUPS, KINDS, SEVERITIES, BreakFilter

GROUP_CHOICES: Final = [("", "all"), *((name, name) for name in GROUPS)]
KIND_CHOICES: Final = [("", "all"), *((name, name.replace("_", " ")) for name in KINDS)]
SEVERITY_CHOICES: Final = [("", "all"), *((name, name) for name in SEVERITIES)]


class BreakFilterForm(ListForm):
    """Which breaks a page shows: the filters that are in its address."""

    state = forms.ChoiceField(choices=GROUP_CHOICES, required=False)
    venue = forms.CharField(max_length=NAME_LENGTH_MAX, required=False)
    kind = forms.ChoiceField(choices=KIND_CHOICES, required=False)
    severity = forms.ChoiceField(choices=SEVERITY_CHOICES, required=False)
    assignee = forms.CharField(max_length=NAME_LENGTH_MAX, required=False)
    text = forms.CharField(label="item or id", max_length=NAME_LENGTH_MAX, required=False)

    def wanted(self, seq: int | None) -> BreakFilter:
        """Return the filter of a form that is valid, as of an event or, with None, as it is now."""
        names = ("state", "venue", "kind", "severity", "assignee", "text")
        return BreakFilter(seq=seq, **{name: self.cleaned_data[name] for name in names})
