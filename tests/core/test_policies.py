"""Policies: the first rule that matches decides, none refuses, and what nobody can value takes the strictest."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgeapp.core.events.approvals import PolicyRule
from hedgeapp.core.events.moves import Outcome, Quota
from portfolio.core.approvals import seated
from portfolio.core.caps import Flow
from portfolio.core.move_values import MovePrice, Value, value
from portfolio.core.policies import STRICTNESS, Asked, Judgment, is_sound, judgment, stricter
from tests.builders.moves import ACCOUNT, WALLET, D, payload
from tests.builders.orders import AT

ANY_TWO = PolicyRule(name="any two", outcome="ask", quotas=(Quota(group="approvers", needed=2),))
ALLOW = PolicyRule(name="allow", outcome="allow")
REFUSE = PolicyRule(name="refuse", outcome="refuse")


def asked(
    usd: str | None = "300000", *, by: str = "ann", at: datetime = AT, trust: Any = "verified", **of: Any
) -> Asked:
    worth = Value(usd=D(usd) if usd else None, trust=trust, because="the price is stale")
    return Asked(payload=payload(**of), value=worth, by=by, at=at)


def flow(usd: str | None = "1000000", *, ended_s_ago: float | None = None, **given: Any) -> Flow:
    fields: dict[str, Any] = {
        "move_id": "mv0",
        "kind": "delegate",
        "asset": "stETH",
        "source": WALLET,
        "destination": ACCOUNT,
        "venue": "binance-usdm",
        "amount": D(400),
        "amount_usd": D(usd) if usd else None,
        "ended_at": None if ended_s_ago is None else AT - timedelta(seconds=ended_s_ago),
    }
    return Flow(**{**fields, **given})


def rule_of(rules: Sequence[PolicyRule], what: Asked, *flows: Flow) -> str:
    return judgment(rules, what, flows).rule


def test_no_match_refuses() -> None:
    found = judgment((), asked(), ())
    assert found.outcome == "refuse"
    assert "nothing moves without one" in found.said
    assert judgment((replace(ALLOW, assets=("ETH",)),), asked(), ()).outcome == "refuse"


def test_the_first_rule_that_matches_decides() -> None:
    assert rule_of((ALLOW, REFUSE), asked()) == "allow"
    assert rule_of((REFUSE, ALLOW), asked()) == "refuse"
    assert rule_of((replace(REFUSE, assets=("ETH",)), ANY_TWO, ALLOW), asked()) == "any two"


@pytest.mark.parametrize(
    ("narrowed", "matches", "misses"),
    [
        ({"kinds": ("delegate",)}, {}, {"kind": "undelegate"}),
        ({"assets": ("stETH", "ETH")}, {}, {"asset": "USDT"}),
        ({"sources": (WALLET,)}, {}, {"source": "w2"}),
        ({"destinations": (ACCOUNT,)}, {}, {"destination": "okx:main"}),
        ({"venues": ("binance-usdm",)}, {}, {"venue": "okx"}),
        ({"amount_max": D(100)}, {}, {"amount": D("100.000000000000000001")}),
        ({"amount_usd_max": D(300_000)}, {}, {"usd": "300000.01"}),
        ({"proposers": ("person",)}, {"by": "bob"}, {"by": "engine"}),
        ({"proposers": ("engine",)}, {"by": "engine"}, {"by": "ann"}),
        ({"proposers": ("ann",)}, {"by": "ann"}, {"by": "bob"}),
    ],
)
def test_a_rule_is_about_what_it_names_and_nothing_else(
    narrowed: dict[str, Any], matches: dict[str, Any], misses: dict[str, Any]
) -> None:
    rules = (replace(ALLOW, **narrowed), REFUSE)
    assert rule_of(rules, asked(**matches)) == "allow"
    assert rule_of(rules, asked(**misses)) == "refuse"


@pytest.mark.parametrize(("hours", "inside", "outside"), [((9, 17), (9, 16), (8, 17)), ((22, 6), (22, 5), (21, 6))])
def test_hours_are_those_of_utc_and_may_pass_midnight(
    hours: tuple[int, int], inside: tuple[int, ...], outside: tuple[int, ...]
) -> None:
    rules = (replace(ALLOW, hours=hours), REFUSE)
    assert {rule_of(rules, asked(at=AT.replace(hour=hour))) for hour in inside} == {"allow"}
    assert {rule_of(rules, asked(at=AT.replace(hour=hour))) for hour in outside} == {"refuse"}


def test_velocity_adds_up_what_the_rule_would_have_taken_before() -> None:
    rules = (replace(ALLOW, assets=("stETH",), velocity_usd_max=D(1_300_000), velocity_window_s=3_600), REFUSE)
    assert rule_of(rules, asked(), flow()) == "allow"
    assert rule_of(rules, asked("300001"), flow()) == "refuse"
    assert rule_of(rules, asked("300001"), flow(asset="ETH")) == "allow"
    assert rule_of(rules, asked("300001"), flow(ended_s_ago=3_601)) == "allow"
    assert rule_of(rules, asked("300001"), flow(ended_s_ago=3_599)) == "refuse"
    assert rule_of(rules, asked(), flow(usd=None)) == "refuse"


@pytest.mark.parametrize("trust", ["stale", "unverified", "unknown"])
def test_what_nobody_should_believe_takes_the_strictest_rule_that_matches_but_for_its_worth(trust: Any) -> None:
    small = replace(ALLOW, name="small", amount_usd_max=D(1_000))
    medium = replace(ANY_TWO, amount_usd_max=D(1_000_000))
    large = PolicyRule(name="large", outcome="ask", quotas=(Quota(group="risk", needed=1),))
    elsewhere = replace(REFUSE, assets=("ETH",))
    found = judgment((small, medium, large, elsewhere), asked("10", trust=trust), ())
    assert found.outcome == "ask"
    assert {quota.group: quota.needed for quota in found.quotas} == {"approvers": 2, "risk": 1}
    assert judgment((small, medium, REFUSE), asked("10", trust=trust), ()).outcome == "refuse"
    assert judgment((elsewhere,), asked("10", trust=trust), ()).outcome == "refuse"


def test_a_rule_that_contradicts_itself_refuses() -> None:
    for unsound in (
        replace(ANY_TWO, quotas=()),
        replace(ALLOW, quotas=(Quota(group="approvers", needed=1),)),
        replace(ANY_TWO, quotas=(Quota(group="approvers", needed=0),)),
        replace(ANY_TWO, quotas=(Quota(group="approvers", needed=1), Quota(group="approvers", needed=1))),
        replace(ALLOW, hours=(9, 25)),
        replace(ALLOW, amount_usd_max=D("NaN")),
        replace(ALLOW, velocity_usd_max=D(1)),
    ):
        assert not is_sound(unsound)
        assert judgment((unsound,), asked(), (flow(asset="BTC"),)).outcome == "refuse"


outcomes: st.SearchStrategy[Outcome] = st.sampled_from(["allow", "ask", "refuse"])


@st.composite
def judgments(draw: st.DrawFn) -> Judgment:
    outcome = draw(outcomes)
    groups = draw(st.dictionaries(st.sampled_from("abc"), st.integers(1, 3), min_size=1)) if outcome == "ask" else {}
    return Judgment(
        rule=draw(st.sampled_from(["one", "two"])),
        outcome=outcome,
        quotas=tuple(Quota(group=group, needed=groups[group]) for group in sorted(groups)),
        totp_usd_max=D(draw(st.integers(0, 3))),
        said="",
    )


def satisfied(judged: Judgment, voters: dict[str, frozenset[str]]) -> bool:
    """Tell by trying every way to seat people whether they suffice."""
    if judged.outcome == "refuse":
        return False

    def fits(quotas: tuple[Quota, ...], left: frozenset[str]) -> bool:
        if not quotas:
            return True
        first, rest = quotas[0], quotas[1:]
        able = [person for person in left if first.group in voters[person]]
        return any(fits(rest, left - set(chosen)) for chosen in combinations(able, first.needed))

    return fits(judged.quotas, frozenset(voters))


people = st.dictionaries(st.sampled_from(["ann", "bob", "cay", "dan", "eve"]), st.frozensets(st.sampled_from("abc")))


@given(judgments(), judgments(), people)
def test_whoever_satisfies_the_stricter_of_two_satisfies_both(
    one: Judgment, other: Judgment, voters: dict[str, frozenset[str]]
) -> None:
    joined = stricter(one, other)
    assert joined.outcome == max(one.outcome, other.outcome, key=lambda each: STRICTNESS[each])
    assert joined.totp_usd_max <= min(one.totp_usd_max, other.totp_usd_max)
    assert stricter(other, one).quotas == joined.quotas
    if satisfied(joined, voters):
        assert satisfied(one, voters)
        assert satisfied(other, voters)


@given(judgments().filter(lambda one: one.outcome == "ask"), people)
def test_people_are_matched_to_places_whenever_there_is_a_way(
    judged: Judgment, voters: dict[str, frozenset[str]]
) -> None:
    seats, missing = seated(judged.quotas, voters)
    assert (not missing) == satisfied(judged, voters)
    assert len({person for person, _ in seats}) == len(seats)
    assert all(group in voters[person] for person, group in seats)


def test_a_greedy_choice_does_not_spoil_a_quorum() -> None:
    quotas = (Quota(group="approvers", needed=1), Quota(group="risk", needed=1))
    both, only = frozenset({"approvers", "risk"}), frozenset({"approvers"})
    assert seated(quotas, {"ann": both, "bob": only})[1] == ()
    assert seated(quotas, {"bob": both, "ann": only})[1] == ()
    assert seated(quotas, {"ann": both})[1] == (Quota(group="risk", needed=1),)


def test_a_worth_is_taken_at_the_higher_of_now_and_the_high_of_a_day() -> None:
    dip = MovePrice(usd=D(1_800), high_usd=D(2_000), trust="verified", because="")
    assert value(D(10), dip).usd == 20_000
    assert value(D(10), replace(dip, high_usd=D(1_700))).usd == 18_000
    assert value(D(10), replace(dip, high_usd=None)).usd == 18_000


def test_what_has_no_price_now_has_no_worth_whatever_it_had_before() -> None:
    for usd in (None, D("NaN"), D(0)):
        found = value(
            D(10), MovePrice(usd=usd, high_usd=D(2_000) if usd is None else None, trust="verified", because="")
        )
        assert found.usd is None
        assert not found.is_trusted
