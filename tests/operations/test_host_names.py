"""A source whose host name does not resolve says so by name, whatever asked for it."""

import socket
from typing import Any, Final

import aiohttp
import ccxt
import pytest

from hedgeapp.core.reference import Venue
from marketdata.feeds.reasons import reason, unresolved
from tests.operations.test_binance_feed import ETH_LINEAR, Running

NOWHERE: Final = "nowhere.invalid"


async def test_a_public_feed_says_whom_it_cannot_find() -> None:
    venue = Venue(
        name="binance-usdm", protocol="binance-usdm", rest_url=f"http://{NOWHERE}", ws_url=f"ws://{NOWHERE}/usdm"
    )
    said = await Running(venue, ETH_LINEAR).lost()
    assert said.startswith(
        "binance-usdm: expected a connection, found the host name nowhere.invalid does not resolve: "
    )


def test_a_name_that_does_not_resolve_is_said_whoever_wraps_it() -> None:
    asked = socket.gaierror(-2, "Name or service not known")
    key: Any = type("Key", (), {"host": NOWHERE, "port": 443, "ssl": True})()
    found = aiohttp.ClientConnectorDNSError(key, asked)
    wrapped = ccxt.ExchangeNotAvailable("binanceusdm GET https://nowhere.invalid/fapi/v1/time")
    wrapped.__cause__ = found
    for error in (found, wrapped):
        assert unresolved(error) == "the host name nowhere.invalid does not resolve: Name or service not known"
    assert reason(asked) == "a host name does not resolve: Name or service not known"


@pytest.mark.parametrize(
    ("error", "words"), [(OSError("no route"), "no route"), (TimeoutError(), "TimeoutError"), (KeyError("a"), "'a'")]
)
def test_another_reason_keeps_its_own_words(error: Exception, words: str) -> None:
    assert (unresolved(error), reason(error)) == ("", words)
