"""Journeys: the whole stack, its world, and its log read from outside."""

import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from tests.stack import Stack, running_stack
from tests.world import World

AWAY_S_MAX = 60.0  # how long PostgreSQL may take to come back
ACCOUNTS = ("binance-usdm:main", "binance-usdm:reserve", "binance-coinm:main")


class LogReader:
    """What the log and the leases say, read by plain SQL."""

    def __init__(self, url: str) -> None:
        self._url = url

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a query, on a connection of its own; wait for a PostgreSQL that is coming back."""
        until = time.monotonic() + AWAY_S_MAX
        while True:
            try:
                with psycopg.connect(self._url, autocommit=True, connect_timeout=5) as connection:
                    return connection.execute(query, parameters).fetchall()
            except psycopg.OperationalError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)

    def fills(self, account: str) -> list[tuple[str, str]]:
        """Return (instrument, trade id) of every fill of an account, repeats included."""
        return self.rows(
            "SELECT body->>'instrument', body->>'trade_id' FROM (SELECT convert_from(body, 'UTF8')::jsonb AS body"
            " FROM eventlog_event WHERE kind = 'FillRecorded') AS fills"
            " WHERE body->>'account' = %s",
            account,
        )

    def latest(self, kind: str, account: str, what: str, number: str) -> dict[str, Decimal]:
        """Return the latest stated number by instrument or asset, zeros left out."""
        found = self.rows(
            "SELECT DISTINCT ON (name) name, number FROM (SELECT seq, body->>%s AS name, body->>%s AS number,"
            " (body->>'at')::timestamptz AS at FROM (SELECT seq, convert_from(body, 'UTF8')::jsonb AS body"
            " FROM eventlog_event WHERE kind = %s) AS event WHERE body->>'account' = %s) AS stated"
            " ORDER BY name, at DESC, seq DESC",
            what,
            number,
            kind,
            account,
        )
        return {name: Decimal(value) for name, value in found if Decimal(value)}

    def epoch(self, service: str) -> int:
        """Return how often a service was taken."""
        found = self.rows("SELECT epoch FROM eventlog_epoch WHERE service = %s", service)
        return int(found[0][0]) if found else 0

    def holder(self, service: str, epoch: int | None = None) -> str:
        """Return who took a service in an epoch, or in the last one; empty if nobody did."""
        found = self.rows(
            "SELECT body->>'holder' FROM (SELECT convert_from(body, 'UTF8')::jsonb AS body FROM eventlog_event"
            " WHERE kind = 'ServiceTaken') AS taken WHERE body->>'service' = %s AND (body->>'epoch')::int = %s",
            service,
            self.epoch(service) if epoch is None else epoch,
        )
        return str(found[0][0]) if found else ""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A whole stack of its own, ready."""
    with running_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture(scope="module")
def world(stack: Stack) -> World:
    """The outside world of the stack."""
    return World(stack)


@pytest.fixture(scope="module")
def log(stack: Stack) -> LogReader:
    """The stack's log."""
    return LogReader(stack.environment["DATABASE_URL"])
