"""An approval counts for exactly one payload, of whoever may, once; each rule is attacked."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from hedgeapp.access.codes import CodeIsWrong
from hedgeapp.access.models import Assertion, TotpStep
from hedgeapp.access.passkeys import revoke
from hedgeapp.access.signing import PasskeyIsNotInForce, PayloadIsSigned, sign
from hedgeapp.core.events.marks import MarksTaken
from hedgeapp.core.passkeys import AnotherThingWasAsked, AssertionIsRefused
from hedgeapp.eventlog.models import LoggedEvent
from portfolio.core.move_payloads import payload_hash, rejection_hash
from portfolio.core.move_states import Move
from portfolio.models import Work
from portfolio.operations.moves.decisions import (
    AnotherPayloadWasShown,
    ApprovalDoesNotCount,
    ApproverIsProposer,
    MoveIsPastItsTime,
    OneFactorIsNeeded,
    PersonCountsOnce,
    PolicyRefusesNow,
    decide_move,
)
from portfolio.operations.moves.people import PermissionIsMissing
from portfolio.operations.moves.proofs import StoredProof
from portfolio.operations.moves.proposals import MoveIsNotOpen, MoveTextIsMalformed, withdraw_move
from portfolio.queries.books import current_book
from tests.builders.books import D, common, limit
from tests.builders.desks import written
from tests.builders.keyholders import now
from tests.builders.move_desk import PRICE, RULES, Desk, decides, decision, members, proposal
from tests.builders.moves import agreed, gate_change
from tests.builders.phones import phone_of
from tests.builders.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = timedelta(hours=1)


@pytest.fixture
def desk(log_url: str) -> Desk:
    Work.objects.all().delete()
    return Desk()


def kinds() -> "Counter[str]":
    found = LoggedEvent.objects.order_by("seq").values_list("kind", flat=True)
    return Counter(kind for kind in found if kind.startswith("Move"))


def known(move: Move) -> Move:
    book = current_book()
    assert not list(book.faults)
    found = book.moves.get(move.move_id)
    assert found is not None
    return found


def nothing_came_of(move: Move) -> None:
    """Hold that a move is as it was proposed, and that nobody's signature over it was kept."""
    assert known(move) == move
    assert not Assertion.objects.filter(challenge=payload_hash(move.payload)).exists()
    assert not Work.objects.exists()


def test_two_approvers_send_a_move_on_its_way(desk: Desk) -> None:
    move = proposal(desk.ann)
    first = decides(move, desk.bob)
    assert (first.state, first) == ("awaiting_approval", known(move))
    assert not Work.objects.exists()
    second = decides(move, desk.cay)
    assert (second.state, second.approved_by, second) == ("approved", ("bob", "cay"), known(move))
    work = Work.objects.get()
    assert (work.kind, work.subject, work.queue) == ("move", move.move_id, "moves")
    assert kinds() == {"MoveProposed": 1, "MoveJudged": 1, "MoveDecided": 2, "MoveApproved": 1}


def test_what_was_signed_is_kept_so_that_another_process_can_prove_it(desk: Desk) -> None:
    move = decides(decides(proposal(desk.ann), desk.bob), desk.cay)
    proof, challenge = StoredProof(), payload_hash(move.payload)
    assert [proof(one, challenge) for one in move.decisions] == ["", ""]
    first, second = move.decisions
    assert (first.groups, first.policy_version, first.from_address) == (("approver",), 1, "10.0.0.7")
    for forged in (
        replace(first, by="dan"),
        replace(first, assertion=second.assertion),
        replace(first, assertion=replace(first.assertion, signature="AAAA")),
        replace(first, assertion=replace(first.assertion, kind="totp", key_id="codes-1")),
    ):
        assert proof(forged, challenge)
    assert proof(first, rejection_hash(move.payload))


def test_the_proposer_never_approves(desk: Desk) -> None:
    move = proposal(desk.ann)  # who may decide on the moves of others
    with pytest.raises(ApproverIsProposer, match="somebody else than the proposer expected, found ann"):
        decides(move, desk.ann)
    nothing_came_of(move)


def test_one_person_counts_once_even_with_a_second_signature(desk: Desk) -> None:
    move = decides(proposal(desk.ann), desk.bob)
    with pytest.raises(PersonCountsOnce):
        decides(move, desk.bob)
    assert known(move).state == "awaiting_approval"
    assert not Work.objects.exists()


def test_who_changed_a_limit_of_late_counts_as_a_proposer(desk: Desk) -> None:
    _band("bob", 2, hours_ago=23)
    move = proposal(desk.ann)
    _band("cay", 3, hours_ago=0)  # after the proposal counts, too
    for person in (desk.bob, desk.cay):
        with pytest.raises(ApproverIsProposer, match="changed limit:net_delta_band ETH"):
            decides(move, person)
    nothing_came_of(move)
    assert decides(move, desk.dan).state == "awaiting_approval"


def test_who_changed_a_limit_a_day_ago_approves(desk: Desk) -> None:
    _band("bob", 2, hours_ago=25)
    assert decides(proposal(desk.ann), desk.bob).decisions[0].by == "bob"


def test_a_screen_that_showed_another_payload_decides_nothing(desk: Desk) -> None:
    move, other = proposal(desk.ann), proposal(desk.ann, "99", "n-2")
    shown = payload_hash(other.payload).hex()
    with pytest.raises(AnotherPayloadWasShown):
        decides(move, desk.bob, payload_hash=shown)
    with pytest.raises(AnotherPayloadWasShown):
        decides(move, desk.bob, "reject", payload_hash=shown)
    nothing_came_of(move)


def test_a_signature_over_an_edited_payload_is_none(desk: Desk) -> None:
    move = decides(proposal(desk.ann), desk.bob)
    edited = payload_hash(replace(move.payload, amount=D("100.1")))
    with pytest.raises(AnotherThingWasAsked):
        decides(move, desk.cay, assertion=desk.cay[1].assertion(edited))
    assert known(move) == move


def test_a_signature_is_good_for_one_move_and_one_person(desk: Desk) -> None:
    move, other = proposal(desk.ann), proposal(desk.ann, nonce="n-2")
    caught = desk.bob[1].assertion(payload_hash(move.payload))
    with pytest.raises(AnotherThingWasAsked):
        decides(other, desk.bob, assertion=caught)
    with pytest.raises(PasskeyIsNotInForce):
        decides(move, desk.cay, assertion=caught)
    decides(move, desk.bob, assertion=caught)
    with pytest.raises(PersonCountsOnce):
        decides(move, desk.bob, assertion=caught)
    assert known(move).state == known(other).state == "awaiting_approval"


def test_a_signed_rejection_cannot_be_shown_as_an_approval(desk: Desk) -> None:
    move = proposal(desk.ann)
    no = desk.bob[1].assertion(rejection_hash(move.payload))
    with pytest.raises(AnotherThingWasAsked):
        decides(move, desk.bob, assertion=no)
    nothing_came_of(move)
    yes = desk.bob[1].assertion(payload_hash(move.payload))
    with pytest.raises(AnotherThingWasAsked):
        decides(move, desk.bob, "reject", assertion=yes)
    assert known(move) == move


def test_a_signature_that_was_kept_outside_of_a_decision_counts_no_second_time(desk: Desk) -> None:
    move = proposal(desk.ann)
    kept = desk.bob[1].assertion(payload_hash(move.payload))
    with transaction.atomic():
        sign(desk.bob[0], payload_hash(move.payload), kept, at=now())
    with pytest.raises(PayloadIsSigned):
        decides(move, desk.bob)
    assert known(move) == move


def test_a_forged_signature_is_refused_and_a_revoked_key_signs_nothing(desk: Desk) -> None:
    move = proposal(desk.ann)
    foreign = desk.cay[1]
    foreign.credential_id, own = desk.bob[1].credential_id, foreign.credential_id
    with pytest.raises(AssertionIsRefused):
        decides(move, desk.bob, assertion=foreign.assertion(payload_hash(move.payload)))
    foreign.credential_id = own
    key = desk.cay[0].passkeys.get()
    revoke(key.pk, by="cay", reason="lost", at=now())
    with pytest.raises(PasskeyIsNotInForce):
        decides(move, desk.cay)
    nothing_came_of(move)


def test_an_expired_move_takes_its_approvals_with_it(desk: Desk) -> None:
    move = decides(proposal(desk.ann), desk.bob)
    for verdict in ("approve", "reject"):
        with pytest.raises(MoveIsPastItsTime):
            decides(move, desk.cay, verdict, at=now() + 4 * HOUR)
    assert known(move) == move
    assert not Work.objects.exists()


def test_a_role_that_was_lost_decides_nothing_and_what_it_decided_counts_no_more(desk: Desk) -> None:
    move = decides(proposal(desk.ann), desk.bob)
    members(desk.bob, "viewer")
    again = decides(move, desk.cay)
    assert again.state == "awaiting_approval"
    assert decides(move, desk.dan).state == "approved"
    assert known(move).approved_by == ("cay", "dan")
    other = proposal(desk.ann, nonce="n-2")
    with pytest.raises(PermissionIsMissing, match="somebody who may decide on moves expected, found bob"):
        decides(other, desk.bob, "reject")
    with pytest.raises(PermissionIsMissing):
        decides(other, desk.gil)


def test_a_person_who_is_gone_counts_no_more(desk: Desk) -> None:
    move = decides(proposal(desk.ann), desk.bob)
    desk.bob[0].is_active = False
    desk.bob[0].save()
    assert decides(move, desk.cay).state == "awaiting_approval"
    with pytest.raises(PermissionIsMissing):
        decides(proposal(desk.ann, nonce="n-2"), desk.bob)


def test_who_is_in_no_group_that_was_asked_cannot_approve_but_reject(desk: Desk) -> None:
    move = proposal(desk.ann)
    members(desk.bob, "viewer")
    desk.bob[0].is_superuser = True
    desk.bob[0].save()
    with pytest.raises((ApprovalDoesNotCount, PermissionIsMissing)):
        decides(move, desk.bob)
    nothing_came_of(move)


@pytest.mark.parametrize("factors", [{}, {"code": "123456"}])
def test_a_decision_has_one_second_factor(desk: Desk, factors: dict[str, Any]) -> None:
    move = proposal(desk.ann)
    given = decision(move, desk.bob if factors else None, **factors)
    with pytest.raises(OneFactorIsNeeded):
        decide_move(given, by=desk.bob[0], at=now())
    nothing_came_of(move)


def test_a_code_approves_below_the_rules_amount_and_once(desk: Desk) -> None:
    phone = phone_of(desk.bob[0], by=desk.ann)
    move, other = proposal(desk.ann, "4.9"), proposal(desk.ann, "4.9", "n-2")
    code = phone.code(now())
    assert decide_move(decision(move, code=code), by=desk.bob[0], at=now()).state == "approved"
    with pytest.raises(CodeIsWrong):
        decide_move(decision(other, code=code), by=desk.bob[0], at=now())
    assert known(other) == other
    (one,) = known(move).decisions
    assert StoredProof()(one, payload_hash(move.payload)) == ""
    assert StoredProof()(replace(one, by="cay"), payload_hash(move.payload))


def test_a_code_above_the_rules_amount_is_refused_and_not_used_up(desk: Desk) -> None:
    phone = phone_of(desk.bob[0], by=desk.ann)
    move = proposal(desk.ann, "5")
    with pytest.raises(ApprovalDoesNotCount, match="an approval by passkey expected, found that bob used a totp"):
        decide_move(decision(move, code=phone.code(now())), by=desk.bob[0], at=now())
    assert not TotpStep.objects.exists()
    assert decide_move(decision(move, verdict="reject", code=phone.code(now())), by=desk.bob[0], at=now()).state == (
        "rejected"
    )


def test_a_dip_of_the_price_does_not_bring_a_move_below_an_amount(desk: Desk) -> None:
    phone = phone_of(desk.bob[0], by=desk.ann)
    at = now()
    written(MarksTaken(at=at, marks=tuple(common(PRICE / 2, at=at).values())), at=at)
    move = proposal(desk.ann, "5")
    assert move.judged is not None
    assert move.judged.amount_usd == 15_000
    with pytest.raises(ApprovalDoesNotCount):
        decide_move(decision(move, code=phone.code(now())), by=desk.bob[0], at=now())


def test_any_approver_rejects_with_a_reason_even_what_he_approved(desk: Desk) -> None:
    move = decides(proposal(desk.ann), desk.bob)
    with pytest.raises(MoveTextIsMalformed):
        decides(move, desk.bob, "reject", reason=" ")
    assert decides(move, desk.bob, "reject", reason="the address is new").because == "bob: the address is new"
    with pytest.raises(MoveIsNotOpen, match="a move that awaits approval expected"):
        decides(move, desk.cay)
    assert known(move).state == "rejected"


def test_an_approved_move_is_rejected_until_it_is_sent(desk: Desk) -> None:
    move = decides(decides(proposal(desk.ann), desk.bob), desk.cay)
    assert decides(move, desk.dan, "reject").state == "rejected"
    assert known(move).state == "rejected"


def test_a_policy_that_has_become_stricter_asks_for_more(desk: Desk) -> None:
    move = proposal(desk.ann, "10")
    _second_policy([replace(rule, quotas=RULES[2].quotas) if rule.quotas else rule for rule in RULES])
    assert decides(move, desk.bob).state == "awaiting_approval"
    assert decides(move, desk.cay).state == "approved"


def test_a_policy_that_refuses_now_takes_no_approval(desk: Desk) -> None:
    move = proposal(desk.ann)
    _second_policy([replace(RULES[0], amount_usd_max=D(1))])
    with pytest.raises(PolicyRefusesNow, match="found none that matches"):
        decides(move, desk.bob)
    nothing_came_of(move)


def test_of_two_approvers_at_once_both_count_and_one_makes_it_whole(desk: Desk) -> None:
    move = proposal(desk.ann)
    given = [(decision(move, who), who) for who in (desk.bob, desk.cay)]
    found = at_once(*[lambda one=one, who=who: decide_move(one, by=who[0], at=now()) for one, who in given])
    assert sorted(one.state for one in found if isinstance(one, Move)) == ["approved", "awaiting_approval"]
    assert kinds()["MoveApproved"] == Work.objects.count() == 1


def test_of_many_approvers_at_once_no_more_are_taken_than_are_asked_for(desk: Desk) -> None:
    move = proposal(desk.ann, "10")
    given = [(decision(move, who), who) for who in (desk.bob, desk.cay, desk.dan)]
    found = at_once(*[lambda one=one, who=who: decide_move(one, by=who[0], at=now()) for one, who in given])
    assert Counter(type(one) for one in found) == {Move: 1, MoveIsNotOpen: 2}
    assert kinds()["MoveApproved"] == kinds()["MoveDecided"] == Work.objects.count() == 1


def test_one_approval_sent_twice_at_once_counts_once(desk: Desk) -> None:
    move = proposal(desk.ann)
    one = decision(move, desk.bob)
    found = at_once(*[lambda: decide_move(one, by=desk.bob[0], at=now())] * 3)
    assert sum(isinstance(each, Move) for each in found) == 1
    assert known(move).state == "awaiting_approval"


def test_approved_and_withdrawn_at_once_it_is_never_sent_after_the_withdrawal(desk: Desk) -> None:
    move = decides(proposal(desk.ann), desk.bob)
    last = decision(move, desk.cay)
    found = at_once(
        lambda: decide_move(last, by=desk.cay[0], at=now()),
        lambda: withdraw_move(move.move_id, by=desk.ann[0], reason="no", at=now()),
    )
    assert known(move).state == "withdrawn"
    was_first = any(isinstance(one, MoveIsNotOpen) for one in found)
    assert kinds()["MoveApproved"] == Work.objects.count() == (0 if was_first else 1)


def _band(by: str, version: int, *, hours_ago: int) -> None:
    """Write that somebody changed the band of ETH."""
    at = now() - hours_ago * HOUR
    written(replace(limit("net_delta_band", "ETH", "26"), by=by, version=version, at=at), at=at)


def _second_policy(rules: list[Any]) -> None:
    """Write a policy that two people agreed on two hours ago, as the second version."""
    then = now() - 2 * HOUR
    new = gate_change("policy", 2, at=then, rules=tuple(rules))
    written(new, agreed(new, at=then, hold_s=3_600), at=then)
