"""Two people break a glass, the worker proves it again, two others review it; each way around it is tried."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User

from hedgeapp.access.models import Assertion
from hedgeapp.access.passkeys import revoke
from hedgeapp.access.signing import PayloadIsSigned
from hedgeapp.core.events.approvals import PolicyRule
from hedgeapp.core.events.marks import MarksTaken
from hedgeapp.core.passkeys import AssertionIsRefused
from portfolio.core.move_checks import clearance
from portfolio.core.move_payloads import break_glass_hash, payload_hash
from portfolio.core.move_states import Move
from portfolio.models import Work
from portfolio.operations.move_reviews import (
    AlarmIsOver,
    ReviewReasonIsMalformed,
    SignerReviews,
    glass_review_hash,
    review_break_glass,
)
from portfolio.operations.moves.break_glass import AnotherReasonWasSigned, GlassStaysWhole, SignerIsUnfit
from portfolio.operations.moves.decisions import AnotherPayloadWasShown, MoveIsPastItsTime, PersonCountsOnce
from portfolio.operations.moves.people import PermissionIsMissing
from portfolio.operations.moves.proofs import StoredProof
from portfolio.operations.moves.proposals import MoveTextIsMalformed
from portfolio.queries.books import FOLLOWING, current_book
from portfolio.queries.move_circumstances import circumstances
from tests.builders.books import D, common, limit
from tests.builders.desks import written
from tests.builders.keyholders import now
from tests.builders.move_desk import PRICE, Desk, Person, breaks, decides, members, proposal
from tests.builders.moves import EMERGENCY, glass_broken, glass_signed

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])

NEVER = PolicyRule(name="never", outcome="refuse")


@pytest.fixture
def desk(log_url: str) -> Desk:
    Work.objects.all().delete()
    return Desk(NEVER, is_seeded=True)


def home(desk: Desk, amount: str = "100", **given: Any) -> Move:
    return proposal(desk.ann, amount, kind="undelegate", **given)


def known(move: Move) -> Move:
    found = current_book().moves.get(move.move_id)
    assert found is not None
    return found


def refusals(move: Move) -> dict[str, str]:
    """Return why a worker would not send a move now, by rule."""
    with FOLLOWING.held() as book:
        found = book.moves.get(move.move_id)
        assert found is not None
        now_ = circumstances(found, book, now())
        return {one.rule: one.said for one in clearance(found, book, now_, StoredProof()).refusals}


def stays_whole(move: Move) -> None:
    assert known(move).broken is None
    assert known(move).state == move.state
    assert not Work.objects.exists()


def test_two_people_bring_home_what_the_policy_refuses(desk: Desk) -> None:
    move = home(desk)
    assert move.state == "refused"
    first = breaks(move, desk.bob)
    assert (first.state, first.broken) == ("refused", None)
    assert not Work.objects.exists()
    second = breaks(move, desk.cay)
    assert (second.state, second.approved_by, second) == ("approved", ("bob", "cay"), known(move))
    assert list(Work.objects.values_list("kind", "subject", "queue")) == [("move", move.move_id, "moves")]
    assert refusals(move) == {}
    assert [one.move_id for one in current_book().moves.unreviewed] == [move.move_id]
    assert not list(current_book().faults)


def test_the_proposer_never_signs(desk: Desk) -> None:
    move = home(desk)
    with pytest.raises(SignerIsUnfit, match="somebody else than the proposer"):
        breaks(move, desk.ann)
    assert not Assertion.objects.filter(user=desk.ann[0], challenge=break_glass_hash(move.payload, EMERGENCY)).exists()
    stays_whole(move)


def test_who_changed_of_late_what_it_rests_on_never_signs(desk: Desk) -> None:
    written(replace(limit("net_delta_band", "ETH", "30"), version=2, by="bob", at=now()), at=now())
    move = home(desk)
    with pytest.raises(SignerIsUnfit, match="bob changed"):
        breaks(move, desk.bob)
    stays_whole(move)


def test_a_superuser_without_a_role_never_signs(desk: Desk) -> None:
    move = home(desk)
    members(desk.bob)
    User.objects.filter(pk=desk.bob[0].pk).update(is_superuser=True)
    with pytest.raises(SignerIsUnfit, match="may lift halts"):
        breaks(move, desk.bob)
    stays_whole(move)


def test_two_signatures_at_once_open_one_work(desk: Desk) -> None:
    move = home(desk)
    breaks(move, desk.bob)
    breaks(move, desk.cay)
    with pytest.raises(GlassStaysWhole, match="one break-glass of a move"):
        breaks(move, desk.dan)
    assert Work.objects.count() == 1


def test_a_signature_that_another_wrote_in_ones_name(desk: Desk) -> None:
    """It is of another payload, so that the move does not show it; but its place in the log is taken."""
    move = home(desk)
    written(glass_signed("bob", replace(move.payload, amount=D(1)), at=now()), at=now())
    with pytest.raises(GlassStaysWhole, match="propose the move again"):
        breaks(move, desk.bob)
    stays_whole(move)


def test_it_never_goes_outwards(desk: Desk) -> None:
    move = proposal(desk.ann, "10")
    with pytest.raises(GlassStaysWhole, match="home to its custodian"):
        breaks(move, desk.bob)
    stays_whole(move)


def test_one_person_twice(desk: Desk) -> None:
    move = home(desk)
    breaks(move, desk.bob)
    with pytest.raises(PersonCountsOnce):
        breaks(move, desk.bob)
    with pytest.raises(PersonCountsOnce):
        breaks(move, desk.bob, "another reason")
    stays_whole(move)


def test_who_may_not_lift_halts(desk: Desk) -> None:
    move = home(desk)
    members(desk.bob, "trader")
    with pytest.raises(PermissionIsMissing):
        breaks(move, desk.bob)
    stays_whole(move)


def test_an_approval_is_no_break_glass_and_the_other_way_round(desk: Desk) -> None:
    move = home(desk)
    with pytest.raises(AssertionIsRefused):
        breaks(move, desk.bob, assertion=desk.bob[1].assertion(payload_hash(move.payload)))
    with pytest.raises(AssertionIsRefused):
        breaks(move, desk.bob, assertion=desk.bob[1].assertion(break_glass_hash(move.payload, "another")))
    assert not Assertion.objects.filter(user=desk.bob[0], challenge=payload_hash(move.payload)).exists()
    stays_whole(move)


def test_a_break_glass_does_not_approve(log_url: str) -> None:
    desk = Desk(is_seeded=True)
    move = home(desk)
    assert move.state == "awaiting_approval"
    with pytest.raises(AssertionIsRefused):
        decides(move, desk.bob, assertion=desk.bob[1].assertion(break_glass_hash(move.payload, EMERGENCY)))
    stays_whole(move)


def test_the_second_signs_the_reason_and_the_payload_of_the_first(desk: Desk) -> None:
    move = home(desk)
    breaks(move, desk.bob)
    with pytest.raises(AnotherReasonWasSigned, match=EMERGENCY):
        breaks(move, desk.cay, "something else")
    with pytest.raises(AnotherPayloadWasShown):
        breaks(move, desk.cay, payload_hash="0" * 64)
    with pytest.raises(MoveTextIsMalformed):
        breaks(move, desk.cay, " ")
    stays_whole(move)


def test_a_move_that_expired(desk: Desk) -> None:
    move = home(desk)
    with pytest.raises(MoveIsPastItsTime):
        breaks(move, desk.bob, at=move.payload.expires_at)
    stays_whole(move)


def test_a_gate_that_nobody_signed_stands(log_url: str) -> None:
    desk = Desk(NEVER)
    move = home(desk)
    with pytest.raises(GlassStaysWhole, match="a gate that two people signed expected"):
        breaks(move, desk.bob)
    stays_whole(move)


def test_caps_stand(desk: Desk) -> None:
    move = home(desk)
    at = now()
    written(MarksTaken(at=at, marks=tuple(common(PRICE * 10, at=at).values())), at=at)
    with pytest.raises(GlassStaysWhole, match="at most 2500000 USD"):
        breaks(move, desk.bob)
    stays_whole(move)


def forged(move: Move) -> None:
    """Let a web process that was taken over write the signatures, the broken glass and the work."""
    signed = [glass_signed(name, move.payload, at=now()) for name in ("bob", "cay")]
    written(*signed, glass_broken(move.payload, at=now()), at=now())


def test_rows_that_the_web_process_forged_are_not_believed(desk: Desk) -> None:
    move = home(desk)
    forged(move)
    assert known(move).state == "approved"
    assert "a signature over this that was kept expected, found none" in refusals(move)["break-glass"]


def test_approvals_that_are_written_as_break_glass_are_not_believed(log_url: str) -> None:
    desk = Desk(is_seeded=True)
    move = home(desk)
    after = decides(decides(move, desk.bob), desk.cay)
    again = home(desk, nonce="n-2")
    signed = [glass_signed(one.by, again.payload, at=now(), assertion=one.assertion) for one in after.decisions]
    written(*signed, glass_broken(again.payload, at=now()), at=now())
    assert "break-glass" in refusals(again)


def test_a_key_that_was_revoked_before_it_was_sent(desk: Desk) -> None:
    move = home(desk)
    breaks(move, desk.bob)
    breaks(move, desk.cay)
    key = Assertion.objects.filter(user=desk.cay[0]).latest("at").passkey
    revoke(key.pk, by="ann", reason="lost", at=now())
    assert "was revoked" in refusals(move)["break-glass"]


def test_a_role_that_was_lost_before_it_was_sent(desk: Desk) -> None:
    move = home(desk)
    breaks(move, desk.bob)
    breaks(move, desk.cay)
    members(desk.cay, "viewer")
    assert "may lift halts" in refusals(move)["break-glass"]


def test_whoever_may_decide_rejects_it_before_it_is_sent(desk: Desk) -> None:
    move = home(desk)
    breaks(move, desk.bob)
    breaks(move, desk.cay)
    assert decides(known(move), desk.dan, "reject").state == "rejected"


# The review -----------------------------------------------------------------------------------------------------------


def reviews(move: Move, by: Person, reason: str = "it was needed", assertion: str = "") -> bool:
    broken = known(move).broken
    assert broken is not None
    signed = assertion or by[1].assertion(glass_review_hash(broken))
    return review_break_glass(move.move_id, by=by[0], assertion=signed, reason=reason, at=now()) is not None


def broken_by(desk: Desk, **given: Any) -> Move:
    move = home(desk, **given)
    breaks(move, desk.bob)
    return breaks(move, desk.cay)


def test_two_who_did_not_sign_review_it(desk: Desk) -> None:
    move = broken_by(desk)
    with pytest.raises(SignerReviews):
        reviews(move, desk.bob)
    with pytest.raises(SignerReviews):
        reviews(move, desk.cay)
    with pytest.raises(ReviewReasonIsMalformed):
        reviews(move, desk.dan, " ")
    assert not reviews(move, desk.dan)
    with pytest.raises(PayloadIsSigned):
        reviews(move, desk.dan)
    assert len(current_book().moves.unreviewed) == 1
    assert reviews(move, desk.ann)
    assert current_book().moves.unreviewed == ()
    with pytest.raises(AlarmIsOver):
        reviews(move, desk.ann)
    assert not list(current_book().faults)


def test_who_has_no_role_for_it_does_not_review(desk: Desk) -> None:
    move = broken_by(desk)
    members(desk.dan, "trader")
    User.objects.filter(pk=desk.ann[0].pk).update(is_superuser=True)
    members(desk.ann)
    for one in (desk.dan, desk.ann):
        with pytest.raises(PermissionIsMissing):
            reviews(move, one)


def test_a_first_review_by_who_lost_the_role_does_not_count(desk: Desk) -> None:
    move = broken_by(desk)
    assert not reviews(move, desk.dan)
    members(desk.dan, "viewer")
    assert not reviews(move, desk.ann)
    assert len(current_book().moves.unreviewed) == 1


def test_another_is_not_broken_while_one_waits_for_a_day(desk: Desk) -> None:
    move = home(desk, "50")
    old = [glass_signed(name, move.payload, at=now()) for name in ("bob", "cay")]
    written(*old, glass_broken(move.payload, at=now() - timedelta(hours=24)), at=now())
    other = home(desk, "10", nonce="n-2")
    with pytest.raises(GlassStaysWhole, match="let two people who did not sign it review it"):
        breaks(other, desk.bob)
    assert not reviews(move, desk.dan)
    assert reviews(move, desk.ann)
    assert breaks(other, desk.bob).glass != ()
