"""RedStone: the gateway's latest packages, polled and verified.  Runs as `oracle:<name>` for the protocol redstone."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

import aiohttp

from hedgeapp.core.records import record
from hedgeapp.database import conninfo
from hedgeapp.ending import end, together
from hedgeapp.eventlog.append import AsyncLog
from hedgeapp.services import Lease
from marketdata.board import Board
from marketdata.core.oracles import redstone, redstone_gateway
from marketdata.core.oracles.prices import VerifiedPrice, Window
from marketdata.core.oracles.signatures import OracleRefused
from marketdata.feeds.oracles.desk import Desk, Setup, is_current, setup_of
from marketdata.feeds.polling import COMMON_FAULTS, Pace, poll, prepared
from marketdata.feeds.reasons import reason
from marketdata.pulse import Pulse

PATH: Final = "/v2/data-packages/latest-by-data-feeds"
WINDOW: Final = Window(age_max=timedelta(seconds=60), ahead_max=timedelta(seconds=15))
PACE: Final = Pace(poll_s=4.0, quiet_max=timedelta(seconds=30))


@record
class Patience:
    """Bounds of one request, each with its unit."""

    request_s_max: float = 5.0
    answer_bytes_max: int = redstone_gateway.ANSWER_BYTES_MAX


class GatewayIsLost(ConnectionError):
    """The gateway does not answer, or answers with an error."""


FAULTS: Final = (*COMMON_FAULTS, GatewayIsLost)


async def run(lease: Lease, pace: Pace = PACE, patience: Patience | None = None) -> None:
    """Keep the board up to date with one oracle for as long as the lease lasts."""
    board = Board.from_settings()
    try:
        async with AsyncLog(conninfo(), fence=lease.fence) as events:
            pulse = Pulse(lease.name, lease.epoch, board, events, quiet_max=pace.quiet_max)
            await together(pulse.keep(), _follow(lease, pulse, board, pace, patience or Patience()))
    finally:
        await board.close()


async def _follow(lease: Lease, pulse: Pulse, board: Board, pace: Pace, patience: Patience) -> None:
    async def while_current() -> None:
        setup: Setup = await lease.in_database(setup_of, lease.subject)
        desk = Desk(setup, pulse, board, WINDOW)
        timeout = aiohttp.ClientTimeout(total=patience.request_s_max)
        keeping = asyncio.create_task(desk.keep())
        try:
            async with aiohttp.ClientSession(timeout=timeout) as session:

                async def once() -> bool:
                    return await step(session, setup, desk, patience)

                async def current() -> bool:
                    return await is_current(lease, setup)

                await poll(once, current, pulse=pulse, pace=pace, faults=FAULTS)
        finally:
            await end({keeping})

    while True:
        await prepared(while_current, pulse=pulse, pace=pace, faults=FAULTS)


async def step(session: aiohttp.ClientSession, setup: Setup, desk: Desk, patience: Patience) -> bool:
    """Ask once; tell whether what came was verified. Raises GatewayIsLost.

    The desk says by itself what it heard: a gateway that answers with what must be refused is not heard.
    """
    answer = await _asked(session, setup, patience)
    received_at = datetime.now(UTC)
    try:
        desk.take(verified(answer, setup, received_at), received_at)
    except OracleRefused as refusal:
        desk.refuse(refusal, answer)
    else:
        await desk.post()
    return False


def verified(answer: bytes, setup: Setup, at: datetime) -> Mapping[str, VerifiedPrice]:
    """Return the prices in a gateway's answer; refuse with OracleRefused."""
    feeds = {feed.feed: feed.decimals for feed in setup.oracle.feeds}
    return redstone.verified(redstone_gateway.packages(answer, feeds), setup.oracle.trust, feeds, at)


async def _asked(session: aiohttp.ClientSession, setup: Setup, patience: Patience) -> bytes:
    oracle = setup.oracle
    url = f"{oracle.url.rstrip('/')}{PATH}/{oracle.trust.publisher}"
    headers = {"x-api-key": setup.api_key} if setup.api_key else {}
    asked = {"dataFeedIds": ",".join(sorted(feed.feed for feed in oracle.feeds))}
    body = bytearray()
    try:
        async with session.get(url, params=asked, headers=headers, allow_redirects=False) as answer:
            async for part in answer.content.iter_any():
                body += part
                if len(body) > patience.answer_bytes_max:
                    raise GatewayIsLost(f"{url}: at most {patience.answer_bytes_max} bytes expected, found more")
            if answer.status != 200:
                said = bytes(body[:200]).decode(errors="replace")
                raise GatewayIsLost(f"{url}: packages expected, found HTTP {answer.status}: {said}")
    except (aiohttp.ClientError, TimeoutError) as error:
        raise GatewayIsLost(
            f"{url}: an answer within {patience.request_s_max:g} s expected, found {reason(error)}"
        ) from error
    return bytes(body)
