"""The public and private streams of one Binance venue: its requests, and what an account is told."""

import json
from collections.abc import Callable
from typing import Any

from sandbox.binance.delivery import Delivery
from sandbox.binance.wire import combined
from sandbox.faults import Faults
from sandbox.sockets import Connection, now_ms
from sandbox.sockets import Hub as Sockets

STREAMS_PER_CONNECTION_MAX = 1024


class Hub(Sockets):
    """Every connection of one venue and who listens to which stream."""

    def __init__(
        self, venue: str, armed: Faults, *, known: Callable[[str], bool], changed: Callable[[str, bool], None]
    ) -> None:
        super().__init__(venue, armed, known=known, changed=changed)
        self.delivery = Delivery(venue, armed, now_ms)

    def wrapped(self, stream: str, text: str) -> str:
        """Give a message as a combined stream has it."""
        return combined(stream, text)

    def tell(self, account: str, kind: str, text: str) -> None:
        """Send one private message to every user stream of an account."""
        for each, message in self.delivery.passed(account, kind, text):
            if self.silent(account, each) or self.stale(each, account=account):
                continue
            self.sent[account, each] += 1
            delay_ms = self.delay_ms_of(account=account)
            frame = message.encode()
            for connection in tuple(self.connections):
                if connection.account == account:
                    connection.send(frame, delay_ms)

    def detach(self, account: str) -> None:
        """Let the account's user streams fall silent without closing them, as after the end of a listen key."""
        for connection in self.connections:
            if connection.account == account:
                connection.account = None

    def answers(self, connection: Connection, text: str) -> list[bytes]:
        """Carry out one request of a client and give the answer."""
        return [json.dumps(self._answer(connection, text), separators=(",", ":")).encode()]

    def _answer(self, connection: Connection, text: str) -> dict[str, Any]:
        try:
            request = json.loads(text)
        except ValueError as problem:
            return {"error": {"code": 3, "msg": f"Invalid JSON: {problem}"}}
        if not isinstance(request, dict):
            return {"error": {"code": 2, "msg": "Invalid request: request must be an object"}}
        number = request.get("id")
        method, streams = request.get("method"), request.get("params", [])
        if method == "LIST_SUBSCRIPTIONS":
            return {"result": list(connection.streams), "id": number}
        if method not in ("SUBSCRIBE", "UNSUBSCRIBE"):
            text = f"Invalid request: unknown variant `{method}`, expected one of `SUBSCRIBE`, `UNSUBSCRIBE`, "
            return {"error": {"code": 2, "msg": text + "`LIST_SUBSCRIPTIONS`"}, "id": number}
        if not isinstance(streams, list) or not all(isinstance(each, str) for each in streams):
            return {"error": {"code": 2, "msg": "Invalid request: params must be an array of strings"}, "id": number}
        if not all(self._known(each) for each in streams):
            return {"error": {"code": 2, "msg": "Invalid request: invalid stream"}, "id": number}
        if method == "UNSUBSCRIBE":
            self.unsubscribe(connection, streams)
        elif len(connection.streams) + len(streams) > STREAMS_PER_CONNECTION_MAX:
            return {"error": {"code": 2, "msg": "Invalid request: too many streams"}, "id": number}
        else:
            self.subscribe(connection, streams)
        return {"result": None, "id": number}
