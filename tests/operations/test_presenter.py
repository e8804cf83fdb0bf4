"""The presenter: the newest frame is drawn, older ones never after it, and Redis may go and come back."""

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis.asyncio

from hedgeapp.ending import end
from hedgeapp.services import Lease, Service
from portfolio import presenter, screen
from portfolio.screen.handover import CHANNEL, Handover
from portfolio.screen.publication import FRAME_KEY
from tests.web.frames import Desk

WAIT_S = 30.0


@pytest.fixture
async def store() -> AsyncIterator[Any]:
    """Redis, without any frame in it."""
    async with redis.asyncio.from_url(os.environ["REDIS_URL"]) as client:
        await client.delete(FRAME_KEY)
        yield client
        await client.delete(FRAME_KEY)


@pytest.fixture
async def presenting(store: Any) -> AsyncIterator[None]:
    """Run a presenter that listens already."""
    lease = Lease(Service(name="presenter", runner="portfolio.presenter.run"), 1)
    running = asyncio.create_task(presenter.run(lease))
    await listened_to(store, 1)
    yield
    await end([running])
    lease.close()


async def listened_to(store: Any, count: int) -> None:
    async with asyncio.timeout(WAIT_S):
        while (await store.pubsub_numsub(CHANNEL))[0][1] != count:  # noqa: ASYNC110 - Redis tells no event
            await asyncio.sleep(0.02)


async def shown(number: int) -> None:
    """Wait until a frame is the one that pages show."""
    async with asyncio.timeout(WAIT_S):
        while (found := await asyncio.to_thread(screen.latest)) is None or found.number != number:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def frame(number: int) -> Any:
    return Desk(datetime.now(UTC)).frame(number)


@pytest.mark.usefixtures("presenting")
async def test_a_frame_that_is_given_over_is_shown() -> None:
    engine = Handover()
    await engine.give(frame(5))
    await shown(5)
    await engine.aclose()


@pytest.mark.usefixtures("presenting")
async def test_an_older_frame_is_never_shown_after_a_newer_one() -> None:
    engine, put_out = Handover(), Handover()
    await engine.give(frame(2 << 32))
    await shown(2 << 32)
    await put_out.give(frame((1 << 32) + 7))
    await engine.give(frame((2 << 32) + 1))
    await shown((2 << 32) + 1)
    await engine.aclose()
    await put_out.aclose()


@pytest.mark.usefixtures("presenting")
async def test_bytes_that_are_no_frame_stop_nothing(store: Any) -> None:
    await store.publish(CHANNEL, b'{"number": 1}')
    engine = Handover()
    await engine.give(frame(6))
    await shown(6)
    await engine.aclose()


@pytest.mark.usefixtures("presenting")
async def test_a_presenter_whose_connection_is_cut_listens_again(store: Any) -> None:
    assert await store.client_kill_filter(_type="pubsub")
    engine = Handover()
    async with asyncio.timeout(WAIT_S):
        number = 8
        while await asyncio.to_thread(screen.latest) is None:
            await engine.give(frame(number))
            await asyncio.sleep(0.02)
            number += 1
    await engine.aclose()


@pytest.mark.usefixtures("presenting")
async def test_an_engine_without_redis_goes_on_and_is_seen_again(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Handover()
    with monkeypatch.context() as away:
        nowhere = urlsplit(os.environ["REDIS_URL"])._replace(netloc="127.0.0.1:1").geturl()
        away.setattr(engine, "_redis", redis.asyncio.from_url(nowhere))
        await engine.give(frame(1))
    await engine.give(frame(2))
    await shown(2)
    await engine.aclose()
