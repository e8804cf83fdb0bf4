"""Attribution: every change of the net asset value has its line, and what has none is the rest."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgeapp.core.events.collateral import MintSeen, RedeemSeen
from hedgeapp.core.events.trading import Force, OrderSeen
from portfolio.core.attribution import Attribution, Line, attribution
from portfolio.core.frames import frame
from portfolio.core.stands import exactly, nav
from reconciliation.core.ours import booked
from tests.builders.books import COINM, INVERSE, LINEAR, USDM, D, balance, opening
from tests.builders.ledger import START, Ledger

prices = st.decimals("500", "9000", places=2)
rates = st.decimals("0.9", "1.1", places=4)
staked = st.decimals("1", "1.3", places=12)
amounts = st.decimals("-5000", "5000", places=6)
units = st.decimals("0.001", "50", places=6)
contracts = st.integers(1, 2_000).map(Decimal)
fees = st.decimals("-1", "3", places=8).map(str)

Step = Callable[[Ledger], None]


def trade(side: str, quantity: Decimal, price: Decimal, name: str, fee: str) -> Step:
    return lambda ledger: ledger.told(ledger.traded(side, quantity, price, name, fee))  # type: ignore[arg-type]


def seen(eth: Decimal, linear: Decimal, inverse: Decimal, tether: Decimal, rate: Decimal, market: Decimal) -> Step:
    return lambda ledger: ledger.priced(eth, (linear, inverse), tether=tether, rate=rate, market=market)


sides = st.sampled_from(["buy", "sell"])
marks = st.builds(seen, prices, prices, prices, rates, staked, rates)
steps = st.one_of(
    st.builds(trade, sides, units, prices, st.just(LINEAR), fees),
    st.builds(trade, sides, contracts, prices, st.just(INVERSE), fees),
    marks,
    st.builds(lambda paid, name: lambda ledger: ledger.funded(paid, name), amounts, st.sampled_from([LINEAR, INVERSE])),
    st.builds(
        lambda account, moved: lambda ledger: ledger.moved(account, moved), st.sampled_from([USDM, COINM]), amounts
    ),
    st.builds(
        lambda account, taken: lambda ledger: ledger.charged(account, taken), st.sampled_from([USDM, COINM]), amounts
    ),
    st.builds(lambda grown: lambda ledger: ledger.rebased(grown), units),
    st.builds(lambda paid: lambda ledger: ledger.burned(paid), units),
    st.builds(lambda came, fee: lambda ledger: ledger.deposited("stETH", came, fee), units, units),
    st.builds(
        lambda come, made, kind: lambda ledger: ledger.minted(come, made, kind),
        units,
        units,
        st.sampled_from([MintSeen, RedeemSeen]),
    ),
)
histories = st.lists(steps, max_size=12)


def begun(first: Step, before: list[Step]) -> Ledger:
    ledger = Ledger()
    first(ledger)
    for step in before:
        step(ledger)
    return ledger


def explained(found: Attribution) -> Decimal:
    with exactly():
        return sum(found.lines.values(), D(0))


def change(ledger: Ledger, *done: Step) -> Attribution:
    """Return why the net asset value changed by what was done, everybody having stated what he holds."""
    before = ledger.stated()
    ledger.anew()
    for step in done:
        step(ledger)
    return attribution(before, ledger.anew(), ledger.stated())


def moved(found: Attribution) -> dict[Line, Decimal]:
    return {line: usd for line, usd in found.lines.items() if usd}


@given(first=marks, before=histories, after=histories)
def test_with_all_facts_the_lines_are_the_change_and_nothing_is_unexplained(
    first: Step, before: list[Step], after: list[Step]
) -> None:
    found = change(begun(first, before), *after)
    with exactly():
        assert explained(found) == found.after - found.before
    assert found.rest == 0
    assert found.missing == ()


@given(first=marks, before=histories, after=histories, tether=amounts, coin=amounts)
def test_lines_and_rest_are_the_change_exactly_whatever_a_venue_states(
    first: Step, before: list[Step], after: list[Step], tether: Decimal, coin: Decimal
) -> None:
    ledger = begun(first, before)
    then = ledger.stated()
    ledger.anew()
    for step in after:
        step(ledger)
    tally = ledger.anew()
    found = attribution(then, tally, ledger.stated_as({(USDM, "USDT"): tether, (COINM, "ETH"): coin}))
    with exactly():
        assert explained(found) + found.rest == found.after - found.before
        assert sum((one.usd for one in found.missing), D(0)) == found.rest


@given(first=marks, before=histories)
def test_a_stand_is_worth_what_the_screen_says(first: Step, before: list[Step]) -> None:
    ledger = begun(first, before)
    made = ledger.stated()
    shown = frame(ledger.book, ledger.book.marks, (), number=1, at=ledger.at).backing.nav_usd.value
    assert shown is not None
    assert abs(nav(made) - shown) < D("1e-30")  # the screen's sums have 60 digits


@pytest.mark.parametrize(("name", "account", "asset"), [(LINEAR, USDM, "USDT"), (INVERSE, COINM, "ETH")])
@given(first=marks, before=histories, side=sides, size=contracts, price=prices)
def test_a_withheld_fill_is_in_the_rest_to_the_cent_until_it_comes(
    name: str, account: str, asset: str, first: Step, before: list[Step], side: str, size: Decimal, price: Decimal
) -> None:
    told, withheld = begun(first, before), begun(first, before)
    start = told.stated()
    assert nav(start) == nav(withheld.stated())
    told.anew()
    withheld.anew()
    fill = trade(side, size, price, name, "0.75")
    fill(told)
    truth = {(account, asset): START[account, asset] + booked(told.book, account)[asset]}
    then = withheld.stand()
    found = attribution(then, withheld.anew(), withheld.stated_as(truth))
    paid = truth[account, asset] - START[account, asset] - booked(withheld.book, account).get(asset, D(0))
    assert moved(found) == {}
    with exactly():
        assert found.rest == paid * then.prices[asset].usd
    assert [(one.who, one.asset, one.units) for one in found.missing] == ([(account, asset, paid)] if paid else [])
    then = withheld.stand()
    withheld.anew()
    fill(withheld)
    late = attribution(then, withheld.anew(), withheld.stated_as(truth))
    assert late.rest == -found.rest
    assert nav(withheld.stand()) == nav(told.stated())


@given(price=prices, entry=prices, size=units, inverse=contracts)
def test_closing_everything_at_the_mark_leaves_balances_and_no_unrealized_profit(
    price: Decimal, entry: Decimal, size: Decimal, inverse: Decimal
) -> None:
    ledger = Ledger()
    ledger.priced(price)
    trade("sell", size, entry, LINEAR, "0")(ledger)
    trade("sell", inverse, entry, INVERSE, "0")(ledger)
    found = change(ledger, trade("buy", size, price, LINEAR, "0"), trade("buy", inverse, price, INVERSE, "0"))
    assert found.before == found.after
    assert moved(found) == {}
    assert found.rest == 0
    assert all(one.unrealized == 0 for one in ledger.stand().positions.values())


@given(price=prices, entry=prices, size=units, inverse=contracts)
def test_rolling_at_the_mark_changes_neither_the_net_asset_value_nor_delta(
    price: Decimal, entry: Decimal, size: Decimal, inverse: Decimal
) -> None:
    ledger = Ledger()
    ledger.priced(price)
    trade("sell", size, entry, LINEAR, "0")(ledger)
    trade("sell", inverse, entry, INVERSE, "0")(ledger)
    ledger.stated()
    net = [row.net.value for row in frame(ledger.book, ledger.book.marks, (), number=1, at=ledger.at).exposure]
    rolled = (
        trade(side, size, price, LINEAR, "0") if name == LINEAR else trade(side, inverse, price, INVERSE, "0")
        for name in (LINEAR, INVERSE)
        for side in ("buy", "sell")
    )
    found = change(ledger, *rolled)
    assert found.after == found.before
    assert found.rest == 0
    assert moved(found) == {}
    again = [row.net.value for row in frame(ledger.book, ledger.book.marks, (), number=1, at=ledger.at).exposure]
    # What an inverse contract is worth is rounded once per fill, at 1e-18 coins.
    assert all(abs((one or D(0)) - (other or D(0))) <= D("1e-17") for one, other in zip(net, again, strict=True))


@given(price=prices, later=prices)
def test_a_price_path_alone_leaves_a_hedged_book_where_it_was(price: Decimal, later: Decimal) -> None:
    ledger = Ledger()
    ledger.priced(price)
    trade("sell", D(400) * D("1.2") + 100 + START[COINM, "ETH"], price, LINEAR, "0")(ledger)
    found = change(ledger, lambda one: one.priced(later))
    assert found.after == found.before
    assert moved(found) == {}


ONE_LINE: dict[Line, tuple[Step, str]] = {
    "price": (lambda ledger: ledger.priced(D(2001)), "620"),  # 480 + 100 + 50 ether, less 10 that are sold
    "basis": (lambda ledger: ledger.priced(D(2000), (D(2003), D(2000))), "-30"),
    "funding": (lambda ledger: ledger.funded(D("12.5")), "12.5"),
    "staking": (lambda ledger: ledger.rebased(D("0.25")), "500"),
    "depeg": (lambda ledger: ledger.priced(D(2000), market=D("0.99")), "-11600"),
    "fees": (trade("buy", D(1), D(2000), LINEAR, "0.75"), "-0.75"),
    "fx": (lambda ledger: ledger.priced(D(2000), (D(2000) / D("0.8"), D(2000)), tether=D("0.8")), "-24000"),
    "rate": (lambda ledger: ledger.priced(D(2000), rate=D("1.21")), "8000"),
    "slippage": (trade("buy", D(2), D("2001.5"), LINEAR, "0"), "-3"),
    "mint_redeem": (lambda ledger: ledger.minted(D(1), D(2390), MintSeen), "10"),
    "gas": (lambda ledger: ledger.burned(D("0.004")), "-8"),
    "transfers": (lambda ledger: ledger.moved(USDM, D(1000)), "1000"),
}


@pytest.mark.parametrize("line", ONE_LINE)
def test_a_fact_is_in_the_line_of_its_kind_and_in_no_other(line: Line) -> None:
    step, usd = ONE_LINE[line]
    ledger = Ledger()
    ledger.priced(D(2000))
    trade("sell", D(10), D(2000), LINEAR, "0")(ledger)
    found = change(ledger, step)
    assert moved(found) == {line: D(usd)}
    assert found.rest == 0


def test_a_custodians_fee_is_apart_from_what_he_took_in() -> None:
    ledger = Ledger()
    ledger.priced(D(2000))
    found = change(ledger, lambda one: one.deposited("stETH", D(5), D("0.1")))
    assert moved(found) == {"transfers": D("10200"), "custody": D("-200")}


@pytest.mark.parametrize(
    ("kind", "name"),
    [("liquidation", "x"), ("limit", "autoclose-1"), ("limit", "adl_autoclose"), ("limit", "settlement_autoclose-1")],
)
def test_what_a_venue_does_by_itself_is_a_line_of_its_own(kind: str, name: str) -> None:
    ledger = Ledger()
    ledger.priced(D(2000))
    trade("sell", D(10), D(2000), LINEAR, "0")(ledger)
    forced = OrderSeen(
        at=ledger.at, account=USDM, instrument=LINEAR, venue_order_id="9", client_order_id=name, side="buy", type=kind,
        status="working", price=D(2010), quantity=D(10), filled=D(0), average_price=None, reduce_only=True,
    )  # fmt: skip

    def closed(one: Ledger) -> None:
        one.told(forced, replace(one.traded("buy", D(10), D(2010), fee="4"), venue_order_id="9"))

    assert moved(change(ledger, closed)) == {"forced": D(-100), "fees": D(-4)}


@pytest.mark.parametrize("force", get_args(Force))
def test_a_fill_that_its_venue_says_it_forced_is_in_that_line_whatever_its_order(force: Force) -> None:
    ledger = Ledger()
    ledger.priced(D(2000))
    trade("sell", D(10), D(2000), LINEAR, "0")(ledger)
    found = change(ledger, lambda one: one.told(replace(one.traded("buy", D(10), D(2010), fee="4"), forced=force)))
    assert moved(found) == {"forced": D(-100), "fees": D(-4)}
    assert found.rest == 0


def test_what_an_account_holds_when_it_is_first_read_is_an_opening_and_no_rest() -> None:
    ledger = Ledger()
    ledger.priced(D(2000))
    ledger.stated_as({(USDM, "USDT"): D(1000)})
    before = ledger.stand()
    ledger.anew()
    ledger.told(opening("100", "1990", INVERSE), balance(COINM, "ETH", D(3)))
    found = attribution(before, ledger.anew(), ledger.stand())
    assert set(moved(found)) == {"opening"}
    assert found.rest == 0
    again = attribution(ledger.stand(), ledger.anew(), ledger.stated_as({(COINM, "ETH"): D(4)}))
    assert moved(again) == {}
    assert again.rest == 2000


def test_a_book_without_its_sources_or_prices_says_why_it_has_no_net_asset_value() -> None:
    ledger = Ledger()
    assert "supply" in ledger.stand().because
    ledger.priced(D(2000))
    assert ledger.stated().because == ""
    ledger.book.marks.pop(("wstETH", "protocol_rate"))
    assert ledger.stand().because == "a USD price of wstETH expected, found none"


def test_interest_is_a_line_of_its_own_and_only_what_the_venue_told_of_it() -> None:
    ledger = Ledger()
    ledger.priced(D(2000), tether=D("0.99"))
    taken = change(ledger, lambda one: one.charged(USDM, D(-100)), lambda one: one.charged(COINM, D("-0.5")))
    assert moved(taken) == {"borrow": D(-99) - D(1000)}
    assert taken.rest == 0
    before = ledger.stand()
    ledger.anew()
    silent = attribution(before, ledger.anew(), ledger.stated_as({(USDM, "USDT"): START[USDM, "USDT"] - 107}))
    assert (moved(silent), silent.rest) == ({}, D("-6.93"))
