"""The reserve ledger: entries that come to what the chain states, and what no fact explains shown as such."""

from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.events.collateral import CollateralStated, GasPaid, ReserveMoved
from portfolio.core.catalogue import Catalogue
from portfolio.core.reserve_ledger import Fact, LedgerEntry, ledger
from tests.builders.books import AT, D
from tests.core.test_reserve import FUND, MARKED, OTHER, VAULT

amounts = st.decimals("0.000001", "100000", places=6)


def catalogue() -> Catalogue:
    made = Catalogue()
    made.change(MARKED)
    return made


def stated(block: int, total: str | Decimal, asset: str = "USDT") -> CollateralStated:
    at = AT + timedelta(seconds=12 * block)
    return CollateralStated(
        at=at, holder="ethereum", wallet=FUND, asset=asset, total=D(total), locked=ZERO, reference=str(block)
    )


def moved(block: int, amount: str | Decimal, sender: str = FUND, receiver: str = OTHER) -> ReserveMoved:
    return ReserveMoved(
        at=AT + timedelta(seconds=12 * block), chain="ethereum", transaction=f"0x{block}", log_index=0, block=block,
        sender=sender, receiver=receiver, asset="USDT", amount=D(amount),
    )  # fmt: skip


def gas(block: int, amount: str) -> GasPaid:
    return GasPaid(
        at=AT + timedelta(seconds=12 * block), chain="ethereum", transaction=f"0x{block}", block=block, wallet=FUND,
        asset="ETH", amount=D(amount), is_failed=False,
    )  # fmt: skip


def entries(*facts: Fact) -> list[tuple[str, Decimal, Decimal]]:
    return [(one.what, one.units, one.balance) for one in ledger(facts, catalogue())]


def test_what_was_there_first_is_opened_and_transfers_run_on_from_it() -> None:
    assert entries(stated(5, "1000"), moved(7, "250"), moved(8, "50", VAULT, FUND), stated(9, "800")) == [
        ("opening", D(1000), D(1000)),
        ("transfer", D(-250), D(750)),
        ("transfer", D(50), D(800)),
    ]


def test_a_transfer_of_before_the_first_statement_is_no_part_of_the_opening() -> None:
    assert entries(moved(3, "250"), stated(5, "1000")) == [
        ("opening", D(1250), D(1250)),
        ("transfer", D(-250), D(1000)),
    ]


def test_what_no_transfer_tells_of_is_an_entry_of_its_own() -> None:
    assert entries(stated(5, "1000"), moved(7, "250"), stated(9, "760")) == [
        ("opening", D(1000), D(1000)),
        ("transfer", D(-250), D(750)),
        ("unexplained", D(10), D(760)),
    ]


def test_gas_is_paid_out_of_the_chains_own_coin() -> None:
    assert entries(stated(5, "1", "ETH"), gas(7, "0.25"), stated(9, "0.75", "ETH")) == [
        ("opening", D(1), D(1)),
        ("gas", D("-0.25"), D("0.75")),
    ]


def test_what_the_chain_has_not_stated_since_says_so() -> None:
    (opening, move) = ledger([stated(5, "1000"), moved(7, "250")], catalogue())
    assert (opening.is_stated, move.is_stated, move.balance) == (True, False, D(750))


def test_both_sides_of_a_transfer_are_known_and_others_wallets_have_no_entry() -> None:
    (found,) = ledger([moved(7, "1", OTHER, FUND), moved(8, "1", VAULT, OTHER)], catalogue())
    assert (found.wallet, found.other, found.transaction, found.units) == (FUND, OTHER, "0x7", D(1))


@given(
    totals=st.lists(amounts, min_size=1, max_size=6),
    moves=st.lists(st.tuples(st.integers(0, 60), amounts, st.booleans()), max_size=12),
    order=st.randoms(use_true_random=False),
)
def test_whatever_comes_the_balance_is_the_chains_and_the_units_come_to_it(
    totals: list[Decimal], moves: list[tuple[int, Decimal, bool]], order: object
) -> None:
    words = [stated(10 * place, total) for place, total in enumerate(totals)]
    came = [moved(at, units, *((FUND, OTHER) if out else (OTHER, FUND))) for at, units, out in moves]
    facts: list[Fact] = [*words, *came]
    order.shuffle(facts)  # type: ignore[attr-defined]
    found = ledger(facts, catalogue())
    last = int(words[-1].reference)
    until: list[LedgerEntry] = [one for one in found if one.is_stated]
    assert sum((one.units for one in until), ZERO) == totals[-1]
    assert all(one.block <= last for one in until)
    assert sum((one.units for one in found), ZERO) == (found[-1].balance if found else ZERO)
