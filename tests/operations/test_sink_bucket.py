"""The second store as a bucket of an object store: the same promises over S3's protocol."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import call_command

from hedgeapp.eventlog import read
from hedgeapp.eventlog.sink import bucket as buckets
from hedgeapp.eventlog.sink import feed as feeding
from hedgeapp.eventlog.sink.compare import compare
from hedgeapp.eventlog.sink.feed import AnotherWriter
from hedgeapp.eventlog.sink.places import NameIsTaken, Place, PlaceIsAway, PlaceOverwrites, open_place
from tests.builders.buckets import BUCKET, KEY, Objects, bucket
from tests.builders.log import emptied
from tests.builders.sinks import begun, fed, grown

Connection = psycopg.Connection[Any]
URL = f"s3://{BUCKET}/hedgeapp/log"


@pytest.fixture
def objects(monkeypatch: pytest.MonkeyPatch) -> Iterator[Objects]:
    """An empty bucket, and an environment that names its endpoint and keys."""
    with bucket() as served:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{served.port}")
        monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
        monkeypatch.setenv("AWS_REGION", "eu-central-1")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        yield served


@pytest.fixture
def place(objects: Objects) -> Place:
    """The bucket as a place."""
    return open_place(f"{URL}/")


def test_a_log_goes_into_a_bucket_and_comes_back(
    owner: Connection, log_url: str, place: Place, objects: Objects, settings: Any, tmp_path: Path
) -> None:
    settings.VAR_DIR = tmp_path
    for first in range(1, 41, 10):
        grown(owner, 10, first=first)
        fed(place, log_url)
    assert sorted(objects.of) == [
        *(f"hedgeapp/log/{first:019d}.tail" for first in range(1, 41, 10)),
        "hedgeapp/log/README.txt",
    ]
    head = read.head(owner)
    assert compare(owner, place).hash == head.hash
    emptied(owner)
    call_command("eventlog", "restore", url=URL)
    assert compare(owner, place).seq == head.seq


def test_segments_are_joined_in_a_bucket_too(
    owner: Connection, log_url: str, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeding, "SEGMENT_BYTES_MAX", 1)
    monkeypatch.setattr(feeding, "BATCH_ROWS", 2)
    monkeypatch.setattr(feeding, "TAIL_MAX", 3)
    grown(owner, 8)
    fed(place, log_url)
    assert [entry.name for entry in place.entries()] == [f"{1:019d}-{6:019d}.segment", f"{7:019d}.tail"]
    assert compare(owner, place).seq == 8


def test_what_stands_there_is_never_written_again(place: Place) -> None:
    place.prepare()
    place.create("one", b"first")
    with pytest.raises(NameIsTaken):
        place.create("one", b"second")
    assert place.read("one") == b"first"


def test_a_store_that_overwrites_is_refused_before_anything_is_kept_there(place: Place, objects: Objects) -> None:
    objects.overwrites = True
    with pytest.raises(PlaceOverwrites, match="refuses to create the same object twice"):
        place.prepare()


def test_an_answer_that_was_lost_is_told_from_another_writer(
    owner: Connection, log_url: str, place: Place, objects: Objects
) -> None:
    grown(owner, 5)
    with begun(place, log_url) as feed:
        objects.answers_lost = 1
        feed.step()
        assert feed.seq == 5
    assert compare(owner, place).seq == 5
    with begun(place, log_url, epoch=2) as feed:
        grown(owner, 5, first=6)
        objects.of[f"hedgeapp/log/{6:019d}.tail"] = b"somebody else's"
        with pytest.raises(AnotherWriter):
            feed.step()


def test_a_torn_object_is_set_aside(owner: Connection, log_url: str, place: Place, objects: Objects) -> None:
    grown(owner, 5)
    fed(place, log_url)
    name = f"hedgeapp/log/{1:019d}.tail"
    objects.of[name] = objects.of[name][:300]
    assert fed(place, log_url) == 5
    assert compare(owner, place).seq == 5
    assert len(objects.of[f"{name}.torn"]) == 300


@pytest.mark.parametrize(("status", "said"), [(403, "403"), (503, "503")])
def test_a_store_that_refuses_or_fails_is_said_in_a_sentence(
    place: Place, objects: Objects, status: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(buckets, "TRIES_MAX", 0)
    objects.status = status
    with pytest.raises(PlaceIsAway, match=f"second store at {URL} expected to answer, found: .*{said}"):
        open_place(URL).entries()
