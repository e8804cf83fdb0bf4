"""A move is proposed once, judged in the same breath, and withdrawn by who may; each refusal says what was expected."""

from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.contrib.auth.models import User

from hedgeapp.database import conninfo
from hedgeapp.eventlog.models import LoggedEvent
from hedgeapp.eventlog.read import read
from marketdata.core.catalogue import is_reference
from marketdata.projections import project
from portfolio.core.book import Book
from portfolio.core.move_states import Move
from portfolio.models import CollateralMove, Work
from portfolio.operations import read_models
from portfolio.operations.moves.people import NameIsTaken, PermissionIsMissing
from portfolio.operations.moves.proposals import (
    MoveIsNotOpen,
    MoveIsRefused,
    MoveIsUnknown,
    MoveTextIsMalformed,
    TicketMadeAnotherMove,
    propose_move,
    withdraw_move,
)
from portfolio.operations.replay import replay
from portfolio.queries.books import current_book
from tests.builders.books import D
from tests.builders.desks import written
from tests.builders.keyholders import now
from tests.builders.move_desk import Desk, Person, asks, decides, members, proposal, ticket
from tests.builders.moves import intended
from tests.builders.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def desk(log_url: str) -> Desk:
    Work.objects.all().delete()
    return Desk()


def kinds() -> list[str]:
    found = LoggedEvent.objects.order_by("seq").values_list("kind", flat=True)
    return [kind for kind in found if kind.startswith("Move")]


def known(move: Move) -> Move:
    found = current_book().moves.get(move.move_id)
    assert found is not None
    return found


def test_a_large_move_awaits_two_approvers(desk: Desk) -> None:
    move = proposal(desk.ann)
    assert move == known(move)
    assert move.state == "awaiting_approval"
    judged = move.judged
    assert judged is not None
    assert (judged.rule, judged.amount_usd, judged.trust) == ("large", D(300_000), "verified")
    assert [(one.group, one.needed) for one in judged.quotas] == [("approver", 2)]
    assert not Work.objects.exists()
    assert {"policy", "asset:ETH", "venue:binance-usdm"} <= set(move.proposed.rests_on)


def test_what_the_policy_allows_is_approved_with_its_work_at_once(desk: Desk) -> None:
    move = proposal(desk.ann, "1")
    assert (move.state, known(move).state, move.approved_by) == ("approved", "approved", ())
    work = Work.objects.get()
    assert (work.kind, work.subject, work.queue, work.closed_at) == ("move", move.move_id, "moves", None)


def test_what_no_rule_takes_is_in_the_log_as_refused(log_url: str) -> None:
    move = proposal(Desk(asks(1, "BTC only", assets=("BTC",))).ann)
    assert (move.state, known(move).state) == ("refused", "refused")
    assert "found none that matches: nothing moves without one" in move.because


def test_a_price_with_one_source_takes_the_strictest_rule_however_little_it_is(desk: Desk) -> None:
    move = proposal(desk.ann, "1", asset="stETH")
    assert move.judged is not None
    assert (move.state, move.judged.rule, move.judged.trust) == (
        "awaiting_approval",
        "small, large",
        "unverified",
    )
    assert [(one.group, one.needed) for one in move.judged.quotas] == [("approver", 2)]


def test_the_same_ticket_again_is_the_same_move(desk: Desk) -> None:
    first = proposal(desk.ann)
    assert proposal(desk.ann) == first
    assert kinds() == ["MoveProposed", "MoveJudged"]


def test_a_ticket_makes_no_other_move_and_not_for_another_person(desk: Desk) -> None:
    proposal(desk.ann)
    with pytest.raises(TicketMadeAnotherMove):
        proposal(desk.ann, "99")
    members(desk.bob, "trader")
    with pytest.raises(TicketMadeAnotherMove):
        proposal(desk.bob)


def test_many_threads_with_one_ticket_make_one_move_and_one_work(desk: Desk) -> None:
    found = at_once(*[lambda: proposal(desk.ann, "1")] * 4)
    assert {one.move_id for one in found if isinstance(one, Move)} == {Work.objects.get().subject}
    assert len([one for one in found if isinstance(one, Move)]) == 4
    assert kinds() == ["MoveProposed", "MoveJudged", "MoveApproved"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"route": "88002"}, "a destination that two people agreed on for a delegate expected"),
        ({"destination": "binance-coinm:main"}, "a destination that two people agreed on"),
        ({"custodian": "copper"}, "an enabled custodian expected, found copper unknown"),
        ({"asset": "DOGE"}, "a known asset expected, found DOGE"),
        ({"amount": D("0")}, "an amount above 0"),
        ({"amount": D("NaN")}, "an amount with at most"),
        ({"amount": D("900")}, "at most 2500000 USD in 86400 s expected by cap all"),
        ({"amount": D("101"), "asset": "stETH"}, "at most 100 stETH in 86400 s expected by cap stETH"),
        ({"amount": D("201"), "kind": "undelegate"}, "at most 200 ETH from binance-usdm:main expected, found 201 ETH"),
        ({"life": timedelta(0)}, "a move that has not expired expected"),
        ({"life": timedelta(hours=25)}, "an expiry within 1 day"),
    ],
)
def test_what_cannot_be_sent_whoever_agrees_is_refused_loudly(desk: Desk, given: dict[str, Any], said: str) -> None:
    with pytest.raises(MoveIsRefused, match=said):
        propose_move(ticket(**given), by=desk.ann[0], at=now())
    assert kinds() == []
    assert not Work.objects.exists()


def test_splitting_does_not_help_under_a_cap(desk: Desk) -> None:
    for place in range(8):
        move = decides(decides(proposal(desk.ann, "100", f"part-{place}"), desk.bob), desk.cay)
        written(intended(move.payload, "300000"), at=now())
    with pytest.raises(MoveIsRefused, match="100000 USD are left"):
        proposal(desk.ann, "100", "part-9")


def test_only_who_may_proposes_and_the_database_says_who_that_is(desk: Desk) -> None:
    for person in (desk.bob, (User.objects.create_user("eve"), None)):
        with pytest.raises(PermissionIsMissing):
            propose_move(ticket(), by=person[0], at=now())
    assert desk.ann[0].has_perm("portfolio.propose_move")  # and the session still believes it
    members(desk.ann, "viewer")
    with pytest.raises(PermissionIsMissing, match="somebody who may propose moves expected, found ann"):
        proposal(desk.ann)
    members(desk.ann, "trader")
    User.objects.filter(username="ann").update(is_active=False)
    with pytest.raises(PermissionIsMissing):
        proposal(desk.ann)


@pytest.mark.parametrize("name", ["engine", "person", "seed", "console"])
def test_nobody_passes_for_the_engine(desk: Desk, name: str) -> None:
    forger: Person = members((User.objects.create_user(name), desk.ann[1]), "trader")
    with pytest.raises(NameIsTaken):
        proposal(forger)


@pytest.mark.parametrize("wrong", [{"nonce": ""}, {"nonce": "n" * 101}, {"reason": " "}, {"reason": "r" * 501}])
def test_a_text_that_is_none_is_refused(desk: Desk, wrong: dict[str, Any]) -> None:
    with pytest.raises(MoveTextIsMalformed):
        propose_move(ticket(**wrong), by=desk.ann[0], at=now())


def test_the_proposer_and_risk_withdraw_a_move_and_nobody_else(desk: Desk) -> None:
    move = proposal(desk.ann)
    with pytest.raises(PermissionIsMissing, match="withdraw moves of others"):
        withdraw_move(move.move_id, by=desk.bob[0], reason="no", at=now())
    assert withdraw_move(move.move_id, by=desk.gil[0], reason="the market turned", at=now()).state == "withdrawn"
    assert known(move).because == "gil: the market turned"
    own = proposal(desk.ann, nonce="n-2")
    assert withdraw_move(own.move_id, by=desk.ann[0], reason="a slip", at=now()) == known(own)


def test_what_ended_or_never_was_is_not_withdrawn(desk: Desk) -> None:
    with pytest.raises(MoveIsUnknown):
        withdraw_move("mv" + "x" * 26, by=desk.ann[0], reason="no", at=now())
    move = decides(proposal(desk.ann), desk.bob, "reject")
    with pytest.raises(MoveIsNotOpen, match="a move that was not sent expected"):
        withdraw_move(move.move_id, by=desk.ann[0], reason="no", at=now())


def test_an_approved_move_can_be_withdrawn_until_it_is_sent(desk: Desk) -> None:
    move = proposal(desk.ann, "1")
    withdraw_move(move.move_id, by=desk.ann[0], reason="a slip", at=now())
    assert known(move).state == "withdrawn"


def test_rows_of_moves_equal_those_built_again_from_the_log(desk: Desk) -> None:
    decides(decides(proposal(desk.ann), desk.bob), desk.cay)
    decides(proposal(desk.ann, nonce="n-2"), desk.dan, "reject")
    withdraw_move(proposal(desk.ann, nonce="n-3").move_id, by=desk.gil[0], reason="no", at=now())
    with psycopg.connect(conninfo(), autocommit=True) as raw:
        recorded = list(read(raw))
    for one in recorded:
        if is_reference(one.event):
            project(one.event)
    read_models.advance(Book(), recorded)
    assert replay(conninfo()).differing == {}
    states = CollateralMove.objects.filter(to_seq=None).order_by("proposed_seq").values_list("state", flat=True)
    assert list(states) == ["approved", "rejected", "withdrawn"]
