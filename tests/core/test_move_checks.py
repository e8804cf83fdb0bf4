"""Just before it is sent, everything about a move is asked again, and each rule is attacked."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from hedgeapp.core.events import Event
from hedgeapp.core.events.approvals import Assertion, MoveDecided, PolicyRule
from hedgeapp.core.events.break_glass import BreakGlassSigned
from hedgeapp.core.events.breaks import VenueBlocked
from hedgeapp.core.events.halts import EVERYWHERE, HaltDeclared
from hedgeapp.core.events.moves import MovePayload, Quota, UnintendedMoveSeen
from portfolio.core.approvals import Bench, Reach, conflict, quorum, reach
from portfolio.core.book import Book
from portfolio.core.figures import Figure, exact, unknown
from portfolio.core.move_checks import Circumstances, Clearance, clearance, judged_now
from portfolio.core.move_gates import COOL_OFF
from portfolio.core.move_payloads import payload_hash
from portfolio.core.move_values import MovePrice, value
from portfolio.core.valuation import Valuation
from tests.builders.books import collateral, limit, recorded, reference
from tests.builders.moves import (
    ACCOUNT,
    D,
    agreed,
    approved,
    decided,
    gate,
    gate_change,
    intended,
    judged,
    mirrored,
    payload,
    proposed,
    submitted,
    until_approved,
)
from tests.builders.orders import AT

TWO = PolicyRule(name="two", outcome="ask", quotas=(Quota(group="approvers", needed=2),), totp_usd_max=D(1_000))
APPROVERS = frozenset({"approvers"})
PEOPLE: Mapping[str, frozenset[str]] = {
    "ann": APPROVERS,
    "bob": APPROVERS,
    "cay": APPROVERS,
    "dan": APPROVERS,
    "eve": APPROVERS,
    "gil": frozenset({"risk"}),
}
PRICE = MovePrice(usd=D(3_000), high_usd=D(3_100), trust="verified", because="")
LONG_AGO = AT - timedelta(days=9)


def proof(decision: MoveDecided | BreakGlassSigned, challenge: bytes) -> str:
    """Stand for the second factor: a signature is `signed:` and the challenge, by the person's own key."""
    if decision.assertion.key_id != f"key-of-{decision.by}":
        return "the key is another person's"
    return (
        "" if decision.assertion.signature == f"signed:{challenge.hex()}" else "the signature is not of this challenge"
    )


def signed(by: str, of: MovePayload | None = None, **given: Any) -> MoveDecided:
    of = of or payload()
    made = decided(by, of, **given)
    fields: dict[str, Any] = {"kind": "passkey", "key_id": f"key-of-{by}"}
    return replace(made, assertion=Assertion(**{**fields, "signature": f"signed:{payload_hash(of).hex()}"}))


def world(*rules: PolicyRule) -> list[Event]:
    events: list[Event] = [replace(one, at=LONG_AGO) for one in reference()]
    return [*events, *gate(*(rules or (TWO,))), collateral("stETH", "1500", AT), mirrored("300")]


def life(of: MovePayload | None = None, *decisions: MoveDecided, by: str = "ann", quota: int = 2) -> list[Event]:
    of = of or payload()
    votes = decisions or (signed("bob", of), signed("cay", of))
    return [proposed(of, by=by), judged(of.move_id, ("approvers", quota)), *votes, approved(of, "bob", "cay")]


def book_of(events: Iterable[Event]) -> Book:
    book = Book()
    for one in recorded(events):
        book.apply(one)
    return book


def circumstances(book: Book, *, at: Any = AT, **given: Any) -> Circumstances:
    fields: dict[str, Any] = {
        "valuation": Valuation(book, {}, at),
        "people": PEOPLE,
        "price": PRICE,
        "headroom_after_usd": exact(D(5_000_000)),
        "headroom_floor_usd": D(1_000_000),
    }
    return Circumstances(**{**fields, **given})


def cleared(events: Iterable[Event], name: str = "", **given: Any) -> Clearance:
    book = book_of(events)
    move = book.moves.get(name or payload().move_id)
    assert move is not None
    return clearance(move, book, circumstances(book, **given), proof)


def rules(events: Iterable[Event], name: str = "", **given: Any) -> set[str]:
    return {one.rule for one in cleared(events, name, **given).refusals}


def test_two_approvers_send_a_move_on_its_way() -> None:
    found = cleared([*world(), *life()])
    assert found.refusals == ()
    assert found.quorum.people == ("bob", "cay")
    assert found.worth.usd == 310_000
    assert found.policy_version == 1


def test_what_the_policy_allows_needs_nobody() -> None:
    allow = PolicyRule(name="allow", outcome="allow", proposers=("engine",))
    events = [*world(allow), proposed(by="engine"), judged(outcome="allow"), approved()]
    assert rules(events) == set()
    assert "policy" in rules([*world(allow), proposed(), judged(outcome="allow"), approved()])


# Who counts -----------------------------------------------------------------------------------------------------------


def test_the_proposer_never_approves() -> None:
    assert rules([*world(), *life(None, signed("ann"), signed("bob"))]) == {"quorum"}
    assert (
        "somebody else than the proposer"
        in cleared([*world(), *life(None, signed("ann"), signed("bob"))]).refusals[0].said
    )


def test_a_milestone_in_the_log_is_no_quorum() -> None:
    forged = [*world(), proposed(), judged(), approved(None, "bob", "cay")]
    assert rules(forged) == {"quorum"}


def test_one_person_counts_once_whatever_his_groups() -> None:
    both = PolicyRule(
        name="both", outcome="ask", quotas=(Quota(group="approvers", needed=1), Quota(group="risk", needed=1))
    )
    groups = ("approvers", "risk")
    people = {**PEOPLE, "bob": frozenset(groups)}
    alone = [
        *world(both),
        proposed(),
        judged(payload().move_id, ("approvers", 1), ("risk", 1)),
        signed("bob", groups=groups),
        approved(),
    ]
    assert rules(alone, people=people) == {"quorum"}
    helped = [*alone[:-1], signed("cay"), alone[-1]]
    assert rules(helped, people=people) == set()


def test_a_second_decision_of_one_person_is_not_a_second_person() -> None:
    again = replace(signed("bob"), at=AT + timedelta(seconds=1))
    assert rules([*world(), *life(None, signed("bob"), again)]) == {"quorum"}


def test_one_key_is_one_person() -> None:
    borrowed = replace(signed("cay"), assertion=signed("bob").assertion)
    assert rules([*world(), *life(None, signed("bob"), borrowed)]) == {"quorum"}

    def gullible(decision: MoveDecided | BreakGlassSigned, challenge: bytes) -> str:
        return ""

    book = book_of([*world(), *life(None, signed("bob"), borrowed)])
    move = book.moves.get(payload().move_id)
    assert move is not None
    found = clearance(move, book, circumstances(book), gullible)
    assert "a key of his own" in found.refusals[0].said


def test_a_signature_of_something_else_proves_nothing() -> None:
    other = payload(amount=D(101))
    stolen = replace(signed("cay"), assertion=signed("cay", other).assertion)
    assert rules([*world(), *life(None, signed("bob"), stolen)]) == {"quorum"}
    unsigned = replace(signed("cay"), assertion=Assertion(kind="passkey", key_id="key-of-cay"))
    assert rules([*world(), *life(None, signed("bob"), unsigned)]) == {"quorum"}


def test_an_approval_dies_with_any_change_of_the_payload() -> None:
    edited = payload(destination="binance-coinm:main", venue="binance-coinm")
    assert "quorum" in rules([*world(), *life(edited, signed("bob"), signed("cay"))])


def test_an_approval_of_one_move_is_not_one_of_its_twin() -> None:
    twin = payload("mv-twin")
    moved = [replace(signed(who), move_id=twin.move_id) for who in ("bob", "cay")]
    assert "quorum" in rules([*world(), *life(), *life(twin, *moved)], twin.move_id)


@pytest.mark.parametrize("people", [{"bob": APPROVERS}, {"bob": APPROVERS, "cay": frozenset({"viewers"})}])
def test_a_role_that_is_no_longer_held_does_not_count(people: Mapping[str, frozenset[str]]) -> None:
    assert rules([*world(), *life()], people=people) == {"quorum"}


def test_a_role_that_was_given_after_the_decision_does_not_count() -> None:
    early = signed("cay", groups=("viewers",))
    assert rules([*world(), *life(None, signed("bob"), early)]) == {"quorum"}


@pytest.mark.parametrize("ago", [timedelta(0), timedelta(hours=23, minutes=59)])
def test_who_changed_what_a_move_rests_on_within_a_day_counts_as_a_proposer(ago: timedelta) -> None:
    change = replace(limit("net_delta_band", "ETH", "30"), by="bob", at=AT - ago)
    assert rules([*world(), change, *life()]) == {"quorum"}


def test_a_change_after_the_proposal_counts_as_much() -> None:
    change = replace(limit("net_delta_band", "ETH", "30"), by="bob", at=AT + timedelta(minutes=5))
    assert rules([*world(), *life(), change], at=AT + timedelta(minutes=10), price=PRICE) >= {"quorum"}


def test_who_changed_it_longer_ago_or_changed_something_else_may_approve() -> None:
    before = replace(limit("net_delta_band", "ETH", "30"), by="bob", at=AT - timedelta(hours=24, seconds=1))
    elsewhere = replace(limit("net_delta_band", "BTC", "30"), by="bob", at=AT)
    assert rules([*world(), before, elsewhere, *life()]) == set()


def test_a_row_that_the_proposal_names_counts_though_nobody_would_think_of_it() -> None:
    elsewhere = replace(limit("net_delta_band", "BTC", "30"), by="bob", at=AT)
    named = replace(proposed(), rests_on=(f"limit:{elsewhere.limit.name}",))
    assert rules([*world(), elsewhere, named, *life()[1:]]) == {"quorum"}


def test_both_who_changed_the_policy_of_late_are_proposers() -> None:
    change = gate_change("policy", 2, by="bob", at=AT - timedelta(hours=5), rules=(TWO,))
    agreement = agreed(change, by="cay", at=AT - timedelta(hours=5), hold_s=int(COOL_OFF.total_seconds()))
    assert rules([*world(), change, agreement, *life()]) == {"quorum"}
    assert rules([*world(), change, agreement, *life(None, signed("dan"), signed("eve"))]) == set()


@pytest.mark.parametrize(("usd", "refused"), [(D("9.99"), set()), (D(10), {"quorum"}), (None, {"quorum", "cap"})])
def test_a_totp_approves_only_below_a_small_amount_that_is_believed(usd: Any, refused: set[str]) -> None:
    one = PolicyRule(name="one", outcome="ask", quotas=(Quota(group="approvers", needed=1),), totp_usd_max=D(1_000))
    weak = replace(signed("bob"), assertion=replace(signed("bob").assertion, kind="totp", step=7))
    price = MovePrice(usd=usd, high_usd=usd, trust="verified", because="no price")
    events = [*world(one), *life(None, weak, quota=1)]
    assert rules(events, price=price) == refused
    stale = replace(price, trust="stale")
    assert "quorum" in rules(events, price=stale)


def test_anybody_who_rejects_ends_it_for_good() -> None:
    no = signed("dan", verdict="reject")
    assert "state" in rules([*world(), *life(), no])


# What else is asked ---------------------------------------------------------------------------------------------------


def test_an_expired_move_is_not_sent() -> None:
    late = payload().expires_at
    assert {"expiry", "quorum"} <= rules([*world(), *life()], at=late)


def test_a_move_that_would_live_for_days_is_refused() -> None:
    long = payload(expires_at=AT + timedelta(hours=25))
    assert rules([*world(), *life(long)]) == {"expiry"}


def test_only_an_approved_move_goes_and_only_once() -> None:
    assert "state" in rules([*world(), *life()[:-1]])
    assert rules([*world(), *life(), intended()]) == set()
    assert "state" in rules([*world(), *life(), intended(), submitted()])


def test_the_stricter_of_the_policy_then_and_now_counts() -> None:
    three = replace(TWO, name="three", quotas=(Quota(group="approvers", needed=3),))
    allow = PolicyRule(name="allow", outcome="allow")
    begun = AT + COOL_OFF

    def changed(rule: PolicyRule) -> list[Event]:
        change = gate_change("policy", 2, rules=(rule,))
        return [change, agreed(change, hold_s=int(COOL_OFF.total_seconds()))]

    fresh = [collateral("stETH", "1500", begun)]
    assert rules([*world(), *life(), *changed(three), *fresh], at=begun) == {"quorum"}
    alone = [*world(), *life(None, signed("bob")), *changed(allow), *fresh]
    assert rules(alone, at=begun) == {"quorum"}
    assert "policy" in rules([*world(), *life(), *changed(replace(allow, outcome="refuse")), *fresh], at=begun)


def test_neither_a_lax_word_nor_a_lax_policy_of_now_undoes_the_policy_of_the_proposal() -> None:
    allow = PolicyRule(name="allow", outcome="allow")
    begun = AT + COOL_OFF
    change = gate_change("policy", 2, rules=(allow,))
    agreement = agreed(change, hold_s=int(COOL_OFF.total_seconds()))
    fresh = collateral("stETH", "1500", begun)
    forged = [*world(), proposed(), judged(outcome="allow"), approved(), change, agreement, fresh]
    assert rules(forged, at=begun) == {"quorum"}


def test_who_was_asked_for_when_it_was_judged_is_asked_for_still() -> None:
    allow = PolicyRule(name="allow", outcome="allow")
    assert rules([*world(allow), proposed(), judged(), approved()]) == {"quorum"}
    assert rules([*world(allow), *life()]) == set()


def test_a_judgment_that_was_written_laxer_than_the_policy_does_not_help() -> None:
    forged = [*world(), proposed(), judged(outcome="allow"), approved()]
    assert rules(forged) == {"quorum"}


def test_without_a_policy_and_without_its_word_nothing_goes() -> None:
    without = [
        one for one in world() if getattr(one, "part", "") != "policy" and getattr(one, "change_id", "") != "policy-1"
    ]
    assert "policy" in rules([*without, *life()])
    unjudged = [*world(), proposed(), signed("bob"), signed("cay")]
    assert {"policy", "state"} <= rules(unjudged)


def test_a_destination_that_nobody_agreed_on_is_refused_whatever_its_name() -> None:
    assert rules([*world(), *life(payload(route="66666"))]) == {"destination"}
    assert "destination" in rules([*world(), *life(payload(custodian="copper"))])
    assert "destination" in rules([*world(), *life(payload(destination="binance-coinm:main", venue="binance-coinm"))])
    assert "destination" in rules([*world(), *life(payload(kind="transfer", destination=ACCOUNT, venue=""))])


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({"asset": "XYZ"}, "asset"),
        ({"amount": D(-5)}, "amount"),
        ({"amount": D(0)}, "amount"),
        ({"venue": "binance-coinm"}, "account"),
        ({"source": ACCOUNT}, "route"),
        ({"source": "w\n1"}, "name"),
        ({"source": ""}, "name"),
    ],
)
def test_a_payload_that_contradicts_itself_or_the_catalogue_is_refused(given: dict[str, Any], rule: str) -> None:
    assert rule in rules([*world(), *life(payload(**given))])


@pytest.mark.parametrize("scope", [EVERYWHERE, "binance-usdm", "ceffu"])
def test_a_halt_stops_every_move_but_the_one_from_the_exchange_home(scope: str) -> None:
    halt = HaltDeclared(at=AT, halt_id="h-1", scope=scope, by="ann", reason="odd")
    assert rules([*world(), *life(), halt]) == {"halt"}
    home = payload(kind="undelegate")
    assert rules([*world(), *life(home), halt]) == set()
    transfer = payload(kind="transfer")
    assert rules([*world(), *life(transfer), halt]) == ({"halt"} if scope != "binance-usdm" else set())


def test_a_move_that_we_never_intended_stops_all_but_the_way_home() -> None:
    alarm = UnintendedMoveSeen(
        at=AT, source="ceffu", reference="9", kind="delegate", asset="ETH", amount=D(1), said="not ours"
    )
    assert rules([*world(), *life(), alarm]) == {"alarm"}
    assert rules([*world(), *life(payload(kind="undelegate")), alarm]) == set()


def test_an_open_break_stops_moves_there_and_the_engines_way_home() -> None:
    blocked = VenueBlocked(at=AT, venue="binance-usdm", break_ids=("b-1",), because="a balance differs by 9,000 USD")
    assert rules([*world(), *life(), blocked]) == {"break"}
    home = payload(kind="undelegate")
    assert rules([*world(), *life(home), blocked]) == set()
    assert rules([*world(), *life(home, by="engine"), blocked]) == {"break"}


def test_a_settlement_locks_moves() -> None:
    assert rules([*world(), *life()], settlement="ceffu settles until 12:10 UTC") == {"settlement"}


@pytest.mark.parametrize("after", [exact(D(999_999)), unknown("no balance is known")])
def test_an_account_keeps_its_headroom_or_keeps_its_collateral(after: Figure) -> None:
    home = payload(kind="undelegate")
    assert rules([*world(), *life(home)], headroom_after_usd=after) == {"headroom"}
    assert rules([*world(), *life()], headroom_after_usd=after) == set()
    assert rules([*world(), *life(home)], headroom_floor_usd=None) == {"headroom"}


def test_nothing_is_sent_that_its_source_does_not_have() -> None:
    assert rules([*world(), *life(payload(amount=D(1_501)))]) == {"available"}
    assert rules([*world(), *life(payload(kind="undelegate", amount=D(301)))]) == {"available"}
    assert "available" in rules([*world(), *life(payload(asset="ETH"))])
    assert rules([*world(), *life()], at=AT + timedelta(minutes=2)) == {"available"}


def test_two_moves_cannot_both_take_what_is_there_for_one() -> None:
    first, second = payload("mv1", amount=D(800)), payload("mv2", amount=D(800))
    both = [*world(), *life(first), intended(first, amount_usd="100"), *life(second)]
    assert rules(both, "mv2") == {"available"}
    assert rules([*world(), *life(first), *life(second)], "mv2") == set()


def test_splitting_does_not_pass_a_cap() -> None:
    first, second = payload("mv1", amount=D(10)), payload("mv2", amount=D(10))
    large = [*world(), *life(first), intended(first, amount_usd="19999999"), *life(second)]
    assert rules(large, "mv2") == {"cap"}


def test_a_price_that_nobody_should_believe_takes_the_strictest_rule_and_none_passes_no_cap() -> None:
    small = PolicyRule(name="small", outcome="allow", amount_usd_max=D(10_000_000))
    events = [*world(small, TWO), proposed(), judged(outcome="allow"), approved()]
    assert rules(events) == set()
    for trust in ("stale", "unverified"):
        assert rules(events, price=replace(PRICE, trust=trust)) == {"quorum"}
    assert rules(events, price=MovePrice(usd=None, high_usd=None, trust="unknown", because="?")) == {"quorum", "cap"}


# Before deciding ------------------------------------------------------------------------------------------------------


def reached(events: Iterable[Event], people: Mapping[str, frozenset[str]]) -> Reach:
    book = book_of(events)
    move = book.moves.get(payload().move_id)
    assert move is not None
    now = circumstances(book, people=people)
    worth = value(move.payload.amount, now.price)
    asked = judged_now(move, book, worth, now)
    bench = Bench(people=people, changes=book.row_changes, catalogue=book.catalogue, at=AT)
    return reach(move, asked, quorum(move, asked, worth, bench, proof), bench)


def test_a_quorum_is_reachable_while_enough_are_there_who_may() -> None:
    waiting = [*world(), proposed(), judged(), signed("bob")]
    found = reached(waiting, PEOPLE)
    assert found.is_reachable
    assert found.could == ("cay", "dan", "eve")
    alone = reached(waiting, {"ann": APPROVERS, "bob": APPROVERS})
    assert not alone.is_reachable
    assert alone.missing == (Quota(group="approvers", needed=1),)


def test_why_somebody_may_not_is_said() -> None:
    change = replace(limit("net_delta_band", "ETH", "30"), by="bob", at=AT)
    book = book_of([*world(), change, proposed(), judged()])
    move = book.moves.get(payload().move_id)
    assert move is not None
    bench = Bench(people=PEOPLE, changes=book.row_changes, catalogue=book.catalogue, at=AT)
    assert "the proposer" in conflict("ann", move, bench)
    assert f"bob changed limit:{change.limit.name}" in conflict("bob", move, bench)
    assert conflict("cay", move, bench) == ""


def test_the_builder_and_the_checks_speak_of_one_life() -> None:
    assert [type(one) for one in life()] == [type(one) for one in until_approved()]
