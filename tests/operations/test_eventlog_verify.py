"""Verification names the first bad row, and the signed heads betray what the rows alone could not."""

import json
import stat
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command

from hedgeapp.eventlog import notary, read
from hedgeapp.eventlog.append import append
from hedgeapp.eventlog.read import ChainIsBroken
from hedgeapp.eventlog.tasks import sign_head
from hedgeapp.eventlog.verify import verify
from tests.builders.log import AT, emptied, fills, tampered

Connection = psycopg.Connection[Any]


@pytest.fixture
def ten(owner: Connection) -> Connection:
    """A log of ten events."""
    with owner.transaction():
        append(owner, fills(10), at=AT)
    return owner


@pytest.mark.parametrize(
    ("statement", "seq", "reason"),
    [
        ("UPDATE eventlog_event SET body = overlay(body PLACING '9' FROM 200) WHERE seq = 4", 4, "hash"),
        ("UPDATE eventlog_event SET key = key || 'x' WHERE seq = 5", 5, "hash"),
        ("UPDATE eventlog_event SET kind = 'OrderSeen' WHERE seq = 6", 6, "hash"),
        ("UPDATE eventlog_event SET recorded_at = now() WHERE seq = 7", 7, "hash"),
        ("UPDATE eventlog_event SET hash = sha256('x') WHERE seq = 8", 8, "hash"),
        ("DELETE FROM eventlog_event WHERE seq = 3", 3, "gap"),
        ("DELETE FROM eventlog_event WHERE seq = 1", 1, "gap"),
        ("UPDATE eventlog_event SET seq = 12 WHERE seq = 10", 10, "gap"),
    ],
)  # fmt: skip
@pytest.mark.spoils
def test_the_first_bad_row_is_named(ten: Connection, statement: str, seq: int, reason: str) -> None:
    tampered(ten, statement)
    with pytest.raises(ChainIsBroken, match=reason) as broken:
        verify(ten)
    assert broken.value.seq == seq
    with pytest.raises(ChainIsBroken) as read_too:
        list(read.read(ten, verify=True))
    assert read_too.value.seq == seq


def test_a_good_log_is_verified_whole_and_from_any_row_on(ten: Connection) -> None:
    assert (verify(ten).seq, verify(ten, after=6).seq) == (10, 10)


def test_a_cut_tail_is_found_by_the_signed_head(ten: Connection, tmp_path: Path) -> None:
    notary.sign(tmp_path, read.head(ten), AT)
    tampered(ten, "DELETE FROM eventlog_event WHERE seq > 8")
    assert verify(ten).seq == 8
    with pytest.raises(ChainIsBroken, match=r"seq 9.*signed head at seq 10.*the end at seq 8"):
        verify(ten, heads(tmp_path))


def test_a_log_that_was_written_anew_is_found_by_the_signed_head(ten: Connection, tmp_path: Path) -> None:
    notary.sign(tmp_path, read.head(ten), AT)
    emptied(ten)
    with ten.transaction():
        append(ten, fills(12), at=AT + timedelta(days=1))
    with pytest.raises(ChainIsBroken, match="signed hash") as broken:
        verify(ten, heads(tmp_path))
    assert broken.value.seq == 10


def test_signed_heads_that_agree_are_counted(ten: Connection, tmp_path: Path) -> None:
    notary.sign(tmp_path, read.head(ten), AT)
    with ten.transaction():
        append(ten, fills(2, first=11), at=AT)
    notary.sign(tmp_path, read.head(ten), AT + timedelta(days=40))
    assert verify(ten, heads(tmp_path)).heads == 2


def test_the_signing_key_is_readable_by_its_owner_alone(ten: Connection, tmp_path: Path) -> None:
    notary.sign(tmp_path, read.head(ten), AT)
    assert stat.S_IMODE((tmp_path / notary.KEY_FILE).stat().st_mode) == 0o600


def test_a_line_that_was_changed_is_refused(ten: Connection, tmp_path: Path) -> None:
    notary.sign(tmp_path, read.head(ten), AT)
    (file,) = (tmp_path / notary.FOLDER).iterdir()
    line = json.loads(file.read_text())
    file.write_text(json.dumps(line | {"seq": 9}) + "\n")
    with pytest.raises(notary.HeadIsForged, match="another signature"):
        heads(tmp_path)


def test_a_line_that_a_crash_tore_is_passed_over(ten: Connection, tmp_path: Path) -> None:
    notary.sign(tmp_path, read.head(ten), AT)
    (file,) = (tmp_path / notary.FOLDER).iterdir()
    with file.open("a") as stream:
        stream.write('{"seq": 11, "ha')
    assert [seq for seq, _ in heads(tmp_path)] == [10]
    notary.sign(tmp_path, read.head(ten), AT)
    assert [seq for seq, _ in heads(tmp_path)] == [10, 10]


@pytest.mark.spoils
def test_the_command_ends_with_a_status_and_a_sentence(ten: Connection) -> None:
    told = StringIO()
    call_command("eventlog", "verify", stdout=told)
    assert "verified 10 rows up to seq 10" in told.getvalue()
    tampered(ten, "DELETE FROM eventlog_event WHERE seq = 3")
    with pytest.raises(CommandError, match="seq 3") as ended:
        call_command("eventlog", "verify")
    assert ended.value.returncode == 1


def test_the_command_shows_head_and_tail(ten: Connection) -> None:
    told = StringIO()
    call_command("eventlog", "head", stdout=told)
    call_command("eventlog", "tail", rows=2, stdout=told)
    lines = told.getvalue().splitlines()
    assert lines[0].startswith("seq 10 hash ")
    assert [line.split()[0] for line in lines[1:]] == ["9", "10"]


def test_the_task_signs_the_head_of_a_log_that_has_one(owner: Connection, tmp_path: Path, settings: Any) -> None:
    settings.VAR_DIR = tmp_path
    sign_head()
    assert heads(tmp_path) == []
    with owner.transaction():
        append(owner, fills(3), at=AT)
    sign_head()
    assert heads(tmp_path) == [(3, read.head(owner).hash)]


def heads(var: Path) -> list[tuple[int, bytes]]:
    return [(head.seq, bytes.fromhex(head.hash)) for head in notary.signed_heads(var)]
