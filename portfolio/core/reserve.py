"""Reserve: what the reserve fund's wallets are worth together, apart from the book.  cells x Valuation -> Figure

The fund covers negative funding and buys the synthetic dollar when nobody else does. What it holds is known when every
wallet of the purpose reserve has been stated; a wallet that nobody has read yet makes the sum unknown, not smaller.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from portfolio.core.figures import Figure, total, unknown
from portfolio.core.rows import SheetCell
from portfolio.core.valuation import Valuation

NO_WALLET: Final = "no wallet has the purpose reserve in the reference data of its chain, so nothing is told apart"


def reserve_usd(cells: Iterable[SheetCell], valuation: Valuation) -> Figure:
    """Return what the reserve fund is worth, in USD; unknown, with the reason, without wallets or a word on one."""
    catalogue, book = valuation.catalogue, valuation.book
    read = {(holder, wallet.lower()) for holder, wallet, _ in book.collateral}
    wallets = [(chain.name, one) for chain in catalogue.chains.values() for one in chain.wallets]
    marked = [(chain, one) for chain, one in wallets if one.purpose == "reserve"]
    cells = tuple(cells)
    if not marked and not cells:
        return unknown(NO_WALLET)
    for chain, one in marked:
        if (chain, one.address.lower()) not in read:
            return unknown(f"chain:{chain} has not stated yet what wallet {one.label} {one.address} holds")
    return total((*(cell.usd for cell in cells), *_empty(valuation)))


def _empty(valuation: Valuation) -> Iterator[Figure]:
    """Yield the word that a wallet of the reserve holds nothing of an asset: it ages like any other."""
    for (holder, wallet, asset), stated in sorted(valuation.book.collateral.items()):
        if valuation.catalogue.is_reserve(holder, wallet) and not stated.total:
            what = f"{asset} of {holder} in {wallet}"
            yield valuation.stated(stated.total, stated.at, f"chain:{holder}", "collateral", what)
