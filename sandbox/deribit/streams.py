"""Deribit's socket: JSON-RPC requests, channels that begin with what is there, private ones, and heartbeats."""

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.binance.signing import Keys
from sandbox.delivery import Delivery
from sandbox.deribit import userdata, wire
from sandbox.deribit.publisher import Publisher
from sandbox.deribit.refusals import INVALID_REQUEST, PARSE_ERROR, RAW_WITHOUT_KEY, Refused, invalid
from sandbox.deribit.signing import listener, unauthorized
from sandbox.faults import Faults
from sandbox.sockets import Connection, now_ms
from sandbox.sockets import Hub as Sockets

CHANNELS_MAX = 500  # of one request
BEAT_S_MIN = 10
BEAT_S_MAX = 3_600
TOKEN_S = 31_536_000

Carry = Callable[[str | None, str, dict[str, Any]], Any]  # account, method, parameters


@dataclass(slots=True, kw_only=True)
class Beat:
    """The heartbeats of one connection: every so many seconds, when next, and whether an answer is awaited."""

    every_s: int
    due_s: float
    is_asked: bool = False


class Hub(Sockets):
    """Every connection; one that has proven a key hears of its account, too."""

    def __init__(self, venue: str, armed: Faults, publisher_of: Callable[[str], Publisher | None], keys: Keys) -> None:
        super().__init__(venue, armed, known=lambda channel: bool(channel), changed=self._begun)
        self._publisher_of = publisher_of
        self._beats: dict[Connection, Beat] = {}
        self._keys = keys
        self.delivery = Delivery(venue, armed, now_ms, of_fill=userdata.OF_FILL, symbol_of=_symbol_of)
        self.carry_out: Carry | None = None  # the methods that REST has, too
        self.portfolio_of: Callable[[str, str], dict[str, Any]] | None = None  # of an account and a currency
        self.clock = time.monotonic

    def _begun(self, channel: str, begun: bool) -> None:
        publisher = self._publisher_of(channel)
        if publisher is not None:
            publisher.changed(channel, begun)

    def tell(self, account: str, kind: str, text: str) -> None:
        """Send one piece of private news to every connection of an account, on each of its channels that it is for."""
        for each, news in self.delivery.passed(account, kind, text):
            listening = [one for one in self.connections if one.account == account]
            if not listening or self.silent(account, each) or self.stale(each, account=account):
                continue
            data, symbol = self._news(account, each, news)
            self.sent[account, each] += 1
            delay_ms = self.delay_ms_of(account=account)
            for connection in listening:
                for channel in connection.streams:
                    if userdata.concerns(channel, each, symbol):
                        connection.send(userdata.printed(channel, each, data).encode(), delay_ms)

    def _news(self, account: str, kind: str, news: str) -> tuple[Any, str]:
        """Give what is told, and of which contract or currency."""
        if kind == userdata.PORTFOLIO:
            assert self.portfolio_of is not None
            return self.portfolio_of(account, news), news
        data = json.loads(news)
        return data, data["instrument_name"] if kind == userdata.ORDERS else _symbol_of(news)

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
        if method.startswith("private/") and connection.account is None:
            raise unauthorized("invalid_token")
        match method:
            case "public/auth":
                connection.account = listener(self._keys, params).account
                return _token()
            case "public/subscribe" | "private/subscribe":
                return self._subscribe(connection, _channels(params))
            case "public/unsubscribe" | "private/unsubscribe":
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
        return self.carry_out(connection.account, method, params)

    def _subscribe(self, connection: Connection, channels: list[str]) -> list[str]:
        """Subscribe to the channels that there are, and give those: others are left out without a word."""
        if connection.account is None and any(channel.endswith(".raw") for channel in channels):
            raise Refused(RAW_WITHOUT_KEY, "raw_subscriptions_not_available_for_unauthorized")
        private = [channel for channel in channels if connection.account and userdata.kind_of(channel)]
        known = [channel for channel in channels if channel in private or self._publisher_of(channel)]
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


def _token() -> dict[str, Any]:
    """Give what a proven key is answered; the connection needs no token after it."""
    scope = "account:read_write trade:read_write wallet:read"
    tokens = {"access_token": uuid.uuid4().hex, "refresh_token": uuid.uuid4().hex}
    return tokens | {"expires_in": TOKEN_S, "scope": scope, "token_type": "bearer", "enabled_features": []}


def _symbol_of(text: str) -> str:
    """Read the contract of a message of trades."""
    return str(json.loads(text)[0]["instrument_name"])


def _channels(params: dict[str, Any]) -> list[str]:
    channels = params.get("channels")
    if not isinstance(channels, list) or not all(isinstance(each, str) for each in channels):
        raise invalid("channels", "must be a list of strings")
    if not 0 < len(channels) <= CHANNELS_MAX:
        raise invalid("channels", f"must be from 1 to {CHANNELS_MAX}")
    return channels
