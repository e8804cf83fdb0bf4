"""Break-glass brings collateral home for two people, past what its list says and past nothing else."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from hedgeapp.core.events import Event
from hedgeapp.core.events.approvals import Assertion, MoveDecided, PolicyRule
from hedgeapp.core.events.break_glass import BreakGlassReviewed, BreakGlassSigned
from hedgeapp.core.events.breaks import VenueBlocked
from hedgeapp.core.events.moves import MovePayload, MoveWithdrawn, Quota
from portfolio.core.book import Book
from portfolio.core.break_glass import OVERRIDDEN, UNREVIEWED_MAX
from portfolio.core.figures import exact, unknown
from portfolio.core.move_checks import Circumstances, Clearance, clearance
from portfolio.core.move_payloads import break_glass_hash, payload_hash, rejection_hash
from portfolio.core.move_states import Move
from portfolio.core.move_values import MovePrice
from portfolio.core.snapshots import dump, load
from portfolio.core.valuation import Valuation
from tests.builders.books import collateral, limit, recorded, reference
from tests.builders.moves import (
    ALL_CAP,
    DESTINATIONS,
    EMERGENCY,
    NAME,
    D,
    approved,
    decided,
    gate,
    glass_broken,
    glass_signed,
    judged,
    mirrored,
    payload,
    proposed,
)
from tests.builders.orders import AT

HOME = payload(kind="undelegate")
TWO = PolicyRule(name="two", outcome="ask", quotas=(Quota(group="approvers", needed=2),))
NEVER = PolicyRule(name="never", outcome="refuse")
APPROVERS = frozenset({"approvers"})
PEOPLE: Mapping[str, frozenset[str]] = dict.fromkeys(("ann", "bob", "cay", "dan", "eve"), APPROVERS)
PRICE = MovePrice(usd=D(3_000), high_usd=D(3_100), trust="verified", because="")
LONG_AGO = AT - timedelta(days=9)


def proof(decision: MoveDecided | BreakGlassSigned, challenge: bytes) -> str:
    """Stand for the second factor: a signature is `signed:` and the challenge."""
    held = decision.assertion.signature == f"signed:{challenge.hex()}"
    return "" if held else "the signature is not of this challenge"


def over(challenge: bytes, by: str) -> Assertion:
    return Assertion(kind="passkey", key_id=f"key-of-{by}", signature=f"signed:{challenge.hex()}")


def glass(by: str, of: MovePayload = HOME, **given: Any) -> BreakGlassSigned:
    return glass_signed(by, of, **{"assertion": over(break_glass_hash(of, EMERGENCY), by), **given})


def world(rule: PolicyRule = NEVER, **how: Any) -> list[Event]:
    events: list[Event] = [replace(one, at=LONG_AGO) for one in reference()]
    return [*events, *gate(rule, **how), collateral("stETH", "1500", AT), mirrored("300")]


def begun(of: MovePayload = HOME, by: str = "ann", outcome: str = "refuse") -> list[Event]:
    return [proposed(of, by=by), judged(of.move_id, outcome=outcome)]


def broken(of: MovePayload = HOME, **how: Any) -> list[Event]:
    return [*begun(of, **how), glass("bob", of), glass("cay", of), glass_broken(of)]


def book_of(events: Iterable[Event]) -> Book:
    book = Book()
    for one in recorded(events):
        book.apply(one)
    return book


def move_of(book: Book, name: str = NAME) -> Move:
    found = book.moves.get(name)
    assert found is not None
    return found


def cleared(events: Iterable[Event], name: str = NAME, *, at: datetime = AT, **given: Any) -> Clearance:
    book = book_of(events)
    fields: dict[str, Any] = {
        "valuation": Valuation(book, {}, at),
        "people": PEOPLE,
        "price": PRICE,
        "headroom_after_usd": exact(D(5_000_000)),
        "headroom_floor_usd": D(1_000_000),
        "breakers": frozenset({"ann", "bob", "cay", "dan", "eve"}),
    }
    return clearance(move_of(book, name), book, Circumstances(**{**fields, **given}), proof)


def rules(events: Iterable[Event], name: str = NAME, **given: Any) -> set[str]:
    return {one.rule for one in cleared(events, name, **given).refusals}


# What it does ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", ["refuse", "ask"])
def test_two_people_bring_home_what_policy_or_quorum_keeps(outcome: str) -> None:
    events = [*world(NEVER if outcome == "refuse" else TWO), *broken(outcome=outcome)]
    assert move_of(book_of(events)).state == "approved"
    found = cleared(events)
    assert (found.refusals, found.quorum.people) == ((), ("bob", "cay"))


def test_what_it_overrides_is_a_list() -> None:
    assert {"policy", "quorum", "headroom", "break"} == OVERRIDDEN
    blocked = VenueBlocked(at=AT, venue="binance-usdm", break_ids=("b-1",), because="a balance differs by 9,000 USD")
    assert rules([*world(), *broken(by="engine"), blocked]) == set()
    assert rules([*world(), *broken()], headroom_after_usd=exact(D(0))) == set()
    assert rules([*world(), *broken()], headroom_after_usd=unknown("the venue is silent")) == set()
    assert rules([*world(), *broken()], headroom_floor_usd=None) == set()
    stale = MovePrice(usd=D(3_000), high_usd=D(3_100), trust="stale", because="old")
    assert rules([*world(), *broken()], price=stale) == set()


# What it does not -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "how", "given"),
    [
        ("cap", {"caps": (replace(ALL_CAP, usd_max=D(1_000)),)}, {}),
        ("settlement", {}, {"settlement": "ceffu settles until 12:10 UTC"}),
        ("gate", {}, {"doubts": ("version 1 of the policy: a signature of dan expected, found none",)}),
        ("cap", {}, {"price": MovePrice(usd=None, high_usd=None, trust="unknown", because="nobody quotes it")}),
    ],
)
def test_what_it_does_not_override(rule: str, how: dict[str, Any], given: dict[str, Any]) -> None:
    assert rule in rules([*world(**how), *broken()], **given)


def test_a_destination_that_two_people_did_not_agree_on() -> None:
    wallets = tuple(one for one in DESTINATIONS if "undelegate" not in one.kinds)
    assert "destination" in rules([*world(destinations=wallets), *broken()])
    assert "destination" in rules([*world(), *broken(payload(kind="undelegate", route="0xmine"))])


def test_more_than_there_is() -> None:
    assert "available" in rules([*world(), *broken(payload(kind="undelegate", amount=D(301)))])


@pytest.mark.parametrize("kind", ["delegate", "transfer"])
@pytest.mark.parametrize("outcome", ["refuse", "ask"])
def test_it_never_goes_outwards(kind: str, outcome: str) -> None:
    of = payload(kind=kind)
    move = move_of(book_of([*world(), *broken(of, outcome=outcome)]))
    assert (move.glass, move.broken) == ((), None)
    assert move.state == ("refused" if outcome == "refuse" else "awaiting_approval")


def test_an_outward_move_that_is_called_broken_is_refused_at_the_door_too() -> None:
    of = payload(NAME)
    book = book_of([*world(TWO), proposed(of), judged(of.move_id), approved(of, "bob", "cay")])
    forged = replace(move_of(book), glass=(glass("bob", of), glass("cay", of)), broken=glass_broken(of))
    now = Circumstances(
        valuation=Valuation(book, {}, AT),
        people=PEOPLE,
        price=PRICE,
        headroom_after_usd=exact(D(5_000_000)),
        headroom_floor_usd=D(1),
        breakers=frozenset({"bob", "cay"}),
    )
    assert "break-glass" in {one.rule for one in clearance(forged, book, now, proof).refusals}


# Who counts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "events",
    [
        [glass_broken(HOME)],
        [glass("bob"), glass_broken(HOME)],
        [glass("bob"), glass("bob"), glass_broken(HOME, "bob", "bob")],
        [glass("bob"), glass("cay", reason="another"), glass_broken(HOME)],
        [glass("bob"), glass("cay", payload(kind="undelegate", amount=D(200))), glass_broken(HOME)],
        [glass("bob"), glass("cay"), glass_broken(payload(kind="undelegate", amount=D(200)))],
        [glass("bob"), glass("cay"), glass_broken(HOME, reason="another")],
        [glass("bob"), glass("cay"), glass_broken(HOME, "bob", "dan")],
        [decided("bob", HOME), decided("cay", HOME), glass_broken(HOME)],
    ],
)
def test_a_glass_that_two_people_did_not_sign_stays_whole(events: list[Event]) -> None:
    book = book_of([*world(), *begun(), *events])
    assert move_of(book).state == "refused"
    assert move_of(book).broken is None
    assert book.moves.unreviewed == ()
    assert list(book.faults)


@pytest.mark.parametrize("challenge", [payload_hash(HOME), rejection_hash(HOME), break_glass_hash(HOME, "another")])
def test_a_signature_of_something_else_does_not_count(challenge: bytes) -> None:
    events = [*begun(), glass("bob"), glass("cay", assertion=over(challenge, "cay")), glass_broken(HOME)]
    assert rules([*world(), *events]) == {"break-glass"}


def test_a_break_glass_is_no_approval() -> None:
    votes = [replace(decided(by, HOME), assertion=over(break_glass_hash(HOME, EMERGENCY), by)) for by in ("bob", "cay")]
    events = [*begun(outcome="ask"), *votes, approved(HOME, "bob", "cay")]
    assert rules([*world(TWO), *events]) == {"quorum"}


@pytest.mark.parametrize(
    "second",
    [
        glass("cay", assertion=replace(over(break_glass_hash(HOME, EMERGENCY), "cay"), key_id="key-of-bob")),
        glass("cay", assertion=replace(over(break_glass_hash(HOME, EMERGENCY), "cay"), kind="totp")),
    ],
)
def test_each_signs_with_a_passkey_of_his_own(second: BreakGlassSigned) -> None:
    assert rules([*world(), *begun(), glass("bob"), second, glass_broken(HOME)]) == {"break-glass"}


def test_who_lost_the_role_does_not_count_any_more() -> None:
    assert rules([*world(), *broken()], breakers=frozenset({"bob"})) == {"break-glass"}


def test_the_proposer_never_counts() -> None:
    events = [*world(), *begun(), glass("ann"), glass("cay"), glass_broken(HOME, "ann", "cay")]
    assert rules(events) == {"break-glass"}


def test_who_changed_of_late_what_it_rests_on_never_counts() -> None:
    changed = replace(limit("net_delta_band", "ETH", "30"), by="cay", at=AT)
    assert rules([*world(), changed, *broken()]) == {"break-glass"}


def test_two_of_three_who_signed_are_enough() -> None:
    """One of them lost his key meanwhile: a third takes his place."""
    lost = glass("dan", assertion=over(break_glass_hash(HOME, "another"), "dan"))
    events = [*begun(), lost, glass("bob"), glass("cay"), glass_broken(HOME)]
    assert cleared([*world(), *events]).quorum.people == ("bob", "cay")


def test_it_dies_with_the_move() -> None:
    assert "break-glass" in rules([*world(), *broken()], at=HOME.expires_at)


def test_whoever_may_decide_can_still_reject_it() -> None:
    move = move_of(book_of([*world(), *broken(), decided("eve", HOME, verdict="reject")]))
    assert move.state == "rejected"
    again = move_of(book_of([*world(), *broken(), decided("eve", HOME, verdict="reject"), glass_broken(HOME)]))
    assert again.state == "rejected"


def test_what_was_withdrawn_is_not_brought_back() -> None:
    gone = MoveWithdrawn(at=AT, move_id=NAME, by="ann", reason="no")
    assert move_of(book_of([*world(), *begun(outcome="ask"), gone, *broken()[2:]])).state == "withdrawn"


# The review -----------------------------------------------------------------------------------------------------------


def review(by: str = "dan", agreed_by: str = "eve") -> BreakGlassReviewed:
    return BreakGlassReviewed(at=AT, move_id=NAME, by=by, agreed_by=agreed_by, reason="it was needed")


@pytest.mark.parametrize("by", [("bob", "eve"), ("dan", "cay"), ("bob", "cay"), ("dan", "dan"), ("dan", ""), ("", "")])
def test_who_signed_it_never_reviews_it_and_one_is_not_enough(by: tuple[str, str]) -> None:
    book = book_of([*world(), *broken(), review(*by)])
    assert [one.move_id for one in book.moves.unreviewed] == [NAME]
    assert book_of([*world(), *broken(), review()]).moves.unreviewed == ()


def test_who_signed_without_being_needed_does_not_review_it() -> None:
    events = [*world(), *begun(), glass("dan"), glass("bob"), glass("cay"), glass_broken(HOME), review()]
    assert [one.move_id for one in book_of(events).moves.unreviewed] == [NAME]


def test_one_that_waits_for_a_day_blocks_the_next_until_its_review() -> None:
    other = payload("mv-2", kind="undelegate", amount=D(10), expires_at=AT + timedelta(days=2))
    events = [*world(), *broken(), *broken(other), mirrored("300", AT + UNREVIEWED_MAX)]
    late = AT + UNREVIEWED_MAX
    assert rules(events, "mv-2", at=late - timedelta(seconds=1)).isdisjoint({"review"})
    assert "review" in rules(events, "mv-2", at=late)
    assert "review" not in rules([*events, review()], "mv-2", at=late)


def test_a_snapshot_keeps_what_waits_for_its_review() -> None:
    book = book_of([*world(), *broken()])
    again = load(dump(book))
    assert again.moves.unreviewed == book.moves.unreviewed != ()
    assert move_of(again) == move_of(book)
