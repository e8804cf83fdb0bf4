"""OKX's sockets: subscriptions by channel, each begun with its first message; the private one opened by a key."""

import json
from collections.abc import Callable
from typing import Any

from sandbox.binance.signing import Keys
from sandbox.delivery import Delivery
from sandbox.faults import Faults
from sandbox.okx.contracts import SWAP
from sandbox.okx.errors import Refused
from sandbox.okx.publisher import KINDS, LIQUIDATIONS, Publisher
from sandbox.okx.signing import listener
from sandbox.okx.userdata import ACCOUNT, BOTH, CHANNELS, OF_FILL, ORDERS, POSITIONS
from sandbox.sockets import Connection, now_ms
from sandbox.sockets import Hub as Sockets

ARGUMENTS_BYTES_MAX = 65_536  # of one request
PRIVATE = frozenset({"books50-l2-tbt", "books-l2-tbt"})  # only for accounts of a high level
PRIVATE_DOOR = "private"
LOGIN = "login"
WRONG_DOOR = ("60033", "Please connect to the private URL to log in")
TOLD_TYPES = (SWAP, "FUTURES", "OPTION", "MARGIN")


class Hub(Sockets):
    """Every connection, by the public door or the private one."""

    def __init__(
        self,
        venue: str,
        armed: Faults,
        publisher_of: Callable[[str], Publisher | None],
        keys: Keys,
        held: Callable[[str, str], list[dict[str, Any]]],
    ) -> None:
        super().__init__(venue, armed, known=lambda stream: bool(stream), changed=self._begun)
        self._publisher_of = publisher_of  # of the name of a contract or of its index
        self._keys = keys
        self._held = held  # what a private channel begins with, of an account and the channel
        self.delivery = Delivery(venue, armed, now_ms, of_fill=OF_FILL, symbol_of=_filled)

    def tell(self, account: str, kind: str, text: str) -> None:
        """Send the rows of one private channel to every connection of an account that subscribed to it."""
        for channel, told in self.delivery.passed(account, kind, text):
            if self.silent(account, channel) or self.stale(channel, account=account):
                continue
            self.sent[account, channel] += 1
            delay_ms = self.delay_ms_of(account=account)
            rows = self._with_margin(account, json.loads(told)) if channel == ACCOUNT else json.loads(told)
            for connection in tuple(self.connections):
                for stream in connection.streams if connection.account == account else ():
                    message = _message(stream, channel, rows)
                    if message is not None:
                        connection.send(message, delay_ms)

    def _with_margin(self, account: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Add to coins that changed what they margin now."""
        now = {coin["ccy"]: coin for each in self._held(account, ACCOUNT) for coin in each["details"]}
        return [row | {"details": [now.get(coin["ccy"], {}) | coin for coin in row["details"]]} for row in rows]

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
        if op == LOGIN:
            return [self._logged_in(connection, arguments)]
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
        if connection.door == PRIVATE_DOOR:
            return self._answer_privately(connection, op, argument)
        if channel in PRIVATE:
            return [_error(connection, "60011", "Please log in")]
        publisher = self._publisher_of(name)
        is_told = publisher is not None and channel in KINDS and publisher.name_of(channel) == name
        if not is_told and (channel != LIQUIDATIONS or argument.get("instType") not in TOLD_TYPES or name):
            said = ",".join(f"{key}:{value}" for key, value in argument.items())[:200]
            return [_strange(connection, said)]
        stream = f"{channel}:{name or argument['instType']}"
        is_new = stream not in connection.streams
        (self.subscribe if op == "subscribe" else self.unsubscribe)(connection, [stream])
        answer = _text({"event": op, "arg": argument, "connId": _id_of(connection)})
        if op == "unsubscribe" or publisher is None or not is_new:
            return [answer]
        first = publisher.first(channel)
        is_silent = first is None or self.silent(publisher.symbol, KINDS[channel])
        return [answer] if is_silent or first is None else [answer, first.encode()]

    def _logged_in(self, connection: Connection, arguments: Any) -> bytes:
        found = listener(self._keys, arguments, now_ms())
        if isinstance(found, Refused) or connection.door != PRIVATE_DOOR:
            return _error(connection, *((found.code, found.message) if isinstance(found, Refused) else WRONG_DOOR))
        connection.account = found.account
        return _text({"event": LOGIN, "code": "0", "msg": "", "connId": _id_of(connection)})

    def _answer_privately(self, connection: Connection, op: str, argument: dict[str, str]) -> list[bytes]:
        """Subscribe to a private channel; positions and coins begin with what the account holds."""
        channel = argument.get("channel", "")
        if connection.account is None:
            return [_error(connection, "60011", "Please log in")]
        is_typed = channel not in (ORDERS, POSITIONS) or argument.get("instType") in (SWAP, "ANY")
        if channel not in CHANNELS or not is_typed:
            return [_strange(connection, ",".join(f"{key}:{value}" for key, value in argument.items())[:200])]
        stream = json.dumps(argument, sort_keys=True)
        is_new = stream not in connection.streams
        (self.subscribe if op == "subscribe" else self.unsubscribe)(connection, [stream])
        answers = [_text({"event": op, "arg": argument, "connId": _id_of(connection)})]
        if op == "subscribe" and is_new and channel in (ACCOUNT, POSITIONS, BOTH):
            first = _message(stream, channel, self._held(connection.account, channel), is_whole=True)
            answers += [first] if first and not self.silent(connection.account, channel) else []
        return answers


def _message(stream: str, channel: str, rows: list[dict[str, Any]], *, is_whole: bool = False) -> bytes | None:
    """Print rows for one subscription; None when it is to another channel, or about another contract."""
    argument = json.loads(stream)
    if argument["channel"] != channel:
        return None
    wanted = argument.get("instId", "")
    kept = [row for row in rows if wanted in ("", row.get("instId", wanted))]
    if not kept and not is_whole:
        return None
    return _text(
        {"arg": argument | {"uid": "1"}, "eventType": "snapshot" if is_whole else "event_update", "data": kept}
    )


def _filled(text: str) -> str | None:
    """Give the contract of an order that tells a fill."""
    row = json.loads(text)[0]
    return row["instId"] if row.get("tradeId") else None


def _strange(connection: Connection, said: str) -> bytes:
    told = f"Wrong URL or {said} doesn't exist. Please use the correct URL, channel and parameters"
    return _error(connection, "60018", f"{told} referring to API document.")


def _error(connection: Connection, code: str, message: str) -> bytes:
    return _text({"event": "error", "msg": message, "code": code, "connId": _id_of(connection)})


def _id_of(connection: Connection) -> str:
    return f"{id(connection) & 0xFFFFFFFF:08x}"


def _text(row: dict[str, Any]) -> bytes:
    return json.dumps(row, separators=(",", ":")).encode()
