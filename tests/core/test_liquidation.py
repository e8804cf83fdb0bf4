"""Liquidation prices of the exchanges' own pages, each printed number of them, from the one solver."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgeapp.core.amounts import ONE, ZERO
from hedgeapp.core.instruments import ContractKind, Tier
from portfolio.core.liquidation import Leg, crossings, initial
from tests.builders.books import ETHUSDT, D, brackets, one_tier

Q, P0 = D(60_000), D(50_000)
NONE_KEPT = (Tier(floor=ZERO, cap=D("1e12"), maintenance_rate=ZERO, deduction=ZERO, leverage_max=D(100)),)


def price(
    kind: ContractKind, side: int, size: str | Decimal, entry: str | Decimal, wallet: Decimal, tiers: tuple[Tier, ...]
) -> Decimal | None:
    """Return the price that liquidates a position at its entry with a margin of its own, in the settlement asset."""
    size, entry = D(size), D(entry)
    worth = size * entry if kind == "linear" else size / entry
    if kind == "linear":  # margin balance = wallet + side·(worth·y − worth)
        below, above = crossings(wallet - side * worth, side * worth, [Leg(value=worth, tiers=tiers)])
        y = below if side > 0 else above
        return None if y is None else entry * y
    below, above = crossings(wallet + side * worth, -side * worth, [Leg(value=worth, tiers=tiers)])
    y = above if side > 0 else below  # y = entry / price
    return None if y is None else entry / y


def cents(found: Decimal | None) -> Decimal | None:
    return None if found is None else round(found, 2)


@pytest.mark.parametrize(("side", "printed"), [(1, "45662.10"), (-1, "55248.62")])
def test_bybits_isolated_inverse_of_2024(side: int, printed: str) -> None:
    """Q/(Q/P0 ± (IM − MM)), 10x, both margins as they were at the entry."""
    margin = Q / P0 / 10 - Q / P0 * D("0.005")
    assert cents(price("inverse", side, Q, P0, margin, NONE_KEPT)) == D(printed)


@pytest.mark.parametrize(("side", "printed"), [(1, "45681.82"), (-1, "55277.78")])
def test_bybits_isolated_inverse_of_2026(side: int, printed: str) -> None:
    """Q·(1 ± MMR)/(Q/P0 ± Q/P0/lev): the maintenance margin is that of the liquidation price."""
    assert cents(price("inverse", side, Q, P0, Q / P0 / 10, one_tier("0.005"))) == D(printed)


@pytest.mark.parametrize("side", [1, -1])
def test_bybits_isolated_linear(side: int) -> None:
    """P0 − dir·(IM − MM)/N − dir·extra/N."""
    size, extra = D("1.2"), D(500)
    first, kept = initial(one_tier("0.005"), size * P0), size * P0 * D("0.005")
    printed = P0 - side * (first - kept) / size - side * extra / size
    found = price("linear", side, size, P0, first - kept + extra, NONE_KEPT)
    assert found is not None
    assert abs(found - printed) < D("1e-40")


def test_bybits_cross_with_the_fee_of_bankruptcy() -> None:
    """Long 10,000 USD at 8,000, balance 0.5, MMR 0.5 %, fee 0.075 %: 5718.57 and 5739.08."""
    size, entry, balance, fee = D(10_000), D(8_000), D("0.5"), D("0.00075")
    bankruptcy = (1 + fee) * size / (size / entry + balance)
    assert cents(bankruptcy) == D("5718.57")
    margin = balance - size / entry * D("0.005") - size * fee / bankruptcy
    assert cents(price("inverse", 1, size, entry, margin, NONE_KEPT)) == D("5739.08")


@pytest.mark.parametrize("side", [1, -1])
def test_okxs_isolated_inverse(side: int) -> None:
    """(1 ± MMR)/(1/P0 ± margin/(face·n)), + for a long."""
    margin, rate = D("0.1"), D("0.004")
    printed = (1 + side * rate) / (1 / P0 + side * margin / Q)
    found = price("inverse", side, Q, P0, margin, one_tier(str(rate)))
    assert found is not None
    assert abs(found - printed) < D("1e-40")


def test_binances_coin_margined_short() -> None:
    """Short 60,000 USD at 50,000, wallet 0.12, MMR 0.5 %: 55,277.78; covered by its coins, never."""
    assert cents(price("inverse", -1, Q, P0, D("0.12"), one_tier("0.005"))) == D("55277.78")
    assert price("inverse", -1, Q, P0, Q / P0, one_tier("0.005")) is None


@given(st.sampled_from([1, -1]), st.integers(1, 10_000), st.integers(1, 50), st.decimals("0.001", "0.02", places=4))
def test_one_tier_is_binances_formula(side: int, size: int, share: int, rate: Decimal) -> None:
    """(WB + cum − dir·N·P0) / (N·(MMR − dir)), with a wallet between the maintenance margin and the worth."""
    tiers, entry = one_tier(str(rate)), D(2_000)
    wallet = size * entry * (rate + (ONE - rate) * share / 60)
    printed = (wallet - side * size * entry) / (size * (rate - side))
    found = price("linear", side, D(size), entry, wallet, tiers)
    assert found is not None
    assert abs(found - printed) < D("1e-40")


@given(st.sampled_from([1, -1]), st.integers(1, 200_000), st.integers(20, 90), st.integers(1, 10**7))
def test_more_collateral_moves_it_away(side: int, size: int, share: int, more: int) -> None:
    tiers, entry = brackets(ETHUSDT), D(2_000)
    wallet = size * entry * share / 100
    near = price("linear", side, D(size), entry, wallet, tiers)
    far = price("linear", side, D(size), entry, wallet + more, tiers)
    if near is None:
        assert far is None
    else:
        assert far is None or (far - near) * side < 0


def test_initial_margin_is_at_the_accounts_leverage_but_never_above_the_tiers() -> None:
    tiers = brackets(ETHUSDT)
    assert initial(tiers, D(1_000_000), D(20)) == D(50_000)
    assert initial(tiers, D(1_000_000), D(125)) == initial(tiers, D(1_000_000)) == D(1_000_000) / 75
