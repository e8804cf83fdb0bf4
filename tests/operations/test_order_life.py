"""The life of orders as a machine that does anything at any time, against a real venue and workers that are killed."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from hedgeapp.core.marks import Mark, MarkKind
from portfolio.core.order_checks import net_exposure
from portfolio.core.orders import HedgeOrder
from portfolio.models import Halt
from portfolio.operations.halts import approve_resume, ask_resume, declare_halt
from portfolio.operations.orders import OrderIsRefused, Ticket, ask_cancel, intend_order
from portfolio.queries.books import FOLLOWING
from portfolio.queries.feeds import heard
from tests.builders.accounts import COIN, INSTRUMENTS, MAIN
from tests.builders.forge import until
from tests.journeys.crash_rig import SYMBOL, VENUE, Rig

EXAMPLES, STEPS = 5, 24
SHORT = Decimal(60)  # ETH by which the book is short when an example begins
DRIFT = Decimal("0.5")  # ETH by which a move of the price may change the net between a check and a look
EXPECTED = {"order_size_max", "towards_flat", "halt"}  # rules that refuse what the machine asks for
AT_VENUE = {
    "working": "NEW",
    "partially_filled": "PARTIALLY_FILLED",
    "filled": "FILLED",
    "canceled": "CANCELED",
    "expired": "EXPIRED",
}
FAULTS: list[dict[str, Any]] = [
    {"kind": "reject", "code": -2019},
    {"kind": "reject", "code": -1001},
    {"kind": "timeout_before", "hold_ms": 50},
    {"kind": "timeout_after", "hold_ms": 50},
    {"kind": "timeout_after", "hold_ms": 50, "late_ms": 400},
    {"kind": "timeout_after", "hold_ms": 50, "requests": "cancel"},
    {"kind": "bad_gateway", "status": 502, "executed": True},
    {"kind": "bad_gateway", "status": 502, "executed": False},
    {"kind": "bad_gateway", "status": 502, "requests": "read", "path": "order"},
    {"kind": "bad_gateway", "status": 503, "requests": "cancel", "executed": False},
    {"kind": "delay", "requests": "order", "delay_ms": 300, "times": 1},
    {"kind": "delay_stream", "connections": "private", "delay_ms": 500, "duration_s": 2},
    {"kind": "drop_fill"},
    {"kind": "duplicate_fill"},
]


class OrderLife(RuleBasedStateMachine):
    """Anybody asks for anything while everything fails."""

    rig: ClassVar[Rig]
    workers: ClassVar[dict[str, int]] = {}
    number: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.tickets: list[Ticket] = []
        self.names: list[str] = []
        self.is_kept_back = False  # the venue's stream may have kept something to itself

    @initialize()
    def be_short(self) -> None:
        """Begin with a book that is short so much, whatever was before, and with workers."""
        _, net = self._exposure()
        size = (SHORT + net).quantize(Decimal("0.1"))
        if size:
            self.rig.world.fill(MAIN, SYMBOL, str(abs(size)), side="SELL" if size > 0 else "BUY")
            until(lambda: True if abs(self._exposure()[1] + SHORT) < DRIFT else None, "a short book")
        for queue in ("orders", "urgent"):
            if queue not in self.workers:
                self._start(queue)

    @rule(
        quantity=st.sampled_from(("0.05", "1", "17", "39")),
        away_bp=st.sampled_from((-25, 0, 20)),
        time_in_force=st.sampled_from(("ioc", "gtc", "fok", "post_only")),
    )
    def intend(self, quantity: str, away_bp: int, time_in_force: str) -> None:
        """Ask for an order, that may be too large."""
        self._ask(quantity, away_bp, time_in_force)

    @rule(time_in_force=st.sampled_from(("ioc", "gtc")))
    def hedge(self, time_in_force: str) -> None:
        """Ask for an order that is met at once, if nothing is between."""
        self._ask("0.5", 20, time_in_force)

    @precondition(lambda self: self.tickets)
    @rule(data=st.data())
    def intend_again(self, data: st.DataObject) -> None:
        """Send a ticket that was sent."""
        self._intend(data.draw(st.sampled_from(self.tickets)))

    @precondition(lambda self: self.names)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        """Ask for a cancel, maybe of what has ended."""
        ask_cancel(data.draw(st.sampled_from(self.names)), by="ann", reason="", at=datetime.now(UTC))

    @rule(fault=st.sampled_from(FAULTS))
    def fail(self, fault: dict[str, Any]) -> None:
        """Let the venue fail at the next occasion."""
        self.rig.world.act("faults", venue=VENUE, **fault)
        self.is_kept_back |= fault["kind"] == "drop_fill"

    @rule(queue=st.sampled_from(("orders", "urgent")))
    def kill(self, queue: str) -> None:
        """Kill a worker; another one is started."""
        self.rig.forge.kill(self.workers[queue])
        self._start(queue)

    @rule()
    def end_leases(self) -> None:
        """Let all leases end, so that what is carried is carried by others, too."""
        self.rig.release()

    @precondition(lambda self: self.names)
    @rule(scope=st.sampled_from(("*", VENUE)))
    def halt(self, scope: str) -> None:
        """Halt."""
        declare_halt(scope, by="ann", reason="a drill", at=datetime.now(UTC))

    @precondition(lambda self: Halt.objects.filter(lifted_at=None).exists())
    @rule()
    def resume(self) -> None:
        """Lift all halts, by two people."""
        for halt_id in Halt.objects.filter(lifted_at=None).values_list("halt_id", flat=True):
            ask_resume(halt_id, by="ann", reason="over", at=datetime.now(UTC))
            approve_resume(halt_id, by="bob", at=datetime.now(UTC))

    @rule()
    def be_quiet(self) -> None:
        """Let everything come to rest, and compare the log with the venue."""
        self.rig.world.act("faults/clear")
        if self.is_kept_back:
            self.rig.read_anew()
            self.is_kept_back = False
        for name in self.names:
            until(lambda name=name: self._rests(name), f"{name} at rest", lambda name=name: str(self.rig.order(name)))  # type: ignore[misc]
            self.rig.closed(name)

    @invariant()
    def each_id_is_at_the_venue_once_at_most(self) -> None:
        """Hold the venue's own ledger against it."""
        assert self.rig.repeated() == {}

    @invariant()
    def nothing_leads_away_from_flat(self) -> None:
        """Hold every outcome of what is under way against it."""
        orders, net = self._exposure()
        for order in orders:
            assert 0 <= order.in_flight <= order.intent.quantity, order
            assert order.logged <= order.intent.quantity, order
        # Without marks in the log, it is the sender who holds an order against those under way.
        most = sum(order.in_flight for order in orders if order.state != "intended")
        assert most <= max(Decimal(0), -net) + DRIFT, "\n".join(map(str, (net, most, *orders)))

    def teardown(self) -> None:
        """End in peace: nothing is left at the venue, and its trades are those in the log."""
        self.resume()
        self.be_quiet()
        for name in self.names:
            ask_cancel(name, by="ann", reason="", at=datetime.now(UTC))
        for name in self.names:
            self.rig.in_state(name)
            self.rig.closed(name)
        self.be_quiet()
        trades = self.rig.trades_of_log()
        assert len(trades) == len(dict(trades))
        assert dict(trades) == self.rig.trades_of_venue()

    def _start(self, queue: str) -> None:
        self.workers[queue] = self.rig.forge.fork("desk", queue)

    def _ask(self, quantity: str, away_bp: int, time_in_force: str) -> None:
        type(self).number += 1
        nonce, size = f"life {self.number}", Decimal(quantity)
        self._intend(self.rig.ticket(nonce, away_bp=away_bp, time_in_force=time_in_force, quantity=size))

    def _intend(self, ticket: Ticket) -> None:
        try:
            name = intend_order(ticket, by="ann", at=datetime.now(UTC)).client_order_id
        except OrderIsRefused as refused:
            if {one.rule for one in refused.refusals} <= EXPECTED:
                return
            raise
        if name in self.names:
            assert ticket in self.tickets
        else:
            self.tickets.append(ticket)
            self.names.append(name)

    def _exposure(self) -> tuple[list[HedgeOrder], Decimal]:
        """Return our orders, all of them purchases of a linear contract of 1 ETH, and the net exposure in ETH."""
        marks, at = self._marks(), datetime.now(UTC)
        with FOLLOWING.held() as book:
            net = net_exposure(book, marks, at, heard(book), "ETH")
            orders = list(book.our_orders)
        assert net.value is not None, net.because
        return orders, net.value

    def _marks(self) -> dict[tuple[str, str], Mark]:
        at = datetime.now(UTC)
        found: dict[tuple[str, str], Mark] = {}
        fields: tuple[tuple[MarkKind, str], ...] = (("mark", "markPrice"), ("index", "indexPrice"))
        for root, account in (("fapi", MAIN), ("dapi", COIN)):
            for row in self.rig.marks(root):
                for kind, field in fields:
                    name, value = INSTRUMENTS[account].get(row["symbol"]), Decimal(row[field])
                    if name:
                        found[name, kind] = Mark(
                            subject=name, kind=kind, value=value, at=at, received_at=at, source="test"
                        )
        return found

    def _rests(self, name: str) -> bool | None:
        """Tell whether an order has ended or works, as the venue says it does, with all its fills."""
        order = self.rig.order(name)
        assert order is not None
        if order.state in ("intended", "sent", "unknown", "acknowledged"):
            return None
        rows = self.rig.at_venue().get(name, [])
        status = rows[0]["status"] if rows else ""
        executed = Decimal(rows[0]["executedQty"]) if rows else Decimal(0)
        return True if (status, executed) == (AT_VENUE.get(order.state, ""), order.logged) else None


@pytest.fixture
def rig(tmp_path: Path, log_url: str, app_database_url: str) -> Iterator[Rig]:
    """A rig on the test's own database."""
    found = Rig(tmp_path, app_database_url)
    try:
        yield found
    except BaseException:
        print(found.log.read_text(errors="replace")[-20_000:])  # noqa: T201
        raise
    finally:
        found.close()


@pytest.mark.timeout(600)
def test_no_order_of_actions_sends_an_order_twice_or_loses_one(rig: Rig) -> None:
    OrderLife.rig, OrderLife.workers = rig, {}
    bounds = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        phases=(Phase.explicit, Phase.generate),  # an example takes seconds: none is made smaller
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(OrderLife, settings=bounds)
    with FOLLOWING.held() as book:
        ends = Counter(order.state for order in book.our_orders)
    assert ends, "orders expected, found none: the machine drew no action that sends one"
