"""The second store: what the log has, byte for byte, whatever dies, fills up, is torn or writes beside."""

import os
import subprocess
import threading
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command

from hedgeapp.eventlog import read
from hedgeapp.eventlog.append import append
from hedgeapp.eventlog.read import ChainIsBroken
from hedgeapp.eventlog.sink import feed as feeding
from hedgeapp.eventlog.sink.compare import LogAndStorePart, compare
from hedgeapp.eventlog.sink.feed import AnotherWriter, EpochIsOlder, Feed, LogIsBehind, LogIsForked
from hedgeapp.eventlog.sink.folder import Folder
from hedgeapp.eventlog.sink.held import SegmentsDoNotFit, held, walk
from hedgeapp.eventlog.sink.places import NameIsTaken, PlaceIsAway, PlaceIsFull, UrlIsUnknown, open_place
from hedgeapp.eventlog.sink.segments import ROWS_AT, SegmentIsCorrupt
from tests.builders.log import AT, emptied, fills, tampered
from tests.builders.sinks import begun, fed, flipped, grown, killed

Connection = psycopg.Connection[Any]


@pytest.fixture
def place(tmp_path: Path) -> Folder:
    """A folder that does not exist yet."""
    return Folder(tmp_path / "far" / "sink")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments of two events, of which three become one."""
    monkeypatch.setattr(feeding, "SEGMENT_BYTES_MAX", 1)
    monkeypatch.setattr(feeding, "BATCH_ROWS", 2)
    monkeypatch.setattr(feeding, "TAIL_MAX", 3)


def names(place: Folder) -> list[str]:
    return [entry.name for entry in place.entries()]


def test_the_store_holds_the_rows_of_the_log_byte_for_byte(owner: Connection, log_url: str, place: Folder) -> None:
    grown(owner, 25)
    assert fed(place, log_url) == 25
    (made,) = [made for _, made in walk(place, held(place))]
    whole = owner.execute(read.BATCH_SQL, {"after": 0, "until": read.END, "rows": 100}, binary=True).fetchone()
    assert whole is not None
    assert made.rows == whole[0]
    assert compare(owner, place).hash == read.head(owner).hash


def test_it_goes_on_exactly_at_what_it_holds(owner: Connection, log_url: str, place: Folder) -> None:
    for number in range(4):
        grown(owner, 3, first=1 + 3 * number)
        assert fed(place, log_url, epoch=number + 1) == 3 * number + 3
    assert names(place) == [f"{first:019d}.tail" for first in (1, 4, 7, 10)]
    assert (compare(owner, place).segments, compare(owner, place).seq) == (4, 12)


def test_an_empty_log_leaves_an_empty_store(owner: Connection, log_url: str, place: Folder) -> None:
    assert fed(place, log_url) == 0
    assert compare(owner, place).seq == 0
    assert names(place) == []


@pytest.mark.usefixtures("small")
def test_many_small_segments_become_one(owner: Connection, log_url: str, place: Folder) -> None:
    grown(owner, 10)
    fed(place, log_url)
    assert names(place) == [f"{1:019d}-{6:019d}.segment", f"{7:019d}.tail", f"{9:019d}.tail"]
    assert compare(owner, place).seq == 10
    grown(owner, 1, first=11)
    fed(place, log_url)
    assert names(place) == [f"{1:019d}-{6:019d}.segment", f"{7:019d}-{11:019d}.segment"]
    assert compare(owner, place).seq == 11


def test_a_writer_that_is_killed_at_any_step_leaves_a_store_from_which_the_next_goes_on(
    owner: Connection, log_url: str, place: Folder
) -> None:
    fed(place, log_url)
    points = [(call, when, number) for call in ("fsync", "link", "unlink") for when in ("before", "after")
              for number in (1, 4)]  # fmt: skip
    for turn, (call, when, number) in enumerate(points):
        grown(owner, 10, first=1 + 10 * turn)
        assert killed(log_url, place.url, call, when, number) == -9, (call, when, number)
        assert fed(place, log_url) == 10 * turn + 10
        assert compare(owner, place).seq == 10 * turn + 10
        assert not list(place.path.glob("*.part"))
    assert held(place).covered == []


def test_a_torn_end_is_set_aside_and_written_again(owner: Connection, log_url: str, place: Folder) -> None:
    grown(owner, 3)
    fed(place, log_url)
    grown(owner, 3, first=4)
    fed(place, log_url)
    os.truncate(place.path / f"{4:019d}.tail", 500)
    assert fed(place, log_url) == 6
    assert compare(owner, place).seq == 6
    assert [file.stat().st_size for file in place.path.glob("*.torn")] == [500]


def test_a_changed_end_stops_the_writer_and_is_left_as_it_is(owner: Connection, log_url: str, place: Folder) -> None:
    grown(owner, 3)
    fed(place, log_url)
    flipped(place.path / names(place)[0], ROWS_AT + 100)
    before = (place.path / names(place)[0]).read_bytes()
    with pytest.raises(SegmentIsCorrupt, match=f"segment {1:019d}.tail at seq 1"):
        fed(place, log_url)
    assert (place.path / names(place)[0]).read_bytes() == before


def test_one_changed_byte_anywhere_is_named_by_segment_and_seq(
    owner: Connection, log_url: str, place: Folder, settings: Any
) -> None:
    settings.SINK_URL, settings.VAR_DIR = place.url, place.path / "none"
    for first in (1, 6, 11):
        grown(owner, 5, first=first)
        fed(place, log_url)
    told = StringIO()
    call_command("eventlog", "verify", sink=True, stdout=told)
    assert "3 segments" in told.getvalue()
    assert "equal to the log up to seq 15" in told.getvalue()
    middle = place.path / f"{6:019d}.tail"
    flipped(middle, middle.stat().st_size - 60)
    with pytest.raises(CommandError, match=f"segment {6:019d}.tail at seq 10 is not as it was written") as ended:
        call_command("eventlog", "verify", sink=True)
    assert ended.value.returncode == 1
    for broken in (6, 11):  # it and what came after it are moved away: they are written again
        (place.path / f"{broken:019d}.tail").unlink()
    assert fed(place, log_url) == 15
    call_command("eventlog", "verify", sink=True, stdout=told)


def test_a_segment_that_is_missing_is_named(owner: Connection, log_url: str, place: Folder) -> None:
    for first in (1, 6, 11):
        grown(owner, 5, first=first)
        fed(place, log_url)
    (place.path / f"{6:019d}.tail").unlink()
    with pytest.raises(SegmentsDoNotFit, match=f"segment {11:019d}.tail expected to go on at seq 6"):
        compare(owner, place)


@pytest.mark.parametrize(
    ("statement", "seq", "said"),
    [
        ("UPDATE eventlog_event SET body = overlay(body PLACING '9' FROM 200) WHERE seq = 4", 4, "another row under"),
        ("UPDATE eventlog_event SET hash = sha256('x') WHERE seq = 6", 6, "in the log"),
        ("DELETE FROM eventlog_event WHERE seq >= 8", 8, "no such event in the log"),
    ],
)
@pytest.mark.spoils
def test_where_log_and_store_part_is_named(
    owner: Connection, log_url: str, place: Folder, statement: str, seq: int, said: str
) -> None:
    grown(owner, 10)
    fed(place, log_url)
    tampered(owner, statement)
    with pytest.raises(LogAndStorePart, match=said) as parted:
        compare(owner, place)
    assert parted.value.seq == seq


def test_a_fork_stops_the_writer_and_overwrites_nothing(owner: Connection, log_url: str, place: Folder) -> None:
    grown(owner, 10)
    with begun(place, log_url) as running:
        running.step()
        before = {name: place.read(name) for name in names(place)}
        emptied(owner)
        grown(owner, 12, first=100)
        with pytest.raises(LogIsForked, match="two histories"):
            running.step()
    with pytest.raises(LogIsForked, match="event 10 expected in the log"):
        fed(place, log_url, epoch=2)
    assert {name: place.read(name) for name in names(place)} == before


def test_a_log_that_lost_events_stops_the_writer(owner: Connection, log_url: str, place: Folder) -> None:
    grown(owner, 10)
    fed(place, log_url)
    tampered(owner, "DELETE FROM eventlog_event WHERE seq > 8")
    with pytest.raises(LogIsBehind, match=r"has event 10.*ends at 8"):
        fed(place, log_url)


@pytest.mark.spoils
def test_a_row_that_was_changed_in_the_log_never_comes_into_the_store(
    owner: Connection, log_url: str, place: Folder
) -> None:
    grown(owner, 10)
    tampered(owner, "UPDATE eventlog_event SET recorded_at = now() WHERE seq = 7")
    with pytest.raises(ChainIsBroken, match="seq 7"):
        fed(place, log_url)
    assert names(place) == []


def test_the_slower_of_two_writers_begins_again_where_the_other_ended(
    owner: Connection, log_url: str, place: Folder
) -> None:
    with begun(place, log_url) as one, begun(place, log_url, epoch=2) as other:
        grown(owner, 3)
        one.step()
        grown(owner, 3, first=4)
        with pytest.raises(AnotherWriter):
            other.step()
        other.begin()
        other.step()
        assert other.seq == 6
    assert compare(owner, place).seq == 6
    with pytest.raises(EpochIsOlder, match="epoch 2 or later expected"):
        fed(place, log_url)


@pytest.mark.usefixtures("small")
def test_what_a_late_writer_leaves_is_told_from_the_log_and_put_away(
    owner: Connection, log_url: str, place: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    grown(owner, 4)
    with begun(place, log_url) as late:
        fed(place, log_url)
        grown(owner, 6, first=5)
        fed(place, log_url)  # by now the first six are one segment
        monkeypatch.setattr(feeding, "SEGMENT_BYTES_MAX", 10_000)
        late.step()
    assert f"{1:019d}.tail" in names(place)
    assert fed(place, log_url) == 10
    assert compare(owner, place).seq == 10
    assert len(list(place.path.glob("*.torn"))) == 1
    assert held(place).covered == []


@pytest.mark.usefixtures("small")
def test_two_writers_at_once_make_one_log(owner: Connection, log_url: str, place: Folder) -> None:
    grown(owner, 60)

    def write() -> None:
        feed = Feed(place, log_url, 1)
        while feed.seq < 60:
            try:
                feed.begin()
                while feed.step():
                    pass
            except (AnotherWriter, NameIsTaken, PlaceIsAway):
                continue  # what the other one joined meanwhile is not there any more
        feed.close()

    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    fed(place, log_url)
    assert compare(owner, place).seq == 60


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    path = tmp_path / "tiny"
    path.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", path], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a file system of our own expected to be mounted, which takes root: nothing here can be full")
    yield path
    subprocess.run(["umount", path], check=True)


def test_a_full_disk_is_said_in_a_sentence_and_harms_neither_log_nor_store(
    owner: Connection, log_url: str, tiny: Path
) -> None:
    place = Folder(tiny / "sink")
    grown(owner, 60)
    held_seq = fed(place, log_url)
    grown(owner, 100, first=1_000)
    with pytest.raises(PlaceIsFull, match=r"room for \d+ bytes expected at file://.*found none .*: free some"):
        fed(place, log_url)
    assert compare(owner, place).seq == held_seq
    assert not list(place.path.glob("*.part"))
    with owner.transaction():
        assert len(append(owner, fills(5, first=5_000), at=AT)) == 5
    subprocess.run(["mount", "-o", "remount,size=1m", tiny], check=True)
    assert fed(place, log_url) == 165
    assert compare(owner, place).seq == 165


def test_what_stands_there_is_never_written_again(place: Folder) -> None:
    place.prepare()
    place.create(f"{1:019d}.tail", b"first")
    with pytest.raises(NameIsTaken, match="another writer"):
        place.create(f"{1:019d}.tail", b"second")
    assert place.read(f"{1:019d}.tail") == b"first"


def test_only_its_owner_may_read_what_is_kept(owner: Connection, log_url: str, place: Folder) -> None:
    grown(owner, 1)
    fed(place, log_url)
    assert place.path.stat().st_mode & 0o077 == 0
    assert {file.stat().st_mode & 0o077 for file in place.path.iterdir()} == {0}


def test_the_place_says_what_it_is(place: Folder) -> None:
    place.prepare()
    assert "manage.py eventlog restore" in (place.path / "README.txt").read_text()


@pytest.mark.parametrize("url", ["", "sink", "http://x/y", "file://host/x", "s3://", "s3://key:secret@bucket/x"])
def test_a_place_that_is_not_understood_is_refused(url: str) -> None:
    with pytest.raises(UrlIsUnknown, match=r"s3://bucket/prefix expected"):
        open_place(url)
