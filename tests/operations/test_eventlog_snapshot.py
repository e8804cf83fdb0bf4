"""Snapshots are a shortcut, never a source."""

from datetime import timedelta
from typing import Any

import psycopg
import pytest

from hedgeapp.eventlog import snapshot
from hedgeapp.eventlog.append import append
from tests.builders.log import AT, emptied, fills

Connection = psycopg.Connection[Any]


@pytest.fixture
def ten(app: Connection) -> Connection:
    """A log of ten events."""
    with app.transaction():
        append(app, fills(10), at=AT)
    return app


def test_the_latest_snapshot_is_loaded(ten: Connection) -> None:
    for seq in (3, 7):
        snapshot.store(ten, "book", seq, b"state at %d" % seq, version="1", at=AT)
    found = snapshot.load(ten, "book", version="1")
    assert found == snapshot.Snapshot(seq=7, state=b"state at 7")
    assert snapshot.load(ten, "book", version="1", until=6) == snapshot.Snapshot(seq=3, state=b"state at 3")


def test_a_snapshot_of_another_log_is_passed_over(ten: Connection, owner: Connection) -> None:
    snapshot.store(ten, "book", 7, b"state", version="1", at=AT)
    emptied(owner)
    with ten.transaction():
        append(ten, fills(10), at=AT + timedelta(seconds=1))
    assert snapshot.load(ten, "book", version="1") is None


def test_a_snapshot_of_other_code_is_passed_over(ten: Connection) -> None:
    snapshot.store(ten, "book", 7, b"state", version="1", at=AT)
    assert snapshot.load(ten, "book", version="2") is None


def test_a_snapshot_of_a_seq_that_the_log_does_not_have_is_refused(ten: Connection) -> None:
    with pytest.raises(snapshot.SeqIsUnknown):
        snapshot.store(ten, "book", 11, b"state", version="1", at=AT)


def test_only_the_latest_are_kept(ten: Connection) -> None:
    for seq in range(1, 11):
        snapshot.store(ten, "book", seq, b"state", version="1", at=AT)
    row = ten.execute("SELECT count(*), min(seq) FROM eventlog_snapshot").fetchone()
    assert row == (snapshot.KEPT, 11 - snapshot.KEPT)
