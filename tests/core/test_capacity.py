"""Capacity of a block: what the limits leave of it, nothing while mint and redeem are closed."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgeapp.core.events import Event
from hedgeapp.core.events.collateral import MintSeen, RedeemSeen, SupplyStated
from hedgeapp.core.events.reference import ChainChanged
from hedgeapp.core.reference import Chain
from portfolio.core.capacity import Capacity, capacities
from portfolio.core.minting import Standing
from portfolio.core.snapshots import dump, load
from portfolio.core.valuation import Valuation
from tests.builders.books import AT, book_of, limit

D = Decimal
OPEN = Standing()


def chain() -> ChainChanged:
    row = Chain(
        name="ethereum", url="", chain_id=1, confirmations=1, wallets=(), tokens=(), wsteth="", steth_pool="",
        minting="0x1", synthetic="0x2",
    )  # fmt: skip
    return ChainChanged(at=AT, chain=row, version=2, by="seed")


def seen(kind: type[MintSeen] | type[RedeemSeen], block: int, amount: str, index: int = 0) -> Event:
    return kind(
        at=AT, chain="ethereum", transaction=f"0x{block}{kind.__name__}", log_index=index, block=block, order_hash="",
        benefactor="", beneficiary="", collateral_asset="stETH", collateral_amount=D(1), synthetic_amount=D(amount),
    )  # fmt: skip


def stated(block: int) -> Event:
    return SupplyStated(at=AT, chain="ethereum", asset="USDe", total=D(1_000_000), block=block)


LIMITS = [limit("mint_per_block_max", "chain", "100000"), limit("redeem_per_block_max", "chain", "50000")]


def capacity(*events: Event, stands: Standing = OPEN, late: timedelta = timedelta()) -> Capacity:
    (found,) = capacities(Valuation(book_of(chain(), *events), {}, AT + late), stands)
    return found


def test_what_was_minted_and_redeemed_in_the_newest_block_is_taken_off() -> None:
    found = capacity(
        *LIMITS, stated(7), seen(MintSeen, 7, "30000"), seen(MintSeen, 7, "20000", 1), seen(RedeemSeen, 7, "1000")
    )
    assert (found.block, found.mint.most, found.redeem.most) == (7, D(100_000), D(50_000))
    assert (found.mint.left.value, found.redeem.left.value) == (D(50_000), D(49_000))


def test_the_next_block_begins_anew_and_an_older_one_changes_nothing() -> None:
    found = capacity(*LIMITS, seen(MintSeen, 7, "30000"), stated(8), seen(MintSeen, 7, "10000", 1))
    assert (found.block, found.mint.left.value) == (8, D(100_000))


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 80_000)), max_size=20))
def test_what_is_left_is_never_below_zero_nor_above_the_limit(mints: list[tuple[int, int]]) -> None:
    found = capacity(*LIMITS, stated(1), *(seen(MintSeen, at, str(much), n) for n, (at, much) in enumerate(mints)))
    assert found.mint.left.value is not None
    assert 0 <= found.mint.left.value <= 100_000


def test_nothing_is_left_while_mint_and_redeem_are_closed() -> None:
    found = capacity(*LIMITS, stated(7), stands=Standing(halts=("HALT",)))
    assert (found.mint.left.value, found.redeem.left.value) == (D(0), D(0))


@pytest.mark.parametrize(
    ("events", "late", "said"),
    [
        ([stated(7)], 0, "no limit of kind mint_per_block_max is set: set one"),
        (LIMITS, 0, "no block of ethereum is known"),
        ([*LIMITS, stated(7)], 3600, "block 7 of ethereum is older than its budget of 60 s"),
    ],
)
def test_where_something_is_missing_nothing_is_promised(events: list[Event], late: int, said: str) -> None:
    left = capacity(*events, late=timedelta(seconds=late)).mint.left
    assert not left.is_current
    assert said in left.because


def test_a_snapshot_keeps_the_block() -> None:
    book = book_of(chain(), *LIMITS, stated(7), seen(MintSeen, 7, "30000"))
    again = load(dump(book))
    assert list(again.blocks) == list(book.blocks)
