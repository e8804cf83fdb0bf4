"""Plays a capture of the spot market: the recorded book and trades, told in the venue's own messages."""

from collections.abc import Callable
from typing import Any

from sandbox.player import TapePlayer


class SpotPlayer(TapePlayer):
    """A pair's book and tape from its recording."""

    def live(self, kind: str, data: dict[str, Any], shifted: Callable[[int], int]) -> None:
        """Live through a change of the book or a trade; quotes follow from the book."""
        if kind == "trade":
            self.trade(data, shifted)
        elif kind.startswith("depth"):
            book = self.market.book
            book.apply(self.levels(data["b"]), self.levels(data["a"]), book.update_id + 1)
            self.market.listener.quote()
