"""Seeding: the first version of each part of the gate, once, in the sandbox, where nobody can lose a coin.

Everywhere else the first version takes two people like every other: until then nothing moves. It enters the log as
proposed by the seed file and agreed to at the console, so that everybody can see that no two people did.
"""

import dataclasses
import tomllib
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog
from django.conf import settings
from django.db import transaction

from hedgeapp.core.events.approvals import (
    Cap,
    Destination,
    GateChangeAgreed,
    GateChangeProposed,
    GatePart,
    PolicyRule,
)
from hedgeapp.core.events.passkeys import CONSOLE
from portfolio.operations.moves.people import SEED
from portfolio.operations.orders import append_now, lock_log
from portfolio.queries.books import FOLLOWING

FILE_BYTES_MAX: Final = 1_000_000
SANDBOX: Final = "SANDBOX"
REASON: Final = "the first version, described by the seed file; no two people agreed on it"

# The section of the file and the event's field of each part.
_PARTS: Final[Mapping[GatePart, tuple[str, type[Any]]]] = {
    "policy": ("rules", PolicyRule),
    "caps": ("caps", Cap),
    "destinations": ("destinations", Destination),
}

log = structlog.get_logger()


class GateIsForTheSandbox(PermissionError):
    """A gate is to be seeded where money is real, or out of a file for another world."""

    def __init__(self, found: object) -> None:
        super().__init__(
            f"environment {SANDBOX!r} of this process and of the file expected, found {found!r}: "
            "let two people agree on the gate"
        )


class GateFileIsUnreadable(ValueError):
    """A gate's file is missing, too large, or not in its format."""

    def __init__(self, path: Path, reason: object) -> None:
        super().__init__(f"{path}: {reason}")


def seed_gate(path: Path, *, at: datetime) -> tuple[GatePart, ...]:
    """Write the first version of each part that has none and none that waits; return which parts that were.

    Refuses with GateIsForTheSandbox, GateFileIsUnreadable, LogIsBusy.
    """
    if settings.ENVIRONMENT.hedgeapp_env != SANDBOX:
        raise GateIsForTheSandbox(settings.ENVIRONMENT.hedgeapp_env)
    changes = _changes(path, at)
    with transaction.atomic(durable=True):
        lock_log()
        with FOLLOWING.held() as book:
            touched = {one.change.part for one in book.gate.versions} | {one.part for one in book.gate.waiting}
        first = [change for change in changes if change.part not in touched]
        for change in first:
            agreed = GateChangeAgreed(at=at, change_id=change.change_id, by=CONSOLE, holds_from=at)
            append_now([change, agreed], at)
    for change in first:
        log.warning("gate.seeded", part=change.part)
    return tuple(change.part for change in first)


def _changes(path: Path, at: datetime) -> list[GateChangeProposed]:
    found = _read(path)
    if (environment := found.pop("environment", None)) != SANDBOX:
        raise GateIsForTheSandbox(environment)
    if unknown := found.keys() - _PARTS.keys():
        raise GateFileIsUnreadable(path, f"{', '.join(_PARTS)} expected, found {', '.join(sorted(unknown))} too")
    changes: list[GateChangeProposed] = []
    for part, (field, kind) in _PARTS.items():
        filled: dict[str, Any] = {field: tuple(_row(kind, entry, path) for entry in found.get(part, []))}
        name = f"{part}-1-{SEED}"
        if filled[field]:
            changes.append(
                GateChangeProposed(at=at, change_id=name, part=part, version=1, by=SEED, reason=REASON, **filled)
            )
    return changes


def _row(kind: type[Any], entry: Any, path: Path) -> Any:
    known = {field.name for field in dataclasses.fields(kind)}
    if not isinstance(entry, dict) or entry.keys() - known:
        raise GateFileIsUnreadable(path, f"a table with {', '.join(sorted(known))} expected, found {entry!r}")
    try:
        return msgspec.convert(entry, kind)
    except msgspec.ValidationError as error:
        raise GateFileIsUnreadable(path, error) from None


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise GateFileIsUnreadable(path, f"at most {FILE_BYTES_MAX} bytes expected")
        return tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise GateFileIsUnreadable(path, f"a readable TOML file expected, found {error}") from None
