"""Copies: a book that goes its own way from here, at the cost of its containers.  Book -> Book

Records never change and are shared; dictionaries, lists and the parts that a book owns are made anew.
"""

import copy
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

from portfolio.core.account_terms import AccountTerms
from portfolio.core.alerts import Alerts
from portfolio.core.blocking import Blocking
from portfolio.core.blocks import Blocks
from portfolio.core.book import Book
from portfolio.core.catalogue import Catalogue
from portfolio.core.debts import Debts
from portfolio.core.faults import Faults
from portfolio.core.halts import Halts
from portfolio.core.minting import Minting
from portfolio.core.move_gates import Gate
from portfolio.core.moves import Moves
from portfolio.core.open_breaks import OpenBreaks
from portfolio.core.orders import Orders
from portfolio.core.positions import Position
from portfolio.core.price_highs import PriceHighs
from portfolio.core.row_changes import RowChanges
from portfolio.core.scenarios.saved import SavedScenarios
from portfolio.core.suspensions import Suspensions


def copied(book: Book) -> Book:
    """Return a book of the same state that no later event of the first one changes."""
    twin = Book.__new__(Book)
    for name, value in vars(book).items():
        setattr(twin, name, _copied(value))
    return twin


def _copied(value: Any) -> Any:
    make = _MAKERS.get(type(value))
    return make(value) if make else value


def _dictionary(value: dict[Any, Any]) -> dict[Any, Any]:
    return {key: _copied(one) for key, one in value.items()}


def _part(value: Any) -> Any:
    twin = copy.copy(value)
    for name in type(value).__slots__:
        setattr(twin, name, _copied(getattr(value, name)))
    return twin


_MAKERS: Final[Mapping[type, Callable[[Any], Any]]] = {
    dict: _dictionary,
    list: list.copy,
    set: set.copy,
    deque: deque.copy,
    **dict.fromkeys(
        (
            AccountTerms,
            Alerts,
            Blocking,
            Blocks,
            Catalogue,
            Debts,
            Faults,
            Gate,
            Halts,
            Minting,
            Moves,
            OpenBreaks,
            Orders,
            Position,
            PriceHighs,
            RowChanges,
            SavedScenarios,
            Suspensions,
        ),
        _part,
    ),
}
