"""The run of the crash matrix: each way to die carried out, finished by other workers, and looked at from outside."""

import contextlib
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from hedgeapp.wake import TASK
from portfolio.core.client_order_ids import client_order_id
from portfolio.operations.orders import RECV_WINDOW
from portfolio.queries.books import FOLLOWING
from tests.builders.forge import until
from tests.journeys import crash_cells as cells
from tests.journeys.crash_cells import Cell
from tests.journeys.crash_matrix import Outcome
from tests.journeys.crash_rig import LOG, VENUE, Rig

RESTING_BP: Final = -25  # of the mark: an order there is not met for a while
WAKE_UPS: Final = 200
ENDING_EVERY_S: Final = 0.05
LATE_S: Final = 2.0  # after an order's deadline: more than a clock that was read slowly may be wrong


def run(folder: Path) -> dict[str, Any]:
    """Carry out all cells and return what a `Matrix` is made of."""
    with _said(folder / LOG), contextlib.closing(Rig(folder, os.environ["DATABASE_URL"])) as rig:
        return _Run(rig).all()


@contextlib.contextmanager
def _said(log: Path) -> Iterator[None]:
    """Show what the processes said, when the block fails."""
    try:
        yield
    except BaseException:
        sys.stderr.write(log.read_text(errors="replace")[-20_000:])
        raise


def name_of(cell: Cell) -> str:
    """Return the client order id of a cell's order."""
    return client_order_id(f"ticket:{cell.nonce}")


class _Run:
    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.then: dict[str, int] = {}  # orders at the venue when the process died

    def all(self) -> dict[str, Any]:
        """Carry out every group of cells, then look."""
        for group in (
            self._sends,
            self._cancels,
            self._web,
            self._venue,
            self._stops,
            self._race,
            self._world,
        ):
            began = time.monotonic()
            group()
            sys.stderr.write(f"{group.__name__.strip('_')}: {time.monotonic() - began:.1f} s\n")
        return self._found()

    # The ways.

    def _sends(self) -> None:
        for batch in (cells.UNSENT, cells.SENT):
            for cell in batch:
                pid = self.rig.doomed("orders", cell.step, cell.nonce)
                with self._armed(cell):
                    self.rig.intend(self.rig.ticket(cell.nonce))
                    self._dead(cell, pid)
            self._finish(batch, "orders")

    def _cancels(self) -> None:
        with self.rig.workers("orders"):
            for cell in (*cells.CANCEL, *cells.WEB_CANCEL):
                self.rig.intend(self.rig.ticket(cell.nonce, away_bp=RESTING_BP, time_in_force="gtc"))
            for cell in (*cells.CANCEL, *cells.WEB_CANCEL):
                self.rig.in_state(name_of(cell), "working")
        for cell in cells.CANCEL:
            pid = self.rig.doomed("urgent", cell.step, cell.nonce)
            with self._armed(cell):
                self.rig.cancel(name_of(cell))
                self._dead(cell, pid)
        for cell in cells.WEB_CANCEL:
            asked = json.dumps({"client_order_id": name_of(cell)})
            self._dead(cell, self.rig.forge.fork("web", asked, step=cell.step))
            self.rig.cancel(name_of(cell))
        for cell in cells.CANCEL_UNSENT:
            self.rig.intend(self.rig.ticket(cell.nonce))
            pid = self.rig.doomed("urgent", cell.step, cell.nonce)
            self.rig.cancel(name_of(cell))
            self._dead(cell, pid)
        self._finish([*cells.CANCEL, *cells.WEB_CANCEL, *cells.CANCEL_UNSENT], "urgent", "orders")

    def _web(self) -> None:
        for cell in cells.WEB:
            ticket = self.rig.ticket(cell.nonce)
            asked = json.dumps(asdict(ticket), default=str)
            self._dead(cell, self.rig.forge.fork("web", asked, step=cell.step))
            self.rig.intend(ticket)
        self._finish(cells.WEB, "orders")

    def _venue(self) -> None:
        with self.rig.workers("orders"):
            for cell in cells.VENUE:
                with self._armed(cell):
                    self.rig.intend(self.rig.ticket(cell.nonce))
                    until(lambda cell=cell: self._has_word(cell), "a word or none")  # type: ignore[misc]
            self._wait(cells.VENUE)

    def _has_word(self, cell: Cell) -> bool | None:
        order = self.rig.order(name_of(cell))
        return True if order is not None and order.state not in ("intended", "sent") else None

    def _stops(self) -> None:
        stopped = [self._stopped_at(cell) for cell in cells.STOP]
        with self.rig.workers("orders") as healthy:
            self.rig.release()
            self._wait(cells.STOP)
            with self.rig.stopped(*healthy):
                stopped.append(self._stopped_at(cells.LATE))
                time.sleep(RECV_WINDOW.total_seconds() + LATE_S)
                for pid in stopped:
                    os.kill(pid, signal.SIGCONT)
                for pid in stopped:
                    self.rig.forge.told(pid, "carried")
                    self.rig.forge.kill(pid)
        said = self.rig.log.read_text(errors="replace")
        for cell in (cells.GIVEN_UP, cells.LATE):
            refusal = f"order.rejected order={name_of(cell)} code=-1021"
            assert refusal in said, f"a late request refused by the venue expected: {cell.words}"

    def _stopped_at(self, cell: Cell) -> int:
        pid = self.rig.doomed("orders", cell.step, cell.nonce, is_stop=True)
        self.rig.intend(self.rig.ticket(cell.nonce))
        self.rig.forge.told(pid, "reached")
        self.then[cell.nonce] = self._count(cell)
        self.rig.park(name_of(cell))
        return pid

    def _race(self) -> None:
        with self.rig.workers("orders", "orders"):
            for cell in cells.RACE:
                self.rig.intend(self.rig.ticket(cell.nonce))
                for _ in range(5):
                    self.rig.release()
                    time.sleep(ENDING_EVERY_S)
            self._wait(cells.RACE)

    def _world(self) -> None:
        *around, deaf = cells.WORLD
        with self.rig.workers("orders", role="worker"):
            for cell in around:
                with self._armed(cell):
                    getattr(self, f"_{cell.step}")(cell)
                    self._wait([cell])
        with self.rig.workers("orders", role="deaf"):
            self._wait_for(deaf)

    # What happens around.

    def _wait_for(self, cell: Cell) -> None:
        self.rig.intend(self.rig.ticket(cell.nonce))
        self._wait([cell])

    def _duplicated(self, cell: Cell) -> None:
        from hedgeapp.celery import app

        self.rig.intend(self.rig.ticket(cell.nonce))
        for _ in range(WAKE_UPS):
            app.send_task(TASK, queue="orders")

    def _flushed(self, cell: Cell) -> None:
        self.rig.intend(self.rig.ticket(cell.nonce))
        self.rig.valkey().flushall()

    def _stopped(self, cell: Cell) -> None:
        with self.rig.stopped(self.rig.valkey_pid()):
            self._wait_for(cell)

    def _killed(self, cell: Cell) -> None:
        self.rig.forge.kill(self.rig.valkey_pid())
        self.rig.intend(self.rig.ticket(cell.nonce))

    def _postgresql(self, cell: Cell) -> None:
        with self.rig.deaf_accounts():
            self.rig.intend(self.rig.ticket(cell.nonce))
            self.rig.kill_postgresql()
            self._wait([cell])

    def _postgresql_late(self, cell: Cell) -> None:
        with self.rig.deaf_accounts():
            self.rig.intend(self.rig.ticket(cell.nonce))
            until(lambda: self._count(cell) or None, "the order at the venue")
            self.rig.kill_postgresql()
            self._wait([cell])

    def _venue_of(self, cell: Cell) -> None:
        self.rig.intend(self.rig.ticket(cell.nonce))
        until(lambda: self._count(cell) or None, "the order at the venue")
        self.rig.restart_venue()

    # What is common.

    @contextlib.contextmanager
    def _armed(self, cell: Cell) -> Iterator[None]:
        for fault in cell.faults:
            self.rig.world.act("faults", venue=VENUE, **fault)
        try:
            yield
        finally:
            self.rig.world.act("faults/clear")

    def _dead(self, cell: Cell, pid: int) -> None:
        self.rig.died(pid)
        self.then[cell.nonce] = self._count(cell)
        self.rig.park(name_of(cell))

    def _count(self, cell: Cell) -> int:
        return len(self.rig.at_venue().get(name_of(cell), []))

    def _finish(self, batch: Sequence[Cell], *queues: str) -> None:
        with self.rig.workers(*queues):
            self.rig.release()
            self._wait(batch)

    def _wait(self, batch: Sequence[Cell]) -> None:
        for cell in batch:
            self.rig.in_state(name_of(cell))
            self.rig.closed(name_of(cell))

    def _found(self) -> dict[str, Any]:
        """Let the account be read anew, then compare."""
        self.rig.read_anew()
        theirs = self.rig.trades_of_venue()
        until(lambda: True if len(self.rig.trades_of_log()) >= len(theirs) else None, "the venue's trades in the log")
        ours = self.rig.trades_of_log()
        at_venue = self.rig.at_venue()
        with FOLLOWING.held() as book:
            faults = tuple(sorted({fault.because for fault in book.faults}))
        return {
            "outcomes": tuple(self._outcome(cell, at_venue.get(name_of(cell), [])) for cell in cells.ALL),
            "repeated": self.rig.repeated(),
            "trades_missing": tuple(sorted(theirs.keys() - dict(ours).keys())),
            "trades_invented": tuple(sorted(set(ours) - set(theirs.items()))),
            "trades_twice": tuple(name for name, count in Counter(name for name, _ in ours).items() if count > 1),
            "faults": faults,
        }

    def _outcome(self, cell: Cell, rows: Sequence[dict[str, Any]]) -> Outcome:
        order = self.rig.order(name_of(cell))
        assert order is not None, f"{cell.nonce} is not in the log"
        executed = sum((Decimal(row["executedQty"]) for row in rows), Decimal(0))
        return Outcome(
            nonce=cell.nonce,
            then=self.then.get(cell.nonce),
            state=order.state,
            at_the_end=len(rows),
            status=rows[0]["status"] if rows else "",
            executed=f"{executed.normalize():f}",
            logged=f"{order.logged.normalize():f}",
        )
