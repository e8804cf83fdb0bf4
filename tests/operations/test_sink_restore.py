"""Restore: a whole database out of the second store alone, equal to the one that was lost, by its owner only."""

import json
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from hedgeapp.core.events import Event
from hedgeapp.database import conninfo
from hedgeapp.eventlog import epochs, notary, read
from hedgeapp.eventlog.append import append
from hedgeapp.eventlog.sink.folder import Folder
from hedgeapp.eventlog.sink.restore import NotTheOwner, SomebodyAppended, restore
from marketdata.projections import project
from portfolio.core.book import Book
from portfolio.models import Halt, Work
from portfolio.operations import read_models
from portfolio.operations.halts import approve_resume, ask_resume, declare_halt
from portfolio.operations.replay import names, replay
from portfolio.operations.restored import rebuild
from portfolio.queries.rows import projected_seq
from reconciliation.operations.restored import rebuild as rebuild_breaks
from reconciliation.operations.writing import written
from tests.builders.breaks import BREAKS
from tests.builders.examples import REFERENCE, TRADING
from tests.builders.histories import catalogue
from tests.builders.log import AT, emptied, fills, tampered
from tests.builders.orders import DESK, intended, sent
from tests.builders.sinks import fed, flipped, grown

Connection = psycopg.Connection[Any]
ROOT = Path(__file__).resolve().parent.parent.parent
# A process that restores and kills itself when the first segment is loaded.
KILLED = """
import os, signal, sys
import psycopg
from hedgeapp.eventlog.sink.places import open_place
from hedgeapp.eventlog.sink.restore import restore

def told(said):
    if said.startswith("loaded"):
        os.kill(os.getpid(), signal.SIGKILL)

with psycopg.connect(sys.argv[1], autocommit=True) as owner:
    restore(owner, open_place(sys.argv[2]), {}, told=told)
"""
OPEN, ASKED = "hg" + "b" * 26, "hg" + "c" * 26


@pytest.fixture
def place(tmp_path: Path, settings: Any) -> Folder:
    """The second store of these tests, whose heads are signed beside it."""
    settings.VAR_DIR = tmp_path / "var"
    place = Folder(tmp_path / "sink")
    settings.SINK_URL = place.url
    return place


@pytest.fixture
def live(owner: Connection) -> Connection:
    """A log with reference data, trading, orders of ours, a halt, and all rows of them."""
    known = {event.key for event in catalogue()}
    more = [event for event in REFERENCE if event.key not in known]
    ours: list[Event] = [intended(OPEN), sent(OPEN), intended(ASKED, reduce_only=True)]
    with owner.transaction():
        append(owner, [*catalogue(), *fills(40), *more, *TRADING, *DESK, *ours], at=AT)
    for one in read.read(owner):
        event: Any = one.event
        if type(event).__module__ == "hedgeapp.core.events.reference":
            project(event)
    declare_halt("*", by="ann", reason="a drill", at=AT)
    ask_resume(Halt.objects.get().halt_id, by="bob", reason="all is well", at=AT)
    read_models.advance(Book(), list(read.read(owner)))
    return owner


def lost(connection: Connection) -> None:
    """Make the database a new one: migrated and empty."""
    call_command("flush", interactive=False, verbosity=0)
    emptied(connection)


def rows_of(connection: Connection, table: str, without: tuple[str, ...] = ("id",)) -> list[str]:
    found = connection.execute(f"SELECT row_to_json(t)::text FROM {table} AS t").fetchall()
    kept = ({key: value for key, value in json.loads(row).items() if key not in without} for (row,) in found)
    return sorted(json.dumps(row) for row in kept)


def everything(connection: Connection) -> dict[str, list[str]]:
    return {name: rows_of(connection, name) for name in ["eventlog_event", *names()]}


def restored(**given: Any) -> str:
    told = StringIO()
    call_command("eventlog", "restore", stdout=told, **given)
    return told.getvalue()


def loaded(place: Folder, signed: dict[int, bytes] | None = None, **given: Any) -> int:
    with psycopg.connect(conninfo("owner"), autocommit=True) as owner:
        return restore(owner, place, signed or {}, **given).seq


def test_a_database_that_was_lost_comes_back_with_one_command(live: Connection, log_url: str, place: Folder) -> None:
    seq = fed(place, log_url)
    before, halt = everything(live), rows_of(live, "portfolio_halt")
    lost(live)
    assert read.head(live).seq == 0
    told = restored()
    assert f"loaded up to event {seq} of {seq}" in told
    assert "every hash verified" in told
    assert everything(live) == before  # the halt is in force already, so that the restore declares no other
    assert set(halt) <= set(rows_of(live, "portfolio_halt"))


def test_after_a_restore_new_risk_is_halted_and_open_work_is_carried_on(
    live: Connection, log_url: str, place: Folder
) -> None:
    fed(place, log_url)
    lost(live)
    restored()
    (halt,) = Halt.objects.filter(lifted_at=None)
    assert (halt.scope, halt.asked_by) == ("*", "bob")
    assert sorted(Work.objects.filter(closed_at=None).values_list("kind", "subject", "queue")) == [
        ("halt", halt.halt_id, "urgent"),
        ("order", OPEN, "orders"),
        ("order", ASKED, "urgent"),
    ]


def test_where_nothing_was_halted_the_restore_halts(owner: Connection, log_url: str, place: Folder) -> None:
    grown(owner, 3)
    fed(place, log_url)
    lost(owner)
    assert "New risk is halted until two people resume" in restored()
    assert [(halt.scope, halt.declared_by) for halt in Halt.objects.all()] == [("*", "restore")]
    assert Work.objects.get().kind == "halt"


def test_the_projector_goes_on_from_restored_rows_and_a_replay_finds_them_equal(
    live: Connection, log_url: str, place: Folder
) -> None:
    fed(place, log_url)
    lost(live)
    restored()
    seq = projected_seq()
    book = Book()
    for one in read.read(live, until=seq):
        book.apply(one)
    with live.transaction():
        append(live, fills(3, first=500), at=AT)
    read_models.advance(book, list(read.read(live, after=seq)))
    assert replay(conninfo()).differing == {}


def test_breaks_and_anchors_come_back_and_runs_as_old_as_are_kept(
    owner: Connection, log_url: str, place: Folder
) -> None:
    with transaction.atomic():
        written(BREAKS, AT)
    before = {name: rows_of(owner, f"reconciliation_{name}") for name in ("breakrow", "anchor", "run")}
    assert min(len(rows) for rows in before.values()) > 0
    fed(place, log_url)
    lost(owner)
    assert f"rows of {len(BREAKS) - 2} events written again" in restored()
    kept = {name: rows_of(owner, f"reconciliation_{name}") for name in before}
    assert kept == {**before, "run": []}
    rebuild_breaks(at=AT)
    assert {name: rows_of(owner, f"reconciliation_{name}") for name in before} == before


def test_rows_can_be_rebuilt_twice(live: Connection, log_url: str, place: Folder) -> None:
    before = everything(live)
    rebuild(conninfo(), at=AT)
    halts, work = rows_of(live, "portfolio_halt"), rows_of(live, "portfolio_work")
    assert rebuild(conninfo(), at=AT).seq == read.head(live).seq
    assert everything(live) == before
    assert (rows_of(live, "portfolio_halt"), rows_of(live, "portfolio_work")) == (halts, work)


def test_a_database_of_an_older_backup_is_brought_up_to_date(live: Connection, log_url: str, place: Folder) -> None:
    backed_up, halt = read.head(live).seq, Halt.objects.get()
    approve_resume(halt.halt_id, by="cat", at=AT)
    seq = fed(place, log_url)
    tampered(live, f"DELETE FROM eventlog_event WHERE seq > {backed_up}")
    Halt.objects.update(lifted_at=None, approved_by="")
    assert f"1 events loaded up to seq {seq}" in restored(resume=True)
    halt.refresh_from_db()
    assert (halt.approved_by, halt.lifted_at) == ("cat", AT)
    assert [one.declared_by for one in Halt.objects.filter(lifted_at=None)] == ["restore"]


def test_the_second_store_goes_on_after_a_restore(owner: Connection, log_url: str, place: Folder) -> None:
    grown(owner, 9)
    fed(place, log_url)
    lost(owner)
    loaded(place)
    grown(owner, 4, first=50)
    assert fed(place, log_url) == 13
    told = StringIO()
    call_command("eventlog", "verify", sink=True, stdout=told)
    assert "equal to the log up to seq 13" in told.getvalue()


async def test_a_service_is_taken_under_an_epoch_that_the_log_does_not_know(
    owner: Connection, app_url: str, log_url: str, place: Folder
) -> None:
    for expected in (1, 2):
        async with await psycopg.AsyncConnection.connect(app_url, autocommit=True) as worker:
            assert await epochs.take(worker, "engine", "us") == expected
    fed(place, log_url)
    emptied(owner)
    owner.execute("TRUNCATE eventlog_epoch")
    assert loaded(place) == 2
    async with await psycopg.AsyncConnection.connect(app_url, autocommit=True) as worker:
        assert await epochs.take(worker, "engine", "them") == 3
    assert [one.event.key for one in read.read(owner)][-1] == "service:engine:3"


def test_a_log_that_has_events_is_left_alone(owner: Connection, log_url: str, place: Folder) -> None:
    grown(owner, 3)
    fed(place, log_url)
    with pytest.raises(CommandError, match="an empty log expected, found one up to event 3") as ended:
        restored()
    assert ended.value.returncode == 1
    assert read.head(owner).seq == 3


def test_an_interrupted_restore_goes_on_where_it_was(owner: Connection, log_url: str, place: Folder) -> None:
    for first in (1, 6, 11):
        grown(owner, 5, first=first)
        fed(place, log_url)
    hash_ = read.head(owner).hash
    lost(owner)
    away = place.path / f"{6:019d}.tail"
    away.rename(away.with_suffix(".away"))
    with pytest.raises(CommandError, match="expected to go on at seq 6"):
        restored()
    assert read.head(owner).seq == 5
    away.with_suffix(".away").rename(away)
    with pytest.raises(CommandError, match=r"an empty log expected.*--resume"):
        restored()
    assert "10 events loaded up to seq 15" in restored(resume=True)
    assert owner.execute("SELECT hash FROM eventlog_event WHERE seq = 15").fetchone() == (hash_,)


def test_a_restore_that_was_killed_goes_on_where_it_was(owner: Connection, log_url: str, place: Folder) -> None:
    for first in (1, 6, 11):
        grown(owner, 5, first=first)
        fed(place, log_url)
    before = rows_of(owner, "eventlog_event")
    lost(owner)
    ended = subprocess.run([sys.executable, "-c", KILLED, log_url, place.url], check=False, timeout=60, cwd=ROOT)
    assert ended.returncode == -9
    assert read.head(owner).seq == 5
    assert loaded(place, resume=True) == 15
    assert rows_of(owner, "eventlog_event") == before


def test_a_restore_goes_on_in_the_middle_of_a_segment_but_never_of_another_log(
    owner: Connection, log_url: str, place: Folder
) -> None:
    grown(owner, 10)
    fed(place, log_url)
    lost(owner)
    grown(owner, 4)
    assert loaded(place, resume=True) == 10
    lost(owner)
    grown(owner, 4, first=70)
    with pytest.raises(CommandError, match="two histories"):
        restored(resume=True)
    assert read.head(owner).seq == 4


def test_a_corrupt_segment_is_named_and_nothing_of_it_is_loaded(owner: Connection, log_url: str, place: Folder) -> None:
    for first in (1, 6, 11):
        grown(owner, 5, first=first)
        fed(place, log_url)
    lost(owner)
    flipped(place.path / f"{6:019d}.tail", 1_000)
    with pytest.raises(CommandError, match=f"segment {6:019d}.tail at seq"):
        restored()
    assert read.head(owner).seq == 5


def test_a_torn_end_is_left_out_and_said(owner: Connection, log_url: str, place: Folder) -> None:
    for first in (1, 6):
        grown(owner, 5, first=first)
        fed(place, log_url)
    lost(owner)
    torn = place.path / f"{6:019d}.tail"
    torn.write_bytes(torn.read_bytes()[:400])
    told = restored()
    assert "left out: " in told
    assert "5 events loaded up to seq 5" in told
    assert torn.exists()


def test_only_the_owner_may_restore(owner: Connection, app: Connection, log_url: str, place: Folder) -> None:
    grown(owner, 3)
    fed(place, log_url)
    lost(owner)
    with pytest.raises(NotTheOwner, match="the owner of the log expected, found the role"):
        restore(app, place, {})
    assert read.head(owner).seq == 0


def test_events_that_come_meanwhile_end_the_restore(owner: Connection, log_url: str, place: Folder) -> None:
    for first in (1, 6):
        grown(owner, 5, first=first)
        fed(place, log_url)
    lost(owner)

    def disturb(told: str) -> None:
        if "loaded up to event 5" in told:
            grown(owner, 1, first=900)

    with pytest.raises(SomebodyAppended, match=r"up to event 5 expected .* found event 6"):
        loaded(place, told=disturb)


def test_the_log_guards_stay_in_force(owner: Connection, log_url: str, place: Folder) -> None:
    grown(owner, 3)
    fed(place, log_url)
    lost(owner)
    loaded(place)
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="only ever appended to"):
        owner.execute("DELETE FROM eventlog_event")
    rows = "SELECT 4, now(), kind, 'x', body, hash FROM eventlog_event WHERE seq = 3"
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="hash of the chain"):
        owner.execute(f"INSERT INTO eventlog_event {rows}")


def test_signed_heads_must_agree_with_what_is_restored(owner: Connection, log_url: str, place: Folder) -> None:
    grown(owner, 4)
    fed(place, log_url)
    head = read.head(owner)
    lost(owner)
    with pytest.raises(ValueError, match=r"the signed hash .* expected in the second store at seq 4"):
        loaded(place, {4: b"\0" * 32})
    assert read.head(owner).seq == 0
    assert loaded(place, {4: head.hash}) == 4


def test_a_signed_head_that_no_store_has_is_given_up_by_explicit_word_only(
    owner: Connection, log_url: str, place: Folder, settings: Any
) -> None:
    grown(owner, 4)
    fed(place, log_url)
    notary.sign(settings.VAR_DIR, read.head(owner), AT)
    grown(owner, 2, first=5)
    notary.sign(settings.VAR_DIR, read.head(owner), AT)
    lost(owner)
    with pytest.raises(CommandError, match=r"signed head at seq 6 expected .* --accept-loss"):
        restored()
    assert read.head(owner).seq == 0
    assert "1 signed heads of lost events set aside" in restored(accept_loss=True)
    assert [head.seq for head in notary.signed_heads(settings.VAR_DIR)] == [4]
    (kept,) = (settings.VAR_DIR / "heads" / "lost").iterdir()
    assert json.loads(kept.read_text())["seq"] == 6
    call_command("eventlog", "verify", sink=True, stdout=StringIO())


def test_an_empty_place_is_no_place_to_restore_from(owner: Connection, place: Folder) -> None:
    with pytest.raises(CommandError, match=r"segments expected at file://.* found none"):
        restored()
