"""The gate changes by two people who sign, and by nothing else; who sends a move can prove both signatures again."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as configured
from django.db import connection

from hedgeapp.access.passkeys import revoke
from hedgeapp.access.signing import PasskeyIsNotInForce, PayloadIsSigned
from hedgeapp.core.events.approvals import GateChangeAgreed, GateChangeProposed
from hedgeapp.core.passkeys import AnotherThingWasAsked, AssertionIsRefused
from hedgeapp.eventlog.read import read
from portfolio.core.gate_payloads import agreement_hash, proposal_hash
from portfolio.operations.gate import (
    AgreerIsProposer,
    GateChangeDoesNotWait,
    GateChangeIsMalformed,
    GateChangeIsUnsound,
    GateIsAsBefore,
    GateMovedOn,
    GateReasonIsMalformed,
    agree_gate,
    drop_gate,
    propose_gate,
)
from portfolio.queries.books import current_book
from portfolio.queries.gate import unproven_now
from tests.builders.books import reference
from tests.builders.desks import written
from tests.builders.gates import ONE, Holder, agreed, holder, proposed, wanted
from tests.builders.keyholders import now
from tests.builders.moves import ALL_CAP, gate

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


@pytest.fixture
def dan(log_url: str) -> Holder:
    written(*reference(), at=now())
    return holder("dan", "risk")


@pytest.fixture
def eve(dan: Holder) -> Holder:
    return holder("eve", "approver")


def faults() -> list[str]:
    return [fault.because for fault in current_book().faults]


def test_two_people_who_sign_put_a_policy_in_force(dan: Holder, eve: Holder) -> None:
    change = proposed(wanted("policy", dan, rules=(ONE,)), dan)
    assert current_book().gate.rules(now()) == ()
    agreed(change, eve)
    book = current_book()
    assert book.gate.rules(now()) == (ONE,)
    assert (list(unproven_now(book.gate, now())), faults()) == ([], [])


def test_a_later_version_holds_after_its_cool_off(dan: Holder, eve: Holder) -> None:
    agreed(proposed(wanted("caps", dan, caps=(ALL_CAP,)), dan), eve)
    wider = replace(ALL_CAP, usd_max=ALL_CAP.usd_max * 2 if ALL_CAP.usd_max else None)
    second = agreed(proposed(wanted("caps", dan, 2, caps=(wider,)), dan), eve)
    cool_off: timedelta = configured.GATE_COOL_OFF
    book = current_book()
    assert second.holds_from == second.at + cool_off
    assert book.gate.caps(now()) == (ALL_CAP,)
    assert book.gate.caps(second.holds_from) == (wider,)
    assert (list(unproven_now(book.gate, second.holds_from)), faults()) == ([], [])


def test_one_person_is_never_both(dan: Holder, eve: Holder) -> None:
    change = proposed(wanted("policy", dan, rules=(ONE,)), dan)
    with pytest.raises(AgreerIsProposer, match="another person than dan"):
        agreed(change, dan)
    assert current_book().gate.rules(now()) == ()


def test_a_proposal_in_another_name_is_refused(dan: Holder, eve: Holder) -> None:
    change = wanted("policy", eve, rules=(ONE,))
    with pytest.raises(GateChangeIsMalformed, match="a change by dan expected, found one by eve"):
        proposed(change, dan)


def test_a_signature_over_anything_else_is_refused(dan: Holder, eve: Holder) -> None:
    change = wanted("policy", dan, rules=(ONE,))
    looser = replace(change, rules=(replace(ONE, outcome="allow", quotas=()),))
    with pytest.raises(AnotherThingWasAsked):
        propose_gate(looser, by=dan[0], assertion=dan[1].assertion(proposal_hash(change)), at=now())
    proposed(change, dan)
    with pytest.raises(AnotherThingWasAsked):
        agree_gate(change.change_id, by=eve[0], assertion=eve[1].assertion(proposal_hash(change)), at=now())
    with pytest.raises(PasskeyIsNotInForce):
        agree_gate(change.change_id, by=eve[0], assertion=dan[1].assertion(agreement_hash(change)), at=now())
    with pytest.raises(AssertionIsRefused):
        agree_gate(change.change_id, by=eve[0], assertion="{}", at=now())


def test_a_key_that_was_revoked_signs_no_more(dan: Holder, eve: Holder) -> None:
    change = proposed(wanted("policy", dan, rules=(ONE,)), dan)
    revoke(eve[0].passkeys.get().pk, by="eve", reason="lost", at=now())
    with pytest.raises(PasskeyIsNotInForce):
        agreed(change, eve)


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"rules": ()}, GateChangeIsUnsound),
        ({"rules": (replace(ONE, assets=("DOGE",)),)}, GateChangeIsUnsound),
        ({"version": 2}, GateMovedOn),
        ({"version": 0}, GateMovedOn),
        ({"caps": (ALL_CAP,)}, GateChangeIsMalformed),
        ({"change_id": "../policy"}, GateChangeIsMalformed),
        ({"change_id": ""}, GateChangeIsMalformed),
        ({"reason": ""}, GateReasonIsMalformed),
        ({"reason": "so\nso"}, GateReasonIsMalformed),
    ],
)
def test_what_cannot_be_meant_is_not_proposed(
    dan: Holder, eve: Holder, changed: dict[str, Any], refusal: type[Exception]
) -> None:
    change = replace(wanted("policy", dan, rules=(ONE,)), **changed)
    with pytest.raises(refusal):
        proposed(change, dan)
    assert current_book().gate.waiting == ()


def test_a_change_that_changes_nothing_is_refused(dan: Holder, eve: Holder) -> None:
    agreed(proposed(wanted("policy", dan, rules=(ONE,)), dan), eve)
    with pytest.raises(GateIsAsBefore):
        proposed(wanted("policy", dan, 2, rules=(ONE,)), dan)


def test_of_two_proposals_of_one_version_only_one_can_be_agreed_to(dan: Holder, eve: Holder) -> None:
    first = proposed(wanted("policy", dan, rules=(ONE,)), dan)
    other = replace(wanted("policy", dan, rules=(replace(ONE, name="other"),)), change_id="policy-1-other")
    proposed(other, dan)
    agreed(first, eve)
    with pytest.raises(GateMovedOn, match="version 2 of the policy expected, found 1"):
        agreed(other, eve)


def test_a_quorum_that_became_impossible_is_not_agreed_to(dan: Holder, eve: Holder) -> None:
    change = proposed(wanted("policy", dan, rules=(ONE,)), dan)
    eve[0].groups.clear()
    with pytest.raises(GateChangeIsUnsound, match="1 people of approver expected, found nobody"):
        agreed(change, eve)


def test_a_change_is_dropped_by_one_person_until_it_holds(dan: Holder, eve: Holder) -> None:
    change = proposed(wanted("policy", dan, rules=(ONE,)), dan)
    drop_gate(change.change_id, by="eve", reason="a slip", at=now())
    with pytest.raises(GateChangeDoesNotWait):
        agreed(change, eve)
    again = proposed(replace(wanted("policy", dan, rules=(ONE,)), change_id="policy-again"), dan)
    agreed(again, eve)
    with pytest.raises(GateChangeDoesNotWait):
        drop_gate(again.change_id, by="eve", reason="too late", at=now())
    with pytest.raises(GateReasonIsMalformed):
        drop_gate(again.change_id, by="eve", reason=" ", at=now())
    assert faults() == []


def test_of_many_who_agree_at_once_one_is_the_second(dan: Holder, eve: Holder) -> None:
    change = proposed(wanted("policy", dan, rules=(ONE,)), dan)
    both = [eve, holder("fay", "approver", by=dan)]

    def agree(one: Holder) -> bool:
        try:
            agreed(change, one)
        except (GateChangeDoesNotWait, PayloadIsSigned):
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(agree, both)) == [False, True]
    assert len([one for one in read(connection.connection) if isinstance(one.event, GateChangeAgreed)]) == 1


def test_a_gate_that_somebody_wrote_into_the_log_is_not_proven(dan: Holder, eve: Holder) -> None:
    written(*gate(ONE), at=now())
    book = current_book()
    assert book.gate.rules(now()) == (ONE,)
    said = list(unproven_now(book.gate, now()))
    assert said[0] == "version 1 of the policy: a signature of dan expected, found none"
    assert len(said) == 3


def test_signatures_of_another_change_do_not_prove_a_forged_one(dan: Holder, eve: Holder) -> None:
    true = proposed(wanted("policy", dan, rules=(ONE,)), dan)
    agreement = agreed(true, eve)
    forged = replace(true, change_id="forged", version=2, rules=(replace(ONE, outcome="allow", quotas=()),))
    at = now() + configured.GATE_COOL_OFF + timedelta(minutes=1)
    written(forged, replace(agreement, change_id="forged", holds_from=at), at=now())
    book = current_book()
    (said,) = unproven_now(book.gate, at)
    assert "version 2 of the policy: a signature of dan that holds expected" in said
    assert isinstance(forged, GateChangeProposed)
