"""Projections: rows of reference data out of the log's events.

`projection` is pure, so that replay can build the same rows beside the live ones; `project` writes one of them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from typing import Any, Final

import msgspec
from django.db.models import Model

from hedgeapp.core.instruments import Instrument
from hedgeapp.core.records import record
from hedgeapp.core.reference import Account, Asset, Chain, Custodian, Limit, Oracle, Venue
from marketdata import models
from marketdata.core.catalogue import ReferenceChanged, Row, key_of, row_of

MODELS: Final[Mapping[type[Any], type[models.Row]]] = {
    Asset: models.Asset,
    Venue: models.Venue,
    Account: models.Account,
    Instrument: models.Instrument,
    Custodian: models.Custodian,
    Chain: models.Chain,
    Oracle: models.Oracle,
    Limit: models.Limit,
}
_CHILDREN: Final[Mapping[str, tuple[type[Model], str]]] = {
    "tiers": (models.Tier, "instrument_id"),
    "wallets": (models.Wallet, "chain_id"),
    "tokens": (models.Token, "chain_id"),
}
_COLUMNS: Final = {"venue": "venue_id"}  # where a field is kept under another name, in rows that refer to a venue
_TEXTS: Final = frozenset({"feeds", "trust"})  # fields that are kept as JSON

# Every table of reference data, children after their parents.
TABLES: Final = (*MODELS.values(), *(model for model, _ in _CHILDREN.values()))


@record
class Children:
    """The rows that belong to another: `parent_column` is in each of `rows`."""

    model: type[Model]
    parent_column: str
    rows: tuple[Mapping[str, Any], ...]


@record
class Projection:
    """What one event makes of the tables: one row by its key, and all rows that belong to it."""

    model: type[models.Row]
    key: str
    columns: Mapping[str, Any]
    children: tuple[Children, ...]


def projection(event: ReferenceChanged) -> Projection:
    """Return the rows that an event leaves behind."""
    row = row_of(event)
    key = key_of(row)
    own = {field.name: getattr(row, field.name) for field in fields(row)}
    if isinstance(row, Instrument):
        del own["funding_terms"]
        own |= {f"funding_{name}": value for name, value in asdict(row.funding).items()}
    children = tuple(_children(name, key, own.pop(name)) for name in _CHILDREN if name in own)
    columns = {
        _COLUMNS.get(name, name): text_of(value)
        if name in _TEXTS
        else list(value)
        if isinstance(value, tuple)
        else value
        for name, value in own.items()
    }
    columns |= {"version": event.version, "changed_by": event.by, "changed_at": event.at}
    return Projection(model=model_of(row), key=key, columns=columns, children=children)


def _children(name: str, key: str, records: Iterable[Any]) -> Children:
    model, parent = _CHILDREN[name]
    rows = tuple({parent: key, "number": number, **asdict(each)} for number, each in enumerate(records, 1))
    return Children(model=model, parent_column=parent, rows=rows)


def text_of(value: Any) -> str:
    """Return a nested record as JSON for people: indented, the same each time."""
    return msgspec.json.format(msgspec.json.encode(value), indent=1).decode()


def model_of(row: Row) -> type[models.Row]:
    """Return the model whose table keeps a row."""
    return MODELS[type(row)]


def project(event: ReferenceChanged, using: str = "default") -> None:
    """Write the rows of an event, inside the caller's transaction."""
    to = projection(event)
    to.model._base_manager.using(using).update_or_create(pk=to.key, defaults=dict(to.columns))
    for children in to.children:
        manager = children.model._base_manager.using(using)
        manager.filter(**{children.parent_column: to.key}).delete()
        manager.bulk_create(children.model(**row) for row in children.rows)
