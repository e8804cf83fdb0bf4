"""Past: every main page as of a moment in a log of a million events, asked for by a process that forgot all.

It runs in a process of its own, on a PostgreSQL of its own; `python -m bench.past 50000` runs it on a smaller log.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
import psycopg

from bench.eventlog import AT, BATCH, batches
from bench.report import Row
from hedgeapp.core.events import Event
from hedgeapp.core.events.breaks import (
    BreakFound,
    BreakVerified,
    DifferenceSeen,
    ReconciliationEvent,
    RunBegun,
    RunEnded,
)
from hedgeapp.core.events.moves import MoveWithdrawn
from hedgeapp.core.events.orders import OrderAcknowledged
from hedgeapp.core.records import record
from hedgeapp.eventlog.append import append
from portfolio.core.move_request_ids import move_id

EVENTS: Final = 1_000_000
PAGES: Final = (
    "/",
    "/orders/",
    "/orders/{order}/",
    "/orders/venues/",
    "/moves/",
    "/moves/{move}/",
    "/breaks/",
    "/breaks/{break_}/",
    "/gate/",
    "/prices/",
    "/alerts/",
    "/events/",
    "/data/",
    "/halt/",
    "/audit/",
)
PLACES: Final = (0.1, 0.5, 0.97)  # of the log, near which each page is asked for: at the end of the longest tail there
ROUNDS: Final = 3  # of each, the best of which counts: what else the machine does only slows
S_MAX: Final = 2.0


@record
class Took:
    """How long a page took, and how much of that this process and PostgreSQL's worked, in seconds of one core."""

    wall_s: float
    core_s: float


def measure(events: int = EVENTS) -> list[Row]:
    """Measure in a process of its own, whose Django knows only the private servers."""
    from hedgeapp.up.servers import private_servers

    with private_servers(durable=False) as environment:
        done = subprocess.run(
            [sys.executable, "-c", f"from bench import past; past.main({events})"],
            env={**environment, "DJANGO_SETTINGS_MODULE": "hedgeapp.settings"},
            stdout=subprocess.PIPE,
            check=True,
            timeout=3_600,
        )
    return msgspec.json.decode(done.stdout, type=list[Row])


def main(events: int) -> None:
    """Write a log, its read models and its milestones; ask for the pages; write the rows as JSON."""
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", database="owner", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    url, count = os.environ["DATABASE_OWNER_URL"], events // (BATCH + len(_desk(1)))
    write_log(url, count)
    sys.stdout.buffer.write(msgspec.json.encode(list(pages(count))))


def write_log(url: str, count: int) -> None:
    """Write so many batches of trading, each with an order, a move and a break of the desk; rows; milestones."""
    from hedgeapp.eventlog.models import LoggedEvent
    from portfolio.models import Checkpoint
    from portfolio.operations.books import MILESTONE, keep_milestones
    from portfolio.operations.replay import replay
    from reconciliation.projections import project

    began = time.perf_counter()
    with psycopg.connect(url, autocommit=True) as connection:
        for number, batch in enumerate(batches(count)):
            with connection.transaction():
                taken = append(connection, [*batch, *_desk(number)], at=datetime.now(UTC))
            project(one for one in taken if isinstance(one.event, ReconciliationEvent))
        connection.execute("ANALYZE")
    _told("log", began)
    began = time.perf_counter()
    Checkpoint.objects.create(name=Checkpoint.READ_MODELS, seq=LoggedEvent.objects.count(), moved_at=datetime.now(UTC))
    replay(url, accept_differences=True)
    _told("read models", began)
    began = time.perf_counter()
    kept = keep_milestones(count * (BATCH + len(_desk(1))) // MILESTONE, datetime.now(UTC))
    _told(f"{kept} milestones", began)


def _told(what: str, began: float) -> None:
    print(f"{what} in {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)


def _desk(number: int) -> list[Event]:
    """Return what people do beside a batch: an order's life, a move and a break, which end with the next batch."""
    from tests.builders import breaks, moves, orders

    at, name = AT + timedelta(milliseconds=(number + 1) * BATCH), f"bench{number}"
    run: dict[str, Any] = {"run_id": f"r-{number}"}
    order: dict[str, Any] = {"name": name, "venue_order_id": name}
    move = moves.payload(move_id(name))
    seen: dict[str, Any] = {"break_id": _break(number), "difference": breaks.difference()}
    return [
        *([] if number else moves.gate(moves.LARGE, at=at)),
        orders.intended(name, at=at, proposal_id=""),
        orders.sent(name, at=at),
        OrderAcknowledged(at=at, client_order_id=name, venue_order_id=name),
        replace(orders.seen(**order), at=at),
        replace(orders.fill(name, "5", name), at=at),
        replace(orders.seen(**order, status="filled", filled="5"), at=at),
        RunBegun(at=at, subject=breaks.SUBJECT, trigger="schedule", **run),
        DifferenceSeen(at=at, **run, **seen, due_at=at, explained_by=""),
        BreakFound(at=at, **run, **seen, severity="major"),
        RunEnded(at=at, subject=breaks.SUBJECT, outcome="differing", log_seq=1, compared=(), said="", **run),
        *moves.until_approved(move)[:-2],
        *(_ended(number - 1, at) if number else ()),
    ]


def _ended(number: int, at: datetime) -> list[Event]:
    return [
        MoveWithdrawn(at=at, move_id=move_id(f"bench{number}"), by="ann", reason="no longer needed"),
        BreakVerified(at=at, break_id=_break(number), run_id=f"r-{number + 1}"),
    ]


def _break(number: int) -> str:
    return f"balance-{number:012x}"


def pages(count: int) -> Iterator[Row]:
    """Yield how long each page takes as of moments of a log of so many batches."""
    from hedgeapp.eventlog.models import LoggedEvent

    client, head = _client(), LoggedEvent.objects.count()
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as looker:
        for page in PAGES:
            took = []
            for place in PLACES:
                number = _before_milestone(count, place)
                found = {"order": f"bench{number}", "move": move_id(f"bench{number}"), "break_": _break(number)}
                path, at = page.format(**found), _time(f"order-intended:bench{number}")
                rounds = [_took(client, path, at, looker) for _ in range(ROUNDS)]
                took.append(min(rounds, key=lambda one: one.wall_s))
            yield _row(page, head, took)


def _before_milestone(count: int, place: float) -> int:
    """Return the batch that ends last before a milestone near a place of the log, so that the most must be folded."""
    from portfolio.operations.books import MILESTONE

    each = BATCH + len(_desk(1))
    milestone = (int(count * each * place) // MILESTONE + 1) * MILESTONE
    return min(count, milestone // each) - 1


def _row(page: str, head: int, took: Sequence[Took]) -> Row:
    slowest = max(one.wall_s for one in took)
    return Row(
        name=f"{page.replace('_', '')} as of a moment in a log of {head:,} events, the slowest of {len(took)}",
        value=slowest,
        unit="s",
        compared_with=f"{max(one.core_s for one in took):.2f} s of a core",
        budget=f"≤ {S_MAX:g} s",
        is_met=slowest <= S_MAX,
    )


def _time(key: str) -> str:
    """Return the time at which the log took an event, as somebody would write it."""
    from hedgeapp.eventlog.models import LoggedEvent

    at = LoggedEvent.objects.values_list("recorded_at", flat=True).get(key=key)
    return at.replace(tzinfo=None).isoformat() + "Z"


def _client() -> Any:
    """Return a client of somebody of every role, for whom templates and connections are there."""
    from django.contrib.auth.models import Group, User
    from django.test import Client

    from hedgeapp.access.roles import grant_roles

    grant_roles()
    user, _ = User.objects.get_or_create(username="bench")
    user.groups.set(Group.objects.all())
    client = Client(SERVER_NAME="localhost")
    client.force_login(user)
    client.get("/", {"at": "1"})
    return client


def _took(client: Any, path: str, at: str, looker: psycopg.Connection[Any]) -> Took:
    """Ask for a page as a process would that has looked at nothing yet."""
    from portfolio.queries import past_frames

    past_frames.forget()
    core, wall = _core_s(looker), time.perf_counter()
    answer = client.get(path, {"at": at})
    took = Took(wall_s=time.perf_counter() - wall, core_s=_core_s(looker) - core)
    if answer.status_code != 200:
        raise RuntimeError(f"200 expected of {path} as of {at}, found {answer.status_code}")
    return took


def _core_s(looker: psycopg.Connection[Any]) -> float:
    """Return how long this process and those of its database's sessions have worked."""
    sessions = looker.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database()").fetchall()
    return time.process_time() + sum(_worked_s(pid) for (pid,) in sessions)


def _worked_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    for row in measure(int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS):
        print(f"{row.value:6.2f} {row.unit}, {row.compared_with}: {row.name}")
