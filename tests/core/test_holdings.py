"""What a custodian's wallets have to hold: his word once, then what came and went, and what a staked asset may grow."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgeapp.core.events.anchors import HoldingAnchored, RebaseTaken
from hedgeapp.core.events.collateral import CustodyFlowSeen, SettlementSeen
from reconciliation.core.compare import mismatches
from reconciliation.core.findings import with_lines
from reconciliation.core.holdings import (
    ANEW_AFTER,
    Change,
    HeldEvent,
    anchored,
    changes,
    explained,
    item_of,
    rebased,
    transferred,
    unexplained,
)
from reconciliation.core.in_flight import items_of, of_moves
from reconciliation.core.rebases import KEPT_UP_FOR, PER_YEAR_MAX, YEAR_S, most
from reconciliation.core.runs import Finding
from tests.builders import moves
from tests.builders.books import book_of
from tests.builders.breaks import difference
from tests.builders.orders import AT

D = Decimal
DAY = timedelta(days=1)
ITEM, STAKED = item_of("w1", "USDT"), item_of("w1", "stETH")


def anchor(total: str, asset: str = "USDT", log_seq: int = 10) -> dict[str, HoldingAnchored]:
    made = HoldingAnchored(
        at=AT, custodian="ceffu", wallet="w1", asset=asset, total=D(total), log_seq=log_seq, by="reconciliation"
    )
    return {item_of("w1", asset): made}


def flow(direction: str, amount: str, fee: str = "0", fee_asset: str = "USDT") -> CustodyFlowSeen:
    return CustodyFlowSeen(
        at=AT,
        custodian="ceffu",
        order_id="7",
        direction="deposit" if direction == "deposit" else "withdrawal",
        wallet="w1",
        asset="USDT",
        amount=D(amount),
        fee=D(fee),
        fee_asset=fee_asset,
        network="ETH",
        transaction="0xab",
        address="0xdead",
    )


def settled(amount: str) -> SettlementSeen:
    return SettlementSeen(
        at=AT, custodian="ceffu", order_id="8", account="v:a", wallet="w1", asset="USDT", amount=D(amount)
    )


def rebase(amount: str, after: timedelta = timedelta(0)) -> RebaseTaken:
    return RebaseTaken(at=AT + after, custodian="ceffu", wallet="w1", asset="stETH", amount=D(amount), most=D("1000"))


def change(units: Decimal, seq: int) -> Change:
    return Change(wallet="w1", asset="USDT", line="deposits", units=units, seq=seq, at=AT)


def test_his_first_word_is_taken_and_anchored() -> None:
    stated = {ITEM: (D(100),), STAKED: (D(0),)}
    found = explained(stated, {}, [], at=AT)
    assert mismatches("holding", found.rows, stated) == []
    made = anchored("ceffu", stated, found, log_seq=7, at=AT)
    assert [(one.wallet, one.asset, one.total, one.log_seq) for one in made] == [
        ("w1", "USDT", D(100), 7),
        ("w1", "stETH", D(0), 7),
    ]


@given(st.lists(st.decimals(min_value=-50, max_value=50, places=2), max_size=6))
def test_each_fact_after_the_anchor_counts_once(units: list[Decimal]) -> None:
    made = [change(one, seq) for seq, one in enumerate(units, 11)]
    found = explained({ITEM: (D(100),)}, anchor("100"), [change(D(7), 10), *made], at=AT)
    assert found.rows[ITEM] == (D(100) + sum(units, D(0)),)


def test_deposits_withdrawals_settlements_and_rebases_are_lines_of_what_there_has_to_be() -> None:
    events: list[HeldEvent] = [flow("deposit", "5"), flow("withdrawal", "2"), settled("-1.5"), flow("deposit", "1")]
    made = [one for seq, event in enumerate(events, 11) for one in changes(event, seq)]
    found = explained({ITEM: (D(1),)}, anchor("100"), made, at=AT)
    assert found.rows[ITEM] == (D("102.5"),)
    assert found.lines[ITEM] == (("opening", "100"), ("deposits", "6"), ("withdrawals", "-2"), ("settled", "-1.5"))


def test_a_fee_in_the_same_coin_is_in_the_amount_and_one_in_another_is_not() -> None:
    same = [(one.asset, one.units) for one in changes(flow("withdrawal", "10", fee="1"), 1)]
    other = [(one.asset, one.units) for one in changes(flow("withdrawal", "10", fee="1", fee_asset="ETH"), 1)]
    assert same == [("USDT", D(-10))]
    assert other == [("USDT", D(-10)), ("ETH", D(-1))]


def test_a_transfer_leaves_one_wallet_for_the_other() -> None:
    payload = moves.payload("m-1", kind="transfer", source="w1", destination="w2", asset="USDT", amount=D(3))
    assert [(one.wallet, one.units) for one in transferred(payload, 1, AT)] == [("w1", D(-3)), ("w2", D(3))]


def test_what_came_to_a_place_without_an_anchor_began_at_nothing() -> None:
    new = Change(wallet="w2", asset="BTC", line="deposits", units=D(2), seq=11, at=AT)
    found = explained({item_of("w2", "BTC"): (D(2),)}, anchor("100"), [new], at=AT)
    assert found.rows[item_of("w2", "BTC")] == (D(2),)
    assert found.rows[ITEM] == (D(100),)  # his statement has none of it


def test_a_delegation_that_he_forgot_is_told_as_that_and_not_twice() -> None:
    stated = {ITEM: (D(60),)}
    told = explained(stated, anchor("100"), [], at=AT, mirrored={ITEM: D(-40)})
    assert mismatches("holding", told.rows, stated) == []
    more = explained(stated, anchor("100"), [], at=AT, mirrored={ITEM: D(-30)})
    assert more.rows[ITEM] == (D(100),)


def test_a_delegation_of_nobody_of_ours_leaves_the_holdings_as_they_are() -> None:
    stated = {ITEM: (D(100),)}
    assert explained(stated, anchor("100"), [], at=AT, mirrored={ITEM: D(40)}).rows == stated


def test_what_is_mirrored_without_our_moves_is_counted_by_wallet() -> None:
    ours, theirs = {"v:a:USDT": (D(10),), "v:b:USDT": (D(5),)}, {"v:a:USDT": (D(0),), "v:c:USDT": (D(9),)}
    assert unexplained({"v:a": "w1", "v:b": "w1"}, ours, theirs) == {ITEM: D(-15)}


def test_a_growth_within_its_allowance_is_a_rebase_and_a_larger_one_is_not() -> None:
    at = AT + DAY
    few, many = {STAKED: (D("1000.08"),)}, {STAKED: (D("1000.9"),)}
    found = explained(few, anchor("1000", "stETH"), [], at=at)
    assert found.rows == few
    assert found.grown[STAKED].amount == D("0.08")
    assert [one.amount for one in rebased("ceffu", found, [STAKED], at=at)] == [D("0.08")]
    assert rebased("ceffu", found, [], at=at) == []
    assert explained(many, anchor("1000", "stETH"), [], at=at).rows[STAKED] == (D(1000),)


@pytest.mark.parametrize(("item", "total"), [(ITEM, "100.00001"), (STAKED, "99.99999")])
def test_nothing_else_grows_and_nothing_shrinks_by_itself(item: str, total: str) -> None:
    asset = item.rpartition(":")[2]
    found = explained({item: (D(total),)}, anchor("100", asset), [], at=AT + DAY)
    assert (found.grown, found.rows[item]) == ({}, (D(100),))


def test_no_growth_is_taken_while_a_list_of_his_is_not_in_the_log() -> None:
    stated = {STAKED: (D("1000.08"),)}
    assert explained(stated, anchor("1000", "stETH"), [], at=AT + DAY, is_complete=False).grown == {}


@given(st.lists(st.integers(min_value=0, max_value=100_000), max_size=40))
def test_however_often_a_little_is_added_no_more_is_taken_than_the_rate_allows(pauses_s: list[int]) -> None:
    taken, at = list[RebaseTaken](), AT
    for pause_s in pauses_s:
        at += timedelta(seconds=pause_s)
        known = [(one.at, one.amount) for one in taken]
        amount = most("stETH", D(1000), AT, known, at)
        taken.append(rebase(str(amount), at - AT))
    lasted_s = D((at - AT).total_seconds() + KEPT_UP_FOR.total_seconds())
    allowed = D(1000) * PER_YEAR_MAX["stETH"] * lasted_s / YEAR_S
    assert sum((one.amount for one in taken), D(0)) <= allowed + D("1e-12")


def test_a_rebase_that_was_taken_explains_what_there_is_from_then_on() -> None:
    made = list(changes(rebase("0.08", DAY), 11))
    found = explained({STAKED: (D("1000.08"),)}, anchor("1000", "stETH"), made, at=AT + DAY)
    assert (found.rows[STAKED], found.grown) == ((D("1000.08"),), {})
    assert found.lines[STAKED] == (("opening", "1000"), ("rebases", "0.08"))


def test_an_old_anchor_is_set_anew_by_what_we_explain() -> None:
    stated = {ITEM: (D(105),)}
    found = explained(stated, anchor("100"), [change(D(5), 11)], at=AT)
    assert anchored("ceffu", stated, found, log_seq=20, at=AT + DAY) == []
    (made,) = anchored("ceffu", stated, found, log_seq=20, at=AT + ANEW_AFTER)
    assert (made.total, made.log_seq) == (D(105), 20)


def test_a_move_under_way_accounts_for_the_holdings_that_it_touches() -> None:
    payload = moves.payload(kind="transfer", source="w1", destination="w2", asset="USDT", amount=D(3))
    (move,) = book_of(*moves.until_submitted(payload)).moves.in_flight()
    found = {(one.kind, one.item, one.most) for one in of_moves([move], "ceffu") if one.kind == "holding"}
    assert found == {("holding", ITEM, D(3)), ("holding", item_of("w2", "USDT"), D(3))}
    assert set(items_of(move)) == {ITEM, item_of("w2", "USDT")}


def test_a_difference_says_line_by_line_how_ours_comes_about() -> None:
    one = Finding(difference=difference(kind="holding", item=ITEM, ours=(("total", "105"),)))
    other = Finding(difference=difference(kind="collateral", item=ITEM))
    lined, plain = with_lines([one, other], {ITEM: (("opening", "100"), ("deposits", "5"))})
    assert lined.difference.ours == (("total", "105"), ("opening", "100"), ("deposits", "5"))
    assert plain == other
