"""A change of the gate that cannot be meant is refused in sentences; what could surprise is pointed at."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgeapp.core.events.approvals import Cap, Destination, GateChangeProposed, PolicyRule
from hedgeapp.core.events.moves import Quota
from portfolio.core.gate_checks import LINES_MAX, Findings, Ground, findings
from portfolio.core.gate_payloads import agreement_hash, canonical_bytes, proposal_hash
from tests.builders.books import book_of
from tests.builders.moves import ACCOUNT, ALL_CAP, DESTINATIONS, LINK, STETH_CAP, WALLET, gate_change

D = Decimal
PEOPLE = {
    "ann": frozenset({"trader"}),
    "bob": frozenset({"approver"}),
    "cay": frozenset({"approver", "risk"}),
    "dan": frozenset({"risk"}),
}
GROUND = Ground(
    catalogue=book_of().catalogue,
    people=PEOPLE,
    groups=frozenset({"trader", "approver", "risk", "admin"}),
    wallets=frozenset({WALLET, "w2"}),
)
TWO = PolicyRule(name="two", outcome="ask", quotas=(Quota(group="approver", needed=2),), amount_usd_max=D(1_000_000))


def of(part: Any, *lines: Any, ground: Ground = GROUND) -> Findings:
    filled: dict[str, Any] = {{"policy": "rules"}.get(part, part): lines}
    return findings(gate_change(part, **filled), ground)


def test_a_gate_that_can_be_meant_is_not_refused() -> None:
    assert of("policy", TWO).refusals == ()
    assert of("caps", ALL_CAP, STETH_CAP).refusals == ()
    assert of("destinations", *DESTINATIONS).refusals == ()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"assets": ("DOGE",)}, "rule two: a known asset expected, found 'DOGE'"),
        ({"venues": ("mtgox",)}, "rule two: a known venue expected, found 'mtgox'"),
        ({"sources": ("nowhere",)}, "rule two: a known place to move from expected, found 'nowhere'"),
        ({"destinations": ("nowhere",)}, "rule two: a known place to move to expected, found 'nowhere'"),
        ({"proposers": ("mallory",)}, "rule two: a known proposer expected, found 'mallory'"),
        ({"quotas": (Quota(group="wheel", needed=1),)}, "a known group expected, found 'wheel'"),
        ({"quotas": (Quota(group="approver", needed=3),)}, "3 people of approver expected, found 2 (bob, cay)"),
        ({"quotas": (Quota(group="admin", needed=1),)}, "1 people of admin expected, found nobody"),
        ({"quotas": (Quota(group="approver", needed=0),)}, "1 or more people of a group expected"),
        ({"quotas": (Quota(group="approver", needed=1),) * 2}, "each group once expected"),
        ({"quotas": ()}, "somebody to ask expected, found nobody"),
        ({"outcome": "allow"}, "nobody to ask expected of a rule that says allow"),
        ({"amount_usd_max": D(-1)}, "amounts of 0 or more expected"),
        ({"hours": (8, 25)}, "hours of 0 to 24 UTC expected, found 8 to 25"),
        ({"velocity_usd_max": D(5)}, "a window above 0 h expected beside a velocity"),
        ({"velocity_window_s": 10**9}, "a window of at most 2678400 s expected"),
        ({"name": ""}, "a name of a rule of 1 to 100 printable characters expected"),
        ({"name": "two\u202e"}, "a name of a rule of 1 to 100 printable characters expected"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused_in_a_sentence(changed: dict[str, Any], said: str) -> None:
    refusals = of("policy", replace(TWO, **changed)).refusals
    assert any(said in one for one in refusals), refusals


def test_a_quorum_that_needs_one_person_twice_is_refused() -> None:
    rule = replace(TWO, quotas=(Quota(group="approver", needed=2), Quota(group="risk", needed=1)))
    assert of("policy", rule).refusals == ()
    without_dan = replace(GROUND, people={name: groups for name, groups in PEOPLE.items() if name != "dan"})
    assert "no quorum is possible" in of("policy", rule, ground=without_dan).refusals[0]


@pytest.mark.parametrize("part", ["policy", "caps", "destinations"])
def test_a_part_without_lines_or_with_too_many_is_refused(part: Any) -> None:
    line: Any = {"policy": TWO, "caps": ALL_CAP, "destinations": DESTINATIONS[0]}[part]
    assert f"1 to {LINES_MAX} lines in the {part} expected, found 0" in of(part).refusals[0]
    assert "expected, found 101" in of(part, *[line] * 101).refusals[0]


@pytest.mark.parametrize(
    ("cap", "said"),
    [
        (replace(STETH_CAP, subject="DOGE"), "a known asset expected, found 'DOGE'"),
        (replace(STETH_CAP, amount_max=None), "a bound in USD or in units expected, found none"),
        (replace(STETH_CAP, amount_max=D(-1)), "a bound of 0 or more expected, found -1"),
        (replace(STETH_CAP, window_s=0), "a window of 1 to 2678400 s expected, found 0 s"),
        (replace(STETH_CAP, scope="route", subject="w1"), "a route written source>destination expected, found 'w1'"),
        (replace(STETH_CAP, scope="route", subject="w1>mars"), "a known place expected, found 'mars'"),
        (replace(STETH_CAP, scope="route", subject="w1>w2"), "a bound in units on an asset expected"),
        (replace(STETH_CAP, scope="all"), "no subject expected of a cap of all moves"),
        (replace(STETH_CAP, name="all"), "each cap once expected, found 'all' twice"),
    ],
)
def test_a_cap_that_cannot_be_meant_is_refused_in_a_sentence(cap: Cap, said: str) -> None:
    refusals = of("caps", ALL_CAP, cap).refusals
    assert any(said in one for one in refusals), refusals


def test_caps_without_one_of_all_moves_in_usd_are_refused() -> None:
    assert "a cap of all moves in USD expected, found none" in of("caps", STETH_CAP).refusals[0]


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (Destination(name=ACCOUNT, custodian="mars", route=LINK, kinds=("delegate",)), "a known custodian expected"),
        (Destination(name=ACCOUNT, custodian="ceffu", route="", kinds=("delegate",)), "own name of the way there"),
        (Destination(name=ACCOUNT, custodian="ceffu", route=LINK, kinds=()), "a kind of move expected, found none"),
        (Destination(name="w2", custodian="ceffu", route=LINK, kinds=("delegate",)), "an account expected to delegate"),
        (Destination(name=ACCOUNT, custodian="ceffu", route=LINK, kinds=("transfer",)), "found an account"),
    ],
)
def test_a_destination_that_cannot_be_meant_is_refused_in_a_sentence(one: Destination, said: str) -> None:
    refusals = of("destinations", one).refusals
    assert any(said in sentence for sentence in refusals), refusals


def test_a_wallet_that_nobody_ever_stated_is_pointed_at() -> None:
    new = Destination(name="w9", custodian="ceffu", route="0xw9", kinds=("transfer",))
    assert "destination w9 was never stated by ceffu" in " ".join(of("destinations", new).cautions)


def test_a_rule_that_never_decides_is_pointed_at() -> None:
    narrow = replace(TWO, name="narrow", assets=("ETH",), amount_usd_max=D(10))
    assert "rule narrow never decides: rule two before it" in " ".join(of("policy", TWO, narrow).cautions)
    assert not any("never decides" in one for one in of("policy", narrow, TWO).cautions)
    by_day = replace(TWO, name="by day", hours=(8, 18))
    assert not any("never decides" in one for one in of("policy", by_day, TWO).cautions)


def test_a_rule_that_lets_any_amount_pass_is_pointed_at() -> None:
    found = of("policy", PolicyRule(name="free", outcome="allow", kinds=("undelegate",)))
    assert "rule free lets any amount pass" in " ".join(found.cautions)


def test_a_quorum_in_which_nobody_can_be_spared_is_pointed_at() -> None:
    assert "needs each of bob, cay: when one proposes or is away" in " ".join(of("policy", TWO).cautions)


CHANGE = gate_change("policy", rules=(TWO,))


def test_the_two_people_sign_different_hashes() -> None:
    assert proposal_hash(CHANGE) != agreement_hash(CHANGE)
    assert {len(proposal_hash(CHANGE)), len(agreement_hash(CHANGE))} == {32}


@given(
    changed=st.sampled_from(
        [
            {"change_id": "another"},
            {"version": 2},
            {"by": "eve"},
            {"reason": "another"},
            {"rules": (replace(TWO, name="three"),)},
            {"rules": (replace(TWO, amount_usd_max=D(1_000_001)),)},
            {"rules": (replace(TWO, quotas=(Quota(group="approver", needed=1),)),)},
            {"rules": (TWO, TWO)},
            {"rules": ()},
        ]
    )
)
def test_whatever_is_changed_in_it_is_another_change(changed: dict[str, Any]) -> None:
    assert proposal_hash(replace(CHANGE, **changed)) != proposal_hash(CHANGE)


def test_needless_digits_and_the_time_of_writing_change_nothing() -> None:
    later = replace(CHANGE, at=CHANGE.at.replace(year=2027), rules=(replace(TWO, amount_usd_max=D("1000000.00")),))
    assert canonical_bytes(later) == canonical_bytes(CHANGE)


def test_the_form_that_is_signed_never_changes() -> None:
    change = GateChangeProposed(
        at=CHANGE.at, change_id="c-1", part="caps", version=3, by="dan", reason="more", caps=(ALL_CAP,)
    )
    assert canonical_bytes(change) == (
        b"gate change 1\n"
        b'{"change_id":"c-1","part":"caps","version":3,"by":"dan","reason":"more",'
        b'"caps":[{"name":"all","scope":"all","subject":"","window_s":86400,"usd_max":"20000000"}]}'
    )
