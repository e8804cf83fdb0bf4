"""Engine: what the engine's process holds in its memory, by the last frame that it showed."""

import asyncio

from portfolio import screen
from portfolio.core.frames import Frame
from reconciliation.core.memory import shown
from reconciliation.core.statements import Statement


class NothingIsShown(LookupError):
    """The engine has shown no frame, or Redis is away."""

    def __init__(self) -> None:
        super().__init__("a frame of the engine expected, found none: the engine shows nothing, or Redis is away")


async def last_frame() -> Frame:
    """Return the last frame. Raises NothingIsShown."""
    frame = await asyncio.to_thread(screen.latest)
    if frame is None:
        raise NothingIsShown
    return frame


def statement(subject: str, frame: Frame) -> Statement:
    """Return a frame as a statement."""
    return Statement(subject=subject, at=frame.at, sides={"memory": shown(frame)}, facts={}, unread={})
