"""Reading: part by part, so that what one endpoint does not answer leaves the others to be compared."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final, TypeVar

from hedgeapp.core.differences import DifferenceKind
from hedgeapp.core.events import Event
from reconciliation.core.compare import RowsContradict, Side
from reconciliation.core.delegations import Carried
from reconciliation.core.statements import Statement

PART_S_MAX: Final = 15.0  # one part of a statement

T = TypeVar("T")


class Reading:
    """A statement while it is read; `sentence` says what is wrong with an error of `faults`, without a secret."""

    def __init__(self, subject: str, faults: tuple[type[Exception], ...], sentence: Callable[[Exception], str]) -> None:
        self._subject, self._sentence = subject, sentence
        self._faults: tuple[type[Exception], ...] = (*faults, RowsContradict, TimeoutError)
        self._sides: dict[DifferenceKind, Side] = {}
        self._facts: dict[tuple[DifferenceKind, str], Event] = {}
        self._unread: dict[DifferenceKind, str] = {}
        self.losses: tuple[Carried, ...] = ()
        self.linked: dict[str, str] = {}

    async def part(self, kinds: Sequence[DifferenceKind], read: Callable[[], Awaitable[T]]) -> T | None:
        """Return what a part answers; None when it cannot be read, and then its kinds are not compared."""
        try:
            async with asyncio.timeout(PART_S_MAX):
                return await read()
        except self._faults as error:
            said = self._sentence(error) or f"an answer within {PART_S_MAX:g} s expected, found none"
            self._unread.update(dict.fromkeys(kinds, said))
            return None

    def tell(self, kind: DifferenceKind, rows: Side) -> None:
        """Take the rows of a kind."""
        self._sides[kind] = rows

    def note(self, kind: DifferenceKind, item: str, fact: Event) -> None:
        """Take what the log would hold of an item."""
        self._facts[kind, item] = fact

    def statement(self, at: datetime) -> Statement:
        """Return what was read."""
        return Statement(
            subject=self._subject,
            at=at,
            sides=self._sides,
            facts=self._facts,
            unread=self._unread,
            losses=self.losses,
            linked=tuple(sorted(self.linked.items())),
        )
