"""Compare: two sides of one kind, row by row.  rows x rows -> Mismatches

A side is a dictionary from an item to its values, in the order of the kind's fields. Where a kind counts something, an
item that is not there counts zero, and two counts within the tolerance are the same.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.differences import DifferenceKind, Stated
from hedgeapp.core.records import record

Values = tuple[Any, ...]  # Decimals and texts
Side = Mapping[str, Values]


class RowsContradict(ValueError):
    """One statement tells one item twice, otherwise."""

    def __init__(self, kind: DifferenceKind, item: str, one: Values, other: Values) -> None:
        super().__init__(f"{kind} {item}: one row in a statement expected, found {one} and {other}: read it again")


@record
class Shape:
    """What the rows of a kind hold; `counted` is the place of the field that is counted, None when none is."""

    fields: tuple[str, ...]
    counted: int | None = None


@record
class Mismatch:
    """An item whose rows are not the same; None is a side that does not have it; `amount` is theirs less ours."""

    item: str
    ours: Values | None
    theirs: Values | None
    amount: Decimal | None


SHAPES: Final[Mapping[DifferenceKind, Shape]] = {
    "position": Shape(fields=("quantity",), counted=0),
    "balance": Shape(fields=("total",), counted=0),
    "collateral": Shape(fields=("total", "locked"), counted=0),
    "holding": Shape(fields=("total",), counted=0),
    "delegation": Shape(fields=("total",), counted=0),
    "supply": Shape(fields=("total",), counted=0),
    "open_order": Shape(fields=("side", "price", "quantity", "filled", "client_order_id")),
    "fill": Shape(fields=("side", "quantity", "price", "fee", "fee_asset", "venue_order_id")),
    "funding": Shape(fields=("amount", "asset", "instrument")),
    "transfer": Shape(fields=("amount", "asset")),
    "instrument": Shape(
        fields=("kind", "settlement", "contract_size", "tick_size", "step_size", "expires_at", "is_trading", "tiers")
    ),
    "mode": Shape(fields=("value",)),
    "memory": Shape(fields=("value",)),
    "mark": Shape(fields=("price",), counted=0),
}


def side(kind: DifferenceKind, rows: Iterable[tuple[str, Values]]) -> dict[str, Values]:
    """Return rows as a side; a row that is told twice counts once. Raises `RowsContradict`."""
    found: dict[str, Values] = {}
    for item, values in rows:
        known = found.setdefault(item, values)
        if known is not values and known != values:
            raise RowsContradict(kind, item, known, values)
    return found


def exactly(item: str) -> Decimal:
    """Return the tolerance of what has to be the same to the last digit."""
    return ZERO


def mismatches(
    kind: DifferenceKind, ours: Side, theirs: Side, tolerance: Callable[[str], Decimal] = exactly
) -> list[Mismatch]:
    """Return the items that are not the same on both sides, by item; what is counted may be off by its tolerance."""
    counted = SHAPES[kind].counted
    other = [item for item, values in theirs.items() if ours.get(item) != values]
    other += list(ours.keys() - theirs.keys())
    found = (_mismatch(item, ours.get(item), theirs.get(item), counted) for item in sorted(other))
    return [one for one in found if counted is None or not _is_same(one, counted, tolerance)]


def _mismatch(item: str, ours: Values | None, theirs: Values | None, counted: int | None) -> Mismatch:
    amount = None if counted is None else _count(theirs, counted) - _count(ours, counted)
    return Mismatch(item=item, ours=ours, theirs=theirs, amount=amount)


def _count(values: Values | None, counted: int) -> Decimal:
    return values[counted] if values is not None else ZERO


def _is_same(one: Mismatch, counted: int, tolerance: Callable[[str], Decimal]) -> bool:
    if one.amount is None or (one.amount and abs(one.amount) > tolerance(one.item)):
        return False
    if one.ours is None or one.theirs is None:
        return not any((one.ours or one.theirs or ())[counted + 1 :])
    return one.ours[:counted] == one.theirs[:counted] and one.ours[counted + 1 :] == one.theirs[counted + 1 :]


def digest(rows: Side) -> str:
    """Return a digest of a statement's rows that depends neither on their order nor on how zeros are filled up."""
    lines = [f"{item}\0{chr(31).join(map(text, rows[item]))}\n" for item in sorted(rows)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def stated(kind: DifferenceKind, values: Values | None) -> Stated:
    """Return a row with the names of its fields, as text; empty for none."""
    if values is None:
        return ()
    return tuple((name, text(value)) for name, value in zip(SHAPES[kind].fields, values, strict=True))


def text(value: object) -> str:
    """Return a value in its shortest form."""
    if isinstance(value, str):
        return value
    if not isinstance(value, Decimal):
        return "" if value is None else str(value)
    plain = str(value)
    if "E" in plain:
        plain = f"{value:f}"
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return "0" if plain == "-0" else plain
