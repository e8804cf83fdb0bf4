"""Links of the sandbox custodian: the exchange accounts that its wallet is mirrored to, and what it knows of them."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Protocol

APPROVED: Final = 1
FIRST_LINK: Final = (10_000, 90_000)
UIDS: Final = (10**8, 10**9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One linked exchange account; the client finds our name of it in `label`."""

    link_id: str
    uid: str
    account: str
    created_ms: int


class Venue(Protocol):
    """The exchange at the other end of the links."""

    def coins(self, account: str) -> Sequence[str]:
        """List the coins that count as margin in an account."""

    def withdrawable(self, account: str, coin: str) -> Decimal:
        """Give how much of a coin may leave an account without hurting its margin."""

    def credit(self, account: str, coin: str, amount: Decimal, at_ms: int, others: Sequence[Any]) -> None:
        """Move coins into an account, out of it when negative, in one transaction with rows of other tables."""

    def realized(self, account: str, after_income: int) -> Mapping[str, Decimal]:
        """Sum an account's profit, fees and funding by coin since an income."""

    def last_income(self) -> int:
        """Give the number of the latest income."""

    def worth_usdt(self, account: str) -> Decimal:
        """Value what an account holds."""


def links_of(accounts: Sequence[str], seed: int, created_ms: int) -> list[Link]:
    """Make the links of some accounts; the same seed and order give the same numbers."""
    dice = random.Random(f"ceffu links:{seed}")
    first = dice.randrange(*FIRST_LINK)
    return [
        Link(link_id=str(first + place), uid=str(dice.randrange(*UIDS)), account=account, created_ms=created_ms)
        for place, account in enumerate(accounts)
    ]
