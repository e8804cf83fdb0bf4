"""The page of a move offers break-glass where it applies, in two loud steps; the page of reviews asks two others."""

from typing import Any

import pytest

from hedgeapp.core.events.approvals import PolicyRule
from hedgeapp.core.events.marks import MarksTaken
from portfolio.core.move_payloads import break_glass_hash, payload_hash, written
from portfolio.core.move_states import Move
from portfolio.models import Work
from portfolio.operations.move_reviews import glass_review_hash
from portfolio.queries.books import current_book
from tests.builders.blotters import projected
from tests.builders.books import common
from tests.builders.desks import written as told
from tests.builders.gates import client_of
from tests.builders.keyholders import now
from tests.builders.move_desk import PRICE, Desk, Person, breaks, proposal
from tests.builders.moves import EMERGENCY

NEVER = PolicyRule(name="never", outcome="refuse")
OFFER = "Bring it home without its quorum"


@pytest.fixture
def desk(transactional_db: None, screen_store: object) -> Desk:
    Work.objects.all().delete()
    return Desk(NEVER, is_seeded=True)


def page(by: Person, move: Move) -> str:
    projected()
    answer = client_of(by[0]).get(f"/moves/{move.move_id}/")
    assert answer.status_code == 200
    return answer.content.decode()


def sent(by: Person, move: Move, **given: Any) -> Any:
    fields = {
        "payload_hash": payload_hash(move.payload).hex(),
        "seen": "0",
        "reason": EMERGENCY,
        "typed": written(move.payload.amount),
        "assertion": by[1].assertion(break_glass_hash(move.payload, EMERGENCY)),
    }
    return client_of(by[0]).post(f"/moves/{move.move_id}/break-glass", {**fields, **given}, follow=True)


def glass_of(move: Move) -> tuple[int, bool]:
    found = current_book().moves.get(move.move_id)
    assert found is not None
    return len(found.glass), found.broken is not None


def test_two_people_break_it_and_two_others_review_it_on_the_pages(desk: Desk) -> None:
    move = proposal(desk.ann, kind="undelegate")
    assert OFFER in page(desk.bob, move)
    step = sent(desk.bob, move, assertion="", typed="").content.decode()
    assert f"You sign: <b>break-glass</b>, because {EMERGENCY}" in step
    assert glass_of(move) == (0, False)
    assert "Nothing moves until another person signs the same" in sent(desk.bob, move).content.decode()
    assert OFFER not in page(desk.bob, move)
    waits = client_of(desk.dan[0]).get("/moves/").content.decode()
    assert f"({EMERGENCY}). Nothing moves until another person signs the same." in waits
    assert f"because {EMERGENCY}" in page(desk.cay, move)
    assert "The glass is broken" in sent(desk.cay, move).content.decode()
    assert glass_of(move) == (2, True)
    shown = page(desk.dan, move)
    assert "Brought home by bob and cay without its quorum" in shown
    assert "passed by break-glass" in shown
    assert "quorum reached" not in shown
    assert OFFER not in shown
    (broken,) = current_book().moves.unreviewed
    assert "Break-glass: bob and cay brought" in client_of(desk.dan[0]).get("/moves/").content.decode()
    reviews = "/gate/reviews/"
    assert "two others review it" in client_of(desk.bob[0]).get(reviews).content.decode()
    given = {"move": move.move_id, "reason": "it was needed"}
    for by, said in ((desk.bob, "who did"), (desk.dan, "Another person"), (desk.ann, "It is reviewed by two.")):
        signed = given | {"assertion": by[1].assertion(glass_review_hash(broken))}
        answer = client_of(by[0]).post(f"{reviews}break-glass", signed, follow=True)
        assert said in answer.content.decode()
        assert answer.status_code == (403 if by is desk.bob else 200)
    assert current_book().moves.unreviewed == ()
    assert "There is none" in client_of(desk.ann[0]).get(reviews).content.decode()


@pytest.mark.parametrize("typed", ["", "99", "1000"])
def test_the_amount_is_typed_in(desk: Desk, typed: str) -> None:
    move = proposal(desk.ann, "10", kind="undelegate")
    assert sent(desk.bob, move, typed=typed).status_code == 400
    assert glass_of(move) == (0, False)


def test_a_page_says_why_it_does_not_count(desk: Desk) -> None:
    move = proposal(desk.ann, kind="undelegate")
    breaks(move, desk.bob)
    assert sent(desk.bob, move).status_code == 409
    other = desk.cay[1].assertion(break_glass_hash(move.payload, "another"))
    assert sent(desk.cay, move, reason="another", assertion=other).status_code == 409
    approval = desk.cay[1].assertion(payload_hash(move.payload))
    assert sent(desk.cay, move, assertion=approval).status_code == 400
    assert glass_of(move) == (1, False)


def test_it_is_not_offered_where_it_does_not_apply(desk: Desk) -> None:
    assert OFFER not in page(desk.bob, proposal(desk.ann))
    home = proposal(desk.ann, kind="undelegate", nonce="n-2")
    desk.bob[0].groups.clear()
    assert OFFER not in page(desk.bob, home)
    assert sent(desk.bob, home).status_code == 403


def test_who_may_not_sign_it_is_told_why(desk: Desk) -> None:
    move = proposal(desk.ann, kind="undelegate")
    for by, said in (
        (desk.ann, "You cannot sign it: somebody else than the proposer expected, found ann"),
        (desk.gil, "You cannot sign it: a passkey in force expected, found none of yours"),
    ):
        shown = page(by, move)
        assert said in shown
        assert OFFER not in shown
    assert sent(desk.ann, move).status_code == 409


def test_what_it_does_not_override_is_said_before_anybody_signs(desk: Desk) -> None:
    move = proposal(desk.ann, kind="undelegate")
    assert "Even so it could not be sent" not in page(desk.bob, move)
    told(MarksTaken(at=now(), marks=tuple(common(PRICE * 10, at=now()).values())), at=now())
    assert "Even so it could not be sent as things are: at most 2500000 USD" in page(desk.bob, move)


def test_whoever_signs_sees_what_it_changes_though_the_policy_refused_it(desk: Desk) -> None:
    move = proposal(desk.ann, kind="undelegate")
    assert move.state == "refused"
    assert "when both sides show it" in page(desk.bob, move)


def test_a_page_that_is_open_is_told_of_the_first_signature(desk: Desk) -> None:
    move = proposal(desk.ann, kind="undelegate")
    projected()
    seen = client_of(desk.cay[0]).get(f"/moves/{move.move_id}/progress?glass=0-True-True").content.decode()
    assert 'id="move-glass"' not in seen
    breaks(move, desk.bob)
    seen = client_of(desk.cay[0]).get(f"/moves/{move.move_id}/progress?glass=0-True-True").content.decode()
    assert "1 of 2 signed" in seen


def test_a_reason_that_was_typed_is_kept_when_the_amount_is_wrong(desk: Desk) -> None:
    move = proposal(desk.ann, kind="undelegate")
    shown = sent(desk.bob, move, typed="9").content.decode()
    assert f"You sign: <b>break-glass</b>, because {EMERGENCY}" in shown
    assert shown.count(EMERGENCY) == 2


def test_the_past_shows_it_as_it_was_and_offers_nothing(desk: Desk) -> None:
    move = proposal(desk.ann, kind="undelegate")
    first = breaks(move, desk.bob)
    breaks(move, desk.cay)
    projected()
    then = client_of(desk.dan[0]).get(f"/moves/{move.move_id}/?at={first.seq}").content.decode()
    assert "1 of 2 signed" in then
    assert OFFER not in then
    listed = client_of(desk.dan[0]).get(f"/moves/?at={first.seq}").content.decode()
    assert "Nothing moved until another person signs the same." in listed
