"""Requests: what is asked of Deribit on its socket, each kind under an id of its own, by which answers are known."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

SUBSCRIBE: Final = 1
HEARTBEAT: Final = 2
TEST: Final = 3
LEAVE: Final = 4
RETURN: Final = 5

EVERY: Final = "100ms"  # what needs no key
STREAMS: Final = ("book", "ticker", "trades")
HEARTBEAT_S: Final = 10  # the venue's shortest


def channel(stream: str, symbol: str) -> str:
    """Return the name of a channel."""
    return f"{stream}.{symbol}.{EVERY}"


def channels_of(symbols: Iterable[str]) -> list[str]:
    """Return all channels that we follow of some symbols."""
    return [channel(stream, symbol) for symbol in symbols for stream in STREAMS]


def subscribe(channels: Sequence[str], id_: int = SUBSCRIBE) -> str:
    """Ask for channels."""
    return _request("public/subscribe", id_, channels=channels)


def unsubscribe(channels: Sequence[str]) -> str:
    """Ask for channels to end."""
    return _request("public/unsubscribe", LEAVE, channels=channels)


def set_heartbeat() -> str:
    """Ask the venue to ask us, too, whether the socket is alive."""
    return _request("public/set_heartbeat", HEARTBEAT, interval=HEARTBEAT_S)


def test() -> str:
    """Say that we are here, as the venue wants to hear it."""
    return _request("public/test", TEST)


def _request(method: str, id_: int, **params: object) -> str:
    return msgspec.json.encode({"jsonrpc": "2.0", "id": id_, "method": method, "params": params}).decode()
