"""Orders' desk: what carries orders, cancels and halts, with a gateway to each account's venue."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Final

from hedgeapp.core.events import Event
from hedgeapp.core.events.halts import HaltDeclared
from hedgeapp.core.events.orders import CancelAsked, OrderIntended
from hedgeapp.core.marks import Mark
from portfolio.core.orders import HedgeOrder
from portfolio.core.valuation import Marks
from portfolio.operations.orders import queue_of
from portfolio.operations.work import Kind, Queue
from portfolio.queries.books import FOLLOWING
from portfolio.tasks import desk
from portfolio.tasks.doors import Doors

MARK_AGE_MAX: Final = timedelta(seconds=2)  # an older one in the log is asked of the venue
ASKED_AGE_MAX: Final = timedelta(milliseconds=500)  # and what was answered serves for so long


class OrdersDesk(desk.Desk):
    """What a carrier works with: the database, the book, the marks and the gateways of this process."""

    carriers: ClassVar[Mapping[Kind, str]] = {
        "order": "portfolio.tasks.orders.carry_order",
        "cancel": "portfolio.tasks.orders.carry_cancel",
        "halt": "portfolio.tasks.halts.carry_halt",
    }
    # On the way of an order each event would wake the other desk, too, and take the processor from it.
    gather_s: ClassVar[Mapping[Queue, float]] = {"urgent": 0.02}

    def __init__(self, queue: Queue) -> None:
        super().__init__(queue)
        self.doors = Doors(self.in_database)
        self._asked: dict[tuple[str, str], Mark] = {}
        self._asked_at = datetime.fromtimestamp(0, UTC)

    async def keep(self) -> None:
        """Keep a gateway open for every account, until canceled."""
        await self.doors.keep()

    async def close(self) -> None:
        """Close every gateway."""
        await self.doors.close()

    def is_woken_by(self, event: Event) -> bool:
        """Tell whether there is something to send, to cancel or to halt in this desk's queue."""
        if isinstance(event, OrderIntended):
            return queue_of(event) == self.queue
        return self.queue == "urgent" and isinstance(event, CancelAsked | HaltDeclared)

    async def order(self, client_order_id: str) -> HedgeOrder | None:
        """Return an order as it is by the log's head."""
        return await self.in_database(_order, client_order_id)

    async def order_and_marks(self, client_order_id: str) -> tuple[HedgeOrder | None, Marks]:
        """Return an order and the log's marks, by one look at the log's head; none is needed for one still to be sent.

        Whoever sends an order decides under the log's lock whether it is his to send.
        """
        with FOLLOWING.glanced() as book:
            order = book.our_orders.get(client_order_id) if book else None
            if book and order and order.state == "intended":
                return order, dict(book.marks)
        return await self.in_database(_order_and_marks, client_order_id)

    async def marks(self, marks: Marks) -> Marks:
        """Return the log's marks; where those of an instrument are late, what the venues answer now.

        The log has no marks while the board is away.
        """
        now = datetime.now(UTC)
        wanted = [marks.get((id_, kind)) for id_ in self.doors.instruments() for kind in ("mark", "index")]
        if all(mark is not None and now - mark.received_at <= MARK_AGE_MAX for mark in wanted):
            return marks
        if now - self._asked_at > ASKED_AGE_MAX:
            self._asked = {(mark.subject, mark.kind): mark for mark in await self.doors.marks()}
            self._asked_at = now
        fresher = {key: mark for key, mark in self._asked.items() if key not in marks or mark.at > marks[key].at}
        return {**marks, **fresher}


def _order(client_order_id: str) -> HedgeOrder | None:
    with FOLLOWING.held() as book:
        return book.our_orders.get(client_order_id)


def _order_and_marks(client_order_id: str) -> tuple[HedgeOrder | None, Marks]:
    with FOLLOWING.held() as book:
        return book.our_orders.get(client_order_id), dict(book.marks)


async def run_kept(queue: Queue) -> None:
    """Run the desk of a queue until canceled, and again after it failed."""
    await desk.run_kept(OrdersDesk, queue)
