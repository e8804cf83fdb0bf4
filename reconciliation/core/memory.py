"""Memory: what the engine shows against what the log folds into at the same event.  Frame, Book -> sides"""

from collections.abc import Iterable
from decimal import Decimal

from portfolio.core.book import Book
from portfolio.core.frames import Frame
from reconciliation.core.compare import Values, text

Rows = dict[str, Values]


def shown(frame: Frame) -> Rows:
    """Return positions, balances, the mirrored parts of them, and collateral as a frame shows them."""
    return _rows(
        [
            *(
                (f"position {row.account} {row.instrument}", row.quantity.value)
                for venue in frame.positions
                for row in venue.rows
            ),
            *((f"balance {row.account} {row.asset}", row.total.value) for row in frame.balances),
            *((f"delegated {row.account} {row.asset}", row.delegated) for row in frame.balances),
            *(
                (f"collateral {row.holder} {row.wallet} {row.asset}", row.units.value)
                for row in (*frame.collateral, *frame.reserve)
            ),
        ]
    )


def folded(book: Book) -> Rows:
    """Return the same as a book has them."""
    return _rows(
        [
            *((f"position {account} {name}", one.quantity) for (account, name), one in book.positions.items()),
            *((f"balance {account} {asset}", one.total) for (account, asset), one in book.balances.items()),
            *(
                (f"delegated {account} {asset}", units)
                for (account, asset), units in book.delegated.items()
                if (account, asset) in book.balances  # a frame has rows of balances only
            ),
            *(
                (f"collateral {holder} {wallet} {asset}", one.total)
                for (holder, wallet, asset), one in book.collateral.items()
            ),
        ]
    )


def _rows(found: Iterable[tuple[str, Decimal | None]]) -> Rows:
    """Return what is not nothing: a frame leaves empty rows out."""
    return {item: (text(value),) for item, value in found if value}
