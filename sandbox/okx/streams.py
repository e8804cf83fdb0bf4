"""OKX's public sockets: subscriptions by channel, each begun with its first message, and text pings."""

import json
from collections.abc import Callable
from typing import Any

from sandbox.faults import Faults
from sandbox.okx.contracts import SWAP
from sandbox.okx.publisher import KINDS, Publisher
from sandbox.sockets import Connection
from sandbox.sockets import Hub as Sockets

ARGUMENTS_BYTES_MAX = 65_536  # of one request
LIQUIDATIONS = "liquidation-orders"
PRIVATE = frozenset({"books50-l2-tbt", "books-l2-tbt"})  # only for accounts of a high level
TOLD_TYPES = (SWAP, "FUTURES", "OPTION", "MARGIN")


class Hub(Sockets):
    """Every public connection."""

    def __init__(self, venue: str, armed: Faults, publisher_of: Callable[[str], Publisher | None]) -> None:
        super().__init__(venue, armed, known=lambda stream: bool(stream), changed=self._begun)
        self._publisher_of = publisher_of  # of the name of a contract or of its index

    def _begun(self, stream: str, begun: bool) -> None:
        channel, _, name = stream.partition(":")
        publisher = self._publisher_of(name)
        if publisher is not None and begun:
            publisher.begun(channel)

    def answers(self, connection: Connection, text: str) -> list[bytes]:
        """Carry out one request of a client and give its answers, each with the first message that follows."""
        if text == "ping":
            return [b"pong"]
        try:
            request = json.loads(text)
        except ValueError:
            request = None
        if not isinstance(request, dict) or len(text) > ARGUMENTS_BYTES_MAX:
            return [_error(connection, "60012", f"Invalid request: {text[:200]}")]
        op, arguments = request.get("op"), request.get("args")
        if op not in ("subscribe", "unsubscribe") or not isinstance(arguments, list) or not arguments:
            return [_error(connection, "60012", f"Invalid request: {text[:200]}")]
        found: list[bytes] = []
        for argument in arguments:
            found += self._answer(connection, op, argument)
        return found

    def _answer(self, connection: Connection, op: str, argument: Any) -> list[bytes]:
        if not isinstance(argument, dict) or not all(isinstance(each, str) for each in argument.values()):
            return [_error(connection, "60012", f"Invalid request: {str(argument)[:200]}")]
        channel, name = argument.get("channel", ""), argument.get("instId", "")
        if channel in PRIVATE:
            return [_error(connection, "60011", "Please log in")]
        publisher = self._publisher_of(name)
        is_told = publisher is not None and channel in KINDS and publisher.name_of(channel) == name
        if not is_told and (channel != LIQUIDATIONS or argument.get("instType") not in TOLD_TYPES or name):
            said = ",".join(f"{key}:{value}" for key, value in argument.items())[:200]
            told = f"Wrong URL or {said} doesn't exist. Please use the correct URL, channel and parameters"
            return [_error(connection, "60018", f"{told} referring to API document.")]
        stream = f"{channel}:{name or argument['instType']}"
        is_new = stream not in connection.streams
        (self.subscribe if op == "subscribe" else self.unsubscribe)(connection, [stream])
        answer = _text({"event": op, "arg": argument, "connId": _id_of(connection)})
        if op == "unsubscribe" or publisher is None or not is_new:
            return [answer]
        first = publisher.first(channel)
        is_silent = first is None or self.silent(publisher.symbol, KINDS[channel])
        return [answer] if is_silent or first is None else [answer, first.encode()]


def _error(connection: Connection, code: str, message: str) -> bytes:
    return _text({"event": "error", "msg": message, "code": code, "connId": _id_of(connection)})


def _id_of(connection: Connection) -> str:
    return f"{id(connection) & 0xFFFFFFFF:08x}"


def _text(row: dict[str, Any]) -> bytes:
    return json.dumps(row, separators=(",", ":")).encode()
