"""Tally: what the log told between two stands that no stand shows by itself.  Recorded x Book -> Tally

A stand shows what fees and funding come to; it does not show what a mark was when a fill came, nor why a custodian's
wallet holds more. A tally sees each event while the book takes it, and keeps that.
"""

from decimal import Decimal
from typing import Final, Literal

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.events import Recorded
from hedgeapp.core.events.anchors import RebaseTaken
from hedgeapp.core.events.collateral import CustodyFlowSeen, GasPaid, MintSeen, RedeemSeen, ReserveMoved, SettlementSeen
from hedgeapp.core.events.positions import PositionOpened
from hedgeapp.core.events.reference import ChainChanged, InstrumentChanged
from hedgeapp.core.events.trading import FillRecorded
from hedgeapp.core.instruments import value
from hedgeapp.core.records import record
from portfolio.core.book import Book
from portfolio.core.stands import Where

Cause = Literal["slippage", "forced", "opening"]
FactLine = Literal["staking", "mint_redeem", "custody", "transfers", "gas", "reserve"]
Key = tuple[str, str]

# What Binance calls the orders by which it liquidates, reduces one account for another, or ends a contract.
FORCED_IDS: Final = ("autoclose-", "adl_autoclose", "settlement_autoclose-")
FORCED_TYPES: Final = frozenset({"liquidation", "adl"})


@record
class Traded:
    """What fills of one cause made of a position: `at_mark` is what they were worth at the marks when they came.

    `made` is what they were worth at their own prices; both in the settlement asset, `size` as a position's.
    """

    size: Decimal = ZERO
    at_mark: Decimal = ZERO
    made: Decimal = ZERO


@record
class Fact:
    """Units of an asset that came to us (below 0: left us), and what for."""

    line: FactLine
    where: Where
    who: str
    asset: str
    units: Decimal


class Tally:
    """What came since a stand; `traded` is by position and cause."""

    def __init__(self) -> None:
        self.traded: dict[tuple[Key, Cause], Traded] = {}
        self.facts: list[Fact] = []

    def take(self, recorded: Recorded, book: Book) -> None:
        """Let a book fold an event, and keep what it tells."""
        event = recorded.event
        match event:
            case FillRecorded():
                cause: Cause = "forced" if is_forced(event, book) else "slippage"
                self._traded(recorded, book, {(event.account, event.instrument)}, cause)
            case PositionOpened():
                self._traded(recorded, book, {(event.account, event.instrument)}, "opening")
            case InstrumentChanged():
                waiting = {(one.account, one.instrument) for one in book.waiting}
                self._traded(recorded, book, waiting, "slippage")
            case CustodyFlowSeen():
                self._flow(event)
                book.apply(recorded)
            case SettlementSeen():
                self._fact("transfers", "custody", event.custodian, event.asset, event.amount)
                book.apply(recorded)
            case RebaseTaken():
                self._fact("staking", "custody", event.custodian, event.asset, event.amount)
                book.apply(recorded)
            case GasPaid():
                if not book.catalogue.is_reserve(event.chain, event.wallet):
                    self._fact("gas", "custody", event.chain, event.asset, -event.amount)
                book.apply(recorded)
            case ReserveMoved():
                self._of_reserve(event, book)
                book.apply(recorded)
            case ChainChanged():
                had = set(book.catalogue.reserve)
                book.apply(recorded)
                self._repurposed(event.chain.name, had, book)
            case MintSeen() | RedeemSeen():
                self._minted(event, book)
                book.apply(recorded)
            case _:
                book.apply(recorded)

    def _traded(self, recorded: Recorded, book: Book, keys: set[Key], cause: Cause) -> None:
        before = {key: _made(book, key) for key in keys}
        book.apply(recorded)
        for key in sorted(keys):
            (size, made), (had, had_made) = _made(book, key), before[key]
            size, made = size - had, made - had_made
            if not size and not made:
                continue
            mark = book.marks.get((key[1], "mark"))
            # Without a mark nobody can say what a fill slipped by.
            at_mark = value(book.positions[key].kind, size, mark.value) if mark and mark.value > 0 else made
            so_far = self.traded.get((key, cause), Traded())
            self.traded[key, cause] = Traded(
                size=so_far.size + size, at_mark=so_far.at_mark + at_mark, made=so_far.made + made
            )

    def _flow(self, event: CustodyFlowSeen) -> None:
        """Note coins that a custodian took in or gave out, and what he kept of them or besides."""
        units = event.amount if event.direction == "deposit" else -event.amount
        is_same = event.fee_asset == event.asset
        self._fact("transfers", "custody", event.custodian, event.asset, units + (event.fee if is_same else ZERO))
        self._fact("custody", "custody", event.custodian, event.fee_asset, -event.fee)

    def _repurposed(self, chain: str, had: set[tuple[str, str]], book: Book) -> None:
        """Note what wallets hold whose purpose has changed: it went to the reserve fund, or came from it."""
        for (holder, wallet, asset), stated in sorted(book.collateral.items()):
            place = holder, wallet.lower()
            if holder == chain and (place in had) != (place in book.catalogue.reserve):
                units = stated.total if place in had else -stated.total
                self._fact("reserve", "custody", chain, asset, units)

    def _of_reserve(self, event: ReserveMoved, book: Book) -> None:
        """Note what went between the reserve fund and a wallet that backs; what was stated before it has it already."""
        catalogue = book.catalogue
        row = catalogue.chains.get(event.chain)
        backs = {one.address.lower() for one in row.wallets if one.purpose == "backing"} if row else set()
        sign = (event.receiver.lower() in backs) - (event.sender.lower() in backs)
        wallets = {event.sender.lower(), event.receiver.lower()}
        fund = [one for one in book.collateral.values() if one.holder == event.chain and one.wallet.lower() in wallets]
        stated = max((int(one.reference) for one in fund if one.asset == event.asset), default=-1)
        if any(catalogue.is_reserve(event.chain, one) for one in wallets) and event.block > stated:
            self._fact("reserve", "custody", event.chain, event.asset, sign * event.amount)

    def _minted(self, event: MintSeen | RedeemSeen, book: Book) -> None:
        sign = 1 if isinstance(event, MintSeen) else -1
        synthetic = next((asset for chain, asset in book.supply if chain == event.chain), "")
        self._fact("mint_redeem", "custody", event.chain, event.collateral_asset, sign * event.collateral_amount)
        self._fact("mint_redeem", "supply", event.chain, synthetic, -sign * event.synthetic_amount)

    def _fact(self, line: FactLine, where: Where, who: str, asset: str, units: Decimal) -> None:
        if units:
            self.facts.append(Fact(line=line, where=where, who=who, asset=asset, units=units))


def is_forced(fill: FillRecorded, book: Book) -> bool:
    """Tell whether a venue made a fill by itself: to liquidate, to reduce one account for another, to end a contract.

    Where its word on the fill does not say it, its word on the order may.
    """
    order = book.orders.get((fill.account, fill.instrument, fill.venue_order_id))
    if fill.forced is not None or order is None:
        return fill.forced is not None
    return order.type.lower() in FORCED_TYPES or order.client_order_id.startswith(FORCED_IDS)


def _made(book: Book, key: Key) -> tuple[Decimal, Decimal]:
    """Return a position's size and what its fills made: the second grows by exactly what each was worth."""
    position = book.positions.get(key)
    if position is None:
        return ZERO, ZERO
    _, size, entry_value, realized, _, _ = position.held
    return size, entry_value - realized if position.kind == "linear" else entry_value + realized
