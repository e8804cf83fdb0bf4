"""The database refuses by itself what must never happen to the log."""

from typing import Any, LiteralString

import psycopg
import pytest

from hedgeapp.eventlog import chain, read
from hedgeapp.eventlog.append import append
from hedgeapp.eventlog.codec import encode
from tests.builders.log import AT, fill, fills

Connection = psycopg.Connection[Any]

CHANGES = [
    "UPDATE eventlog_event SET body = body",
    "DELETE FROM eventlog_event",
    "TRUNCATE eventlog_event",
]


@pytest.fixture
def three(app: Connection) -> Connection:
    """The app's connection to a log of three events."""
    with app.transaction():
        append(app, fills(3), at=AT)
    return app


def insert(
    connection: Connection,
    seq: int,
    previous: bytes,
    number: int = 99,
    forged: bytes | None = None,
    table: LiteralString = "eventlog_event",
) -> None:
    event = fill(number)
    kind, body = encode(event)
    row = chain.material(seq, chain.microseconds(AT), chain.words(kind.encode(), event.key.encode(), body))
    connection.execute(
        f"INSERT INTO {table} (seq, recorded_at, kind, key, body, hash) VALUES (%s, %s, %s, %s, %s, %s)",
        (seq, AT, kind, event.key, forged or body, chain.link(previous, row)),
    )


@pytest.mark.parametrize("statement", CHANGES)
def test_the_apps_role_has_no_right_to_change_the_log(three: Connection, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"):
        three.execute(statement)


@pytest.mark.parametrize("statement", CHANGES)
def test_even_the_owner_is_refused_by_a_trigger(three: Connection, owner: Connection, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="only ever appended to"):
        owner.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE eventlog_event DISABLE TRIGGER ALL",
        "DROP TABLE eventlog_event",
        "DROP FUNCTION eventlog_check_chain",
    ],
)
def test_the_apps_role_cannot_take_the_guards_away(three: Connection, statement: str) -> None:
    with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.DependentObjectsStillExist)):
        three.execute(statement)


def test_a_row_that_fits_is_taken(three: Connection) -> None:
    insert(three, 4, read.head(three).hash)
    assert read.head(three).seq == 4


@pytest.mark.parametrize("seq", [5, 6, 1_000])
def test_a_row_that_would_leave_a_gap_is_refused(three: Connection, seq: int) -> None:
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="after the head"):
        insert(three, seq, read.head(three).hash)


@pytest.mark.parametrize("seq", [2, 3])
def test_a_row_at_a_taken_place_is_refused(three: Connection, seq: int) -> None:
    with pytest.raises(psycopg.errors.UniqueViolation):
        insert(three, seq, read.head(three).hash)


def test_a_second_beginning_is_refused(three: Connection) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        insert(three, 0, chain.GENESIS)


def test_a_temporary_table_does_not_pass_for_the_log(three: Connection) -> None:
    three.execute("CREATE TEMPORARY TABLE eventlog_event AS SELECT 900::bigint AS seq, %s AS hash", (chain.GENESIS,))
    try:
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="after the head"):
            insert(three, 901, chain.GENESIS, table="public.eventlog_event")
    finally:
        three.execute("DROP TABLE pg_temp.eventlog_event")


def test_a_row_that_does_not_hold_the_one_before_it_is_refused(three: Connection) -> None:
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="seq 4"):
        insert(three, 4, chain.GENESIS)


def test_a_row_with_another_body_than_its_hash_covers_is_refused(three: Connection) -> None:
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="seq 4"):
        insert(three, 4, read.head(three).hash, forged=b"{}")


def test_a_bad_row_in_the_middle_of_a_batch_is_refused(three: Connection) -> None:
    good = read.head(three).hash
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="seq 5"):
        three.execute(
            """
            WITH one AS (
                SELECT 4::bigint AS seq, recorded_at, kind, 'k1'::text AS key, body FROM eventlog_event WHERE seq = 3
            ), hashed AS (
                SELECT *, sha256(%s || '\\x00000008'::bytea || int8send(seq) || '\\x00000008'::bytea
                    || timestamptz_send(recorded_at) || int4send(octet_length(kind)) || textsend(kind)
                    || int4send(octet_length(key)) || textsend(key) || int4send(octet_length(body)) || body) AS hash
                  FROM one
            )
            INSERT INTO eventlog_event (seq, recorded_at, kind, key, body, hash)
            SELECT seq, recorded_at, kind, key, body, hash FROM hashed
            UNION ALL SELECT 5, recorded_at, kind, 'k2', body, hash FROM hashed ORDER BY 1
            """,
            (good,),
        )
    assert read.head(three).seq == 3


def test_an_epoch_never_goes_back(app: Connection, owner: Connection) -> None:
    insert_epoch = (
        "INSERT INTO eventlog_epoch VALUES ('engine', 1, 7, 'me', 1, now(), '', now())"
        " ON CONFLICT (service) DO UPDATE SET epoch = 7"
    )
    app.execute(insert_epoch)
    for statement in ("UPDATE eventlog_epoch SET epoch = 6", "DELETE FROM eventlog_epoch"):
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="never go back"):
            app.execute(statement)
