"""Client: an exchange through ccxt as nobody, told where it is, and heard at the socket before ccxt reads.

Importing this module loads ccxt, as `marketdata.venues` does.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import ccxt
import ccxt.pro

from hedgeapp.core.reference import Venue
from hedgeapp.logs import redacted
from marketdata.core.ccxt_exchanges import PREFIX

REST_TIMEOUT_MS: Final = 10_000  # one request, answer included
DIAL_TIMEOUT_MS: Final = 5_000
PING_EVERY_MS: Final = 2_000  # so that a live socket is never silent for longer than patience has
BUSY_S: Final = 60.0  # that an exchange is left alone which says that it was asked too often
TOO_OFTEN: Final = (ccxt.RateLimitExceeded, ccxt.DDoSProtection)

Heard = Callable[[str], None]
Refused = Callable[[bytes | str, Exception], None]


def exchange_of(venue: Venue) -> Any:
    """Return ccxt's exchange at a venue's URLs; to be closed."""
    streaming = {"keepAlive": PING_EVERY_MS, "connectionTimeout": DIAL_TIMEOUT_MS}
    return _at(venue, ccxt.pro, {"streaming": streaming})


def markets_of(venue: Venue) -> list[dict[str, Any]]:
    """Ask an exchange for its contracts, blocking; return ccxt's rows of them. Raises whatever ccxt does."""
    exchange = _at(venue, ccxt, {})
    # What it says of currencies, on their chains and their fees, is nothing that we use.
    exchange.has["fetchCurrencies"] = False
    return [row for row in exchange.load_markets().values() if row.get("contract")]


def _at(venue: Venue, library: Any, options: Mapping[str, Any]) -> Any:
    known = {"timeout": REST_TIMEOUT_MS, "enableRateLimit": True, **options}
    exchange = getattr(library, venue.protocol.removeprefix(PREFIX))(known)
    exchange.urls["api"] = _placed(exchange.urls["api"], venue, _hosts(exchange), exchange)
    return exchange


def guard(exchange: Any, heard: Heard, refused: Refused) -> None:
    """Tell of each frame that comes by a socket of ccxt's, and of each that it cannot read.

    ccxt reads a frame inside of a callback: what that raises would end the reading of its socket, unnoticed.
    """
    make: Callable[[str], Any] = exchange.client

    def guarded(url: str) -> Any:
        is_new = url not in (exchange.clients or {})
        client = make(url)
        if is_new:
            heard(url)
            client.handle_message = _reading(client.handle_message, url, heard, refused)
        return client

    exchange.client = guarded


def _reading(read: Callable[[Any], None], url: str, heard: Heard, refused: Refused) -> Callable[[Any], None]:
    def reading(message: Any) -> None:
        heard(url)
        try:
            read(message)
        except Exception as error:  # of any kind: each exchange's reading is its own
            refused(message.data if isinstance(message.data, bytes | str) else repr(message.data), error)

    return reading


class ExchangeIsBusy(ConnectionError):
    """An exchange said a while ago that it was asked too often."""


_busy_until: dict[Venue, float] = {}  # outlives connections, which would ask again each few seconds


def require_not_busy(venue: Venue) -> None:
    """Raise ExchangeIsBusy while an exchange is left alone."""
    left_s = _busy_until.get(venue, 0.0) - time.monotonic()
    if left_s > 0:
        raise ExchangeIsBusy(f"asked too often: left alone for another {left_s:.0f} s")


def note_busy(venue: Venue, error: BaseException) -> None:
    """Leave an exchange alone for a while where an error says that it was asked too often."""
    if isinstance(error, TOO_OFTEN):
        _busy_until[venue] = time.monotonic() + BUSY_S


def sentence(venue: Venue, error: BaseException) -> str:
    """Say what was expected of an exchange and what was found."""
    found = f"{type(error).__name__} {redacted(str(error))[:200]}".rstrip()
    return f"{venue.name}: expected an answer or a message through ccxt, found {found}"


def now_ms() -> int:
    """Return our time in ms."""
    return time.time_ns() // 1_000_000


def _hosts(exchange: Any) -> frozenset[str]:
    """Return the hosts that are the exchange's own by ccxt's word."""
    return frozenset(urlsplit(exchange.implode_hostname(url)).netloc for url in _leaves(exchange.urls["api"]))


def _leaves(urls: object) -> list[str]:
    if isinstance(urls, Mapping):
        return [leaf for each in urls.values() for leaf in _leaves(each)]
    return [urls] if isinstance(urls, str) else []


def _placed(urls: Any, venue: Venue, own: frozenset[str], exchange: Any) -> Any:
    """Return ccxt's tree of URLs for a venue.

    Where the row names a host of the exchange's own, ccxt knows all of them better than one row could. Any other is a
    mirror: under its root are the exchange's hosts by their names, and under each its paths.
    """
    if isinstance(urls, Mapping):
        return {name: _placed(each, venue, own, exchange) for name, each in urls.items()}
    if not isinstance(urls, str):
        return urls
    url = urlsplit(exchange.implode_hostname(urls))
    root = (venue.ws_url if url.scheme in ("ws", "wss") else venue.rest_url).rstrip("/")
    return url.geturl() if urlsplit(root).netloc in own else f"{root}/{url.netloc}{url.path}"
