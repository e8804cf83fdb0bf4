"""Venues: the one place where a ccxt client is set up.

ccxt is unmodified; it is only told where the venue is, which errors its codes mean on any host, and how long to wait.
Importing this module loads ccxt (1.7 s, 100 MiB): feeds and commands do, the web process never does.
"""

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any, Final

import ccxt.pro

from hedgeapp.core.records import record
from hedgeapp.core.reference import Venue
from marketdata.dialects import DIALECTS, Dialect
from marketdata.queries.credentials import Keys

REST_TIMEOUT_MS: Final = 10_000  # one request, answer included
DIAL_TIMEOUT_MS: Final = 10_000  # one WebSocket handshake
PING_EVERY_MS: Final = 3_000  # so that a dead socket is noticed within three of them
RECV_WINDOW_MS: Final = 10_000  # how old a signed request may be when the venue reads it
AHEAD_MS_MAX: Final = 500  # how far we may sign ahead of the venue's clock, which takes 1,000
BURST_WEIGHT: Final = 40  # of requests that go out at once, as the venue weighs them; venues allow 2,400 a minute


@record
class Answer:
    """What a venue answered, be it a refusal: HTTP status, the body as it is (None if it is no JSON), Retry-After."""

    status: int
    body: Any
    retry_after_s: float | None


@record
class Lifetime:
    """When a request counts as signed, in the venue's clock, and for how long the venue may take it."""

    signed_ms: int
    window_ms: int


_answer: ContextVar[list[Answer] | None] = ContextVar("answer", default=None)
_lifetime: ContextVar[Lifetime | None] = ContextVar("lifetime", default=None)


class Client:
    """A venue through ccxt, as one account or as nobody; to be closed.

    `is_patient` lets ccxt hold requests back so that the venue's limit on reads is kept; nothing may hold an order
    back.
    """

    def __init__(self, venue: Venue, keys: Keys | None = None, *, is_patient: bool = True) -> None:
        self.venue = venue
        self.dialect = DIALECTS[venue.protocol]
        bucket = {"tokens": BURST_WEIGHT, "capacity": BURST_WEIGHT}
        options = _options(venue, self.dialect, keys) | {"enableRateLimit": is_patient, "tokenBucket": bucket}
        self.exchange: Any = getattr(ccxt.pro, self.dialect.exchange)(options)
        # Every number stays the text that the venue sent.
        self.exchange.number = str
        self.exchange.on_rest_response = _noting(self.exchange)
        self.exchange.sign = _signing(self.exchange, self.dialect.expiry_header)
        if self.dialect.is_sent_once:
            self.exchange.open = _opening(self.exchange)

    async def call(self, method: str, **parameters: Any) -> Any:
        """Call an endpoint by its name in the dialect and return the venue's answer as it is."""
        implicit = getattr(self.exchange, self.dialect.methods[method])
        return await implicit(parameters)

    async def answered(self, method: str, lifetime: Lifetime | None = None, **parameters: Any) -> Answer:
        """Call an endpoint and return whatever the venue answered, an error too; raise ccxt's error when none came.

        With a lifetime the request is signed with that time and window, however late it goes out.
        """
        noted: list[Answer] = []
        token, signed = _answer.set(noted), _lifetime.set(lifetime)
        try:
            await self.call(method, **parameters)
        except ccxt.pro.BaseError:
            if not noted:
                raise
        finally:
            _lifetime.reset(signed)
            _answer.reset(token)
        return noted[-1]

    async def server_ms(self) -> int:
        """Return the venue's time, and sign from now on as if its clock were ours.

        Its clock is taken to have been read halfway, but never more than AHEAD_MS_MAX before the answer was here: how
        slow a connection ever is to open, what is signed is not so far ahead of the venue that it is refused.
        """
        before = self.exchange.milliseconds()
        found = self.dialect.server_ms(await self.call("time"))
        after = self.exchange.milliseconds()
        self.exchange.options["timeDifference"] = after - min((after - before) // 2, AHEAD_MS_MAX) - found
        return found

    async def close(self) -> None:
        """Close every connection."""
        await self.exchange.close()


def _noting(exchange: Any) -> Callable[..., str]:
    """Return ccxt's hook for answers, which also notes them: its errors do not keep what the venue said."""
    hook: Callable[..., str] = exchange.on_rest_response

    def noting(
        status: int, reason: str, url: str, method: str, headers: Mapping[str, str], body: str, *sent: Any
    ) -> str:
        noted = _answer.get()
        if noted is not None:
            after = {name.lower(): value for name, value in headers.items()}.get("retry-after", "")
            seconds = float(after) if after.replace(".", "", 1).isdigit() else None
            noted.append(Answer(status=status, body=exchange.parse_json(body), retry_after_s=seconds))
        return hook(status, reason, url, method, headers, body, *sent)

    return noting


def _opening(exchange: Any) -> Callable[..., None]:
    """Return ccxt's opening of its HTTP session, which then sends no request again by itself.

    aiohttp sends a GET once more when its connection is cut before an answer, and has no public switch for it. Where a
    GET places an order and our id need not be unique, the venue would have two orders.
    """
    open_: Callable[..., None] = exchange.open

    def opening(*given: Any) -> None:
        open_(*given)
        if exchange.session is not None:
            exchange.session._retry_connection = False

    return opening


def _signing(exchange: Any, expiry_header: str) -> Callable[..., Any]:
    """Return ccxt's signing, which takes a request's own lifetime where it has one.

    `expiry_header` is where the venue hears of its end, if it signs no window. ccxt reads time and window from itself
    while it signs, and signs without a pause: nobody else sees them changed.
    """
    sign: Callable[..., Any] = exchange.sign

    def signing(*given: Any, **named: Any) -> Any:
        lifetime = _lifetime.get()
        if lifetime is None:
            return sign(*given, **named)
        options, window = exchange.options, exchange.options["recvWindow"]
        exchange.nonce, options["recvWindow"] = lambda: lifetime.signed_ms, lifetime.window_ms
        try:
            signed = sign(*given, **named)
            if expiry_header:
                signed["headers"][expiry_header] = str(lifetime.signed_ms + lifetime.window_ms)
            return signed
        finally:
            del exchange.nonce
            options["recvWindow"] = window

    return signing


def _options(venue: Venue, dialect: Dialect, keys: Keys | None) -> dict[str, Any]:
    options: dict[str, Any] = {
        "timeout": REST_TIMEOUT_MS,
        "urls": {"api": dialect.urls(venue)},
        "exceptions": {"exact": dialect.exact_errors()},
        "streaming": {"keepAlive": PING_EVERY_MS, "connectionTimeout": DIAL_TIMEOUT_MS},
        "options": {"recvWindow": RECV_WINDOW_MS},
    }
    if keys:
        options |= {"apiKey": keys.api_key, "secret": keys.secret}
        options |= {"password": keys.passphrase} if keys.passphrase else {}
    return options
