"""Venue numbers: what a venue printed as a number, or the field that is none.  object -> Decimal"""

from decimal import Decimal, InvalidOperation


class ReferenceContradicts(ValueError):
    """What a venue says of an instrument contradicts itself, or what we know."""

    def __init__(self, subject: str, field: str, expected: object, found: object) -> None:
        super().__init__(f"{subject}: {field}: {expected} expected, found {found}")


def number(subject: str, field: str, found: object) -> Decimal:
    """Return a finite number that a venue gave; raise ReferenceContradicts."""
    try:
        value = Decimal(str(found))
    except InvalidOperation:
        raise ReferenceContradicts(subject, field, "a number", found) from None
    if not value.is_finite():
        raise ReferenceContradicts(subject, field, "a finite number", found)
    return value


def positive(subject: str, field: str, found: object) -> Decimal:
    """Return a finite number above 0 that a venue gave; raise ReferenceContradicts."""
    value = number(subject, field, found)
    if value <= 0:
        raise ReferenceContradicts(subject, field, "above 0", found)
    return value
