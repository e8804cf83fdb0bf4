"""Catalogue: all reference data at one point of the log.  Catalogue x Event -> Catalogue"""

from collections.abc import Mapping
from dataclasses import field, replace
from datetime import datetime
from typing import Any, Final, TypeGuard, assert_never, get_args

from hedgeapp.core.events import Event
from hedgeapp.core.events.reference import (
    AccountChanged,
    AssetChanged,
    ChainChanged,
    CustodianChanged,
    InstrumentChanged,
    LimitChanged,
    OracleChanged,
    VenueChanged,
)
from hedgeapp.core.instruments import Instrument
from hedgeapp.core.records import record
from hedgeapp.core.reference import Account, Asset, Chain, Custodian, Limit, Oracle, Venue

Row = Asset | Venue | Account | Instrument | Custodian | Chain | Oracle | Limit
ReferenceChanged = (
    AssetChanged
    | VenueChanged
    | AccountChanged
    | InstrumentChanged
    | CustodianChanged
    | ChainChanged
    | OracleChanged
    | LimitChanged
)
_CHANGES: Final = frozenset(get_args(ReferenceChanged))
KINDS: Final = frozenset(kind.__name__ for kind in _CHANGES)


@record
class Catalogue:
    """Every row of reference data by its key: symbol of an asset, id of an instrument, name of anything else."""

    assets: Mapping[str, Asset] = field(default_factory=dict)
    venues: Mapping[str, Venue] = field(default_factory=dict)
    accounts: Mapping[str, Account] = field(default_factory=dict)
    instruments: Mapping[str, Instrument] = field(default_factory=dict)
    custodians: Mapping[str, Custodian] = field(default_factory=dict)
    chains: Mapping[str, Chain] = field(default_factory=dict)
    oracles: Mapping[str, Oracle] = field(default_factory=dict)
    limits: Mapping[str, Limit] = field(default_factory=dict)

    def of_kind(self, row: Row) -> Mapping[str, Row]:
        """Return the rows of the same kind as `row`."""
        rows: Mapping[str, Row] = getattr(self, _PLACES[type(row)])
        return rows

    def with_row(self, row: Row) -> "Catalogue":
        """Return the catalogue with a row added, or put in the place of the one with its key."""
        rows: dict[str, Any] = {**self.of_kind(row), key_of(row): row}
        changed: dict[str, Any] = {_PLACES[type(row)]: rows}
        return replace(self, **changed)

    def apply(self, event: Event) -> "Catalogue":
        """Return the catalogue after an event; events of other kinds change nothing."""
        return self.with_row(row_of(event)) if is_reference(event) else self


_PLACES: Final[Mapping[type[Any], str]] = {
    Asset: "assets",
    Venue: "venues",
    Account: "accounts",
    Instrument: "instruments",
    Custodian: "custodians",
    Chain: "chains",
    Oracle: "oracles",
    Limit: "limits",
}


def is_reference(event: Event) -> TypeGuard[ReferenceChanged]:
    """Tell whether an event changes reference data."""
    return type(event) in _CHANGES


def noun_of(row: Row) -> str:
    """Return what a row is called in a sentence, and in its event's key."""
    return type(row).__name__.lower()


def key_of(row: Row) -> str:
    """Return the key of a row among its kind."""
    match row:
        case Asset():
            return row.symbol
        case Instrument():
            return row.id
        case Venue() | Account() | Custodian() | Chain() | Oracle() | Limit():
            return row.name
        case _:
            assert_never(row)


def row_of(event: ReferenceChanged) -> Row:
    """Return the row that an event carries."""
    match event:
        case AssetChanged():
            return event.asset
        case VenueChanged():
            return event.venue
        case AccountChanged():
            return event.account
        case InstrumentChanged():
            return event.instrument
        case CustodianChanged():
            return event.custodian
        case ChainChanged():
            return event.chain
        case OracleChanged():
            return event.oracle
        case LimitChanged():
            return event.limit
        case _:
            assert_never(event)


def change_of(row: Row, *, at: datetime, version: int, by: str, reason: str) -> ReferenceChanged:
    """Return the event that tells that a row is so from now on."""
    match row:
        case Asset():
            return AssetChanged(at=at, asset=row, version=version, by=by, reason=reason)
        case Venue():
            return VenueChanged(at=at, venue=row, version=version, by=by, reason=reason)
        case Account():
            return AccountChanged(at=at, account=row, version=version, by=by, reason=reason)
        case Instrument():
            return InstrumentChanged(at=at, instrument=row, version=version, by=by, reason=reason)
        case Custodian():
            return CustodianChanged(at=at, custodian=row, version=version, by=by, reason=reason)
        case Chain():
            return ChainChanged(at=at, chain=row, version=version, by=by, reason=reason)
        case Oracle():
            return OracleChanged(at=at, oracle=row, version=version, by=by, reason=reason)
        case Limit():
            return LimitChanged(at=at, limit=row, version=version, by=by, reason=reason)
        case _:
            assert_never(row)
