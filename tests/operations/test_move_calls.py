"""Calls of moves: each who could approve a move that waits is mailed once, until it is taken; over a real socket."""

from collections.abc import Iterator
from email import message_from_string
from email.policy import default
from typing import Any

import pytest
from django.contrib.auth.models import User

from hedgeapp.core.events.door import PersonCalled
from hedgeapp.environment import Environment
from hedgeapp.eventlog import codec
from hedgeapp.eventlog.models import LoggedEvent
from portfolio.operations.moves.proposals import withdraw_move
from portfolio.tasks.calls import call_approvers
from tests.builders.keyholders import now
from tests.builders.mails import Post, mail_server
from tests.builders.move_desk import Desk, decides, proposal


@pytest.fixture
def post(settings: Any) -> Iterator[Post]:
    with mail_server(settings) as made:
        settings.MOVE_EMAIL = True
        yield made


@pytest.fixture
def people(log_url: str) -> Desk:
    """Ann proposes; Bob, Cay and Dan could approve, and of them Bob and Cay gave an address; so did Ann and Gil."""
    desk = Desk()
    for name in ("ann", "bob", "cay", "gil"):
        User.objects.filter(username=name).update(email=f"{name}@example.org")
    return desk


def to(mail: str) -> str:
    return str(message_from_string(mail, policy=default)["To"])


def text(mail: str) -> str:
    return " ".join(str(message_from_string(mail, policy=default).get_content()).split())


def test_each_who_could_approve_and_has_an_address_is_told_once(people: Desk, post: Post) -> None:
    move = proposal(people.ann)
    assert (call_approvers(), call_approvers()) == (2, 0)
    assert sorted(map(to, post.mails)) == ["bob@example.org", "cay@example.org"]
    rows = LoggedEvent.objects.filter(kind=PersonCalled.__name__).order_by("seq")
    told = [codec.decode(row.kind, bytes(row.body)) for row in rows]
    assert {(one.person, one.subject, one.channel) for one in told if isinstance(one, PersonCalled)} == {
        (name, f"move:{move.move_id}", "email") for name in ("bob", "cay")
    }


def test_a_mail_says_in_one_sentence_what_waits_and_where(people: Desk, post: Post, settings: Any) -> None:
    move = proposal(people.ann)
    call_approvers()
    said = text(post.mails[0])
    assert "A collateral move waits for your word: delegate 100 ETH from w1 to binance-usdm:main" in said
    assert "2 of approver must agree yet" in said.lower()
    assert f"{settings.PASSKEY_ORIGIN}/moves/{move.move_id}/" in said
    subject = str(message_from_string(post.mails[0], policy=default)["Subject"])
    assert subject.startswith("[SANDBOX] A move waits for your word: delegate 100 ETH")


def test_no_mail_has_anything_that_decides_or_that_people_wrote(people: Desk, post: Post) -> None:
    move = proposal(people.ann, reason="the secret of the desk")
    decides(move, people.dan)
    call_approvers()
    (kept,) = LoggedEvent.objects.filter(kind="MoveDecided")
    event = codec.decode(kept.kind, bytes(kept.body))
    for mail in post.mails:
        assert "secret of the desk" not in text(mail)
        assert event.assertion.signature[:20] not in mail  # type: ignore[union-attr]
        assert "?" not in text(mail).partition("http")[2].split()[0]


def test_who_has_approved_is_not_told_of_it(people: Desk, post: Post) -> None:
    decides(proposal(people.ann), people.bob)
    assert call_approvers() == 1
    assert [*map(to, post.mails)] == ["cay@example.org"]
    assert "1 of approver must agree yet" in text(post.mails[0]).lower()


def test_a_move_that_waits_no_more_is_no_word(people: Desk, post: Post) -> None:
    withdraw_move(proposal(people.ann).move_id, by=people.ann[0], reason="not needed", at=now())
    assert call_approvers() == 0


def test_every_move_is_word_of_its_own(people: Desk, post: Post) -> None:
    proposal(people.ann, nonce="n-1")
    assert call_approvers() == 2
    proposal(people.ann, nonce="n-2")
    assert call_approvers() == 2
    assert len(post.mails) == 4


def test_word_that_is_not_taken_goes_out_again(people: Desk, post: Post, settings: Any) -> None:
    proposal(people.ann)
    port, settings.EMAIL_PORT = settings.EMAIL_PORT, 1
    assert (call_approvers(), call_approvers()) == (0, 0)
    settings.EMAIL_PORT = port
    assert (call_approvers(), call_approvers()) == (2, 0)


def test_an_address_that_is_refused_holds_up_nobody_else(people: Desk, post: Post) -> None:
    proposal(people.ann, nonce="n-1")
    proposal(people.ann, nonce="n-2")
    post.refused = {"bob@example.org"}
    assert (call_approvers(), call_approvers()) == (2, 0)
    post.refused = set()
    assert call_approvers() == 2


def test_who_comes_to_an_address_later_is_told_then(people: Desk, post: Post) -> None:
    proposal(people.ann)
    call_approvers()
    User.objects.filter(username="dan").update(email="dan@example.org")
    assert call_approvers() == 1
    assert to(post.mails[-1]) == "dan@example.org"


def test_without_the_setting_nobody_is_mailed(people: Desk, post: Post, settings: Any) -> None:
    proposal(people.ann)
    settings.MOVE_EMAIL = False
    assert call_approvers() == 0
    assert not post.mails


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, False),
        ({"HEDGEAPP_SMTP": "smtp://mail.test:25"}, True),
        ({"HEDGEAPP_SMTP": "smtp://mail.test:25", "HEDGEAPP_MOVE_EMAIL": "0"}, False),
    ],
)
def test_mail_of_moves_is_off_until_a_mail_server_is_named(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], expected: bool
) -> None:
    for name in ("HEDGEAPP_SMTP", "HEDGEAPP_MOVE_EMAIL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert Environment().mails_approvers is expected
