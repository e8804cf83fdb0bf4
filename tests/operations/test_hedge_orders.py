"""Our orders out of their rows: the same as in the book, at any event, and still there when the book let them go."""

from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest

from hedgeapp.core.events.orders import CancelAsked, OrderOutcomeUnknown
from portfolio.core.orders import FINISHED_KEPT
from portfolio.operations.books import restored_book
from portfolio.queries.books import current_book
from portfolio.queries.orders import order_of, our_order
from portfolio.queries.rows import hedge_orders, projected_seq
from tests.builders.blotters import began, life, name, projected, told
from tests.builders.orders import AT


@pytest.fixture(autouse=True)
def _log(owner: "psycopg.Connection[object]") -> None:
    began()


def test_an_order_out_of_its_row_is_the_one_in_the_book() -> None:
    told(*life(1), *life(2, "refused"), *life(3, "working"), *life(4, "intended", reduce_only=True), *life(5, "sent"))
    told(OrderOutcomeUnknown(at=AT, client_order_id=name(5), because="no answer within 2 s"))
    told(CancelAsked(at=AT, client_order_id=name(3), by="bob", reason=""), at=AT + timedelta(seconds=1))
    projected()
    of_rows = {row.client_order_id: order_of(row) for row in hedge_orders()}
    book = current_book()
    assert len(of_rows) == len(book.our_orders) == 5
    for order in book.our_orders:
        assert of_rows[order.client_order_id] == replace(order, seq=of_rows[order.client_order_id].seq)


def test_rows_of_a_past_event_are_the_book_of_that_event() -> None:
    told(*life(1), *life(2, "canceled"))
    projected()
    for seq in range(projected_seq() - 8, projected_seq()):
        then = {order.client_order_id: order.state for order in restored_book(seq).our_orders}
        assert dict(hedge_orders(seq).values_list("client_order_id", "state")) == then


def test_an_order_that_the_book_let_go_is_found_in_its_row(monkeypatch: pytest.MonkeyPatch) -> None:
    assert FINISHED_KEPT >= 1_000
    monkeypatch.setattr("portfolio.core.orders.FINISHED_KEPT", 1)
    told(*life(1), *life(2))
    projected()
    assert current_book().our_orders.get(name(1)) is None
    found = our_order(name(1))
    assert found
    assert found[0].state == "filled"
    assert found[0].logged == 5
    assert found[1]
    assert our_order(name(3)) is None
