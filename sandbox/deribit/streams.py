"""Deribit's public socket: JSON-RPC requests, channels that begin with what is there, and heartbeats."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.deribit import wire
from sandbox.deribit.publisher import Publisher
from sandbox.deribit.refusals import INVALID_REQUEST, PARSE_ERROR, RAW_WITHOUT_KEY, Refused, invalid
from sandbox.faults import Faults
from sandbox.sockets import Connection
from sandbox.sockets import Hub as Sockets

CHANNELS_MAX = 500  # of one request
BEAT_S_MIN = 10
BEAT_S_MAX = 3_600

Carry = Callable[[Connection, str, dict[str, Any]], Any]


@dataclass(slots=True, kw_only=True)
class Beat:
    """The heartbeats of one connection: every so many seconds, when next, and whether an answer is awaited."""

    every_s: int
    due_s: float
    is_asked: bool = False


class Hub(Sockets):
    """Every public connection."""

    def __init__(self, venue: str, armed: Faults, publisher_of: Callable[[str], Publisher | None]) -> None:
        super().__init__(venue, armed, known=lambda channel: bool(channel), changed=self._begun)
        self._publisher_of = publisher_of
        self._beats: dict[Connection, Beat] = {}
        self.carry_out: Callable[[str, dict[str, Any]], Any] | None = None  # the methods that REST has, too
        self.clock = time.monotonic

    def _begun(self, channel: str, begun: bool) -> None:
        publisher = self._publisher_of(channel)
        if publisher is not None:
            publisher.changed(channel, begun)

    def answers(self, connection: Connection, text: str) -> list[bytes]:
        """Carry out one request of a client and give its answer and what follows on it."""
        id_, follow = None, list[bytes]()
        try:
            id_, method, params = _request(text)
            before = dict(connection.streams)
            said = {"result": self._carry_out(connection, method, params)}
            follow = self._snapshots([each for each in connection.streams if each not in before])
        except Refused as refusal:
            said = {"error": refusal.error}
        return [wire.text(wire.answer(id_, time.time_ns() // 1_000, **said)).encode(), *follow]

    def beat(self) -> None:
        """Ask every connection that wants it whether it is there; cut those that did not answer the last time."""
        now_s = self.clock()
        self._beats = {each: beat for each, beat in self._beats.items() if each in self.connections}
        for connection, beat in self._beats.items():
            if now_s < beat.due_s:
                continue
            if beat.is_asked:
                connection.drop("it did not answer a test_request")
                continue
            beat.due_s, beat.is_asked = now_s + beat.every_s, True
            for kind in ("heartbeat", "test_request"):
                row = {"jsonrpc": "2.0", "method": "heartbeat", "params": {"type": kind}}
                connection.send(wire.text(row).encode())

    def _carry_out(self, connection: Connection, method: str, params: dict[str, Any]) -> Any:
        match method:
            case "public/subscribe":
                return self._subscribe(connection, _channels(params))
            case "public/unsubscribe":
                channels = _channels(params)
                self.unsubscribe(connection, channels)
                return channels
            case "public/unsubscribe_all":
                self.unsubscribe(connection, list(connection.streams))
                return "ok"
            case "public/set_heartbeat":
                every_s = params.get("interval")
                if not isinstance(every_s, int) or not BEAT_S_MIN <= every_s <= BEAT_S_MAX:
                    raise invalid("interval", "value too small or too large")
                self._beats[connection] = Beat(every_s=every_s, due_s=self.clock() + every_s)
                return "ok"
            case "public/disable_heartbeat":
                self._beats.pop(connection, None)
                return "ok"
        if method == "public/test" and connection in self._beats:
            self._beats[connection].is_asked = False
        assert self.carry_out is not None
        return self.carry_out(method, params)

    def _subscribe(self, connection: Connection, channels: list[str]) -> list[str]:
        """Subscribe to the channels that there are, and give those: others are left out without a word."""
        if any(channel.endswith(".raw") for channel in channels):
            raise Refused(RAW_WITHOUT_KEY, "raw_subscriptions_not_available_for_unauthorized")
        known = [channel for channel in channels if self._publisher_of(channel)]
        self.subscribe(connection, known)
        return known

    def _snapshots(self, channels: list[str]) -> list[bytes]:
        found = []
        for channel in channels:
            publisher = self._publisher_of(channel)
            told = publisher.snapshot(channel) if publisher else None
            if publisher and told and not self.silent(publisher.symbol, told[0]):
                found.append(told[1].encode())
        return found


def _request(text: str) -> tuple[Any, str, dict[str, Any]]:
    """Read a request's id, method and parameters. Raise Refused."""
    try:
        row = json.loads(text)
    except ValueError:
        raise Refused(PARSE_ERROR, "Parse error") from None
    if not isinstance(row, dict) or not isinstance(row.get("method"), str):
        raise Refused(INVALID_REQUEST, "Invalid Request")
    params = row.get("params", {})
    if not isinstance(params, dict):
        raise invalid("params", "must be an object")
    return row.get("id"), row["method"].removeprefix("/api/v2/").lstrip("/"), params


def _channels(params: dict[str, Any]) -> list[str]:
    channels = params.get("channels")
    if not isinstance(channels, list) or not all(isinstance(each, str) for each in channels):
        raise invalid("channels", "must be a list of strings")
    if not 0 < len(channels) <= CHANNELS_MAX:
        raise invalid("channels", f"must be from 1 to {CHANNELS_MAX}")
    return channels
