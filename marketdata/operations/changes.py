"""Changes of reference data: one event and its rows, in one transaction under the log's lock."""

from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection, transaction

from hedgeapp.core.reference import Chain, Custodian, Venue
from hedgeapp.eventlog.append import append, lock
from marketdata import models, projections
from marketdata.core import admission
from marketdata.core.catalogue import ReferenceChanged, Row, change_of, key_of
from marketdata.core.wellformed import RowRefused
from marketdata.queries.catalogue import reference

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class UrlIsNotEncrypted(RowRefused):
    """A URL of the real world would carry keys or facts in the clear."""


class RowChangedMeanwhile(RowRefused):
    """Somebody else changed the row after it was shown."""

    def __init__(self, row: Row, expected: int, found: int) -> None:
        super().__init__(row, f"version {expected} expected, found {found}: look at the row again, then change it")


def change(
    row: Row, *, by: str, reason: str, at: datetime, expected_version: int | None = None
) -> ReferenceChanged | None:
    """Make a row of reference data so from now on; return the event, or None when it is so already.

    Refuses with a `RowRefused` of `marketdata.core` when the row contradicts the catalogue, and with
    `RowChangedMeanwhile` when its version is not `expected_version` (0: it must not be there yet).
    """
    with transaction.atomic(durable=True):
        connection.ensure_connection()
        lock(connection.connection)
        catalogue = reference()
        version = _version(row)
        if expected_version is not None and version != expected_version:
            raise RowChangedMeanwhile(row, expected_version, version)
        if catalogue.of_kind(row).get(key_of(row)) == row:
            return None
        admission.require_admissible(row, catalogue)
        _require_encrypted(row)
        event = change_of(row, at=at, version=version + 1, by=by, reason=reason)
        append(connection.connection, [event], at=at)
        projections.project(event)
    return event


def last_change(row: Row) -> models.Row | None:
    """Return the kept row, with who changed it last, or None when there is none."""
    return projections.model_of(row)._base_manager.filter(pk=key_of(row)).first()


def _version(row: Row) -> int:
    kept = last_change(row)
    return kept.version if kept else 0


def _require_encrypted(row: Row) -> None:
    """Outside of the sandbox, only this machine itself is spoken to without TLS."""
    if settings.ENVIRONMENT.hedgeapp_env == "SANDBOX":
        return
    urls: tuple[str, ...] = ()
    match row:
        case Venue():
            urls = (row.rest_url, row.ws_url)
        case Custodian() | Chain():
            urls = (row.url,)
    for url in urls:
        parts = urlsplit(url)
        if parts.scheme in ("http", "ws") and parts.hostname not in LOOPBACK:
            raise UrlIsNotEncrypted(row, f"https or wss expected, found {url}: only the sandbox may do without TLS")
