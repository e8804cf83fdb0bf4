"""Bybit's sockets: subscriptions by topic, each public one begun with its snapshot; the private one opened by a key."""

import json
import uuid
from collections.abc import Callable
from typing import Any

from sandbox.binance.signing import Keys
from sandbox.bybit.publisher import Publisher
from sandbox.bybit.signing import listener
from sandbox.bybit.userdata import OF_FILL, TOPICS, symbol_of
from sandbox.delivery import Delivery
from sandbox.faults import Faults
from sandbox.sockets import Connection, now_ms
from sandbox.sockets import Hub as Sockets

ARGUMENTS_CHARACTERS_MAX = 21_000  # of all topics of a connection
PRIVATE = "private"


class Hub(Sockets):
    """Every connection, by the category of contracts that it came for (its door), or by the private door."""

    def __init__(
        self, venue: str, armed: Faults, publisher_of: Callable[[str, str], Publisher | None], keys: Keys
    ) -> None:
        super().__init__(venue, armed, known=lambda topic: bool(topic), changed=self._begun)
        self._publisher_of = publisher_of  # of a category and a topic
        self._keys = keys
        self.delivery = Delivery(venue, armed, now_ms, of_fill=OF_FILL, symbol_of=symbol_of)

    def _begun(self, topic: str, begun: bool) -> None:
        publisher = self._publisher_of("", topic)
        if publisher is not None:
            publisher.changed(topic, begun)

    def tell(self, account: str, kind: str, text: str) -> None:
        """Send one private message to every connection of an account that subscribed to its topic."""
        for each, message in self.delivery.passed(account, kind, text):
            if self.silent(account, each) or self.stale(each, account=account):
                continue
            self.sent[account, each] += 1
            delay_ms = self.delay_ms_of(account=account)
            for connection in tuple(self.connections):
                if connection.account == account and each in connection.streams:
                    connection.send(message.encode(), delay_ms)

    def answers(self, connection: Connection, text: str) -> list[bytes]:
        """Carry out one request of a client and give its answer and the snapshots that follow."""
        try:
            request = json.loads(text)
        except ValueError:
            request = None
        if not isinstance(request, dict) or not isinstance(request.get("op"), str):
            return [_answer({}, success=False, message="Params Error")]
        op, topics = request["op"], request.get("args", [])
        if op == "ping":
            return [_pong(request) if connection.door == PRIVATE else _answer(request, success=True, message="pong")]
        if op == "auth" and connection.door == PRIVATE:
            connection.account = listener(self._keys, topics, now_ms())
            message = "" if connection.account else "Params Error: signature, key or expires is invalid"
            return [_answer(request, success=connection.account is not None, message=message)]
        if op not in ("subscribe", "unsubscribe"):
            return [_answer(request, success=False, message=f"error:handler not found,op:{op[:40]}")]
        if not isinstance(topics, list) or not topics or not all(isinstance(each, str) for each in topics):
            return [_answer(request, success=False, message="Params Error")]
        if connection.door == PRIVATE and connection.account is None:
            return [_answer(request, success=False, message="Request not authorized")]
        for topic in topics:
            if not self._has(connection.door, topic):
                return [_answer(request, success=False, message=f"error:handler not found,topic:{topic[:60]}")]
        if op == "unsubscribe":
            self.unsubscribe(connection, topics)
            return [_answer(request, success=True, message="")]
        if sum(map(len, (*connection.streams, *topics))) > ARGUMENTS_CHARACTERS_MAX:
            return [_answer(request, success=False, message="error:args size > 21000")]
        if already := [topic for topic in topics if topic in connection.streams]:
            return [_answer(request, success=False, message=f"error:already subscribed,topic:{already[0]}")]
        self.subscribe(connection, topics)
        return [_answer(request, success=True, message=""), *self._snapshots(connection.door, topics)]

    def _has(self, door: str, topic: str) -> bool:
        return topic in TOPICS if door == PRIVATE else self._publisher_of(door, topic) is not None

    def _snapshots(self, door: str, topics: list[str]) -> list[bytes]:
        found = []
        for topic in topics:
            publisher = self._publisher_of(door, topic)
            told = publisher.snapshot(topic) if publisher else None
            if publisher and told and not self.silent(publisher.symbol, told[0]):
                found.append(told[1].encode())
        return found


def _pong(request: dict[str, Any]) -> bytes:
    row = {"req_id": request.get("req_id", ""), "op": "pong", "args": [str(now_ms())], "conn_id": str(uuid.uuid4())}
    return json.dumps(row, separators=(",", ":")).encode()


def _answer(request: dict[str, Any], *, success: bool, message: str) -> bytes:
    row = {"success": success, "ret_msg": message, "conn_id": str(uuid.uuid4()), "req_id": request.get("req_id", "")}
    return json.dumps(row | {"op": request.get("op", "")}, separators=(",", ":")).encode()
