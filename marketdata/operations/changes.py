"""Changes of reference data: one event and its rows, in one transaction under the log's lock."""

from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection, transaction

from hedgeapp.core.reference import Chain, Custodian, Oracle, Venue
from hedgeapp.eventlog.append import append, lock
from marketdata import models, projections
from marketdata.core import admission
from marketdata.core.catalogue import Catalogue, ReferenceChanged, Row, change_of, key_of
from marketdata.core.hosts import is_inside, is_link_local
from marketdata.core.wellformed import RowRefused
from marketdata.queries.catalogue import reference

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class UrlIsNotEncrypted(RowRefused):
    """A URL of the real world would carry keys or facts in the clear."""


class UrlIsInside(RowRefused):
    """A URL of the real world leads to this machine or into its own network."""


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
        return change_locked(row, by=by, reason=reason, at=at, expected_version=expected_version)


def change_locked(
    row: Row,
    *,
    by: str,
    reason: str,
    at: datetime,
    expected_version: int | None = None,
    catalogue: Catalogue | None = None,
) -> ReferenceChanged | None:
    """Do as `change` does, in a transaction that holds the log's lock; `catalogue` is what it has changed so far."""
    catalogue = reference() if catalogue is None else catalogue
    version = _version(row)
    if expected_version is not None and version != expected_version:
        raise RowChangedMeanwhile(row, expected_version, version)
    if catalogue.of_kind(row).get(key_of(row)) == row:
        return None
    require_changeable(row, catalogue)
    event = change_of(row, at=at, version=version + 1, by=by, reason=reason)
    append(connection.connection, [event], at=at)
    projections.project(event)
    return event


def require_changeable(row: Row, catalogue: Catalogue) -> None:
    """Refuse a row that contradicts the catalogue, or whose URLs this installation must not speak to."""
    admission.require_admissible(row, catalogue)
    _require_encrypted(row)
    _require_public(row)


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
    for url in _urls(row):
        parts = urlsplit(url)
        if parts.scheme in ("http", "ws") and parts.hostname not in LOOPBACK:
            raise UrlIsNotEncrypted(row, f"https or wss expected, found {url}: only the sandbox may do without TLS")


def _require_public(row: Row) -> None:
    """In the real world, venues and custodians are not found on this machine or inside this network."""
    if settings.ENVIRONMENT.hedgeapp_env != "LIVE":
        return
    for url in _urls(row):
        host = urlsplit(url).hostname or ""
        if is_link_local(host) or (not isinstance(row, Chain) and is_inside(host)):
            raise UrlIsInside(row, f"a host of the public internet expected, found {host}: correct the URL")


def _urls(row: Row) -> tuple[str, ...]:
    match row:
        case Venue():
            return row.rest_url, row.ws_url
        case Custodian() | Chain() | Oracle():
            return (row.url,)
        case _:
            return ()
