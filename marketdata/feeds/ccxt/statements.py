"""Statements: the venue's last word on each position and balance, and what is news against it.

The stream and REST tell the same in any order: an older word never follows a newer one, and the same word is not
repeated.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal

from hedgeapp.core.events.balances import BalanceStated
from hedgeapp.core.events.positions import PositionStated
from marketdata.feeds.ccxt.facts import FLAT, Facts, PositionFound


class Statements:
    """What the log was told last of one account."""

    def __init__(self, known: Iterable[PositionStated | BalanceStated] = ()) -> None:
        self._positions: dict[str, tuple[datetime, PositionFound]] = {}
        self._balances: dict[str, tuple[datetime, Decimal]] = {}
        for event in known:
            if isinstance(event, PositionStated):
                found = PositionFound(quantity=event.quantity, entry_price=event.entry_price)
                self._positions[event.instrument] = (event.at, found)
            else:
                self._balances[event.asset] = (event.at, event.total)

    def positions(self, facts: Facts, found: Mapping[str, PositionFound], at: datetime) -> list[PositionStated]:
        """Return a statement for each position that changed."""
        news = []
        for instrument, position in found.items():
            told_at, told = self._positions.get(instrument, (at, FLAT))
            if at >= told_at:
                self._positions[instrument] = (at, position)
                if position != told:
                    news.append(facts.position_stated(instrument, position, at))
        return news

    def balances(self, facts: Facts, found: Mapping[str, Decimal], at: datetime) -> list[BalanceStated]:
        """Return a statement for each balance that changed."""
        news = []
        for asset, total in found.items():
            told_at, told = self._balances.get(asset, (at, Decimal(0)))
            if at >= told_at:
                self._balances[asset] = (at, total)
                if total != told:
                    news.append(facts.balance_stated(asset, total, at))
        return news
