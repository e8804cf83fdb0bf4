"""Template tags: a leaf in its place, and the marks of a fragment."""

from datetime import UTC, datetime
from decimal import Decimal

from django import template
from django.utils.safestring import SafeString, mark_safe

from hedgeapp.live import Leaf
from portfolio.screen import numbers

register = template.Library()


@register.simple_tag(takes_context=True)
def leaf(context: template.Context, shown: Leaf | str) -> SafeString:
    """Draw a leaf as it is at the frame's time; nothing where there is none."""
    if not isinstance(shown, Leaf):
        return mark_safe("")
    # Leaf escapes what it is made of.
    return mark_safe(shown.html(context.get("now") or datetime.now(UTC)))


@register.simple_tag(takes_context=True)
def out_of_band(context: template.Context) -> SafeString:
    """Mark a fragment that is pushed, so that it takes the place of the one in the page."""
    return mark_safe(' hx-swap-oob="true"' if context.get("is_pushed") else "")


@register.filter
def plain(value: Decimal | str | None) -> str:
    """Write a number with all its digits, without an exponent, separators or needless zeros; a text as it is."""
    if value is None or isinstance(value, str):
        return value or ""
    return f"{value.normalize() + 0:f}"


@register.filter
def fixed(value: Decimal | None, places: int | None) -> str:
    """Write a number with separators and so many decimals, all of its digits when the places are not known."""
    return "" if value is None else numbers.full(value) if places is None else numbers.plain(value, places)
