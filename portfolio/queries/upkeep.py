"""Upkeep: who holds each service, and how far the log's second store is behind."""

from datetime import UTC, datetime

from django.db import connection

from hedgeapp.eventlog import epochs
from hedgeapp.eventlog.sink.lag import lag
from hedgeapp.services import declared
from portfolio.core.upkeep import ServiceState, SinkState, Upkeep
from portfolio.queries.minutes import forced_lately, rest_now
from portfolio.queries.standing import last_runs


def upkeep_now() -> Upkeep:
    """Return the services that ought to run and the second store, as they are now."""
    at = datetime.now(UTC)
    connection.ensure_connection()
    held = {one.service: one for one in epochs.holders_now(connection.connection)}
    behind = lag(connection.connection, at)
    return Upkeep(
        at=at,
        services=tuple(_service(service.name, held.get(service.name)) for service in declared()),
        sink=SinkState(
            url=behind.url,
            events=behind.events,
            seconds=behind.seconds,
            stored_at=behind.stored_at,
            because="" if behind.is_within_bounds else behind.said,
        ),
        rest=rest_now(at),
        standing=last_runs(),
        forced=forced_lately(at),
    )


def _service(name: str, held: epochs.Holder | None) -> ServiceState:
    if held is None:
        return ServiceState(name=name, holder="", epoch=0, is_held=False, silent_for=None)
    return ServiceState(
        name=name, holder=held.holder, epoch=held.epoch, is_held=held.is_held, silent_for=held.silent_for
    )
