"""Amounts that somebody types in before he signs for a move, so that he has read them."""

from decimal import Decimal
from typing import Final

from portfolio.core.move_payloads import written
from portfolio.core.move_states import Move

TYPED_FROM_USD: Final = Decimal(100_000)  # from this worth on, and without one, an approver types the amount in


class AmountIsTypedWrong(ValueError):
    """Somebody typed another amount than the one that he is to approve."""

    def __init__(self, typed: str, amount: str) -> None:
        super().__init__(f"the amount {amount} typed in expected, found {typed[:40] or 'nothing'}: nothing was signed")


def is_typed_in(found: Move) -> bool:
    """Tell whether an approver types the amount in: it is large, or nobody can say how large."""
    usd = found.judged.amount_usd if found.judged else None
    return usd is None or usd >= TYPED_FROM_USD


def require_typed(found: Move, typed: str, *, is_asked: bool = True) -> None:
    """Refuse another amount than that of a move with AmountIsTypedWrong, where it is asked for."""
    amount = written(found.payload.amount)
    if is_asked and typed.strip().replace(",", "") != amount:
        raise AmountIsTypedWrong(typed, amount)
