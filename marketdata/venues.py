"""Venues: the one place where a ccxt client is set up.

ccxt is unmodified; it is only told where the venue is, which errors its codes mean on any host, and how long to wait.
Importing this module loads ccxt (1.7 s, 100 MiB): feeds and commands do, the web process never does.
"""

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

import ccxt.pro

from hedgeapp.core.instruments import ContractKind
from hedgeapp.core.records import record
from hedgeapp.core.reference import Venue
from marketdata.queries.credentials import Keys

REST_TIMEOUT_MS: Final = 10_000  # one request, answer included
DIAL_TIMEOUT_MS: Final = 10_000  # one WebSocket handshake
PING_EVERY_MS: Final = 3_000  # so that a dead socket is noticed within three of them
RECV_WINDOW_MS: Final = 10_000  # how old a signed request may be when the venue reads it
AHEAD_MS_MAX: Final = 500  # how far we may sign ahead of the venue's clock, which takes 1,000
BURST_WEIGHT: Final = 40  # of requests that go out at once, as the venue weighs them; venues allow 2,400 a minute
REAL_HOSTS: Final = "binance.com"


@record
class Dialect:
    """How one protocol is spoken through ccxt: names of its implicit methods, and of its kinds.

    `margin_modes` lists how each contract is margined; `settings` has what holds for the whole account, and is empty
    where the first says it all.
    """

    exchange: str
    kind: ContractKind
    time: str
    exchange_info: str
    brackets: str
    account: str
    positions: str
    trades: str
    open_orders: str
    order: str
    income: str
    listen_key_new: str
    listen_key_renew: str
    marks: str
    place: str
    cancel: str
    cancel_all: str
    margin_modes: str
    settings: str


DIALECTS: Final[Mapping[str, Dialect]] = {
    "binance-usdm": Dialect(
        exchange="binanceusdm",
        kind="linear",
        time="fapiPublicGetTime",
        exchange_info="fapiPublicGetExchangeInfo",
        brackets="fapiPrivateGetLeverageBracket",
        account="fapiPrivateV3GetAccount",
        positions="fapiPrivateV3GetPositionRisk",
        trades="fapiPrivateGetUserTrades",
        open_orders="fapiPrivateGetOpenOrders",
        order="fapiPrivateGetOrder",
        income="fapiPrivateGetIncome",
        listen_key_new="fapiPrivatePostListenKey",
        listen_key_renew="fapiPrivatePutListenKey",
        marks="fapiPublicGetPremiumIndex",
        place="fapiPrivatePostOrder",
        cancel="fapiPrivateDeleteOrder",
        cancel_all="fapiPrivateDeleteAllOpenOrders",
        margin_modes="fapiPrivateGetSymbolConfig",
        settings="fapiPrivateGetAccountConfig",
    ),
    "binance-coinm": Dialect(
        exchange="binancecoinm",
        kind="inverse",
        time="dapiPublicGetTime",
        exchange_info="dapiPublicGetExchangeInfo",
        brackets="dapiPrivateV2GetLeverageBracket",
        account="dapiPrivateGetAccount",
        positions="dapiPrivateGetPositionRisk",
        trades="dapiPrivateGetUserTrades",
        open_orders="dapiPrivateGetOpenOrders",
        order="dapiPrivateGetOrder",
        income="dapiPrivateGetIncome",
        listen_key_new="dapiPrivatePostListenKey",
        listen_key_renew="dapiPrivatePutListenKey",
        marks="dapiPublicGetPremiumIndex",
        place="dapiPrivatePostOrder",
        cancel="dapiPrivateDeleteOrder",
        cancel_all="dapiPrivateDeleteAllOpenOrders",
        margin_modes="dapiPrivateGetPositionRisk",
        settings="",
    ),
}


@record
class Answer:
    """What a venue answered, be it a refusal: HTTP status, the body as it is (None if it is no JSON), Retry-After."""

    status: int
    body: Any
    retry_after_s: float | None


_answer: ContextVar[list[Answer] | None] = ContextVar("answer", default=None)


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

    async def call(self, method: str, **parameters: Any) -> Any:
        """Call an endpoint by its name in the dialect and return the venue's answer as it is."""
        implicit = getattr(self.exchange, getattr(self.dialect, method))
        return await implicit(parameters)

    async def answered(self, method: str, **parameters: Any) -> Answer:
        """Call an endpoint and return whatever the venue answered, an error too; raise ccxt's error when none came."""
        noted: list[Answer] = []
        token = _answer.set(noted)
        try:
            await self.call(method, **parameters)
        except ccxt.pro.BaseError:
            if not noted:
                raise
        finally:
            _answer.reset(token)
        return noted[-1]

    async def server_ms(self) -> int:
        """Return the venue's time, and sign from now on as if its clock were ours.

        Its clock is taken to have been read halfway, but never more than AHEAD_MS_MAX before the answer was here: how
        slow a connection ever is to open, what is signed is not so far ahead of the venue that it is refused.
        """
        before = self.exchange.milliseconds()
        found = int((await self.call("time"))["serverTime"])
        after = self.exchange.milliseconds()
        self.exchange.options["timeDifference"] = after - min((after - before) // 2, AHEAD_MS_MAX) - found
        return found

    async def private_url(self) -> str:
        """Ask for a listen key and return the URL of the private stream that it opens."""
        answer = await self.call("listen_key_new")
        url: str = self.exchange.get_private_ws_url(self.dialect.kind, answer.get("listenKey"))
        return url

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


def _options(venue: Venue, dialect: Dialect, keys: Keys | None) -> dict[str, Any]:
    options: dict[str, Any] = {
        "timeout": REST_TIMEOUT_MS,
        "urls": {"api": _urls(venue)},
        "exceptions": {"exact": _exact_errors(dialect)},
        "streaming": {"keepAlive": PING_EVERY_MS, "connectionTimeout": DIAL_TIMEOUT_MS},
        "options": {"recvWindow": RECV_WINDOW_MS},
    }
    if keys:
        options |= {"apiKey": keys.api_key, "secret": keys.secret}
    return options


def _urls(venue: Venue) -> dict[str, Any]:
    """Put the venue's roots in the place of ccxt's own; of one venue only its own interface is overridden."""
    rest, sockets = venue.rest_url.rstrip("/"), venue.ws_url.rstrip("/")
    if venue.protocol == "binance-usdm":
        urls: dict[str, Any] = {
            f"fapi{half}{suffix}": f"{rest}/fapi/{version}"
            for half in ("Public", "Private")
            for suffix, version in (("", "v1"), ("V2", "v2"), ("V3", "v3"))
        }
        urls |= {"fapiData": f"{rest}/futures/data", "ws": {"linear": f"{sockets}/ws"}}
    else:
        urls = {
            f"dapi{half}{suffix}": f"{rest}/dapi/{version}"
            for half in ("Public", "Private")
            for suffix, version in (("", "v1"), ("V2", "v2"))
        }
        urls |= {"dapiData": f"{rest}/futures/data", "ws": {"inverse": f"{sockets}/ws"}}
    # The wallet interface has a host of its own in the real world.
    if not (urlsplit(rest).hostname or "").endswith(REAL_HOSTS):
        urls["sapi"] = f"{rest}/sapi/v1"
    return urls


@cache
def _exact_errors(dialect: Dialect) -> dict[str, Any]:
    """Return the meaning of futures' error codes, which ccxt knows for the real hosts only; the own kind's win."""
    known = getattr(ccxt.pro, dialect.exchange)().describe()["exceptions"]
    other: ContractKind = "inverse" if dialect.kind == "linear" else "linear"
    return {**known["exact"], **known[other]["exact"], **known[dialect.kind]["exact"]}
