"""The database refuses by itself what a process that was taken over would write about moves."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from hedgeapp.core.events import Event
from hedgeapp.core.events.approvals import Assertion
from hedgeapp.core.events.moves import MoveDone, MoveNeverArrived, MoveOutcomeUnknown, MoveRejected
from hedgeapp.eventlog.append import append
from hedgeapp.eventlog.grants import let_send
from tests.builders.log import AT, fills
from tests.builders.moves import (
    NAME,
    approved,
    decided,
    glass_broken,
    glass_signed,
    intended,
    judged,
    payload,
    proposed,
    reported,
    seen,
    submitted,
    until_approved,
)

Connection = psycopg.Connection[Any]
OF_THE_SENDER: list[Event] = [
    intended(),
    submitted(),
    MoveRejected(at=AT, move_id=NAME, code="G20013", said="wallet permission"),
    MoveOutcomeUnknown(at=AT, move_id=NAME, because="no answer within 5 s"),
    MoveNeverArrived(at=AT, move_id=NAME, said="not in the list of orders"),
    seen(),
    MoveDone(at=AT, move_id=NAME),
]
HOME = payload(kind="undelegate")
BROKEN: list[Event] = [glass_signed("bob", HOME), glass_signed("cay", HOME), glass_broken(HOME)]
ROW = (
    "INSERT INTO portfolio_work (kind, subject, queue, opened_at, due_at, tries, claims, claimed_by, said)"
    " VALUES (%s, %s, %s, now(), now(), 0, 0, '', '')"
)


@pytest.fixture
def sender(log_url: str, moves_database_url: str) -> Iterator[Connection]:
    """A connection of the role that sends moves, autocommit, to an empty log."""
    with psycopg.connect(moves_database_url, autocommit=True) as connection:
        yield connection


def logged(connection: Connection, events: Sequence[Event]) -> None:
    with connection.transaction():
        append(connection, events, at=datetime.now(UTC))


def opened(connection: Connection, name: str = NAME, kind: str = "move", queue: str = "moves") -> None:
    connection.execute(ROW, (kind, name, queue))


# What only the sender writes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("event", OF_THE_SENDER, ids=lambda event: type(event).__name__)
def test_the_apps_role_cannot_write_what_the_sender_says(app: Connection, event: Event) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="role that sends moves expected to write"):
        logged(app, [event])
    assert app.execute("SELECT count(*) FROM eventlog_event").fetchone() == (0,)


def test_one_forged_intent_in_a_batch_of_others_takes_the_batch_with_it(app: Connection) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        logged(app, [*fills(3), intended(), *fills(3, 10)])
    assert app.execute("SELECT count(*) FROM eventlog_event").fetchone() == (0,)


def test_the_sender_writes_it(sender: Connection) -> None:
    logged(sender, [*until_approved(), *OF_THE_SENDER])
    assert sender.execute("SELECT count(*) FROM eventlog_event").fetchone() == (5 + len(OF_THE_SENDER),)


def test_the_apps_role_writes_what_people_and_the_custodian_say(app: Connection) -> None:
    logged(app, [*until_approved(), reported("success")])


@pytest.mark.parametrize(
    "statement",
    [
        "GRANT EXECUTE ON FUNCTION eventlog_send_moves() TO CURRENT_USER",
        "CREATE FUNCTION pg_temp.eventlog_send_moves() RETURNS void LANGUAGE sql AS ''",
        "SET ROLE hedgeapp_moves",
        "SET session_replication_role = replica",
        "ALTER TABLE eventlog_event DISABLE TRIGGER eventlog_require_sender",
        "DROP FUNCTION eventlog_require_sender() CASCADE",
    ],
)
def test_the_apps_role_cannot_take_the_senders_right(app: Connection, statement: str) -> None:
    try:
        app.execute(statement)
    except psycopg.Error:
        app.rollback()
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        logged(app, [intended()])


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO portfolio_work (kind, subject) VALUES ('move', 'x')",
        "UPDATE access_passkey SET name = name",
        "INSERT INTO access_assertion (body) VALUES ('')",
        "UPDATE auth_user SET username = username",
        "INSERT INTO auth_user_groups (user_id, group_id) VALUES (1, 1)",
        "UPDATE marketdata_credential SET holder = holder",
        "UPDATE eventlog_event SET body = body",
    ],
)
def test_the_sender_changes_neither_people_nor_keys_nor_what_it_is_to_do(sender: Connection, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"):
        sender.execute(statement)


def test_without_a_role_of_its_own_the_app_sends_and_is_told_so(
    owner: Connection, transactional_db: None, caplog: pytest.LogCaptureFixture
) -> None:
    from django.db import connection

    owner.execute("CREATE ROLE lone_app")
    try:
        let_send(connection, "lone_app", "")
        right = "SELECT has_function_privilege('lone_app', 'eventlog_send_moves()', 'EXECUTE')"
        assert owner.execute(right).fetchone() == (True,)
        let_send(connection, "lone_app", "hedgeapp_moves")
        assert owner.execute(right).fetchone() == (False,)
    finally:
        owner.execute("DROP OWNED BY lone_app")
        owner.execute("DROP ROLE lone_app")


# Work without its quorum ----------------------------------------------------------------------------------------------


def test_the_work_of_an_approved_move_is_taken(app: Connection) -> None:
    logged(app, until_approved())
    opened(app)
    assert app.execute("SELECT count(*) FROM portfolio_work WHERE subject = %s", (NAME,)).fetchone() == (1,)


def test_the_work_of_a_move_that_the_policy_allows_needs_nobody(app: Connection) -> None:
    logged(app, [proposed(by="engine"), judged(outcome="allow"), approved()])
    opened(app)


def test_the_work_of_a_glass_that_two_people_broke_is_taken(app: Connection) -> None:
    logged(app, [proposed(HOME), judged(outcome="refuse"), *BROKEN])
    opened(app)
    assert app.execute("SELECT count(*) FROM portfolio_work WHERE subject = %s", (NAME,)).fetchone() == (1,)


FORGED: dict[str, list[Event]] = {
    "nothing in the log": [],
    "a proposal alone": [proposed()],
    "approved without a judgment": [proposed(), decided("bob"), decided("cay"), approved()],
    "refused by the policy": [proposed(), judged(outcome="refuse"), approved()],
    "nobody decided": [proposed(), judged(), approved(None, "bob", "cay")],
    "one of two": [proposed(), judged(), decided("bob"), approved(None, "bob", "cay")],
    "the proposer is one of two": [proposed(), judged(), decided("bob"), decided("ann"), approved(None, "bob", "ann")],
    "of another payload": [
        proposed(),
        judged(),
        decided("bob"),
        decided("cay", payload(amount=payload().amount * 2)),
        approved(None, "bob", "cay"),
    ],
    "one key for two": [
        proposed(),
        judged(),
        decided("bob"),
        decided("cay", assertion=decided("bob").assertion),
        approved(None, "bob", "cay"),
    ],
    "somebody rejected": [
        proposed(),
        judged(),
        decided("bob"),
        decided("cay"),
        decided("eve", verdict="reject"),
        approved(None, "bob", "cay"),
    ],
    "a glass that nobody signed": [proposed(HOME), judged(outcome="refuse"), glass_broken(HOME)],
    "a glass that one signed": [
        proposed(HOME),
        judged(outcome="refuse"),
        glass_signed("bob", HOME),
        glass_broken(HOME),
    ],
    "a glass that one signed for two": [
        proposed(HOME),
        judged(outcome="refuse"),
        glass_signed("bob", HOME),
        glass_broken(HOME, agreed_by="bob"),
    ],
    "a glass that its proposer signed": [
        proposed(HOME, by="cay"),
        judged(outcome="refuse"),
        *BROKEN,
    ],
    "a glass by one key": [
        proposed(HOME),
        judged(outcome="refuse"),
        glass_signed("bob", HOME),
        glass_signed("cay", HOME, assertion=glass_signed("bob").assertion),
        glass_broken(HOME),
    ],
    "a glass by codes": [
        proposed(HOME),
        judged(outcome="refuse"),
        glass_signed("bob", HOME, assertion=Assertion(kind="totp", key_id="codes-1", step=1)),
        glass_signed("cay", HOME, assertion=Assertion(kind="totp", key_id="codes-2", step=1)),
        glass_broken(HOME),
    ],
    "a glass for two reasons": [
        proposed(HOME),
        judged(outcome="refuse"),
        glass_signed("bob", HOME),
        glass_signed("cay", HOME, reason="another"),
        glass_broken(HOME),
    ],
    "a glass of another payload": [
        proposed(HOME),
        judged(outcome="refuse"),
        glass_signed("bob", HOME),
        glass_signed("cay", payload(kind="undelegate", amount=payload().amount * 2)),
        glass_broken(HOME),
    ],
    "a glass outwards": [
        proposed(),
        judged(outcome="refuse"),
        glass_signed("bob"),
        glass_signed("cay"),
        glass_broken(),
    ],
    "a glass between wallets": [
        proposed(payload(kind="transfer")),
        judged(outcome="refuse"),
        glass_signed("bob", payload(kind="transfer")),
        glass_signed("cay", payload(kind="transfer")),
        glass_broken(payload(kind="transfer")),
    ],
    "a glass that nobody judged": [proposed(HOME), *BROKEN],
    "a glass that somebody rejected": [
        proposed(HOME),
        judged(),
        *BROKEN,
        decided("eve", HOME, verdict="reject"),
    ],
    "approvals under a broken glass": [
        proposed(HOME),
        judged(outcome="refuse"),
        decided("bob", HOME),
        decided("cay", HOME),
        glass_broken(HOME),
    ],
    "never approved": [proposed(), judged(), decided("bob"), decided("cay")],
}


@pytest.mark.parametrize("events", FORGED.values(), ids=FORGED.keys())
def test_forged_work_is_refused(app: Connection, events: list[Event]) -> None:
    logged(app, events)
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="expected, found"):
        opened(app)
    assert app.execute("SELECT count(*) FROM portfolio_work").fetchone() == (0,)


def test_work_of_another_kind_does_not_become_a_moves(app: Connection) -> None:
    opened(app, "order-1", "order", "orders")
    for statement in (
        "UPDATE portfolio_work SET kind = 'move', queue = 'moves', subject = 'x'",
        "UPDATE portfolio_work SET queue = 'moves'",
    ):
        with pytest.raises(psycopg.errors.IntegrityError):
            app.execute(statement)


def test_a_moves_work_does_not_become_anothers(app: Connection) -> None:
    logged(app, until_approved())
    opened(app)
    for statement in (
        "UPDATE portfolio_work SET subject = 'mvforged'",
        "UPDATE portfolio_work SET queue = 'orders'",
    ):
        with pytest.raises(psycopg.errors.IntegrityError):
            app.execute(statement)


def test_a_temporary_table_does_not_pass_for_the_log(app: Connection) -> None:
    app.execute("CREATE TEMPORARY TABLE eventlog_event AS SELECT * FROM public.eventlog_event")
    for event in until_approved():
        body = type(event).__name__
        app.execute("INSERT INTO pg_temp.eventlog_event (kind, key) VALUES (%s, %s)", (body, event.key))
    try:
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation):
            opened(app)
    finally:
        app.execute("DROP TABLE pg_temp.eventlog_event")
