"""Delegations and undelegations of the sandbox custodian: states, idempotency, margin, locks; nothing is lost."""

from decimal import Decimal
from pathlib import Path

import pytest

from sandbox.ceffu.errors import RequestRefused
from sandbox.ceffu.mirror import NothingToForget
from sandbox.ceffu.statuses import FAILED, IN_PROGRESS, PENDING, SUCCESS
from sandbox.collateral import ratios_of
from tests.builders.collateral import Clock
from tests.sandbox.custody_world import CYCLE_MS, LATENCY_MS, SETTLING_MS, Custody
from tests.sandbox.matching_world import ALICE, BOB, PRICE


@pytest.fixture
def custody(tmp_path: Path) -> Custody:
    return Custody(tmp_path)


def test_a_delegation_is_pending_then_in_progress_then_margin_at_the_exchange(custody: Custody) -> None:
    before = custody.at_venue()
    order = custody.delegate("250000")
    assert [order.status, custody.at_venue(), custody.held()] == [PENDING, before, 1_000_000]
    custody.wait(LATENCY_MS // 2)
    assert custody.order(order).status == IN_PROGRESS
    custody.wait(LATENCY_MS // 2)
    assert custody.order(order).status == SUCCESS
    assert [custody.held(), custody.mirrored(), custody.at_venue()] == [750_000, 250_000, before + 250_000]


def test_coins_that_are_on_their_way_are_not_available_twice(custody: Custody) -> None:
    custody.delegate("700000")
    asset = custody.custodian.asset("USDT")
    assert [asset.amount, asset.available, asset.mirrored] == [1_000_000, 300_000, 0]
    with pytest.raises(RequestRefused, match="at most 300000 USDT is available, found 300001"):
        custody.delegate("300001")


def test_an_undelegation_brings_the_coins_back(custody: Custody) -> None:
    before = custody.at_venue()
    custody.delegate("1000")
    custody.wait()
    order = custody.undelegate("400")
    custody.wait()
    assert custody.order(order).status == SUCCESS
    assert [custody.held(), custody.mirrored(), custody.at_venue()] == [999_400, 600, before + 600]


def test_more_than_is_delegated_does_not_come_back(custody: Custody) -> None:
    custody.delegate("1000")
    custody.wait()
    with pytest.raises(RequestRefused, match="at most 1000 USDT"):
        custody.undelegate("1001")


def test_what_backs_positions_does_not_come_back(custody: Custody) -> None:
    custody.delegate("1000000")
    custody.wait()
    custody.bench.accounts.transfer(ALICE, "USDT", Decimal(-10_000_000), 1)
    market = custody.bench.market
    part = (market.trade_ids.take(), PRICE, 10_000_000)
    custody.bench.accounts.execute(ALICE, market.spec.symbol, "SELL", [part], maker=True, at_ms=market.now_ms)
    most = custody.mirror.available(custody.link(), "USDT", 20)
    assert 0 < most < 1_000_000
    with pytest.raises(RequestRefused, match="is available"):
        custody.undelegate("1000000")
    order = custody.undelegate(f"{most:f}")
    custody.wait()
    assert custody.order(order).status == SUCCESS
    assert 0 <= custody.cross.available(ALICE, "USDT") < Decimal("0.00000002")


def test_an_undelegation_that_lost_its_headroom_on_the_way_fails_and_moves_nothing(custody: Custody) -> None:
    custody.delegate("1000000")
    custody.wait()
    order = custody.undelegate("1000000")
    custody.bench.accounts.transfer(ALICE, "USDT", Decimal(-10_500_000), 1)
    custody.wait()
    found = custody.order(order)
    assert (found.status, found.reason) == (FAILED, "at most 500000 USDT was available when it came to it")
    assert [custody.mirrored(), custody.held()] == [1_000_000, 0]


def test_a_repeated_request_is_answered_with_its_order(custody: Custody) -> None:
    first = custody.delegate("100", request_id="one")
    custody.wait()
    again = custody.delegate("100.0", request_id="one")
    assert (again.id, again.status) == (first.id, SUCCESS)
    assert len(custody.orders()) == 1
    assert custody.mirrored() == 100


@pytest.mark.parametrize("changed", [("101", "USDT", ALICE), ("100", "ETH", ALICE), ("100", "USDT", BOB)])
def test_a_request_id_with_other_content_is_refused(custody: Custody, changed: tuple[str, str, str]) -> None:
    custody.delegate("100", request_id="one")
    amount, coin, account = changed
    with pytest.raises(RequestRefused, match="requestId one was used for another order") as refused:
        custody.delegate(amount, coin, account, request_id="one")
    assert refused.value.code == "G20015"
    assert len(custody.orders()) == 1


def test_repeats_can_be_duplicates_as_published(tmp_path: Path) -> None:
    custody = Custody(tmp_path, repeats_are_refused=True)
    custody.delegate("100", request_id="one")
    with pytest.raises(RequestRefused, match="Duplicated"):
        custody.delegate("100", request_id="one")


def test_a_coin_that_is_no_collateral_is_refused(custody: Custody) -> None:
    with pytest.raises(RequestRefused, match="coinSymbol STETH is no collateral of alice"):
        custody.mirror.coin(custody.link(), "STETH")


def test_a_delegated_coin_counts_by_its_ratio_when_all_assets_margin_together(custody: Custody) -> None:
    custody.cross.set_joint(ALICE, True)
    before = custody.cross.pools(ALICE)[0].wallet
    custody.delegate("10", "ETH")
    custody.wait()
    worth = 10 * custody.cross.price("ETH") * custody.cross.ratios["ETH"]
    assert custody.cross.pools(ALICE)[0].wallet == before + worth


def test_nothing_moves_while_the_custodian_is_frozen(custody: Custody) -> None:
    order = custody.delegate("100")
    custody.custodian.freeze(frozen=True)
    custody.wait(CYCLE_MS)
    assert custody.order(order).status == PENDING
    with pytest.raises(RequestRefused, match="maintenance"):
        custody.delegate("100")
    custody.custodian.freeze(frozen=False)
    custody.wait(SETTLING_MS)
    assert custody.order(order).status == SUCCESS


def test_a_delegation_that_is_forgotten_leaves_its_coins_at_the_exchange(custody: Custody) -> None:
    before = custody.at_venue()
    order = custody.delegate("100")
    custody.wait()
    custody.mirror.forget(order.id)
    assert [custody.mirrored(), custody.held(), custody.at_venue()] == [0, 999_900, before + 100]
    assert custody.mirror.orders(custody.link(), 0, custody.clock.ms, None, None) == []
    with pytest.raises(RequestRefused, match="at most 0 USDT"):
        custody.undelegate("100")
    with pytest.raises(NothingToForget):
        custody.mirror.forget(order.id)
    custody.mirror.remember(order.id)
    assert custody.mirrored() == 100


def test_no_coin_is_delegated_while_a_settlement_runs(custody: Custody) -> None:
    custody.clock.ms += CYCLE_MS
    with pytest.raises(RequestRefused, match="a settlement is in progress"):
        custody.delegate("100")
    assert custody.mirror.available(custody.link(), "USDT", 10) == 0
    custody.wait(SETTLING_MS)
    assert custody.delegate("100").status == PENDING


def test_an_order_waits_for_the_end_of_a_settlement(custody: Custody) -> None:
    custody.clock.ms += CYCLE_MS - 1_000
    order = custody.delegate("100")
    custody.wait(LATENCY_MS)
    assert custody.order(order).status in (PENDING, IN_PROGRESS)
    custody.wait(SETTLING_MS)
    assert custody.order(order).status == SUCCESS


def test_a_settlement_carries_a_profit_to_the_wallet_and_a_loss_off_what_is_delegated(custody: Custody) -> None:
    for account in (ALICE, BOB):
        custody.delegate("1000", account=account)
    custody.wait()
    start = {account: custody.at_venue(account=account) for account in (ALICE, BOB)}
    custody.win(steps=1_000, ticks=100)
    profit, loss = (custody.at_venue(account=account) - start[account] for account in (ALICE, BOB))
    assert profit > 0 > loss
    custody.wait(CYCLE_MS)
    custody.wait(SETTLING_MS)
    assert custody.held() == 998_000 + profit
    assert custody.at_venue() == start[ALICE]
    assert custody.mirrored(account=BOB) == 1_000 + loss
    assert custody.at_venue(account=BOB) == start[BOB] + loss
    settled = [each for each in custody.orders() if each.kind == 30]
    assert sorted((each.amount, each.status) for each in settled) == [(loss, SUCCESS), (profit, SUCCESS)]


def test_a_loss_beyond_what_is_delegated_is_paid_by_the_wallet(custody: Custody) -> None:
    custody.delegate("1", account=BOB)
    custody.wait()
    start = custody.at_venue(account=BOB)
    custody.win(steps=1_000, ticks=1_000)
    loss = custody.at_venue(account=BOB) - start
    assert loss < -1
    custody.wait(CYCLE_MS)
    custody.wait(SETTLING_MS)
    assert [custody.mirrored(account=BOB), custody.held()] == [0, 999_999 + loss + 1]
    assert custody.at_venue(account=BOB) == start - 1


def test_a_profit_that_is_needed_as_margin_is_carried_later(custody: Custody) -> None:
    custody.delegate("1000")
    custody.wait()
    start = custody.at_venue()
    custody.win(steps=1_000, ticks=100)
    profit = custody.at_venue() - start
    custody.wait(CYCLE_MS)
    custody.bench.accounts.transfer(ALICE, "USDT", -custody.at_venue(), 1)
    custody.wait(SETTLING_MS)
    assert [each.status for each in custody.orders() if each.kind == 30] == [FAILED]
    custody.bench.accounts.transfer(ALICE, "USDT", Decimal(5_000), 1)
    custody.wait(CYCLE_MS)
    custody.wait(SETTLING_MS)
    assert custody.held() == 999_000 + profit
    custody.settle()
    assert custody.held() == 999_000 + profit


def test_profit_from_before_the_first_delegation_stays_at_the_exchange(custody: Custody) -> None:
    custody.win(steps=1_000, ticks=100)
    custody.delegate("1000")
    custody.wait()
    custody.wait(CYCLE_MS)
    custody.wait(SETTLING_MS)
    assert custody.held() == 999_000


def test_several_missed_settlements_are_one(custody: Custody) -> None:
    custody.delegate("1000")
    custody.wait()
    custody.wait(5 * CYCLE_MS)
    latest = custody.mirror.settlement.latest
    assert latest is not None
    assert latest.id == 1


def test_books_continue_where_they_were_left(tmp_path: Path) -> None:
    file, clock = tmp_path / "ledger.sqlite3", Clock()
    first = Custody(tmp_path, file, clock)
    done, under_way = first.delegate("1000", request_id="a"), None
    first.wait()
    under_way = first.delegate("500", request_id="b")
    again = Custody(tmp_path, file, clock)
    assert [again.mirrored(), again.held()] == [1_000, 999_000]
    assert again.custodian.asset("USDT").available == 998_500
    assert again.delegate("1000", request_id="a").id == done.id
    again.wait()
    assert again.order(under_way).status == SUCCESS
    assert again.delegate("7").id not in {done.id, under_way.id}


def test_staked_ether_is_delegated_and_counts_by_its_ratio_while_it_grows_in_the_wallet(tmp_path: Path) -> None:
    ratios = ratios_of("USDT=1,ETH=0.95,STETH=0.9")
    custody = Custody(tmp_path, ratios=ratios, rebase_interval_ms=LATENCY_MS, staking_rate_per_year=Decimal(50))
    custody.cross.set_joint(ALICE, True)
    before = custody.cross.pools(ALICE)[0].wallet
    order = custody.delegate("10", "STETH")
    custody.wait()
    assert custody.order(order).status == SUCCESS
    assert [custody.mirrored("STETH"), custody.at_venue("STETH")] == [10, 10]
    margin = custody.cross.pools(ALICE)[0].wallet - before
    assert margin == 10 * custody.cross.price("ETH") * Decimal("0.9")
    total = custody.held("STETH") + 10
    custody.wait()
    assert custody.held("STETH") + custody.mirrored("STETH") > total
    assert custody.mirrored("STETH") == 10
    custody.undelegate("4", "STETH")
    custody.wait()
    assert [custody.mirrored("STETH"), custody.at_venue("STETH")] == [6, 6]


def test_staked_ether_at_a_ratio_of_nothing_lies_at_the_exchange_and_is_no_margin(tmp_path: Path) -> None:
    custody = Custody(tmp_path, ratios=ratios_of("USDT=1,STETH=0"))
    custody.cross.set_joint(ALICE, True)
    before = custody.cross.pools(ALICE)[0].wallet
    custody.delegate("10", "STETH")
    custody.wait()
    assert (custody.at_venue("STETH"), custody.cross.pools(ALICE)[0].wallet) == (Decimal(10), before)
    custody.undelegate("10", "STETH")
    custody.wait()
    assert [custody.mirrored("STETH"), custody.held("STETH")] == [0, 50]


def test_staked_ether_without_a_ratio_is_no_collateral(custody: Custody) -> None:
    with pytest.raises(RequestRefused, match="STETH is no collateral"):
        custody.mirror.coin(custody.link(), "STETH")
