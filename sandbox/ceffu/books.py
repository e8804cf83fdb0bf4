"""Books of the sandbox custodian: which coins lie in which of its places, changed only by entries that are durable."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Any, Final

from sandbox.ledger import Ledger, Numbers
from sandbox.rows import Entry

FIRST_ENTRY: Final = 1
FIRST_ORDER: Final = 240_736_767_558_515
ENTRIES_BLOCK: Final = 1_000
DIGITS: Final = 60  # amounts of rebasing coins are kept in units that do not end
ZERO: Final = Decimal(0)

Write = Callable[[Sequence[Any]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Coins that come to a place, or leave it when negative."""

    place: str
    coin: str
    units: Decimal


def wallet_place(wallet_id: int) -> str:
    """Name the place of a wallet's coins."""
    return f"wallet {wallet_id}"


def mirror_place(link: str) -> str:
    """Name the place where coins are noted that are delegated over a link."""
    return f"mirror {link}"


class Books:
    """What the places hold beyond the deposits of the beginning; they live in the same file as the exchanges' books."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self._numbers = Numbers(ledger, "custody entries", first=FIRST_ENTRY, block=ENTRIES_BLOCK)
        self._order_ids = Numbers(ledger, "custody orders", first=FIRST_ORDER, block=ENTRIES_BLOCK)
        self._held: dict[tuple[str, str], Decimal] = {}
        for entry in ledger.every(Entry):
            self._apply(entry.place, entry.coin, entry.units)

    def take_order_id(self) -> str:
        """Give the next order id: 26 digits, never given twice."""
        return f"{self._order_ids.take():015d}".ljust(25, "0") + "1"

    def held(self, place: str, coin: str) -> Decimal:
        """Give what a place holds of a coin."""
        return self._held.get((place, coin), ZERO)

    def coins(self, place: str) -> list[str]:
        """List the coins that ever were in a place."""
        return sorted(coin for name, coin in self._held if name == place)

    def post(
        self,
        changes: Sequence[Change],
        cause: str,
        at_ms: int,
        others: Sequence[Any] = (),
        write: Write | None = None,
    ) -> None:
        """Write changes and rows of other tables in one transaction; `write` may put more into it."""
        entries = [
            Entry(
                id=self._numbers.take(),
                place=each.place,
                coin=each.coin,
                units=each.units,
                cause=cause,
                at_ms=at_ms,
            )
            for each in changes
        ]
        rows = [*entries, *others]
        if write is None:
            self.ledger.record(others=rows)
        else:
            write(rows)
        for entry in entries:
            self._apply(entry.place, entry.coin, entry.units)

    def _apply(self, place: str, coin: str, units: Decimal) -> None:
        with localcontext(prec=DIGITS):
            self._held[place, coin] = self._held.get((place, coin), ZERO) + units
