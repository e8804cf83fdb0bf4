"""A web process that was taken over: what its role at the database and its place at the broker let somebody write."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import psycopg
import pytest
import redis
from celery import Celery

from hedgeapp.core.events import Event
from hedgeapp.core.events.approvals import MoveDecided
from hedgeapp.core.events.moves import (
    MoveApproved,
    MoveIntended,
    MoveJudged,
    MovePayload,
    MoveProposed,
    MoveSubmitted,
)
from hedgeapp.eventlog.append import append
from hedgeapp.eventlog.codec import encode_body
from hedgeapp.eventlog.read import read
from portfolio.core.move_payloads import payload_hash
from portfolio.core.move_request_ids import move_id, request_id

EDITED: Final = Decimal(800_000)  # USDT: what somebody would rather have signed, and all else would let pass
QUEUE: Final = "moves"
WORK: Final = (
    "INSERT INTO portfolio_work (kind, subject, queue, opened_at, due_at, tries, claims, claimed_by, said)"
    " VALUES ('move', %s, 'moves', now(), now(), 0, 0, '', '')"
)
# A signature that was caught on its way, kept as if it were one over another challenge.
SIGNATURE: Final = (
    "INSERT INTO access_assertion (passkey_id, user_id, challenge, body, previous_count, sign_count, at)"
    " SELECT key.id, key.user_id, %s, kept.body, key.sign_count, key.sign_count + 1, now()"
    "   FROM access_passkey AS key JOIN access_assertion AS kept ON kept.passkey_id = key.id"
    "   JOIN auth_user AS person ON person.id = key.user_id"
    "  WHERE person.username = %s ORDER BY kept.id DESC LIMIT 1"
)
SECOND: Final = (
    "INSERT INTO eventlog_event (seq, recorded_at, kind, key, body, hash)"
    " SELECT (SELECT max(seq) FROM eventlog_event) + 1, now(), kind, key, %s, hash FROM eventlog_event WHERE key = %s"
)


class Intruder:
    """Somebody with the environment of a web process."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._database, self._broker = environment["DATABASE_URL"], environment["REDIS_URL"]

    def write(self, *events: Event) -> None:
        """Append events, or be refused by the database."""
        with psycopg.connect(self._database, connect_timeout=10) as connection:
            append(connection, events, at=datetime.now(UTC))

    def execute(self, statement: str, *given: Any) -> None:
        """Run a statement, or be refused by the database."""
        with psycopg.connect(self._database, connect_timeout=10) as connection:
            connection.execute(statement, given)

    def sign(self, person: str, payload: MovePayload) -> None:
        """Keep a signature of somebody that was over something else."""
        self.execute(SIGNATURE, payload_hash(payload), person)

    def events(self, name: str, kind: type[Event]) -> Sequence[Any]:
        """Return the events of a kind that the log has of a move."""
        with psycopg.connect(self._database, connect_timeout=10) as connection:
            found = [recorded.event for recorded in read(connection, kinds=[kind.__name__])]
        return [one for one in found if _move_id(one) == name]

    def wake(self, task: str, *given: Any) -> None:
        """Send the moves' worker a task."""
        with Celery("intruder", broker=self._broker, set_as_current=False) as sender:
            sender.send_task(task, args=given, queue=QUEUE, ignore_result=True)

    def unread(self) -> int:
        """Return how many tasks the moves' worker has not taken."""
        with redis.from_url(self._broker) as broker:
            return int(broker.llen(QUEUE))

    def edit(self, name: str) -> str:
        """Change the payload that somebody approved, in the log or beside it; return the id of what is taken."""
        (was,) = self.events(name, MoveProposed)
        body = encode_body(replace(was, payload=replace(was.payload, amount=EDITED)))
        with pytest.raises(psycopg.errors.UniqueViolation):
            self.execute(SECOND, body, was.key)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            self.execute("UPDATE eventlog_event SET body = %s WHERE key = %s", body, was.key)
        payload: MovePayload = replace(was.payload, move_id=move_id("edited"), amount=EDITED)
        self.write(*self._copied(name, payload))
        return payload.move_id

    def forge(self, name: str) -> str:
        """Write all that a move needs which nobody wants, out of one that somebody signed; return its id."""
        (was,) = self.events(name, MoveProposed)
        payload: MovePayload = replace(was.payload, move_id=move_id("forged"), amount=EDITED)
        proposed, judged, *decisions = self._copied(name, payload)
        at, digest = datetime.now(UTC), payload_hash(payload).hex()
        self.write(proposed, judged)
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation):
            self.execute(WORK, payload.move_id)
        for person in ("bob", "cay"):
            self.sign(person, payload)
        self.write(
            *decisions,
            MoveApproved(at=at, move_id=payload.move_id, payload_hash=digest, approved_by=("bob", "cay")),
        )
        intended = MoveIntended(
            at=at,
            move_id=payload.move_id,
            request_id=request_id(payload.move_id, payload.custodian),
            payload_hash=digest,
            approved_by=("bob", "cay"),
            policy_version=1,
            amount_usd=payload.amount,
        )
        submitted = MoveSubmitted(at=at, move_id=payload.move_id, valid_until=payload.expires_at)
        for event in (intended, submitted):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                self.write(event)
        for task in ("portfolio.tasks.work", "portfolio.tasks.moves.carry_move", "a task that nobody knows"):
            self.wake(task, payload.move_id)
        return payload.move_id

    def _copied(self, name: str, payload: MovePayload) -> list[Event]:
        """Return what the log has of a move, and all that people signed of it, for another payload."""
        (was,), (judged,) = self.events(name, MoveProposed), self.events(name, MoveJudged)
        digest, at = payload_hash(payload).hex(), datetime.now(UTC)
        decisions = [
            replace(one, at=at, move_id=payload.move_id, payload_hash=digest, verdict="approve", reason="")
            for one in self.events(name, MoveDecided)
        ]
        return [replace(was, at=at, payload=payload), replace(judged, at=at, move_id=payload.move_id), *decisions]


def _move_id(event: Any) -> str:
    return str(event.payload.move_id if isinstance(event, MoveProposed) else event.move_id)
