"""Delivery of a fill's private news, so that drills can lose or double all of it together."""

import json
from collections.abc import Callable

from sandbox import faults
from sandbox.faults import Faults

News = tuple[str, str]  # kind, text
FILL_KINDS = frozenset({"TRADE_LITE", "ACCOUNT_UPDATE", "ORDER_TRADE_UPDATE"})


class Delivery:
    """Passes private messages on; while a fault waits for a fill, its parts are held until the whole is there."""

    def __init__(self, venue: str, armed: Faults, now_ms: Callable[[], int]) -> None:
        self.venue, self.armed, self._now_ms = venue, armed, now_ms
        self._held: dict[str, list[News]] = {}  # account -> what waits for its ORDER_TRADE_UPDATE

    def passed(self, account: str, kind: str, text: str) -> list[News]:
        """Give what the account's streams hear now for one more message."""
        now_ms = self._now_ms()
        waiting = self.armed.of(self.venue, (faults.DROP_FILL, faults.DUPLICATE_FILL), now_ms)
        if not waiting and account not in self._held:
            return [(kind, text)]
        body = json.loads(text) if kind in FILL_KINDS else {}
        if kind == "TRADE_LITE" or (kind == "ACCOUNT_UPDATE" and body["a"]["m"] == "ORDER"):
            self._held.setdefault(account, []).append((kind, text))
            return []
        news = [*self._held.pop(account, []), (kind, text)]
        if kind != "ORDER_TRADE_UPDATE" or body["o"]["x"] != "TRADE":
            return news
        symbol = body["o"]["s"]
        if self.armed.take(self.venue, faults.DROP_FILL, now_ms, account=account, symbol=symbol):
            return []
        if self.armed.take(self.venue, faults.DUPLICATE_FILL, now_ms, account=account, symbol=symbol):
            return news * 2
        return news
