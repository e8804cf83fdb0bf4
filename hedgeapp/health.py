"""Health: is this process alive, and can the whole system be believed?"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Final

import psycopg
from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse

from hedgeapp.database import conninfo
from hedgeapp.eventlog import epochs
from hedgeapp.eventlog.sink import lag
from hedgeapp.services import HEARTBEAT_AGE_MAX, declared
from portfolio import screen

ANSWER_S_MAX: Final = 2  # PostgreSQL must answer within
FRAME_AGE_MAX: Final = timedelta(seconds=3)  # an older frame says that the engine stands still
BELIEVABLE: Final = ("live", "late", "assumed")  # states of a frame whose headline figures may be acted upon


async def healthz(request: HttpRequest) -> HttpResponse:
    """Answer 200 while this process can answer at all."""
    return HttpResponse("alive\n", content_type="text/plain")


async def readyz(request: HttpRequest) -> HttpResponse:
    """Answer 200 when every service holds its lease and the screen is fresh; else 503 and each reason on a line."""
    reasons = [reason async for reason in _reasons(datetime.now(UTC))]
    body = "".join(f"{reason}\n" for reason in reasons) or "ready\n"
    return HttpResponse(body, status=503 if reasons else 200, content_type="text/plain")


async def _reasons(at: datetime) -> AsyncIterator[str]:
    try:
        connection = await psycopg.AsyncConnection.connect(conninfo(), autocommit=True, connect_timeout=ANSWER_S_MAX)
        async with connection:
            held = {row.service: row for row in await epochs.holders(connection)}
            behind = await lag.lag_async(connection, at)
        services = await sync_to_async(declared)()
    except (psycopg.Error, OSError) as error:
        yield f"database: expected to answer, found {type(error).__name__}: look at the log of PostgreSQL"
        return
    for service in services:
        holder = held.get(service.name)
        if holder is None or not holder.is_held:
            yield f"service {service.name}: expected a holder, found none"
        elif holder.silent_for > HEARTBEAT_AGE_MAX:
            silence_s = holder.silent_for.total_seconds()
            yield f"service {service.name}: expected a heartbeat, found silence for {silence_s:.0f} s"
    if not behind.is_within_bounds:
        yield f"second store: {behind.said}"
    frame = await sync_to_async(screen.latest)()
    if frame is None:
        yield "screen: expected a frame, found none: the engine has not shown any, or Redis is away"
    elif at - frame.at > FRAME_AGE_MAX:
        yield f"screen: expected a frame of the last seconds, found one {(at - frame.at).total_seconds():.0f} s old"
    elif frame.state not in BELIEVABLE:
        causes = sorted({kpi.figure.because for kpi in frame.kpis if kpi.figure.state == frame.state})
        yield f"data: expected fresh figures, found {frame.state}: {'; '.join(causes)}"
