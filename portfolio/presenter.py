"""The presenter: frames that the engine measured, each drawn once and shown on all open dashboards.

It is a service of its own because drawing takes longer than measuring: done by the engine, it would hold up the next
exposure and the next proposal of a hedge four times a second. Of several frames that wait it draws the newest.
"""

import asyncio

import structlog

from hedgeapp.ending import together
from hedgeapp.services import Lease
from portfolio import screen
from portfolio.core.frames import Frame
from portfolio.screen.handover import frames

log = structlog.get_logger()


async def run(lease: Lease) -> None:
    """Show frames for as long as the lease lasts."""
    presenter = Presenter()
    log.info("presenter.begun", epoch=lease.epoch)
    await together(presenter.follow(), presenter.draw())


class Presenter:
    """The newest frame, until it is drawn."""

    def __init__(self) -> None:
        self._newest: tuple[Frame, bytes] | None = None  # and as it came
        self._is_new = asyncio.Event()

    async def follow(self) -> None:
        """Take each frame that comes, but those of before: an engine that was put out and wakes up gives some."""
        async for frame, encoded in frames():
            if self._newest is None or frame.number > self._newest[0].number:
                self._newest = frame, encoded
                self._is_new.set()

    async def draw(self) -> None:
        """Show the newest frame whenever there is one."""
        while True:
            await self._is_new.wait()
            self._is_new.clear()
            assert self._newest is not None
            await screen.publish(*self._newest)
