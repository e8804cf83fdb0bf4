"""What the pages of moves show: a list, one move with what is missing, and what waits for whom."""

from datetime import timedelta
from typing import Any

import psycopg
import pytest

from hedgeapp.core.events.reference import LimitChanged
from hedgeapp.database import conninfo
from hedgeapp.eventlog.read import read
from portfolio.core.book import Book
from portfolio.core.move_payloads import payload_hash, rejection_hash
from portfolio.core.move_states import Move
from portfolio.operations import read_models
from portfolio.operations.moves.proposals import withdraw_move
from portfolio.queries import moves
from portfolio.queries.moves import MoveDetail, MoveFilter, Turn
from portfolio.queries.people import deciders, keyholders
from tests.builders.books import USDM, D, limit
from tests.builders.desks import written
from tests.builders.keyholders import now
from tests.builders.move_desk import Desk, Person, decides, members, proposal
from tests.builders.moves import LINK, WALLET

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def desk(log_url: str) -> Desk:
    return Desk()


def projected() -> None:
    with psycopg.connect(conninfo(), autocommit=True) as raw:
        read_models.advance(Book(), list(read(raw)))


def detail(move: Move) -> MoveDetail:
    found = moves.move_detail(move.move_id, now())
    assert found is not None
    return found


def turn(move: Move, who: Person, **given: Any) -> Turn:
    person = type(who[0]).objects.get(pk=who[0].pk)
    return moves.turn(
        detail(move),
        name=person.get_username(),
        may_decide=person.has_perm("portfolio.decide_move"),
        may_withdraw_others=person.has_perm("portfolio.withdraw_others_move"),
        at=given.get("at") or now(),
    )


def listed(seq: int | None = None, **given: Any) -> list[str]:
    return [f"{one.kind} {one.amount:f} {one.state}" for one in moves.moves(MoveFilter(**given), seq)]


def test_moves_are_listed_by_what_they_are_now_or_were_then(desk: Desk) -> None:
    first = decides(decides(proposal(desk.ann), desk.bob), desk.cay)
    home = proposal(desk.ann, "20", "n-2", kind="undelegate")
    withdraw_move(home.move_id, by=desk.gil[0], reason="no", at=now())
    projected()
    assert listed() == ["undelegate 20 withdrawn", "delegate 100 approved"]
    assert listed(is_open=True) == listed(state="approved") == listed(kind="delegate") == ["delegate 100 approved"]
    assert listed(account=USDM, asset="ETH", by="ann") == listed()
    assert listed(by="bob") == listed(account="binance-coinm:main") == []
    assert listed(home.seq) == ["undelegate 20 awaiting_approval", "delegate 100 approved"]
    assert [one.state for one in moves.move_history(first.move_id)][-1] == "approved"
    row = moves.move_row(first.move_id)
    assert row is not None
    assert [one["by"] for one in row.decisions] == ["bob", "cay"]
    assert moves.move_row("mv-none") is None


def test_a_move_is_shown_with_what_is_missing_of_its_quorum(desk: Desk) -> None:
    move = decides(proposal(desk.ann), desk.bob)
    found = detail(move)
    assert found.sentence == f"delegate 100 ETH from {WALLET} to {USDM} by ceffu ({LINK})"
    assert (found.asked, found.worth.usd, found.quorum.people) == ("2 of approver", D(300_000), ("bob",))
    assert [(one.group, one.needed) for one in found.quorum.missing] == [("approver", 1)]
    assert (found.reach.is_reachable, found.reach.could) == (True, ("cay", "dan"))
    assert (found.approval_challenge, found.rejection_challenge) == (
        payload_hash(move.payload),
        rejection_hash(move.payload),
    )
    assert bytes.fromhex(found.payload_hash) == found.approval_challenge
    assert found.hindrances == ()
    assert moves.move_detail("mv-none", now()) is None


def test_a_quorum_that_nobody_can_fill_is_said_so(desk: Desk) -> None:
    move = decides(proposal(desk.ann), desk.bob)
    for who in (desk.cay, desk.dan):
        members(who, "viewer")
    found = detail(move).reach
    assert (found.is_reachable, found.could) == (False, ())
    assert [(one.group, one.needed) for one in found.missing] == [("approver", 1)]


def test_an_approver_without_a_key_fills_no_place(desk: Desk) -> None:
    move = proposal(desk.ann)
    members(desk.gil, "approver")
    assert "gil" in deciders()
    assert "gil" not in keyholders(now())
    assert "gil" not in detail(move).reach.could
    assert "with a passkey in force expected" in turn(move, desk.gil).objection


def test_each_person_sees_what_is_his_to_do(desk: Desk) -> None:
    move = decides(proposal(desk.ann), desk.bob)
    assert turn(move, desk.cay) == Turn(may_approve=True, may_reject=True, may_withdraw=False, objection="")
    own = turn(move, desk.ann)
    assert (own.may_approve, own.may_reject, own.may_withdraw) == (False, True, True)
    assert "somebody else than the proposer expected" in own.objection
    assert "yours is there" in turn(move, desk.bob).objection
    risk = turn(move, desk.gil)
    assert (risk.may_approve, risk.may_reject, risk.may_withdraw) == (False, False, True)
    late = turn(move, desk.cay, at=now() + timedelta(hours=4))
    assert (late.may_approve, late.may_reject, late.may_withdraw) == (False, False, False)


def test_who_changed_what_it_rests_on_is_told_why_he_may_not(desk: Desk) -> None:
    event = limit("net_delta_band", "ETH", "26")
    written(LimitChanged(at=now(), limit=event.limit, version=2, by="cay"), at=now())
    move = proposal(desk.ann)
    assert "cay changed limit:net_delta_band ETH" in turn(move, desk.cay).objection
    assert detail(move).reach.could == ("bob", "dan")


def test_what_waits_is_told_to_those_who_could_approve_it(desk: Desk) -> None:
    first = proposal(desk.ann)
    decides(proposal(desk.ann, nonce="n-2"), desk.bob, "reject")
    (waiting,) = moves.waiting_moves(now())
    assert (waiting.move, waiting.missing) == (first, "2 of approver")
    assert [len(moves.waits_for(name, now())) for name in ("ann", "bob", "cay", "gil")] == [0, 1, 1, 0]
    decides(first, desk.bob)
    assert [len(moves.waits_for(name, now())) for name in ("ann", "bob", "cay", "gil")] == [0, 0, 1, 0]


def test_a_ticket_offers_the_ways_that_two_people_agreed_on(desk: Desk) -> None:
    assert {(one.name, one.kinds) for one in moves.ways(now())} == {
        (USDM, ("delegate",)),
        (WALLET, ("undelegate",)),
        ("w2", ("transfer",)),
    }
    assert moves.move_stands(now()) == ()  # no account has limits
