"""Bybit's accounts: one private socket, opened by a signed time; orders, executions, positions and wallet as topics."""

import asyncio
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from typing import Any, Final

from hedgeapp.core.instruments import Instrument
from marketdata.feeds.ccxt.bybit.facts import FUNDING, BybitFacts
from marketdata.feeds.ccxt.bybit.reads import BybitReads
from marketdata.feeds.ccxt.facts import FactIsMalformed, Facts, Raw, moment
from marketdata.feeds.ccxt.protocol import Door, Told
from marketdata.feeds.ccxt.stream import StreamBroke
from marketdata.venues import Client

TOPICS: Final = ("order", "execution", "position", "wallet")
AUTH_MS: Final = 10_000  # so long the signed time is good
CATEGORIES: Final = ("linear", "inverse")
NOTHING: Final = Told()


class BybitAccounts:
    """Unified accounts."""

    def reads(
        self, client: Client, account: str, instruments: Iterable[Instrument], assets: Iterable[str]
    ) -> BybitReads:
        """Return what reads an account's REST."""
        return BybitReads(client, BybitFacts(account, instruments, assets))

    async def door(self, client: Client) -> Door:
        """Return the private socket, with the key's proof and the topics."""
        exchange = client.exchange
        expires = str(int(exchange.nonce()) + AUTH_MS)
        signed = hmac.new(exchange.secret.encode(), f"GET/realtime{expires}".encode(), hashlib.sha256).hexdigest()
        return Door(
            url=exchange.urls["api"]["ws"]["private"]["contract"],
            greetings=(
                {"op": "auth", "args": [exchange.apiKey, expires, signed]},
                {"op": "subscribe", "args": list(TOPICS)},
            ),
        )

    async def renew(self, client: Client) -> None:
        """Nothing ends by itself: pings are enough."""
        await asyncio.Event().wait()

    def is_answer(self, message: Raw, greeting: Mapping[str, Any]) -> bool:
        """Tell whether a message answers a greeting; raise StreamBroke when it refuses it."""
        if message.get("op") != greeting["op"] or "success" not in message:
            return False
        if message["success"] is not True:
            raise StreamBroke(f"{greeting['op']}: the private stream is refused: {message.get('ret_msg')}")
        return True

    def is_pong(self, message: Raw) -> bool:
        """Tell whether a message answers a ping."""
        return message.get("op") == "pong" or message.get("ret_msg") == "pong"

    def told(self, message: Raw, facts: Facts) -> Told:
        """Read a message of a private topic."""
        assert isinstance(facts, BybitFacts)
        topic, rows = message.get("topic"), message.get("data")
        if topic not in TOPICS:
            return NOTHING
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise FactIsMalformed(str(topic), "data", type(rows).__name__)
        match topic:
            case "order":
                return Told(orders=[order for row in rows if (order := facts.order_of_row(row))])
            case "execution":
                fills = [fill for row in rows if (fill := facts.fill_of_row(row))]
                return Told(fills=fills, is_partial=any(row.get("execType") == FUNDING for row in rows))
            case "position":
                return Told(positions=facts.positions_of_rows(rows, "entryPrice"), at=_at(message))
        # A wallet says what it holds, and not why: fundings and transfers have their ids from REST alone.
        return Told(balances=facts.balances_of_accounts(rows), at=_at(message), is_partial=True)

    async def prices(self, client: Client) -> list[dict[str, Any]]:
        """Ask for the tickers of both categories."""
        found: list[dict[str, Any]] = []
        for category in CATEGORIES:
            answer = await client.call("marks", category=category)
            result = answer["result"]
            if result.get("category") != category:
                raise FactIsMalformed("tickers", "category", result.get("category"))
            found += [{**row, "time": answer["time"]} for row in result["list"]]
        return found


def _at(message: Raw) -> Any:
    try:
        return moment(int(message["creationTime"]))
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        raise FactIsMalformed("message", "creationTime", message.get("creationTime")) from None
