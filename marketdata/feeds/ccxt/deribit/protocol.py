"""Deribit's accounts: one socket, opened by a signed time; orders, trades and portfolios as channels."""

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from typing import Any, Final

from hedgeapp.core.instruments import Instrument
from marketdata.feeds.ccxt.deribit.facts import DeribitFacts
from marketdata.feeds.ccxt.deribit.reads import DeribitReads
from marketdata.feeds.ccxt.facts import FactIsMalformed, Facts, Raw
from marketdata.feeds.ccxt.protocol import Door, Told
from marketdata.feeds.ccxt.stream import StreamBroke
from marketdata.venues import Client

ORDERS: Final = "user.orders.any.any.raw"
TRADES: Final = "user.trades.any.any.raw"
PORTFOLIO: Final = "user.portfolio."  # and a currency
CURRENCIES: Final = ("BTC", "ETH")
CHANNELS: Final = (ORDERS, TRADES, *(PORTFOLIO + currency for currency in CURRENCIES))
AUTH: Final = "public/auth"
NOTHING: Final = Told()


class DeribitAccounts:
    """Accounts of inverse contracts."""

    def reads(
        self, client: Client, account: str, instruments: Iterable[Instrument], assets: Iterable[str]
    ) -> DeribitReads:
        """Return what reads an account's REST."""
        return DeribitReads(client, DeribitFacts(account, instruments, assets))

    async def door(self, client: Client) -> Door:
        """Return the socket, with the key's proof and the channels."""
        exchange = client.exchange
        at_ms, nonce = int(exchange.milliseconds()), secrets.token_hex(8)
        signed = hmac.new(exchange.secret.encode(), f"{at_ms}\n{nonce}\n".encode(), hashlib.sha256).hexdigest()
        proof = {"grant_type": "client_signature", "client_id": exchange.apiKey, "timestamp": at_ms, "nonce": nonce}
        return Door(
            url=exchange.urls["api"]["ws"],
            greetings=(
                _request(1, AUTH, {**proof, "signature": signed, "data": ""}),
                _request(2, "private/subscribe", {"channels": list(CHANNELS)}),
            ),
        )

    async def renew(self, client: Client) -> None:
        """Nothing ends by itself: pings are enough."""
        await asyncio.Event().wait()

    def is_answer(self, message: Raw, greeting: Mapping[str, Any]) -> bool:
        """Tell whether a message answers a greeting; raise StreamBroke when it refuses it, or leaves a channel out."""
        if message.get("id") != greeting["id"]:
            return False
        if "error" in message:
            raise StreamBroke(f"{greeting['method']}: the private stream is refused: {_said(message['error'])}")
        result = message.get("result")
        if greeting["method"] != AUTH:
            missing = set(greeting["params"]["channels"]) - set(result if isinstance(result, list) else ())
            if missing:
                raise StreamBroke(f"all channels of the private stream expected, found none of {sorted(missing)}")
        return True

    def is_pong(self, message: Raw) -> bool:
        """Tell whether a message answers a ping: here the socket's own frames do."""
        return False

    def told(self, message: Raw, facts: Facts) -> Told:
        """Read a message of a private channel."""
        assert isinstance(facts, DeribitFacts)
        params = message.get("params")
        if message.get("method") != "subscription" or not isinstance(params, dict):
            return NOTHING
        channel, data = params.get("channel"), params.get("data")
        if channel == TRADES:
            if not isinstance(data, list) or not all(isinstance(row, dict) for row in data):
                raise FactIsMalformed("trades", "data", type(data).__name__)
            # Of positions and wallets only REST tells what they are after it.
            return Told(fills=[fill for row in data if (fill := facts.fill_of_row(row))], is_partial=True)
        if not isinstance(data, dict):
            raise FactIsMalformed(str(channel), "data", type(data).__name__)
        if channel == ORDERS:
            order = facts.order_of_row(data)
            return Told(orders=[order] if order else [])
        if str(channel).startswith(PORTFOLIO):
            return Told(is_partial=facts.cash_changed(data))
        return NOTHING

    async def prices(self, client: Client) -> list[dict[str, Any]]:
        """Ask for the tickers of all perpetuals."""
        found = []
        for currency in CURRENCIES:
            answer = await client.call("marks", instrument_name=f"{currency}-PERPETUAL")
            row = answer["result"]
            prices = {"markPrice": row["mark_price"], "indexPrice": row["index_price"], "time": row["timestamp"]}
            found.append({"symbol": row["instrument_name"], **prices})
        return found


def _request(id_: int, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id_, "method": method, "params": params}


def _said(error: object) -> str:
    return f"{error.get('code')} {error.get('message')}" if isinstance(error, dict) else str(error)[:200]
