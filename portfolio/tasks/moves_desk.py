"""Moves' desk: what carries collateral moves, under a database role of its own, with a gateway to each custodian."""

from collections.abc import Mapping
from typing import ClassVar

from hedgeapp.core.events import Event
from hedgeapp.core.events.break_glass import GlassBroken
from hedgeapp.core.events.moves import MoveApproved
from portfolio.core.move_states import Move
from portfolio.operations.work import Kind, Queue
from portfolio.queries.books import FOLLOWING
from portfolio.tasks import desk
from portfolio.tasks.custodian_doors import CustodianDoors


class MovesDesk(desk.Desk):
    """What a carrier of moves works with: the database, the book and the custodians of this process."""

    carriers: ClassVar[Mapping[Kind, str]] = {"move": "portfolio.tasks.moves.carry_move"}
    gather_s: ClassVar[Mapping[Queue, float]] = {"moves": 0.1}  # a move takes minutes

    def __init__(self, queue: Queue) -> None:
        super().__init__(queue)
        self.doors = CustodianDoors(self.in_database)

    async def keep(self) -> None:
        """Keep a gateway open to every custodian, until canceled."""
        await self.doors.keep()

    async def close(self) -> None:
        """Close every gateway."""
        await self.doors.close()

    def is_woken_by(self, event: Event) -> bool:
        """Tell whether a move may go."""
        return isinstance(event, MoveApproved | GlassBroken)

    async def move(self, move_id: str) -> Move | None:
        """Return a move as it is by the log's head."""
        return await self.in_database(_move, move_id)


def _move(move_id: str) -> Move | None:
    with FOLLOWING.held() as book:
        return book.moves.get(move_id)


async def run_kept(queue: Queue) -> None:
    """Run the desk of moves until canceled, and again after it failed."""
    await desk.run_kept(MovesDesk, queue)
