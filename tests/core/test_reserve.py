"""The reserve fund: apart from the book whatever it holds, and explained when a wallet becomes its own or was."""

from dataclasses import replace
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hedgeapp.core.events.collateral import CollateralStated, GasPaid, ReserveMoved
from hedgeapp.core.events.reference import ChainChanged
from hedgeapp.core.reference import Purpose, Wallet
from portfolio.core.attribution import attribution
from portfolio.core.book import Book
from portfolio.core.frames import Frame, frame
from portfolio.core.rows import BackingSheet
from portfolio.core.scenarios.live import live_book
from portfolio.core.snapshots import dump, load
from portfolio.core.stands import stand
from portfolio.core.valuation import Valuation
from reconciliation.core.memory import folded, shown
from tests.builders.books import (
    AT,
    USDM,
    D,
    asset,
    balance,
    book_of,
    collateral,
    common,
    opening,
    recorded,
    reference,
    supply,
)
from tests.builders.ledger import Ledger

VAULT, FUND, OTHER = (f"0x{digit * 40}" for digit in "123")
MARKS = common("2000", staked="1.1")
ASSETS = ("ETH", "stETH", "USDT")
units = st.decimals(min_value="0.000001", max_value=1_000_000, places=6)


def chain(*wallets: tuple[str, str, Purpose]) -> ChainChanged:
    """Return the chain's row with wallets by address, label and purpose."""
    row = next(one for one in reference() if isinstance(one, ChainChanged))
    named = tuple(Wallet(address=address, label=label, purpose=purpose) for address, label, purpose in wallets)
    return replace(row, chain=replace(row.chain, wallets=named), version=2)


def told(of: str, total: str | Decimal, wallet: str = FUND) -> CollateralStated:
    return replace(collateral(of, total, holder="ethereum"), wallet=wallet)


MARKED = chain((VAULT, "vault", "backing"), (FUND, "reserve fund", "reserve"))


def world(*more: object, row: ChainChanged = MARKED) -> Book:
    """Return a hedged book with ether on a chain, where the reserve fund has a wallet, too."""
    return book_of(
        row,
        collateral("stETH", "500"),
        told("ETH", "100", VAULT),
        balance(USDM, "USDT", "5000"),
        opening("-650", "2000"),
        supply("1000000"),
        *more,  # type: ignore[arg-type]
    )


def framed(book: Book) -> Frame:
    return frame(book, MARKS, (), number=1, at=AT)


def fund(book: Book) -> BackingSheet:
    return framed(book).sheet


def without_reserve(found: Frame) -> Frame:
    """Return a frame without what tells of the reserve, and without what only numbers events."""
    apart = replace(found.sheet, reserve=(), reserve_usd=None, prices=())
    return replace(found, reserve=(), sheet=apart, events=(), seq=0)


@settings(max_examples=40)
@given(of=st.sampled_from(ASSETS), holds=units)
def test_whatever_the_reserve_holds_no_exposure_backing_margin_or_scenario_is_another(of: str, holds: Decimal) -> None:
    none, some = world(), world(told(of, holds))
    assert without_reserve(framed(some)) == without_reserve(framed(none))
    assert live_book(Valuation(some, MARKS, AT)) == live_book(Valuation(none, MARKS, AT))
    assert replace(stand(some, MARKS, AT), seq=0) == replace(stand(none, MARKS, AT), seq=0)


@given(held=st.dictionaries(st.sampled_from(ASSETS), units, min_size=1))
def test_the_reserve_is_worth_its_cells_at_the_prices_of_the_sheet(held: dict[str, Decimal]) -> None:
    sheet = fund(world(*(told(of, holds) for of, holds in held.items())))
    prices = {one.asset: one.usd.value for one in sheet.prices}
    assert {one.asset: one.units.value for one in sheet.reserve} == held
    worth = sum((holds * (prices[of] or D(0)) for of, holds in held.items()), D(0))
    assert sheet.reserve_usd is not None
    assert sheet.reserve_usd.value == worth


def test_a_cell_names_its_wallet_and_the_block_that_it_was_read_at() -> None:
    (cell,) = fund(world(told("USDT", "7"))).reserve
    assert (cell.place, cell.holder, cell.asset) == ("reserve", "ethereum: reserve fund", "USDT")
    assert cell.proof == f"chain at block {int(AT.timestamp())}, wallet {FUND}"


def test_two_wallets_of_one_label_are_told_by_their_addresses() -> None:
    row = chain((FUND, "fund", "reserve"), (OTHER, "fund", "reserve"))
    cells = fund(world(told("USDT", "7"), told("USDT", "8", OTHER), row=row)).reserve
    assert [one.holder for one in cells] == [f"ethereum: {FUND}", f"ethereum: {OTHER}"]


@pytest.mark.parametrize(
    ("book", "worth", "said"),
    [
        (world(row=chain((VAULT, "vault", "backing"))), None, "no wallet has the purpose reserve"),
        (world(), None, f"has not stated yet what wallet reserve fund {FUND} holds"),
        (world(told("USDT", "0")), D(0), "collateral"),
        (world(asset("DOGE"), told("DOGE", "1")), None, "no USD price of DOGE is known"),
    ],
)
def test_what_is_not_known_of_the_reserve_is_no_zero(book: Book, worth: Decimal | None, said: str) -> None:
    found = fund(book).reserve_usd
    assert found is not None
    assert found.value == worth
    assert worth is not None or said in found.because


def test_what_backs_the_dollar_is_not_as_old_as_the_reserve() -> None:
    old = replace(told("ETH", "5"), reference="1")
    (cell,) = [one for one in fund(world(old)).cells if one.place == "chain"]
    assert cell.proof == f"chain at block {int(AT.timestamp())}"


def test_an_address_is_the_same_in_capital_letters() -> None:
    upper = FUND.replace("3", "a").replace("2", "b")
    row = chain((upper.upper().replace("X", "x"), "fund", "reserve"))
    assert [one.units.value for one in fund(world(told("USDT", "7", upper), row=row)).reserve] == [D(7)]


@pytest.mark.parametrize("of", ASSETS)
@pytest.mark.parametrize("becomes", ["reserve", "backing"])
def test_a_wallet_that_changes_its_purpose_is_a_line_of_its_own_and_leaves_no_rest(of: str, becomes: Purpose) -> None:
    other: Purpose = "backing" if becomes == "reserve" else "reserve"
    ledger = Ledger()
    ledger.priced(D(2000))
    ledger.told(chain((VAULT, "vault", other)), told(of, "10", VAULT))
    before = ledger.stated()
    ledger.anew()
    ledger.told(chain((VAULT, "vault", becomes)))
    found = attribution(before, ledger.anew(), ledger.stated())
    worth = D(10) * (D(1) if of == "USDT" else D(2000)) * (-1 if becomes == "reserve" else 1)
    assert {line: usd for line, usd in found.lines.items() if usd} == {"reserve": worth}
    assert found.rest == 0
    assert not found.missing
    assert found.after - found.before == worth


def test_a_wallet_that_the_row_names_no_more_does_not_become_backing() -> None:
    book = world(told("ETH", "10"), chain((VAULT, "vault", "backing")))
    assert framed(book).backing.assets_usd == framed(world()).backing.assets_usd
    assert [one.units.value for one in fund(book).reserve] == [D(10)]
    again = load(msgspec.convert(msgspec.to_builtins(dump(book)), type(dump(book)), strict=False))
    assert framed(again).sheet == framed(book).sheet


def test_gas_that_the_reserve_pays_is_no_cost_of_the_book() -> None:
    ledger = Ledger()
    ledger.priced(D(2000))
    ledger.told(MARKED, told("ETH", "10"))
    before = ledger.stated()
    ledger.anew()
    paid = GasPaid(
        at=ledger.later(), chain="ethereum", transaction="0x1", block=1, wallet=FUND, asset="ETH", amount=D("0.1"),
        is_failed=False,
    )  # fmt: skip
    ledger.told(paid, told("ETH", "9.9"))
    found = attribution(before, ledger.anew(), ledger.stated())
    assert found.after - found.before == found.rest == 0
    assert not found.parts


def test_reconciliation_finds_the_reserve_in_the_frame_as_in_the_log() -> None:
    book = world(told("ETH", "10"))
    assert shown(framed(book)) == folded(book)
    assert f"collateral ethereum {FUND} ETH" in folded(book)


def test_a_wallet_that_backs_is_written_as_before_there_was_a_purpose() -> None:
    written = msgspec.json.encode(Wallet(address="0x01", label="vault"))
    assert written == b'{"address":"0x01","label":"vault"}'
    fund_too = Wallet(address="0x01", label="vault", purpose="reserve")
    assert msgspec.json.decode(msgspec.json.encode(fund_too), type=Wallet) == fund_too


def test_events_of_the_reserve_are_folded_in_any_place_of_the_log() -> None:
    late = Book()
    for one in recorded([*reference(), told("ETH", "10"), MARKED]):
        late.apply(one)
    assert [row.units.value for row in framed(late).reserve] == [D(10)]


def moved(sender: str, receiver: str, amount: str = "10", block: int = 2**40) -> ReserveMoved:
    return ReserveMoved(
        at=AT, chain="ethereum", transaction="0x1", log_index=0, block=block, sender=sender, receiver=receiver,
        asset="USDT", amount=D(amount),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("sender", "receiver", "vault", "usd"),
    [(FUND, VAULT, "110", "10"), (VAULT, FUND, "90", "-10"), (FUND, OTHER, "100", None), (OTHER, FUND, "100", None)],
)
def test_what_goes_between_the_reserve_and_what_backs_is_explained(
    sender: str, receiver: str, vault: str, usd: str | None
) -> None:
    ledger = Ledger()
    ledger.priced(D(2000))
    ledger.told(MARKED, told("USDT", "100", VAULT), told("USDT", "500"))
    before = ledger.stated()
    ledger.anew()
    at = ledger.later()
    ledger.told(moved(sender, receiver), replace(told("USDT", vault, VAULT), at=at))
    found = attribution(before, ledger.anew(), ledger.stated())
    assert {line: worth for line, worth in found.lines.items() if worth} == ({"reserve": D(usd)} if usd else {})
    assert found.rest == 0


def test_a_transfer_of_before_the_wallet_was_the_reserves_is_not_counted_again() -> None:
    ledger = Ledger()
    ledger.priced(D(2000))
    ledger.told(chain((VAULT, "vault", "backing"), (FUND, "fund", "backing")))
    ledger.told(told("USDT", "100", VAULT), told("USDT", "500"))
    before = ledger.stated()
    ledger.anew()
    ledger.told(MARKED, moved(VAULT, FUND, "50", block=1))
    found = attribution(before, ledger.anew(), ledger.stated())
    assert {line: usd for line, usd in found.lines.items() if usd} == {"reserve": D(-500)}
    assert found.rest == 0
