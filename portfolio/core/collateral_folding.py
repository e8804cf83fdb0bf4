"""Collateral folding: what custodians and chains say of what they hold, in a book.  event x Book -> Book"""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar, assert_never

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.events.collateral import (
    CollateralStated,
    CustodyFlowSeen,
    GasPaid,
    MintSeen,
    RedeemSeen,
    ReserveMoved,
    SettlementSeen,
    SupplyStated,
)

if TYPE_CHECKING:
    from portfolio.core.book import Book

CollateralEvent = (
    CollateralStated | SupplyStated | MintSeen | RedeemSeen | GasPaid | ReserveMoved | CustodyFlowSeen | SettlementSeen
)
Key = TypeVar("Key")


def fold_collateral(event: CollateralEvent, book: "Book") -> Iterator[tuple[str, str]]:
    """Fold an event into a book; yield each subject that is not known, and why that is a fault."""
    match event:
        case CollateralStated():
            if event.holder not in book.catalogue.custodians and event.holder not in book.catalogue.chains:
                yield event.holder, f"holder {event.holder} is not known: introduce it"
            if event.asset not in book.catalogue.assets:
                yield event.asset, f"asset {event.asset} is not known: introduce it"
            key = (event.holder, event.wallet, event.asset)
            before = book.collateral.get(key)
            if before is None or _place_of(event) >= _place_of(before):
                book.collateral[key] = event
        case SupplyStated():
            supply = book.supply.get((event.chain, event.asset))
            if supply is None or event.block >= supply.block:
                book.supply[event.chain, event.asset] = event
            book.blocks.note(event)
        case MintSeen():
            book.blocks.note(event)
            add(book.minted, event.chain, event.synthetic_amount)
        case RedeemSeen():
            book.blocks.note(event)
            add(book.redeemed, event.chain, event.synthetic_amount)
        case SettlementSeen():
            last = book.settled.get(event.account)
            if last is None or event.at >= last.at:
                book.settled[event.account] = event
        case CustodyFlowSeen() | GasPaid() | ReserveMoved():
            pass  # what it changed is in the wallet's next statement; reconciliation compares the two
        case _:
            assert_never(event)


def add(sums: dict[Key, Decimal], key: Key, value: Decimal) -> None:
    """Add to one of some sums."""
    sums[key] = sums.get(key, ZERO) + value


def _place_of(stated: CollateralStated) -> tuple[datetime, int, str]:
    return stated.at, len(stated.reference), stated.reference
