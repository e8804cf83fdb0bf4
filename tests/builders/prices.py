"""A market to price in: ETH and stETH at 3000 USD, and books on both venues around it."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal

from hedgeapp.core.events import Event
from hedgeapp.core.events.reference import AccountChanged
from hedgeapp.core.marks import Mark
from hedgeapp.core.reference import Account
from marketdata.core.board import Depth
from portfolio.core.book import Book
from portfolio.core.fees import PaidRate
from portfolio.core.price_market import Market
from portfolio.core.valuation import Valuation
from tests.builders.books import AT, COINM, INVERSE, LINEAR, USDM, book_of, common, limit

D = Decimal
PRICE = 3000.0
PAID = {name: PaidRate(rate=D("0.0005"), at=AT) for name in (LINEAR, INVERSE)}
Levels = tuple[tuple[float, float], ...]


def trades(name: str, *symbols: str) -> AccountChanged:
    """Return an account that trades these symbols."""
    row = Account(name=name, venue=name.partition(":")[0], label="main", instruments=symbols)
    return AccountChanged(at=AT, account=row, version=2, by="ann")


def offers() -> list[Event]:
    """Return what lets ETH, stETH and USDT be minted against: accounts that hedge, spreads and sizes."""
    return [
        trades(USDM, "ETH-USDT-PERP"),
        trades(COINM, "ETH-USD-PERP"),
        *(limit("mint_redeem_spread", asset, "5") for asset in ("ETH", "stETH", "USDT")),
        *(limit("mint_redeem_size_max", asset, "100") for asset in ("ETH", "stETH")),
        limit("mint_redeem_size_max", "USDT", "1000000"),
    ]


def offering(*events: Event) -> Book:
    """Return a book that offers ETH, stETH and USDT."""
    return book_of(*offers(), *events)


def levels(price: float, way: int, size: float, count: int = 20) -> Levels:
    """Return levels ten cents apart, away from a price."""
    return tuple((round(price + way * (0.1 + 0.1 * place), 2), size) for place in range(count))


def depth(name: str, price: float = PRICE, size: float = 10.0, at: datetime = AT) -> Depth:
    """Return a book around a price with `size` ETH at each level."""
    contracts = size if name == LINEAR else size * 300  # of 10 USD each
    return Depth(
        instrument=name,
        bids=levels(price, -1, contracts),
        asks=levels(price, 1, contracts),
        at=at,
        received_at=at,
    )


def both(price: float = PRICE, size: float = 10.0, at: datetime = AT) -> dict[str, Depth]:
    """Return the books of both venues."""
    return {name: depth(name, price, size, at) for name in (LINEAR, INVERSE)}


def market(
    depths: Mapping[str, Depth] | None = None,
    *,
    book: Book | None = None,
    marks: Mapping[tuple[str, str], Mark] | None = None,
    paid: Mapping[str, PaidRate] = PAID,
    verified: Iterable[str] = (),
    at: datetime = AT,
) -> Market:
    """Return a market; what is not said is as it should be."""
    valuation = Valuation(book or offering(), common(str(PRICE)) if marks is None else marks, at)
    return Market(valuation, both() if depths is None else depths, paid, frozenset(verified))
