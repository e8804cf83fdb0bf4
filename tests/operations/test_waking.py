"""A desk is woken for the work of its own queue, and for nothing else."""

import pytest

from hedgeapp.core.events import Event
from hedgeapp.core.events.halts import HaltDeclared
from hedgeapp.core.events.orders import CancelAsked
from portfolio.operations.work import Queue
from portfolio.tasks.orders_desk import OrdersDesk
from tests.builders.books import AT
from tests.builders.orders import intended, sent


@pytest.mark.parametrize(
    ("event", "queues"),
    [
        (intended(reduce_only=False), {"orders"}),
        (intended(reduce_only=True), {"urgent"}),
        (CancelAsked(at=AT, client_order_id="h1", by="ann", reason="changed my mind"), {"urgent"}),
        (HaltDeclared(at=AT, halt_id="h-1", scope="*", by="ann", reason="the venue looks wrong"), {"urgent"}),
        (sent(), set()),
    ],
    ids=["hedge", "reduce-only", "cancel", "halt", "sent"],
)
def test_an_event_wakes_the_desk_that_has_something_to_do(event: Event, queues: set[Queue]) -> None:
    both: tuple[Queue, ...] = ("orders", "urgent")
    assert {queue for queue in both if OrdersDesk(queue).is_woken_by(event)} == queues
