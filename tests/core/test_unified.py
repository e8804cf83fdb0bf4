"""Unified margin: collateral by its tiers, debts whole, and where a price, or a depeg, liquidates."""

from dataclasses import replace
from decimal import Decimal
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgeapp.core.amounts import ONE, ZERO
from hedgeapp.core.instruments import CollateralTier, ContractKind, Tier
from portfolio.core.unified import (
    Contract,
    MarginIsNotSolved,
    Pocket,
    borrowed,
    counted,
    liquidations,
    measured,
    ratio_at,
)
from tests.builders.books import ETHUSDT, D, brackets, one_tier

P0 = D(2_000)
KINDS: tuple[ContractKind, ...] = ("linear", "inverse")
ETHER = frozenset({"ETH", "stETH"})
STAKED = frozenset({"stETH"})
BTC = ((10, "0.98"), (20, "0.95"), (30, "0.9"), (40, "0.85"), (50, "0.8"))  # Bybit's own example

STEPS = ((5_000, "0.95"), (20_000, "0.9"), (60_000, "0.8"))


def ratios(*tiers: tuple[int, str]) -> tuple[CollateralTier, ...]:
    floors = (0, *(cap for cap, _ in tiers))
    return tuple(
        CollateralTier(floor=D(floor), cap=D(cap), ratio=D(ratio))
        for floor, (cap, ratio) in zip(floors, tiers, strict=False)
    )


def flat(ratio: str | Decimal) -> tuple[CollateralTier, ...]:
    return (CollateralTier(floor=ZERO, cap=None, ratio=D(ratio)),)


def short(kind: Literal["linear", "inverse"], of: Decimal, tiers: tuple[Tier, ...]) -> Contract:
    """Return a short of so many ETH, opened at P0 and marked there."""
    worth = -of * P0 if kind == "linear" else -of
    return Contract(kind=kind, base="ETH", worth=worth, basis=worth, tiers=tiers, leverage=None)


def hedge(
    kind: Literal["linear", "inverse"],
    of: Decimal,
    haircut: tuple[CollateralTier, ...],
    tiers: tuple[Tier, ...],
    *,
    staked: Decimal | None = None,
    cash: Decimal = ZERO,
) -> list[Pocket]:
    """Return staked ether (as much as the short, unless told) with a short, and cash in the settlement asset."""
    held = Pocket(asset="stETH", wallet=of if staked is None else staked, index=P0, ratios=haircut)
    contract = short(kind, of, tiers)
    if kind == "linear":
        return [held, Pocket(asset="USDT", wallet=cash, index=ONE, ratios=flat("1"), contracts=(contract,))]
    return [held, Pocket(asset="ETH", wallet=cash, index=P0, ratios=flat("1"), contracts=(contract,))]


@pytest.mark.parametrize(
    ("amount", "counts", "next_one"),
    [
        ("5", "4.9", "0.98"),
        ("10", "9.8", "0.95"),
        ("25", "23.8", "0.9"),
        ("50", "44.8", "0"),
        ("60", "44.8", "0"),
        ("-3", "-3", "1"),
    ],
)
def test_collateral_counts_by_marginal_tiers_and_a_debt_whole(amount: str, counts: str, next_one: str) -> None:
    assert counted(ratios(*BTC), D(amount)) == D(counts)
    assert ratio_at(ratios(*BTC), D(amount)) == D(next_one)


@pytest.mark.parametrize(
    ("haircut", "rate", "linear", "inverse"),
    [
        ("0.85", "0.005", "6.4516", "6.6333"),
        ("0.85", "0.01", "6.25", "6.6"),
        ("0.85", "0.02", "5.8824", "6.5333"),
        ("0.90", "0.005", "9.5238", "9.95"),
        ("0.90", "0.01", "9.0909", "9.9"),
        ("0.90", "0.02", "8.3333", "9.8"),
        ("0.925", "0.005", "12.5", "13.2667"),
        ("0.925", "0.01", "11.7647", "13.2"),
        ("0.925", "0.02", "10.5263", "13.0667"),
        ("0.95", "0.005", "18.1818", "19.9"),
        ("0.95", "0.01", "16.6667", "19.8"),
        ("0.95", "0.02", "14.2857", "19.6"),
        ("1", "0.005", "200", None),
        ("1", "0.01", "100", None),
        ("1", "0.02", "50", None),
    ],
)
def test_a_hedge_of_staked_ether_is_liquidated_where_its_closed_form_says(
    haircut: str, rate: str, linear: str, inverse: str | None
) -> None:
    for kind, multiple in zip(KINDS, (linear, inverse), strict=True):
        pockets = hedge(kind, D(500), flat(haircut), one_tier(rate))
        below, above = liquidations(pockets, ETHER)
        assert below is None
        assert (None if above is None else round(above, 4)) == (None if multiple is None else D(multiple))


@pytest.mark.parametrize(("of", "multiple"), [("500", "9.195"), ("12418", "6.9139"), ("100000", "4.0042")])
def test_the_brackets_of_the_venue_bring_it_nearer(of: str, multiple: str) -> None:
    _, above = liquidations(hedge("linear", D(of), flat("0.9"), brackets(ETHUSDT)), ETHER)
    assert above is not None
    assert abs(above - D(multiple)) < D("0.0001")


@pytest.mark.parametrize(("kind", "cash"), [("linear", "100000"), ("inverse", "20"), ("inverse", "50")])
def test_cash_of_the_settlement_asset_moves_it_away(kind: Literal["linear", "inverse"], cash: str) -> None:
    """It is added to the numerator if linear, and to h·r·C in the denominator if inverse."""
    of, rate = D(500), D("0.01")
    _, above = liquidations(hedge(kind, of, flat("0.9"), one_tier(str(rate)), cash=D(cash)), ETHER)
    if kind == "inverse" and of * D("0.1") <= D(cash):
        assert above is None  # covered by its coins at every price
        return
    if kind == "linear":
        formula = (of * P0 + D(cash)) / (of * (1 + rate) - D("0.9") * of) / P0
    else:
        formula = of * (1 - rate) / (of - D("0.9") * of - D(cash))
    assert above is not None
    assert abs(above - formula) < D("1e-30")


@pytest.mark.parametrize(
    ("rate", "haircut", "depeg"),
    [
        ("0.01", "0.95", "0.0105"),
        ("0.01", "0.925", "0.0108"),
        ("0.01", "0.9", "0.0111"),
        ("0.01", "0.85", "0.0118"),
        ("0.02", "0.95", "0.0211"),
        ("0.02", "0.925", "0.0216"),
        ("0.02", "0.9", "0.0222"),
        ("0.02", "0.85", "0.0235"),
        ("0.05", "0.95", "0.0526"),
        ("0.05", "0.925", "0.0541"),
        ("0.05", "0.9", "0.0556"),
        ("0.05", "0.85", "0.0588"),
    ],
)
def test_only_a_near_total_depeg_liquidates_at_the_entry(rate: str, haircut: str, depeg: str) -> None:
    for kind in KINDS:
        below, above = liquidations(hedge(kind, D(500), flat(haircut), one_tier(rate)), STAKED)
        assert above is None
        assert below is not None
        assert round(below, 4) == D(depeg)


@given(st.decimals("1", "8", places=2))
def test_after_a_rise_a_smaller_depeg_does(k: Decimal) -> None:
    """Linear r = (k·(1 + m) − 1)/(h·k), inverse r = (1 − (1 − m)/k)/h; they differ by m·(1 − 1/k)/h."""
    m, h = D("0.02"), D("0.9")
    found: dict[str, Decimal | None] = {}
    for kind in KINDS:
        risen = [
            replace(
                one,
                index=one.index * (ONE if one.asset == "USDT" else k),
                contracts=tuple(replace(each, worth=each.worth_at(k)) for each in one.contracts),
            )
            for one in hedge(kind, D(500), flat(h), one_tier(str(m)))
        ]
        if measured(risen).left <= 0:
            return
        found[kind], _ = liquidations(risen, STAKED)
    linear, inverse = found["linear"], found["inverse"]
    assert linear is not None
    assert inverse is not None
    assert abs(linear - (k * (1 + m) - 1) / (h * k)) < D("1e-30")
    assert abs(inverse - (1 - (1 - m) / k) / h) < D("1e-30")


@given(
    st.integers(1, 100_000),
    st.integers(0, 30_000),
    st.integers(-(10**6), 10**8),
    st.integers(-200, 20_000),
    st.integers(0, 90_000),
    st.sampled_from([brackets(ETHUSDT), one_tier("0.01")]),
)
def test_nothing_is_left_at_the_price_that_is_found(
    linear: int, inverse: int, cash: int, coin: int, staked: int, tiers: tuple[Tier, ...]
) -> None:
    pockets = [
        Pocket(asset="stETH", wallet=D(staked), index=P0, ratios=ratios(*STEPS)),
        Pocket(
            asset="USDT",
            wallet=D(cash),
            index=D("0.999"),
            ratios=flat("1"),
            contracts=(short("linear", D(linear), tiers),),
            borrow_rate=D("0.04"),
        ),
        Pocket(
            asset="ETH",
            wallet=D(coin),
            index=P0,
            ratios=ratios((1_000, "0.98"), (10_000, "0.95")),
            contracts=(short("inverse", D(inverse), one_tier("0.005")),),
            borrow_rate=D("0.04"),
        ),
    ]
    if measured(pockets).left <= 0:
        return
    for k in liquidations(pockets, ETHER):
        if k is not None:
            assert abs(measured(pockets, k, ETHER).left) < D("1e-30")
            for part in range(1, 8):
                assert measured(pockets, 1 + (k - 1) * part / 8, ETHER).left > 0
    below, above = liquidations(pockets, ETHER)
    richer = [replace(pockets[1], wallet=D(cash) + 1_000), pockets[0], pockets[2]]
    after_below, after_above = liquidations(richer, ETHER)
    assert after_above is None or (above is not None and after_above > above)
    assert after_below is None or (below is not None and after_below < below)


def test_a_loss_beyond_the_wallet_is_borrowed_and_takes_maintenance_margin() -> None:
    contract = replace(short("linear", D(500), one_tier("0.01")), worth=-D(500) * P0 * 2)
    pocket = Pocket(
        asset="USDT", wallet=D(100_000), index=ONE, ratios=flat("1"), contracts=(contract,), borrow_rate=D("0.04")
    )
    held = Pocket(asset="stETH", wallet=D(500), index=P0 * 2, ratios=flat("0.9"))
    assert borrowed(pocket.equity()) == 900_000
    found = measured([held, pocket])
    assert found.balance == D("0.9") * 500 * P0 * 2 - 900_000
    assert found.maintenance == D("0.01") * 500 * P0 * 2 + D("0.04") * 900_000


def test_what_is_frozen_by_orders_is_borrowed_too() -> None:
    assert (borrowed(D(5), D(8)), borrowed(D(8), D(5)), borrowed(D(-1), D(2))) == (D(3), D(0), D(3))


def test_margin_that_grows_with_the_position_is_refused_in_a_sentence() -> None:
    grown = tuple(replace(tier, growth=D("0.001")) for tier in one_tier("0.01"))
    with pytest.raises(MarginIsNotSolved, match="margin in USDT grows with the position"):
        liquidations(hedge("linear", D(1), flat("0.9"), grown), ETHER)
