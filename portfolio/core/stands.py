"""Stands: the net asset value of one moment, with all that it is made of.  Book x Marks x at -> Stand

A stand keeps what is held, what positions are and what the log's facts have booked so far, with the prices of the
moment. Two stands are what a change of the net asset value is explained from (`attribution`). All arithmetic on them
is exact: no product or sum of theirs is ever rounded.
"""

import decimal
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal

from hedgeapp.core.amounts import ONE, ZERO, Purse
from hedgeapp.core.instruments import ContractKind, Instrument, pnl, value
from hedgeapp.core.records import record
from portfolio.core.book import Book
from portfolio.core.figures import Figure
from portfolio.core.positions import Position
from portfolio.core.sources import unread
from portfolio.core.valuation import Marks, Valuation

DIGITS: Final = 400  # of a product of four decimals, or a sum of many: nothing is rounded

Where = Literal["account", "custody", "supply"]
Booking = Literal["fees", "funding", "transfers", "borrow"]


class PriceIsMissing(LookupError):
    """A number was to be worked out, and nobody knows a price that it needs."""


@record
class Price:
    """What one unit of an asset is worth: `usd` of its currency, and the protocol's and the lower of its two rates.

    Both rates are 1 for a currency; `is_cash` is whether it is a stablecoin.
    """

    currency: str
    usd: Decimal
    protocol: Decimal = ONE
    lower: Decimal = ONE
    is_cash: bool = False

    @property
    def unit(self) -> Decimal:
        """The USD value of one unit."""
        return self.lower * self.usd


PAR: Final = Price(currency="USD", usd=ONE, is_cash=True)  # the synthetic dollar is owed at par


@record
class Stood:
    """A position as it stood: its signed `size`, `basis` (what it was worth at its last settlement), its `mark`.

    `made` grows by exactly what each fill was worth; `settled` is all profit that is in the balance. The last three are
    in the settlement asset; the mark is None when nobody knows it.
    """

    kind: ContractKind
    base: str
    quote: str
    settlement: str
    size: Decimal
    basis: Decimal
    made: Decimal
    settled: Decimal
    mark: Decimal | None

    def worth(self, size: Decimal) -> Decimal:
        """Return what a size of it is worth at its mark; raises PriceIsMissing."""
        if not size:
            return ZERO
        if self.mark is None:
            raise PriceIsMissing("a mark of a position expected, found none")
        return value(self.kind, size, self.mark)

    @property
    def unrealized(self) -> Decimal:
        """The profit that no balance holds yet; raises PriceIsMissing."""
        return pnl(self.kind, self.basis, self.worth(self.size)) if self.size else ZERO


Held = tuple[Where, str, str]  # where, the account or holder, the asset
Booked = tuple[
    str, str, str, Booking
]  # account, instrument (none for transfers, of interest the asset), asset, what for


@record
class Stand:
    """The book at its marks as of event `seq`; `because` says why no sum of it is whole, empty when all are.

    `units` are what is held, supply below zero; `read` are the accounts, holders and chains that were ever read. Of
    `prices`, those that are not known are missing.
    """

    seq: int
    at: datetime
    because: str
    units: dict[Held, Decimal]
    positions: dict[tuple[str, str], Stood]
    prices: dict[str, Price]
    booked: dict[Booked, Decimal]

    def price(self, where: Where, asset: str) -> Price:
        """Return what an asset is worth; raises PriceIsMissing."""
        if where == "supply":
            return PAR
        found = self.prices.get(asset)
        if found is None:
            raise PriceIsMissing(f"a USD price of {asset} expected, found none")
        return found

    def usd(self, asset: str) -> Decimal:
        """Return the USD price of an asset that is a currency; raises PriceIsMissing."""
        return self.price("account", asset).usd

    @property
    def read(self) -> frozenset[tuple[Where, str]]:
        """Who stated anything yet."""
        return frozenset((where, who) for where, who, _ in self.units)


def exactly() -> AbstractContextManager[decimal.Context]:
    """Return a context in which sums and products of money are exact; quotients are rounded at 1e-18 by who divides."""
    return decimal.localcontext(decimal.Context(prec=DIGITS))


def nav(stand: Stand) -> Decimal:
    """Return assets less supply, in USD; raises PriceIsMissing.

    The same sum as `backing`: holdings at the lower rate, balances less what is delegated, unrealized profit, supply.
    """
    with exactly():
        whole = ZERO
        for (where, _, asset), units in stand.units.items():
            if units:
                whole += units * stand.price(where, asset).unit
        for stood in stand.positions.values():
            if stood.size:
                whole += stood.unrealized * stand.usd(stood.settlement)
        return whole


def stand(book: Book, marks: Marks, at: datetime) -> Stand:
    """Return how a book stands at its marks."""
    valuation = Valuation(book, marks, at)
    instruments = book.catalogue.instruments
    positions = {
        key: stood(position, instruments[position.instrument], valuation.mark(position.instrument, "mark"))
        for key, position in book.positions.items()
    }
    made = Stand(
        seq=book.seq,
        at=at,
        because=unread(book) or ("" if book.supply else "no chain has stated the supply of the synthetic dollar yet"),
        units=dict(_units(book)),
        positions=positions,
        prices=dict(_prices(valuation)),
        booked=dict(_booked(book)),
    )
    return made if made.because else _whole(made)


def _whole(made: Stand) -> Stand:
    """Return a stand that says why it has no net asset value, if it has none."""
    try:
        nav(made)
        for position in made.positions.values():
            if position.size:  # what explains its change needs the prices of what it is made of, too
                made.usd(position.base)
                made.usd(position.quote)
    except PriceIsMissing as missing:
        return replace(made, because=str(missing))
    return made


def stood(position: Position, instrument: Instrument, mark: Figure) -> Stood:
    """Return a position as it stands."""
    _, size, entry_value, realized, booked, _ = position.held
    sigma = 1 if position.kind == "linear" else -1
    return Stood(
        kind=position.kind,
        base=instrument.base,
        quote=instrument.quote,
        settlement=instrument.settlement,
        size=size,
        basis=entry_value + sigma * booked,
        made=entry_value - sigma * realized,
        settled=realized + booked,
        mark=mark.value,
    )


def _units(book: Book) -> Iterator[tuple[Held, Decimal]]:
    for (account, asset), stated in book.balances.items():
        yield ("account", account, asset), stated.total - book.delegated.get((account, asset), ZERO)
    held = Purse()
    for (holder, wallet, asset), stated_too in book.collateral.items():
        if not book.catalogue.is_reserve(holder, wallet):
            held.add(f"{holder}\0{asset}", stated_too.total)
    for amount in held:
        holder, _, asset = amount.asset.partition("\0")
        yield ("custody", holder, asset), amount.value
    for (chain, asset), supply in book.supply.items():
        yield ("supply", chain, asset), -supply.total


def _prices(valuation: Valuation) -> Iterator[tuple[str, Price]]:
    catalogue = valuation.catalogue
    cash = {one.settlement for one in catalogue.contracts if one.kind == "linear"}
    quoted = {one.quote for one in catalogue.contracts}
    for symbol in sorted({*catalogue.assets, *cash, *quoted}):
        currency = catalogue.currency(symbol)
        usd = valuation.usd(currency).value
        protocol, market = valuation.rates(symbol)
        if usd is None or protocol.value is None or market.value is None:
            continue
        known = catalogue.assets.get(symbol)
        is_cash = symbol in cash or symbol == "USD" or (known is not None and known.assumed_usd is not None)
        lower = min(protocol.value, market.value)
        yield symbol, Price(currency=currency, usd=usd, protocol=protocol.value, lower=lower, is_cash=is_cash)


def _booked(book: Book) -> Iterator[tuple[Booked, Decimal]]:
    sums: dict[Booked, Decimal] = {}

    def add(account: str, instrument: str, asset: str, booking: Booking, units: Decimal) -> None:
        key = (account, instrument, asset, booking)
        sums[key] = sums.get(key, ZERO) + units

    for (account, instrument), position in book.positions.items():
        for asset, paid in position.fees.items():
            add(account, instrument, asset, "fees", -paid)
    for (account, instrument), by_asset in book.funding.items():
        for asset, paid in by_asset.items():
            add(account, instrument, asset, "funding", paid)
    for (account, asset), moved in book.transfers.items():
        add(account, "", asset, "transfers", moved)
    for debt in book.debts:
        if debt.interest:
            add(debt.account, debt.asset, debt.asset, "borrow", debt.interest)
    # What is mirrored came by a move of ours: it is the custodian's on both sides of it.
    for (account, asset), part in book.delegated.items():
        add(account, "", asset, "transfers", -part)
    yield from sums.items()
