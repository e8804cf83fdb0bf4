"""Forms of the gate: a line of policy, caps or destinations as somebody types it, and back."""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from django import forms
from django.http import QueryDict

from hedgeapp.core.events.approvals import Cap, Destination, GatePart, PolicyRule
from hedgeapp.core.events.moves import Quota
from portfolio.core.gate_checks import KINDS, LINES_MAX, NAME_LENGTH_MAX
from portfolio.forms import DECIMALS_MAX, DIGITS_MAX, SaidForm
from portfolio.screen.gate import UNITS_S, window

TEXT_LENGTH_MAX: Final = 1_000  # characters of a list
KIND_CHOICES: Final = [(kind, kind) for kind in KINDS]
SECONDS_OF: Final = {unit: size for size, unit in UNITS_S}

GateLine = PolicyRule | Cap | Destination


class AmountField(forms.DecimalField):
    """An amount, written with separators or without."""

    widget = forms.TextInput

    def __init__(self, **given: Any) -> None:
        super().__init__(min_value=0, max_digits=DIGITS_MAX, decimal_places=DECIMALS_MAX, **given)

    def to_python(self, value: Any) -> Any:
        """Return the number."""
        return super().to_python(re.sub(r"[,_\s]", "", value) if isinstance(value, str) else value)

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        """Let a phone show digits, and say what an empty field means."""
        return {"inputmode": "decimal", "placeholder": "any"}


class NamesField(forms.CharField):
    """Names with commas between them; nothing is any."""

    def __init__(self, **given: Any) -> None:
        super().__init__(max_length=TEXT_LENGTH_MAX, required=False, **given)

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        """Say what an empty field means."""
        return {"placeholder": "any"}

    def clean(self, value: Any) -> Any:
        """Return the names, each once, in their order."""
        given = (one.strip() for one in str(super().clean(value)).split(","))
        return tuple(dict.fromkeys(one for one in given if one))


class SpanField(forms.CharField):
    """A span like 24 h, 90 min or 7 d."""

    def clean(self, value: Any) -> Any:
        """Return the seconds; 0 where nothing is given."""
        text = str(super().clean(value)).strip()
        if not text:
            return 0
        found = re.fullmatch(r"(\d{1,9})\s*(d|h|min|s)", text)
        if found is None:
            raise forms.ValidationError(f"a span like 24 h, 90 min or 7 d expected, found {text[:40]}")
        return int(found[1]) * SECONDS_OF[found[2]]


class LineForm(SaidForm):
    """A line of the gate; `of` fills it from a record, `line` makes a record of it."""

    name = forms.CharField(label="name", max_length=NAME_LENGTH_MAX)

    def line(self) -> GateLine:
        """Return the line of a form that is valid."""
        raise NotImplementedError


class RuleForm(LineForm):
    """A rule of the policy."""

    outcome = forms.ChoiceField(label="then", choices=[("ask", "ask"), ("allow", "allow"), ("refuse", "refuse")])
    quotas = forms.CharField(label="who must agree", max_length=TEXT_LENGTH_MAX, required=False)
    kinds = forms.MultipleChoiceField(
        label="kind", choices=KIND_CHOICES, widget=forms.CheckboxSelectMultiple, required=False
    )
    assets = NamesField(label="asset")
    sources = NamesField(label="from")
    destinations = NamesField(label="to")
    venues = NamesField(label="venue")
    proposers = NamesField(label="proposed by")
    amount_usd_max = AmountField(label="at most, USD", required=False)
    amount_max = AmountField(label="at most, units", required=False)
    velocity_usd_max = AmountField(label="with others at most, USD", required=False)
    velocity_window_s = SpanField(label="within", max_length=20, required=False)
    hours = forms.CharField(label="hours UTC", max_length=20, required=False)
    totp_usd_max = AmountField(label="a code is enough below, USD", required=False)

    def clean_quotas(self) -> tuple[Quota, ...]:
        """Return so many of which groups."""
        found = []
        for part in filter(None, (one.strip() for one in self.cleaned_data["quotas"].split(","))):
            said = re.fullmatch(r"(\d{1,3})\s+(?:of\s+)?(\S.*)", part)
            if said is None:
                raise forms.ValidationError(f"groups like 2 of approver, 1 of risk expected, found {part[:40]}")
            found.append(Quota(group=said[2], needed=int(said[1])))
        return tuple(found)

    def clean_hours(self) -> tuple[int, int] | None:
        """Return the first hour and the one after the last."""
        text = self.cleaned_data["hours"].strip()
        if not text:
            return None
        said = re.fullmatch(r"(\d{1,2})\s*(?:to|-|–)\s*(\d{1,2})", text)
        if said is None:
            raise forms.ValidationError(f"hours like 22 to 6 expected, found {text[:20]}")
        return int(said[1]), int(said[2])

    def line(self) -> PolicyRule:
        """Return the rule."""
        given = dict(self.cleaned_data)
        given["kinds"] = tuple(given["kinds"])
        given["totp_usd_max"] = given["totp_usd_max"] or Decimal(0)
        return PolicyRule(**given)

    @staticmethod
    def of(rule: PolicyRule) -> dict[str, Any]:
        """Return what the fields hold for a rule."""
        names = ("assets", "sources", "destinations", "venues", "proposers")
        return {
            "name": rule.name,
            "outcome": rule.outcome,
            "quotas": ", ".join(f"{quota.needed} of {quota.group}" for quota in rule.quotas),
            "kinds": list(rule.kinds),
            **{name: ", ".join(getattr(rule, name)) for name in names},
            **{name: _written(getattr(rule, name)) for name in ("amount_usd_max", "amount_max", "velocity_usd_max")},
            "velocity_window_s": window(rule.velocity_window_s) if rule.velocity_window_s else "",
            "hours": f"{rule.hours[0]} to {rule.hours[1]}" if rule.hours else "",
            "totp_usd_max": _written(rule.totp_usd_max or None),
        }


class CapForm(LineForm):
    """A cap."""

    scope = forms.ChoiceField(label="on", choices=[("all", "all moves"), ("asset", "an asset"), ("route", "a route")])
    subject = forms.CharField(label="asset, or source>destination", max_length=2 * NAME_LENGTH_MAX, required=False)
    window_s = SpanField(label="within", max_length=20)
    usd_max = AmountField(label="at most, USD", required=False)
    amount_max = AmountField(label="at most, units", required=False)

    def line(self) -> Cap:
        """Return the cap."""
        return Cap(**self.cleaned_data)

    @staticmethod
    def of(cap: Cap) -> dict[str, Any]:
        """Return what the fields hold for a cap."""
        return {
            "name": cap.name,
            "scope": cap.scope,
            "subject": cap.subject,
            "window_s": window(cap.window_s),
            "usd_max": _written(cap.usd_max),
            "amount_max": _written(cap.amount_max),
        }


class DestinationForm(LineForm):
    """A destination."""

    custodian = forms.CharField(label="custodian", max_length=NAME_LENGTH_MAX)
    route = forms.CharField(label="the custodian's name of the way", max_length=NAME_LENGTH_MAX)
    kinds = forms.MultipleChoiceField(label="for", choices=KIND_CHOICES, widget=forms.CheckboxSelectMultiple)

    def line(self) -> Destination:
        """Return the destination."""
        given = dict(self.cleaned_data)
        return Destination(**{**given, "kinds": tuple(given["kinds"])})

    @staticmethod
    def of(one: Destination) -> dict[str, Any]:
        """Return what the fields hold for a destination."""
        return {"name": one.name, "custodian": one.custodian, "route": one.route, "kinds": list(one.kinds)}


FORM_OF: Final[dict[GatePart, type[RuleForm | CapForm | DestinationForm]]] = {
    "policy": RuleForm,
    "caps": CapForm,
    "destinations": DestinationForm,
}


def typed(part: GatePart, given: QueryDict) -> list[dict[str, Any]]:
    """Return what a page's fields hold, line by line, as it was typed."""
    kind = FORM_OF[part]
    found: list[dict[str, Any]] = []
    for number in range(LINES_MAX):
        if f"line-{number}-name" not in given:
            break
        fields = kind.base_fields.items()
        found.append(
            {
                name: given.getlist(f"line-{number}-{name}")
                if isinstance(field, forms.MultipleChoiceField)
                else given.get(f"line-{number}-{name}", "")
                for name, field in fields
            }
        )
    return found


def shown(part: GatePart, values: Sequence[dict[str, Any]]) -> list[LineForm]:
    """Return forms that show these values."""
    return [FORM_OF[part](initial=value, prefix=f"line-{number}") for number, value in enumerate(values)]


def bound(part: GatePart, given: QueryDict) -> list[LineForm]:
    """Return forms that judge what was typed."""
    return [FORM_OF[part](given, prefix=f"line-{number}") for number in range(len(typed(part, given)))]


def values_of(part: GatePart, lines: Sequence[Any]) -> list[dict[str, Any]]:
    """Return what the fields hold for lines of a part."""
    return [FORM_OF[part].of(one) for one in lines]


def edited(values: list[dict[str, Any]], what: str) -> list[dict[str, Any]]:
    """Return lines after one was added, removed, or moved up or down, like `up-2`; else as they are."""
    verb, _, number = what.partition("-")
    place = int(number) if number.isdecimal() and int(number) < len(values) else None
    if verb == "add" and len(values) < LINES_MAX:
        return [*values, {}]
    if place is None:
        return values
    if verb == "remove":
        return [*values[:place], *values[place + 1 :]]
    other = {"up": place - 1, "down": place + 1}.get(verb, place)
    if 0 <= other < len(values):
        values[place], values[other] = values[other], values[place]
    return values


def _written(value: Decimal | None) -> str:
    return "" if value is None else f"{value.normalize() + 0:,f}"
