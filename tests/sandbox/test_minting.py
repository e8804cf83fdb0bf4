"""How people mint and redeem on the sandbox's chain: at its pace, both ways, and to the last unit."""

from decimal import Decimal
from pathlib import Path

import pytest

from sandbox.chain import Chain, Settings
from sandbox.chain.contracts import MINTING, USDE, WSTETH
from tests.builders.collateral import START_MS, Clock

BAND_ETH = 25
DAY_BLOCKS = 7_200
WEI = 10**18


def later(folder: Path, settings: Settings, blocks: int, seed: int = 7) -> Chain:
    """Open a chain and let so many blocks pass after its past."""
    clock = Clock()
    state = Chain.open(folder, seed, START_MS, settings, clock)
    clock.ms += blocks * settings.block_ms
    while state.is_behind:
        state.advance()
    return state


def collateral(state: Chain, number: int) -> Decimal:
    """Give the ether that custody and the minting contract hold after a block."""
    wrapped = sum(state.balance(WSTETH.address, holder, number) for holder in (state.custody, MINTING.lower()))
    return Decimal(wrapped * state.steth_per_token(number) // WEI) / WEI


@pytest.mark.parametrize("seed", [1, 7])
def test_the_collateral_leaves_its_band_every_several_minutes_both_ways(tmp_path: Path, seed: int) -> None:
    state = later(tmp_path, Settings(past_blocks=10), DAY_BLOCKS, seed)
    hedged = collateral(state, 10)
    left = {1: 0, -1: 0}
    for number in state.blocks_with_orders(11, state.head):
        moved = collateral(state, number) - hedged
        if abs(moved) > BAND_ETH:
            left[1 if moved > 0 else -1] += 1
            hedged = collateral(state, number)
    assert min(left.values()) > 20
    minutes_between = DAY_BLOCKS * 12 / 60 / sum(left.values())
    assert 4 < minutes_between < 15


def test_unhedged_collateral_stays_within_bounds(tmp_path: Path) -> None:
    state = later(tmp_path, Settings(past_blocks=10), DAY_BLOCKS)
    first = collateral(state, 10)
    moved = [collateral(state, number) - first for number in state.blocks_with_orders(11, state.head)]
    assert max(moved) < 120
    assert min(moved) > -120
    assert max(moved) > 40
    assert min(moved) < -40


def test_supply_is_what_was_minted_less_what_was_redeemed(tmp_path: Path) -> None:
    state = later(tmp_path, Settings(past_blocks=10, order_every_blocks=2), 500)
    orders = [order for number in range(1, state.head + 1) for order in state.orders_in(number)]
    signs = {"mint": 1, "redeem": -1, "refill": 0}
    change = sum(signs[order.kind] * order.usde_amount for order in orders)
    assert state.supply(USDE.address, state.head) - state.supply(USDE.address, 0) == change
    moved = sum(signs[order.kind] * order.collateral_amount for order in orders if order.collateral == WSTETH.address)
    held = [
        sum(state.balance(WSTETH.address, holder, number) for holder in (state.custody, MINTING.lower()))
        for number in (0, state.head)
    ]
    assert held[1] - held[0] == moved
    assert {order.kind for order in orders} == {"mint", "redeem", "refill"}


def test_a_chain_told_never_to_mint_does_not(tmp_path: Path) -> None:
    state = later(tmp_path, Settings(past_blocks=10, order_every_blocks=0), 1_000)
    assert state.blocks_with_orders(0, state.head) == []


def test_a_redemption_is_paid_in_staked_ether_by_the_minting_contract(tmp_path: Path) -> None:
    settings = Settings(past_blocks=10, order_every_blocks=0)
    clock = Clock()
    state = Chain.open(tmp_path, 7, START_MS, settings, clock)
    state.advance()
    order = state.submit("wstETH", Decimal(3), "redeem")
    before = state.balance(WSTETH.address, order.benefactor, state.head)
    clock.ms += settings.block_ms
    state.advance()
    assert [each.kind for each in state.orders_in(state.head)] == ["refill", "redeem"]
    assert state.balance(WSTETH.address, order.benefactor, state.head) - before == 3 * WEI
    assert state.supply(USDE.address, state.head - 1) - state.supply(USDE.address, state.head) == order.usde_amount


def test_orders_are_priced_by_the_market_of_their_moment(tmp_path: Path) -> None:
    state = later(tmp_path, Settings(past_blocks=10, order_every_blocks=0), 0)
    state.eth_usd = lambda: Decimal(2_000)
    assert state.submit("wstETH", Decimal(1)).usde_amount == 2_440 * WEI
