"""Venues without accounts: what the world and its control page need of one that only tells what its markets do."""

from collections.abc import Mapping
from typing import Protocol

from sandbox.market import Market
from sandbox.sockets import Hub


class Teller(Protocol):
    """Tells the subscribers of one market what happens in it."""

    @property
    def symbol(self) -> str:
        """The venue's name of the market's contract."""
        ...

    @property
    def skips(self) -> int:
        """How many changes of each book are still to be left out."""
        ...

    def skip_depth(self, count: int) -> None:
        """Leave out the next changes of each book that somebody hears."""
        ...

    def spoil(self, kind: str) -> list[str]:
        """Send a broken text on the streams of a kind that somebody hears; give which."""
        ...


class Listed(Protocol):
    """A venue that clients can only listen to."""

    down: bool  # refuses every connection

    @property
    def venue(self) -> str:
        """Its name."""
        ...

    @property
    def request_limit(self) -> int:
        """How many requests a client may make in a window."""
        ...

    @property
    def markets(self) -> Mapping[str, Market]:
        """Its markets by symbol."""
        ...

    @property
    def publishers(self) -> Mapping[str, Teller]:
        """Who tells of each of them."""
        ...

    @property
    def hub(self) -> Hub:
        """Its sockets."""
        ...

    def step(self) -> None:
        """Send what is due in this step."""
        ...

    def second(self, number: int) -> None:
        """Send what is due each second."""
        ...
