"""Debts: what borrowing costs each account, by the venue's word, and what was charged for it.  events -> Debts

How much an account borrows is in its wallet and its positions (`buffers.py`); here is what it costs.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date
from decimal import Decimal

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.events.debts import BorrowRateStated, DebtEvent
from hedgeapp.core.records import record


@record
class Debt:
    """What an account's borrowing of an asset costs: `interest` is all that was charged, below 0 what was paid.

    `of_day` is what of it was charged on the latest UTC `day` on which anything was; `rate` is the venue's last word.
    """

    account: str
    asset: str
    interest: Decimal = ZERO
    day: date | None = None
    of_day: Decimal = ZERO
    rate: BorrowRateStated | None = None

    def on(self, day: date) -> Decimal:
        """Return what was charged on a UTC day that is not before the latest."""
        return self.of_day if self.day == day else ZERO


class Debts:
    """The debts of all accounts, by (account, asset); mutable, owned by a book."""

    __slots__ = ("_known",)

    def __init__(self, known: Iterable[Debt] = ()) -> None:
        self._known = {(one.account, one.asset): one for one in known}

    def __iter__(self) -> Iterator[Debt]:
        return iter(self._known.values())

    def of(self, account: str, asset: str) -> Debt:
        """Return what is known of an account's debt; one without a charge and a rate where nobody told any."""
        return self._known.get((account, asset)) or Debt(account=account, asset=asset)

    def apply(self, event: DebtEvent) -> None:
        """Fold an event. Of rates the latest by the venue's own time counts; of charges each."""
        debt = self.of(event.account, event.asset)
        if isinstance(event, BorrowRateStated):
            if debt.rate is None or event.at >= debt.rate.at:
                debt = replace(debt, rate=event)
        else:
            day = event.at.astimezone(UTC).date()
            debt = replace(debt, interest=debt.interest + event.amount)
            if debt.day is None or day > debt.day:
                debt = replace(debt, day=day, of_day=event.amount)
            elif day == debt.day:
                debt = replace(debt, of_day=debt.of_day + event.amount)
        self._known[event.account, event.asset] = debt
