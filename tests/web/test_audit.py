"""The audit: what people did is in the log, from where and seeing what, and is found again by those who may."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client

from hedgeapp.access import telling
from hedgeapp.access.roles import grant_roles
from hedgeapp.core.events import KINDS, Event
from hedgeapp.core.events.door import (
    MORE,
    DataExported,
    PasswordChanged,
    PersonActed,
    PersonCame,
    PersonDenied,
    PersonKeptOut,
    PersonLeft,
)
from hedgeapp.core.events.halts import HaltDeclared
from hedgeapp.eventlog.append import LogIsBusy
from hedgeapp.eventlog.codec import decode
from hedgeapp.eventlog.models import LoggedEvent
from portfolio.core.deeds import DEED_KINDS
from portfolio.queries import audit
from portfolio.queries.audit import RARE, AuditFilter, page
from tests.builders.blotters import began, life, told
from tests.builders.orders import AT
from tests.builders.streamed import whole

PASSWORD = "a-long-enough-passphrase"


@pytest.fixture(autouse=True)
def _log(transactional_db: None, screen_store: Any) -> None:
    grant_roles()


def somebody(role: str = "", name: str = "ann") -> Client:
    user = User.objects.create_user(name, password=PASSWORD)
    user.groups.set(Group.objects.filter(name=role))
    client = Client()
    client.force_login(user)
    return client


def events(*kinds: type[Any]) -> list[Event]:
    rows = LoggedEvent.objects.order_by("seq").values_list("kind", "body")
    found = [decode(kind, bytes(body)) for kind, body in rows]
    return [one for one in found if not kinds or isinstance(one, kinds)]


def log_in(client: Client, name: str, password: str) -> int:
    return client.post("/login/", {"username": name, "password": password}, REMOTE_ADDR="10.0.0.7").status_code


def test_who_comes_and_goes_is_told_with_the_address() -> None:
    somebody()
    client = Client()
    assert log_in(client, "ann", PASSWORD) == 302
    client.post("/login/out", REMOTE_ADDR="10.0.0.7")
    came, left = events(PersonCame, PersonLeft)
    assert isinstance(came, PersonCame)
    assert isinstance(left, PersonLeft)
    assert (came.person, came.came_by, came.from_address) == ("ann", "password", "10.0.0.7")
    assert (left.person, left.from_address) == ("ann", "10.0.0.7")


def test_who_is_not_let_in_is_told_once_a_minute_and_no_password_is() -> None:
    somebody()
    for name in ("ann", "ann", "my-secret-password"):
        assert log_in(Client(), name, "wrong") == 200
    (kept,) = events(PersonKeptOut)
    assert isinstance(kept, PersonKeptOut)
    assert (kept.person, kept.from_address, kept.attempts) == ("ann", "10.0.0.7", 1)
    assert b"my-secret-password" not in b"".join(bytes(row.body) for row in LoggedEvent.objects.all())


def test_a_name_that_nobody_has_is_not_written() -> None:
    log_in(Client(), "my-secret-password", "wrong")
    (kept,) = events(PersonKeptOut)
    assert isinstance(kept, PersonKeptOut)
    assert kept.person == ""


def test_a_flood_of_addresses_is_one_fact_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "ADDRESSES_TOLD_MAX", 3)
    for number in range(8):
        Client().post("/login/", {"username": "x", "password": "y"}, REMOTE_ADDR=f"10.0.0.{number}")
    found = [one.from_address for one in events(PersonKeptOut) if isinstance(one, PersonKeptOut)]
    assert found == ["10.0.0.0", "10.0.0.1", "10.0.0.2", MORE]


def test_what_a_role_does_not_allow_is_told_once_a_minute_and_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "PATHS_TOLD_MAX", 2)
    client = somebody("viewer")
    for path in ("/halt/", "/halt/", "/prices/pause", "/orders/ticket/", "/orders/x/cancel"):
        assert client.post(path, {"seen_seq": "7"}).status_code == 403
    found = [one for one in events(PersonDenied) if isinstance(one, PersonDenied)]
    assert [(one.method, one.path, one.seen_seq) for one in found] == [
        ("POST", "/halt/", 7),
        ("POST", "/prices/pause", 7),
        (MORE, MORE, 0),
    ]


def test_a_form_that_was_done_is_told_with_what_it_put_into_the_log() -> None:
    client = somebody("trader")
    answer = client.post("/halt/", {"scope": "*", "reason": "odd", "seen_seq": "7"}, REMOTE_ADDR="10.0.0.7")
    assert answer.status_code == 302
    (act,) = events(PersonActed)
    assert isinstance(act, PersonActed)
    declared = LoggedEvent.objects.get(kind="HaltDeclared")
    assert (act.by, act.path, act.seen_seq, act.from_address) == ("ann", "/halt/", 7, "10.0.0.7")
    assert declared.seq in act.seqs


@pytest.mark.parametrize("seen", ["", "-1", "x", "9" * 30, "٣"])
def test_what_a_browser_says_it_showed_is_a_number_or_nothing(seen: str) -> None:
    somebody("trader").post("/halt/", {"scope": "*", "reason": "odd", "seen_seq": seen})
    (act,) = events(PersonActed)
    assert isinstance(act, PersonActed)
    assert act.seen_seq == 0


def test_a_form_that_was_refused_is_no_act() -> None:
    assert somebody("trader").post("/halt/", {"scope": "nowhere", "reason": "odd"}).status_code == 400
    assert events(PersonActed) == []


def test_a_password_that_was_set_is_told_without_it() -> None:
    client = somebody()
    new = "another-long-passphrase"
    given = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    assert client.post("/login/account", given).status_code == 302
    (changed,) = events(PasswordChanged)
    assert isinstance(changed, PasswordChanged)
    assert (changed.person, changed.by) == ("ann", "ann")
    assert new.encode() not in b"".join(bytes(row.body) for row in LoggedEvent.objects.all())


def test_a_file_that_somebody_took_is_told_with_its_filters() -> None:
    client = somebody()
    for _ in range(2):
        client.get("/orders/export.csv?state=finished")
    (taken,) = events(DataExported)
    assert isinstance(taken, DataExported)
    assert taken.path == "/orders/export.csv?state=finished"


def desk_at_work() -> Client:
    """Let ann halt as she saw event 7, eve be denied, and return the auditor."""
    began()
    somebody("trader").post("/halt/", {"scope": "*", "reason": "odd", "seen_seq": "7"}, REMOTE_ADDR="10.0.0.7")
    somebody("viewer", "eve").post("/halt/", {"scope": "*"}, REMOTE_ADDR="10.0.0.8")
    told(*life(1, "sent", at=AT), at=datetime.now(UTC))
    return somebody("auditor", "odo")


def test_the_page_says_who_did_what_from_where_seeing_what_with_its_evidence() -> None:
    client = desk_at_work()
    shown = client.get("/audit/", {"kind": "HaltDeclared"}).content.decode()
    seq = LoggedEvent.objects.get(kind="HaltDeclared").seq
    for found in ("HALT everywhere by ann: odd", ">ann</th>", "10.0.0.7", 'href="/?at=7"', f'href="/events/{seq}/"'):
        assert found in shown
    assert 'href="/halt/">halt ' in shown


@pytest.mark.parametrize(
    ("query", "kinds"),
    [
        ({"person": "eve"}, ["PersonDenied"]),
        ({"person": "ev"}, []),
        ({"about": "hg" + "0" * 25 + "1"}, ["OrderIntended"]),
        ({"text": "EVERYWHERE"}, []),
        ({"text": '"REASON":"odd"'}, ["HaltDeclared"]),
        ({"kind": "PersonDenied"}, ["PersonDenied"]),
        ({"until": "2020-01-01"}, []),
        ({"since": "2999-01-01"}, []),
    ],
)
def test_a_search_finds_what_matches(query: dict[str, str], kinds: list[str]) -> None:
    client = desk_at_work()
    context = client.get("/audit/", query).context
    assert [line.kind for line in context["page"].lines] == kinds


@pytest.mark.parametrize("query", [{"since": "noon"}, {"kind": "FillRecorded"}, {"before": "-1"}])
def test_a_search_that_is_none_is_refused_in_a_sentence(query: dict[str, str]) -> None:
    answer = desk_at_work().get("/audit/", query)
    assert answer.status_code == 400
    assert 'class="errors"' in answer.content.decode()


def halts(count: int) -> None:
    told(*(HaltDeclared(at=AT, halt_id=f"h-{number}", scope="*", by="ann", reason="odd") for number in range(count)))


def test_pages_follow_each_other_without_a_gap_and_back() -> None:
    halts(25)
    first = page(AuditFilter(), size=10)
    second = page(AuditFilter(), before=first.older, size=10)
    third = page(AuditFilter(), before=second.older, size=10)
    found = [line.seq for one in (first, second, third) for line in one.lines]
    assert found == sorted(found, reverse=True)
    assert (len(found), third.older, first.newer) == (25, None, None)
    again = page(AuditFilter(), after=second.newer, size=10)
    assert again.lines == first.lines
    assert page(AuditFilter(until_seq=3, since_seq=1)).lines == tuple(
        line for line in (*first.lines, *second.lines, *third.lines) if 1 < line.seq <= 3
    )


def test_the_file_has_what_the_page_has_and_is_told_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    client = desk_at_work()
    answer = client.get("/audit/export.csv", {"person": "eve"})
    rows = list(csv.DictReader(io.StringIO(whole(answer))))
    assert [(row["kind"], row["people"], row["from_address"]) for row in rows] == [("PersonDenied", "eve", "10.0.0.8")]
    (taken,) = events(DataExported)
    assert isinstance(taken, DataExported)
    assert taken.by == "odo"


def test_deeds_come_out_of_the_index_that_leaves_the_masses_out() -> None:
    assert set(DEED_KINDS) <= set(KINDS)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM unnest(%s::text[]) AS kind WHERE {RARE}", [list(DEED_KINDS)])
        assert cursor.fetchone() == (len(DEED_KINDS),)
        cursor.execute("SET enable_seqscan = off")
        try:
            conditions, given = audit._conditions(AuditFilter())
            select = f"SELECT seq FROM eventlog_event WHERE {conditions} ORDER BY seq DESC LIMIT 100"
            cursor.execute(f"EXPLAIN {select}", given)
            assert "eventlog_event_rare" in str(cursor.fetchall())
        finally:
            cursor.execute("RESET enable_seqscan")


def test_a_log_that_is_busy_keeps_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_: Any, **__: Any) -> None:
        raise LogIsBusy

    somebody()
    monkeypatch.setattr(telling, "append", busy)
    assert log_in(Client(), "ann", PASSWORD) == 302


def test_time_bounds_are_those_of_the_log() -> None:
    halts(3)
    client = somebody("auditor", "odo")
    later = (AT + timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    kinds = [line.kind for line in client.get("/audit/", {"until": later}).context["page"].lines]
    assert kinds == ["HaltDeclared"] * 3
