"""The pages of moves: proposed with their effects in view, decided by a passkey on exactly what is shown."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from hedgeapp.eventlog.models import LoggedEvent
from portfolio.core.move_payloads import payload_hash, rejection_hash, written
from portfolio.core.move_states import Move
from portfolio.models import CollateralMove, Work
from portfolio.queries.books import current_book
from portfolio.queries.pages import PAGE
from tests.builders.blotters import projected
from tests.builders.books import USDM, D
from tests.builders.keyholders import now
from tests.builders.move_desk import Desk, Person, proposal
from tests.builders.moves import LINK, WALLET

PATH = "/moves/"
WAY = f"delegate|ceffu|{WALLET}|{USDM}|{LINK}"
TYPED = {"way": WAY, "asset": "ETH", "amount": "100", "reason": "the headroom is low", "nonce": "n" * 24}


@pytest.fixture(autouse=True)
def _log(transactional_db: None, screen_store: object) -> None:
    Work.objects.all().delete()


@pytest.fixture
def people() -> Desk:
    return Desk()


def client_of(person: Person) -> Client:
    client = Client()
    client.force_login(person[0])
    return client


def text(client: Client, path: str = PATH, **asked: str) -> str:
    answer = client.get(path, asked)
    assert answer.status_code == 200, answer.content.decode()[:2000]
    return answer.content.decode()


def known(move: Move) -> Move:
    found = current_book().moves.get(move.move_id)
    assert found is not None
    return found


def said(by: Person, move: Move, verdict: str = "approve", **given: Any) -> Any:
    """Return the answer to a decision as the page's form sends it."""
    signed = (payload_hash if verdict == "approve" else rejection_hash)(move.payload)
    fields = {
        "payload_hash": payload_hash(move.payload).hex(),
        "seen": str(move.seq),
        "typed": written(move.payload.amount),
        "assertion": by[1].assertion(signed),
        "reason": "" if verdict == "approve" else "not now",
    }
    return client_of(by).post(f"{PATH}{move.move_id}/{verdict}", {**fields, **given})


# The list ------------------------------------------------------------------------------------------------------------


def test_a_page_without_moves_says_what_comes_first(people: Desk) -> None:
    assert "Nobody has moved any collateral yet" in text(client_of(people.ann))


def test_an_open_move_says_how_far_it_is_and_whom_it_waits_for(people: Desk) -> None:
    move = proposal(people.ann)
    shown = text(client_of(people.gil))
    assert f'href="{PATH}{move.move_id}/"' in shown
    assert "awaiting approval" in shown
    assert "0 of 2" in shown
    assert "needs 2 × approver" in shown
    assert "300,000" in shown


def test_whoever_is_awaited_finds_his_moves_first_and_a_number_on_every_page(people: Desk) -> None:
    proposal(people.ann, nonce="n-1")
    shown = text(client_of(people.bob))
    assert "1 waits for your word" in shown
    for path in (PATH, "/orders/", "/alerts/"):
        assert 'id="moves-badge" class="badge" href="/moves/" data-count="1"' in text(client_of(people.bob), path)
    assert 'data-count="0"' in text(client_of(people.ann))  # the proposer, who approves others' moves
    assert "moves-badge" not in text(client_of(people.gil))


def test_the_number_follows_by_itself(people: Desk) -> None:
    bob = client_of(people.bob)
    assert bob.get(f"{PATH}waiting", {"seen": "0"}).status_code == 204
    move = proposal(people.ann)
    assert 'data-count="1"' in text(bob, f"{PATH}waiting", seen="0")
    said(people.bob, move)
    assert 'data-count="0"' in text(bob, f"{PATH}waiting", seen="1")


def test_open_moves_are_sent_again_only_when_they_changed(people: Desk) -> None:
    proposal(people.ann)
    gil = client_of(people.gil)
    page = text(gil)
    asked = re.search(r'hx-get="(/moves/open\?since=\d+&amp;seen=\w+)"', page)
    assert asked is not None
    path = asked.group(1).replace("&amp;", "&")
    assert gil.get(path).status_code == 204
    proposal(people.ann, "10", "n-2")
    assert gil.get(path).status_code == 200


def test_moves_that_are_over_are_found_by_their_filters(people: Desk) -> None:
    done = proposal(people.ann, "10", "n-1")
    client_of(people.ann).post(f"{PATH}{done.move_id}/withdraw", {"reason": "a slip"})
    other = proposal(people.ann, "20", "n-2")
    projected()
    gil = client_of(people.gil)
    shown = text(gil, state="called off")
    assert done.move_id in shown
    assert "ann: a slip" in shown
    assert "No move matches" in text(gil, state="done")
    assert done.move_id in text(gil, by="ann", kind="delegate", asset="ETH", place=USDM, text=done.move_id[:8])
    assert "No move matches" in text(gil, by="bob")
    assert other.move_id in text(gil, state="awaiting")


def test_a_past_page_has_what_was_open_then(people: Desk) -> None:
    move = proposal(people.ann)
    seq = known(move).seq
    client_of(people.ann).post(f"{PATH}{move.move_id}/withdraw", {"reason": "a slip"})
    projected()
    then = text(client_of(people.gil), at=str(seq))
    assert "Were open" in then
    assert "awaiting approval" in then
    assert "As of event" in then


def test_many_moves_come_a_page_at_a_time(people: Desk) -> None:
    CollateralMove.objects.all().delete()
    at = now()
    rows = [
        CollateralMove(
            from_seq=number, move_id=f"mv{number:026d}", kind="delegate", custodian="ceffu", asset="ETH",
            amount=D(number), source=WALLET, destination=USDM, venue="binance-usdm", route=LINK, expires_at=at,
            by="engine", reason="", proposed_seq=number, proposed_at=at, state="done", because="", policy_version=1,
            rule="large", outcome="ask", quotas=[], amount_usd=D(1), trust="verified", decisions=[], request_id="",
            custodian_order_id="", ended_at=at,
        )
        for number in range(1, 2 * PAGE + 2)
    ]  # fmt: skip
    CollateralMove.objects.bulk_create(rows)
    gil = client_of(people.gil)
    first = text(gil)
    assert first.count('class="way"') - 1 == PAGE
    older = re.search(r'rel="next" href="\?before=(\d+)"', first)
    assert older is not None
    assert f"mv{PAGE + 1:026d}" in text(gil, before=older.group(1))


# The proposal --------------------------------------------------------------------------------------------------------


def test_what_a_move_changes_is_said_before_anybody_proposes_it(people: Desk) -> None:
    shown = text(client_of(people.ann), f"{PATH}propose/effects", **TYPED)
    assert "Delegate 100 ETH (about 300,000 USD) from wallet w1 at ceffu to binance-usdm:main, by 77001." in shown
    assert "asks 2 of approver" in shown
    assert "Exposure and backing" in shown
    assert "What each side can give" in shown
    assert not LoggedEvent.objects.filter(kind="MoveProposed").exists()


def test_more_than_there_is_is_said_at_once(people: Desk) -> None:
    shown = text(client_of(people.ann), f"{PATH}propose/effects", **{**TYPED, "amount": "5000"})
    assert "could not be sent" in shown
    assert "At most 1000 ETH from w1 expected" in shown or "At most 800 ETH from w1 expected" in shown


def test_a_move_is_proposed_once_however_often_the_form_is_sent(people: Desk) -> None:
    ann = client_of(people.ann)
    answers = [ann.post(f"{PATH}propose/", TYPED) for _ in range(2)]
    assert {answer.status_code for answer in answers} == {302}
    assert len({answer["Location"] for answer in answers}) == 1
    assert LoggedEvent.objects.filter(kind="MoveProposed").count() == 1
    assert "awaiting approval" in text(ann, answers[0]["Location"])


def test_a_proposal_that_cannot_be_sent_says_why_and_keeps_what_was_typed(people: Desk) -> None:
    answer = client_of(people.ann).post(f"{PATH}propose/", {**TYPED, "amount": "5000"})
    assert answer.status_code == 409
    assert "expected, found" in answer.content.decode()
    assert 'value="5000"' in answer.content.decode()


def test_a_way_that_nobody_agreed_on_is_not_taken(people: Desk) -> None:
    answer = client_of(people.ann).post(f"{PATH}propose/", {**TYPED, "way": WAY.replace(LINK, "666")})
    assert answer.status_code == 409
    assert "A way that two people agreed on expected" in answer.content.decode()


def test_a_ticket_is_filled_in_from_its_address(people: Desk) -> None:
    shown = text(client_of(people.ann), f"{PATH}propose/", kind="undelegate", source=USDM, asset="ETH", amount="7")
    assert 'value="7"' in shown
    assert re.search(rf'<option value="undelegate\|ceffu\|{USDM}\|{WALLET}\|{LINK}" selected>', shown)


# One move ------------------------------------------------------------------------------------------------------------


def test_an_approver_sees_the_sentence_the_effects_the_rule_and_whose_word_is_missing(people: Desk) -> None:
    move = proposal(people.ann)
    shown = text(client_of(people.bob), f"{PATH}{move.move_id}/")
    for words in (
        "Delegate 100 ETH (about 300,000 USD) from wallet w1 at ceffu to binance-usdm:main",
        "Now → after",
        "rule <b>large</b>: asks 2 of approver",
        "quorum reachable now",
        "2 more of approver",
        "bob, cay, dan could",
        payload_hash(move.payload).hex(),
    ):
        assert words in shown


def test_two_approvers_send_a_move_on_its_way(people: Desk) -> None:
    move = proposal(people.ann)
    first = said(people.bob, move)
    assert first.status_code == 302
    shown = text(client_of(people.cay), f"{PATH}{move.move_id}/")
    assert "1 of 2" in shown
    assert "bob approves" in shown
    assert "by passkey" in shown
    assert said(people.cay, move).status_code == 302
    assert known(move).state == "approved"
    assert Work.objects.filter(kind="move", subject=move.move_id).count() == 1


def test_an_approval_that_counts_no_more_is_not_counted_on_its_page(people: Desk) -> None:
    move = proposal(people.ann)
    said(people.bob, move)
    gil, path = client_of(people.gil), f"{PATH}{move.move_id}/"
    assert "1 of 2 approvals" in text(gil, path)
    people.bob[0].groups.clear()
    assert "0 of 2 approvals" in text(gil, path)
    assert "Does not count" in text(gil, path)


def test_the_proposer_has_no_form_and_no_way_around_it(people: Desk) -> None:
    move = proposal(people.ann)
    shown = text(client_of(people.ann), f"{PATH}{move.move_id}/")
    assert f"{move.move_id}/approve" not in shown
    assert "You cannot approve it: somebody else than the proposer expected" in shown
    answer = said(people.ann, move)
    assert answer.status_code == 409
    assert "Somebody else than the proposer expected" in answer.content.decode()
    assert known(move).decisions == ()


def test_a_session_without_the_key_decides_nothing(people: Desk) -> None:
    move = proposal(people.ann)
    for nothing in ("", "{}", people.cay[1].assertion(payload_hash(move.payload))):
        assert said(people.bob, move, assertion=nothing).status_code in (400, 409)
    assert known(move).decisions == ()


def test_an_approval_of_another_payload_than_the_one_shown_is_refused(people: Desk) -> None:
    move, other = proposal(people.ann), proposal(people.ann, "50", "n-2")
    answer = said(people.bob, move, payload_hash=payload_hash(other.payload).hex())
    assert answer.status_code == 409
    assert "found one on another payload: load the page again" in answer.content.decode()
    assert said(people.bob, move, assertion=people.bob[1].assertion(payload_hash(other.payload))).status_code == 400
    assert known(move).decisions == ()


def test_a_large_amount_is_typed_in(people: Desk) -> None:
    move = proposal(people.ann)
    assert 'name="typed"' in text(client_of(people.bob), f"{PATH}{move.move_id}/")
    for typed in ("", "10", "1000"):
        answer = said(people.bob, move, typed=typed)
        assert answer.status_code == 400
        assert "The amount 100 typed in expected" in answer.content.decode()
    assert known(move).decisions == ()
    small = proposal(people.ann, "10", "n-2")
    assert 'name="typed"' not in text(client_of(people.bob), f"{PATH}{small.move_id}/")


def test_an_approval_that_came_too_late_is_refused(people: Desk) -> None:
    move = proposal(people.ann, life=timedelta(milliseconds=1))
    answer = said(people.bob, move)
    assert answer.status_code == 409
    assert "that has not expired expected" in answer.content.decode()
    assert f"{move.move_id}/approve" not in text(client_of(people.bob), f"{PATH}{move.move_id}/")


def test_any_approver_rejects_with_a_reason(people: Desk) -> None:
    move = proposal(people.ann)
    assert said(people.bob, move, "reject", reason=" ").status_code == 400
    assert said(people.bob, move, "reject", reason="the venue looks wrong").status_code == 302
    shown = text(client_of(people.cay), f"{PATH}{move.move_id}/")
    assert "bob rejects" in shown
    assert "the venue looks wrong" in shown
    assert known(move).state == "rejected"


def test_a_proposer_withdraws_and_others_do_not(people: Desk) -> None:
    move = proposal(people.ann)
    assert client_of(people.bob).post(f"{PATH}{move.move_id}/withdraw", {"reason": "why"}).status_code == 403
    answer = client_of(people.ann).post(f"{PATH}{move.move_id}/withdraw", {"reason": "a slip"})
    assert answer.status_code == 302
    assert known(move).state == "withdrawn"


def test_a_page_follows_its_move_and_says_nothing_when_nothing_changed(people: Desk) -> None:
    move = proposal(people.ann)
    projected()
    cay = client_of(people.cay)
    page = text(cay, f"{PATH}{move.move_id}/")
    asked = re.search(rf'hx-get="({PATH}{move.move_id}/progress\?[^"]+)"', page)
    assert asked is not None
    path = asked.group(1).replace("&amp;", "&")
    assert cay.get(path).status_code == 204
    said(people.bob, move)
    changed = cay.get(path)
    assert changed.status_code == 200
    assert 'id="move-gate"' in changed.content.decode()
    assert "bob approves" in changed.content.decode()
    assert 'id="move-turn"' not in changed.content.decode()  # what cay may do is the same: a form stays as it is


def test_what_happened_is_told_with_the_events_of_the_log(people: Desk) -> None:
    move = proposal(people.ann)
    said(people.bob, move)
    projected()
    shown = text(client_of(people.gil), f"{PATH}{move.move_id}/")
    assert "bob approves move" in shown
    assert f'href="/events/{known(move).seq}/"' in shown


def test_a_page_asks_until_the_rows_have_the_end(people: Desk) -> None:
    move = proposal(people.ann)
    projected()
    client_of(people.ann).post(f"{PATH}{move.move_id}/withdraw", {"reason": "a slip"})
    asks = f'hx-get="{PATH}{move.move_id}/progress'
    assert asks in text(client_of(people.gil), f"{PATH}{move.move_id}/")
    projected()
    settled = text(client_of(people.gil), f"{PATH}{move.move_id}/")
    assert asks not in settled
    assert "withdrawn by ann: a slip" in settled


def test_a_move_that_nobody_proposed_is_not_there(people: Desk) -> None:
    assert client_of(people.gil).get(f"{PATH}mv-nothing/").status_code == 404
