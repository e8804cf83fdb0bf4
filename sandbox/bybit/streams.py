"""Bybit's public sockets: subscriptions by topic, each begun with its snapshot, and pings."""

import json
import uuid
from collections.abc import Callable
from typing import Any

from sandbox.bybit.publisher import Publisher
from sandbox.faults import Faults
from sandbox.sockets import Connection
from sandbox.sockets import Hub as Sockets

ARGUMENTS_CHARACTERS_MAX = 21_000  # of all topics of a connection


class Hub(Sockets):
    """Every public connection, by the category of contracts that it came for (its door)."""

    def __init__(self, venue: str, armed: Faults, publisher_of: Callable[[str, str], Publisher | None]) -> None:
        super().__init__(venue, armed, known=lambda topic: bool(topic), changed=self._begun)
        self._publisher_of = publisher_of  # of a category and a topic

    def _begun(self, topic: str, begun: bool) -> None:
        publisher = self._publisher_of("", topic)
        if publisher is not None:
            publisher.changed(topic, begun)

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
            return [_answer(request, success=True, message="pong")]
        if op not in ("subscribe", "unsubscribe"):
            return [_answer(request, success=False, message=f"error:handler not found,op:{op[:40]}")]
        if not isinstance(topics, list) or not topics or not all(isinstance(each, str) for each in topics):
            return [_answer(request, success=False, message="Params Error")]
        for topic in topics:
            if self._publisher_of(connection.door, topic) is None:
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

    def _snapshots(self, door: str, topics: list[str]) -> list[bytes]:
        found = []
        for topic in topics:
            publisher = self._publisher_of(door, topic)
            told = publisher.snapshot(topic) if publisher else None
            if publisher and told and not self.silent(publisher.symbol, told[0]):
                found.append(told[1].encode())
        return found


def _answer(request: dict[str, Any], *, success: bool, message: str) -> bytes:
    row = {"success": success, "ret_msg": message, "conn_id": str(uuid.uuid4()), "req_id": request.get("req_id", "")}
    return json.dumps(row | {"op": request.get("op", "")}, separators=(",", ":")).encode()
