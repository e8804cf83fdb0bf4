"""Past: every main page as of a moment in a log of a million events, asked for once by a process that forgot all.

It runs in a process of its own, on a PostgreSQL of its own; `python -m bench.past 50000` runs it on a smaller log.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import psycopg

from bench.eventlog import BATCH, batches
from bench.report import Row
from hedgeapp.eventlog.append import append

EVENTS: Final = 1_000_000
PAGES: Final = ("/", "/orders/", "/orders/venues/", "/breaks/", "/prices/", "/alerts/", "/events/", "/data/", "/halt/")
PLACES: Final = (0.1, 0.5, 0.9)  # of the log, at which each page is asked for
S_MAX: Final = 2.0


def measure() -> list[Row]:
    """Measure in a process of its own, whose Django knows only the private servers."""
    from hedgeapp.up.servers import private_servers

    with private_servers() as environment:
        done = subprocess.run(
            [sys.executable, "-m", "bench.past"],
            env={**environment, "DJANGO_SETTINGS_MODULE": "hedgeapp.settings"},
            stdout=subprocess.PIPE,
            check=True,
            timeout=1_800,
        )
    return msgspec.json.decode(done.stdout, type=list[Row])


def main() -> None:
    """Write a log, its read models and its milestones; ask for the pages; write the rows as JSON."""
    import django
    from django.core.management import call_command

    events = int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS
    django.setup()
    call_command("migrate", database="owner", verbosity=0)
    url = os.environ["DATABASE_OWNER_URL"]
    with psycopg.connect(url, autocommit=True) as connection:
        for batch in batches(events // BATCH):
            with connection.transaction():
                append(connection, batch, at=datetime.now(UTC))
        connection.execute("ANALYZE")
    sys.stdout.buffer.write(msgspec.json.encode(list(_pages(url, events))))


def _pages(url: str, events: int) -> Iterator[Row]:
    from portfolio.operations.books import MILESTONE, keep_milestones
    from portfolio.operations.replay import replay

    began = time.perf_counter()
    replay(url, accept_differences=True)
    print(f"read models in {time.perf_counter() - began:.0f} s", file=sys.stderr)
    began = time.perf_counter()
    kept = keep_milestones(events // MILESTONE, datetime.now(UTC))
    print(f"{kept} milestones in {time.perf_counter() - began:.0f} s", file=sys.stderr)
    client = _client()
    for path in PAGES:
        took = [_took(client, path, int(events * place)) for place in PLACES]
        yield Row(
            name=f"{path} as of a moment in a log of {events:,} events, the slowest of {len(PLACES)}",
            value=max(took),
            unit="s",
            compared_with=f"the quickest {min(took):.2f} s",
            ratio=max(took) / min(took),
            budget=f"≤ {S_MAX:g} s",
            is_met=max(took) <= S_MAX,
        )


def _client() -> Any:
    from django.contrib.auth.models import User
    from django.test import Client

    client = Client(SERVER_NAME="localhost")
    client.force_login(User.objects.create_user("bench"))
    client.get("/", {"at": "1"})  # templates and connections are there before
    return client


def _took(client: Any, path: str, seq: int) -> float:
    from portfolio.queries import past_frames

    past_frames.forget()
    began = time.perf_counter()
    answer = client.get(path, {"at": str(seq)})
    took = time.perf_counter() - began
    if answer.status_code != 200:
        raise RuntimeError(f"200 expected of {path}, found {answer.status_code}")
    return took


if __name__ == "__main__":
    main()
