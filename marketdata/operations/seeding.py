"""Seeding: reference data and keys out of files, through the same operations as everything else."""

import dataclasses
import json
import tomllib
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, get_args, get_type_hints

import msgspec
from django.conf import settings
from django.db import connection, transaction

from hedgeapp.core.instruments import Instrument
from hedgeapp.core.reference import Account, Asset, Chain, Custodian, Limit, Oracle, Venue
from hedgeapp.eventlog.append import lock
from marketdata.core.catalogue import Row, key_of, noun_of
from marketdata.operations.changes import change_locked, last_change
from marketdata.operations.credentials import Purpose, set_credential
from marketdata.queries.catalogue import reference

ACTOR: Final = "seed"
FILE_BYTES_MAX: Final = 1_000_000

# In the order in which they refer to each other.
_SECTIONS: Final[Mapping[str, type[Any]]] = {
    "assets": Asset,
    "venues": Venue,
    "instruments": Instrument,  # of which the venue does not tell all
    "accounts": Account,
    "custodians": Custodian,
    "chains": Chain,
    "oracles": Oracle,
    "limits": Limit,
}


_READ_KEYS: Final = {"api_key", "secret"}
_TRADE_KEYS: Final = {"trade_api_key", "trade_secret"}
_PASSPHRASES: Final = {"passphrase": _READ_KEYS, "trade_passphrase": _TRADE_KEYS}  # beside which keys one may be


class SeedFileIsUnreadable(ValueError):
    """A seed file is missing, too large, or not in its format."""

    def __init__(self, path: Path, reason: object) -> None:
        super().__init__(f"{path}: {reason}")


class SeedIsForAnotherWorld(ValueError):
    """The file describes another environment than the one that this process runs in."""

    def __init__(self, path: Path, found: object) -> None:
        super().__init__(
            f"{path}: environment {settings.ENVIRONMENT.hedgeapp_env!r} expected (HEDGEAPP_ENV), found {found!r}"
        )


class SeedEntryIsUnknown(ValueError):
    """A seed file has a key that no row has."""

    def __init__(self, place: str, keys: set[str], known: set[str]) -> None:
        super().__init__(
            f"{place}: {', '.join(sorted(known))} expected, found {', '.join(sorted(keys))} too: remove it"
        )


class SeedEntryIsMalformed(ValueError):
    """An entry lacks a key, or has a value of the wrong type."""

    def __init__(self, place: str, reason: object) -> None:
        super().__init__(f"{place}: {reason}")


def seed(reference: Path, credentials: Path | None, *, at: datetime, overwrite: bool = False) -> Iterator[str]:
    """Add what is missing, change what differs, and say each in a sentence.

    A row that a person changed since is kept unless `overwrite`. Both files are read whole before anything is written,
    and the rows are written all or none.
    """
    rows = _rows(reference)
    keys = _keys(credentials) if credentials else {}
    return _seeded(rows, keys, at, overwrite)


def _seeded(rows: list[Row], keys: Mapping[str, Mapping[str, str]], at: datetime, overwrite: bool) -> Iterator[str]:
    yield from _changed(rows, at, overwrite)
    traders = {row.name for row in rows if isinstance(row, Account | Custodian)}
    for holder, pair in keys.items():
        if _set(holder, pair, "read", at):
            yield f"set keys of {holder}"
        if holder in traders and (trade := _trade_keys(pair)) is not None and _set(holder, trade, "trade", at):
            yield f"set trade keys of {holder}"


def _changed(rows: list[Row], at: datetime, overwrite: bool) -> list[str]:
    said = []
    with transaction.atomic(durable=True):
        connection.ensure_connection()
        lock(connection.connection)
        catalogue = reference()  # once: to read it for each row took most of the time
        for row in rows:
            kept = last_change(row)
            name = f"{noun_of(row)} {key_of(row)}"
            if kept and kept.changed_by != ACTOR and not overwrite:
                said.append(f"kept {name}: {kept.changed_by} changed it to version {kept.version}")
            elif event := change_locked(row, by=ACTOR, reason="described by the seed file", at=at, catalogue=catalogue):
                catalogue = catalogue.with_row(row)
                said.append(f"{'changed' if kept else 'added'} {name}: version {event.version}")
    return said


def _set(holder: str, pair: Mapping[str, str], purpose: Purpose, at: datetime) -> bool:
    return set_credential(
        holder,
        by=ACTOR,
        at=at,
        purpose=purpose,
        api_key=pair["api_key"],
        secret=pair["secret"],
        passphrase=pair.get("passphrase", ""),
    )


def _trade_keys(pair: Mapping[str, str]) -> Mapping[str, str] | None:
    """Return the keys that orders or moves are sent with; only in the sandbox may those for reading do."""
    if "trade_api_key" in pair:
        return {name.removeprefix("trade_"): pair[name] for name in pair if name.startswith("trade_")}
    if settings.ENVIRONMENT.hedgeapp_env == "SANDBOX":
        return pair
    return None


def _rows(path: Path) -> list[Row]:
    try:
        found = tomllib.loads(_text(path), parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise SeedFileIsUnreadable(path, error) from None
    environment = found.pop("environment", None)
    if environment != settings.ENVIRONMENT.hedgeapp_env:
        raise SeedIsForAnotherWorld(path, environment)
    if unknown := found.keys() - _SECTIONS.keys():
        raise SeedEntryIsUnknown(str(path), set(unknown), set(_SECTIONS))
    rows: list[Row] = []
    for section, kind in _SECTIONS.items():
        entries = found.get(section, [])
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise SeedEntryIsMalformed(f"{path}: {section}", f"tables [[{section}]] expected, found {entries!r}")
        rows += [_row(kind, entry, f"{path}: {section} {number}") for number, entry in enumerate(entries, 1)]
    # An asset comes after what it is an exposure to; sorting keeps the order otherwise.
    return sorted(rows, key=_rank)


def _rank(row: Row) -> int:
    if isinstance(row, Asset):
        return 0 if row.underlying == row.symbol else 1
    return 2


def _row(kind: type[Any], entry: dict[str, Any], place: str) -> Row:
    _refuse_unknown(kind, entry, place)
    if kind is Asset:
        entry = {"underlying": entry.get("symbol"), **entry}
    try:
        row: Row = msgspec.convert(entry, kind)
    except msgspec.ValidationError as error:
        raise SeedEntryIsMalformed(place, error) from None
    return row


def _refuse_unknown(kind: type[Any], entry: Mapping[str, Any], place: str) -> None:
    """Refuse keys that a record does not have; msgspec lets them pass for dataclasses."""
    known = {field.name for field in dataclasses.fields(kind)}
    if unknown := entry.keys() - known:
        raise SeedEntryIsUnknown(place, set(unknown), known)
    for name, hint in get_type_hints(kind).items():
        nested = get_args(hint)[:1]
        if nested and dataclasses.is_dataclass(nested[0]) and isinstance(entry.get(name), list):
            for number, inner in enumerate(entry[name], 1):
                if isinstance(inner, dict) and isinstance(nested[0], type):
                    _refuse_unknown(nested[0], inner, f"{place} {name} {number}")


def _keys(path: Path) -> dict[str, dict[str, str]]:
    try:
        found = msgspec.convert(json.loads(_text(path)), dict[str, dict[str, str]])
    except (json.JSONDecodeError, msgspec.ValidationError):
        # Neither the text nor the error is repeated: they may hold a secret.
        raise SeedFileIsUnreadable(path, "an object of holders with api_key and secret expected") from None
    for holder, pair in found.items():
        alone = {name for name in pair if name not in _PASSPHRASES}
        is_beside = all(keys <= alone for name, keys in _PASSPHRASES.items() if name in pair)
        if alone not in (_READ_KEYS, _READ_KEYS | _TRADE_KEYS) or not is_beside:
            raise SeedEntryIsMalformed(
                f"{path}: {holder}",
                "api_key and secret expected, trade_api_key and trade_secret beside them or not, a passphrase or "
                "trade_passphrase with them where the venue has one, "
                f"found {', '.join(sorted(pair)) or 'nothing'}",
            )
    return found


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise SeedFileIsUnreadable(path, f"at most {FILE_BYTES_MAX} bytes expected")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SeedFileIsUnreadable(path, f"a readable text file expected, found {error}") from None
